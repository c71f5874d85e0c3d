"""Drawings of one picture at several moments as a single SVG that plays, without a script.

What the moments have in common is written once. Every other shape is written once as well and
is seen at its moments alone, by an animation in CSS, which an <img> plays too. Where nothing
moves (paper, a program without such animations, a reader who asked for reduced motion) the
last moment stands complete.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from ..drawing.drawing import Drawing, Shape
from ..style.typography import FONTS, escape
from .svg import element

__all__ = ["shapes_over_time", "write"]


def write(
    drawings: Sequence[Drawing], seconds: float = 0.8, hold: float = 4.0, loop: bool = True
) -> bytes:
    """The bytes of an SVG that shows each Drawing for `seconds`, the last one for `hold`.

    All are of one size. Tooltips are left out: their numbers would not play along.
    """
    last, end = drawings[-1], len(drawings) - 1
    length = seconds * end + hold
    names: dict[frozenset[int], str] = {}
    body: list[str] = []
    for id, shapes in shapes_over_time(drawings).items():
        inner: list[str] = []
        for moments, found in groupby(shapes, key=lambda shape: frozenset(shapes[shape])):
            elements = "".join(map(element, found))
            if len(moments) <= end and elements:
                name = names.setdefault(moments, f"s{len(names)}")
                past = "" if end in moments else " x"
                elements = f'<g class="{name}{past}">{elements}</g>'
            inner.append(elements)
        body.append(f'<g id="{id}">{"".join(inner)}</g>\n')
    starts = [100.0 * seconds * k / length for k in range(end + 1)]
    rules = "".join(_rule(name, moments, starts) for moments, name in names.items())
    size = f'width="{last.width:.0f}pt" height="{last.height:.0f}pt"'
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" '
        f'viewBox="0 0 {last.width:.2f} {last.height:.2f}" font-family="{FONTS}">\n'
        f"<title>{escape(last.title)}</title>\n"
        "<style>.x{visibility:hidden}\n@media (prefers-reduced-motion:no-preference){\n"
        f"[class]{{animation:{length:g}s step-end {'infinite' if loop else '1'}}}\n"
        f"{rules}}}</style>\n"
        f'<rect width="100%" height="100%" fill="{last.ground}"/>\n{"".join(body)}</svg>\n'
    ).encode()


def _rule(name: str, moments: frozenset[int], starts: Sequence[float]) -> str:
    """When the shapes of these moments come and go, in per cent of the whole."""
    frames, before = [], None
    for k, start in enumerate(starts):
        seen = k in moments
        if seen is not before:
            frames.append(f"{start:.3g}%{{visibility:{'visible' if seen else 'hidden'}}}")
        before = seen
    return f".{name}{{animation-name:{name}}}@keyframes {name}{{{''.join(frames)}}}\n"


def shapes_over_time(drawings: Sequence[Drawing]) -> dict[str, dict[Shape, list[int]]]:
    """For every group the shapes it ever has, in painting order, each with its moments."""
    found: dict[str, list[Shape]] = {}
    moments: dict[str, dict[Shape, list[int]]] = {}
    for k, drawing in enumerate(drawings):
        for group in drawing.groups:
            order = found.setdefault(group.id, [])
            seen = moments.setdefault(group.id, {})
            place = 0
            for shape in dict.fromkeys(group.shapes):
                if shape not in seen:  # a new one comes behind what stands before it
                    order.insert(place, shape)
                seen.setdefault(shape, []).append(k)
                place = order.index(shape, 0) + 1
    return {id: {shape: moments[id][shape] for shape in order} for id, order in found.items()}
