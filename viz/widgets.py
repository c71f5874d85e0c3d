"""The live page as a widget: knobs write into the Values, and Python's changes show in the page."""

from __future__ import annotations

import math
from typing import Any

from microgrid.graph import graph_of, recompute
from microgrid.value import Value, creation_order

from .page.player import embedded, page
from .picture.build import Drawable, roots_of

__all__ = ["make_widget"]

# The page stands in a frame of its own, as it does in a file; the two sides send each other the
# numbers of the leaves by name.
_ESM = """
function render({ model, el }) {
  const frame = document.createElement("iframe");
  frame.srcdoc = model.get("page");
  frame.title = "microgrid";
  Object.assign(frame.style, { width: "100%", height: `${model.get("height")}px`, border: "0" });
  el.append(frame);
  const tell = () => frame.contentWindow?.postMessage({ microgrid: model.get("leaves") }, "*");
  const hear = (event) => {
    if (event.source !== frame.contentWindow || !event.data?.microgrid) return;
    model.set("leaves", { ...model.get("leaves"), ...event.data.microgrid });
    model.save_changes();
  };
  frame.addEventListener("load", tell);
  window.addEventListener("message", hear);
  model.on("change:leaves", tell);
  return () => {
    window.removeEventListener("message", hear);
    model.off("change:leaves", tell);
  };
}
export default { render };
"""


def make_widget(x: Drawable, height: int = 640, theme: str = "system") -> Any:
    """The widget of `viz.widget`, which documents it."""
    try:
        import anywidget
        import traitlets
    except ImportError:
        raise ModuleNotFoundError(
            "viz.widget needs anywidget: pip install 'microgrid-autograd[notebook]'"
        ) from None
    if isinstance(height, bool) or not isinstance(height, int) or height < 1:
        raise ValueError(f"height is a whole number of pixels, 1 or more, got {height!r}")
    roots = roots_of(graph_of(x))
    order = creation_order(*roots)
    named = {node.label: node for node in order if node.label and not node.parents}

    class Widget(anywidget.AnyWidget):
        """A live page whose leaves are those of the graph. `refresh()` after a change in Python."""

        _esm = _ESM
        page = traitlets.Unicode(embedded(page(x, theme=theme))).tag(sync=True)
        height = traitlets.Int(640).tag(sync=True)
        leaves = traitlets.Dict().tag(sync=True)

        @traitlets.observe("leaves")
        def _moved(self, change: Any) -> None:
            moved = {
                named[name]: float(number)
                for name, number in change["new"].items()
                if name in named and _is_number(number) and named[name].data != number
            }
            for leaf, number in moved.items():
                leaf.data = number
            if moved:
                _again(roots)

        def refresh(self) -> None:
            """Show the numbers that the leaves have now."""
            self.leaves = {name: leaf.data for name, leaf in named.items()}
            _again(roots)

    made = Widget(height=height)
    made.refresh()
    return made


def _is_number(x: Any) -> bool:
    return isinstance(x, int | float) and not isinstance(x, bool) and math.isfinite(x)


def _again(roots: list[Value]) -> None:
    for root in roots:
        if root.op is not None:
            recompute(root)
