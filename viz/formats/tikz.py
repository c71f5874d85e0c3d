"""A Drawing as TikZ: a `.tex` document that pdflatex compiles as it stands."""

from __future__ import annotations

from collections import defaultdict

from ..drawing.drawing import Drawing, Point, Text, opacity
from ..drawing.strokes import Path, Run, paths, runs
from ..style.typography import SMALL
from .letters import tex

__all__ = ["to_tikz", "write"]

_LARGEST = 16_000  # points; TeX's largest dimension is 16,383.99
_ANCHORS = {"start": "base west", "middle": "base", "end": "base east"}
_PAGE = r"""\RequirePackage{{fix-cm}}
\documentclass{{article}}
\usepackage{{tikz}}
\pagestyle{{empty}}
\paperwidth={w:.2f}bp \paperheight={h:.2f}bp
\hoffset=-1in \voffset=-1in \oddsidemargin=0pt \topmargin=0pt \headheight=0pt \headsep=0pt
\textwidth={w:.2f}bp \textheight={h:.2f}bp \parindent=0pt \topskip=0pt
{colours}
\begin{{document}}
\begin{{tikzpicture}}[x=1bp,y=-1bp]
\useasboundingbox (0,0) rectangle ({w:.2f},{h:.2f});
{body}
\end{{tikzpicture}}
\end{{document}}
"""


def write(drawing: Drawing) -> bytes:
    """The bytes of a TeX file."""
    return to_tikz(drawing).encode()


def to_tikz(drawing: Drawing) -> str:
    """The Drawing as a LaTeX document of one page; a letter that TeX's fonts lack is a ?.

    ValueError where the picture is larger than TeX can reckon.
    """
    largest = max(drawing.width, drawing.height)
    if largest > _LARGEST:
        raise ValueError(
            f"TeX draws nothing longer than {_LARGEST:,} points, this picture has {largest:,.0f}: "
            "draw it at a coarser detail, or as .pdf or .svg"
        )
    names: dict[str, str] = defaultdict(lambda: f"c{len(names)}")
    lines = []
    for shape in drawing.shapes:
        if isinstance(shape, Text):
            lines.append(_text(shape, names))
        else:
            lines += [_path(path, names) for path in paths(shape)]
    colours = "\n".join(rf"\definecolor{{{n}}}{{HTML}}{{{c}}}" for c, n in names.items())
    return _PAGE.format(w=drawing.width, h=drawing.height, colours=colours, body="\n".join(lines))


def _path(path: Path, names: dict[str, str]) -> str:
    """A path as a statement; `names` collects the colours."""
    options = [f"fill={_colour(path.fill, names)}"] if path.fill else []
    if path.stroke:
        options += [f"draw={_colour(path.stroke, names)}", f"line width={path.width:g}bp"]
    if path.dashes:
        options.append("dash pattern=on {:g}bp off {:g}bp".format(*path.dashes))
    share = opacity(path.fill or path.stroke)[1]
    options += [f"opacity={share:g}"] * (share < 1.0)
    along = _at(path.start)
    for *controls, end in path.steps:
        way = f".. controls {' and '.join(map(_at, controls))} .." if controls else "--"
        along += f" {way} {_at(end)}"
    return rf"\path[{','.join(options)}] {along}{' -- cycle' * path.closed};"


def _text(text: Text, names: dict[str, str]) -> str:
    words = "".join(_run(run, names) for run in runs(text))
    font = rf"\sffamily\fontsize{{{text.size:g}bp}}{{{text.size:g}bp}}\selectfont"
    place = f"anchor={_ANCHORS[text.anchor]},inner sep=0,font={font}"
    return rf"\node[{place}] at {_at((text.x, text.y))} {{{words}}};"


def _run(run: Run, names: dict[str, str]) -> str:
    letters = "".join(map(tex, run.text))
    if run.rise:
        letters = rf"\raisebox{{{run.rise:g}bp}}{{\scalebox{{{SMALL}}}{{{letters}}}}}"
    weight = r"\bfseries" * run.bold
    return rf"{{{weight}\color{{{_colour(run.colour, names)}}}{{}}{letters}}}"


def _colour(colour: str, names: dict[str, str]) -> str:
    return names[colour[1:7].upper()]


def _at(point: Point) -> str:
    return f"({point[0]:.2f},{point[1]:.2f})"
