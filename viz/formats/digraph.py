"""What `viz.draw` returns: a graphviz.Digraph that knows its Drawing, and the PNG made of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import graphviz

from microgrid.files import write_whole

from ..drawing.drawing import Drawing
from ..plots.svg import inline
from . import dot, pdf, svg
from .graphviz import find

__all__ = ["Digraph", "png", "to_dot", "write"]

_LARGEST_PNG = 16_000  # pixels of the longer side
_OWN: dict[str, Callable[[Drawing], bytes]] = {"svg": svg.write, "pdf": pdf.write}


class Digraph(graphviz.Digraph):  # type: ignore[misc]
    """A graphviz.Digraph with its Drawing: SVG and PDF are written from that, PNG by Graphviz.

    Who adds nodes or attributes gets them painted: all formats come from Graphviz then.
    """

    drawing: Drawing | None = None
    _body: list[str] | None = None

    @property
    def body(self) -> list[str]:
        """The statements of DOT, written when somebody asks for them: most want the SVG."""
        if self._body is None:
            self._body = self._statements()
        return self._body

    @body.setter
    def body(self, lines: list[str]) -> None:
        self._body = lines

    def _statements(self) -> list[str]:
        return [f"\t{line}\n" for line in dot.statements(self.drawing)] if self.drawing else []

    def _is_as_drawn(self) -> bool:
        """Whether nobody has added a statement or changed an attribute."""
        if self.drawing is None:
            return False
        names = ("name", "comment", "strict", "graph_attr", "node_attr", "edge_attr")
        fresh = to_dot(self.drawing)
        same = all(getattr(self, name) == getattr(fresh, name) for name in names)
        return same and (self._body is None or self._body == self._statements())

    def pipe(
        self, format: str | None = None, *args: Any, encoding: str | None = None, **kwargs: Any
    ) -> Any:
        """The picture as bytes, or as text if an encoding is given (graphviz.Digraph.pipe).

        OSError where Graphviz is needed and there is none, or it cannot make the format.
        """
        format = format or self.format
        if format in _OWN and self.drawing is not None and self._is_as_drawn():
            painted = _OWN[format](self.drawing)
        else:
            painted = find().run(self.source, format, self._options(format))
        return painted if encoding is None else painted.decode(encoding)

    def _options(self, format: str) -> list[str]:
        """Two pixels a point, fewer where a PNG would get too large."""
        extent = max(self.drawing.width, self.drawing.height) if self.drawing else 0.0
        dpi = min(144.0, 72.0 * _LARGEST_PNG / extent) if extent else 144.0
        return [f"-Gdpi={dpi:.0f}"] * (format == "png")

    def render(
        self,
        filename: str | os.PathLike[str] | None = None,
        directory: str | os.PathLike[str] | None = None,
        view: bool = False,
        cleanup: bool = False,
        format: str | None = None,
        *args: Any,
        outfile: str | os.PathLike[str] | None = None,
        **kwargs: Any,
    ) -> str:
        """Write the DOT text and the picture beside it; the picture's path.

        Arguments are those of graphviz.Digraph.render: the picture of x.gv is x.gv.svg, unless
        `outfile` names it, and with `cleanup` it is the only file that stays.
        """
        if outfile is not None:
            format = format or Path(outfile).suffix.removeprefix(".") or None
            filename = filename or Path(outfile).with_suffix(".gv")
        source = self.save(filename, directory=directory)
        target = Path(outfile or f"{source}.{format or self.format}")
        write_whole(target, self.pipe(format))
        if cleanup:
            os.remove(source)
        if view:
            graphviz.view(str(target))
        return str(target)

    def _repr_mimebundle_(
        self,
        include: Iterable[str] | None = None,
        exclude: Iterable[str] | None = None,
        **_: Any,
    ) -> Any:
        """HTML, which notebooks fit into the cell, where no format is asked for."""
        if include is not None:
            return super()._repr_mimebundle_(include, exclude)
        return {"text/html": self._repr_image_svg_xml()}

    def _repr_image_svg_xml(self) -> str:
        return inline(self.pipe("svg", encoding="utf-8"))


def to_dot(drawing: Drawing) -> Digraph:
    """The Drawing as a graphviz.Digraph."""
    ground = {"bgcolor": drawing.ground}
    made = Digraph(
        "microgrid",
        format="svg",
        graph_attr=dot.GRAPH | ground,
        node_attr=dot.NODES,
        edge_attr=dot.EDGES,
    )
    made.drawing, made._body = drawing, None
    return made


def write(drawing: Drawing) -> bytes:
    """The bytes of a DOT file."""
    return str(to_dot(drawing).source).encode()


def png(drawing: Drawing) -> bytes:
    """The bytes of a PNG file, painted by Graphviz with two pixels a point."""
    return bytes(to_dot(drawing).pipe("png"))
