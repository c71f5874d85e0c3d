"""Drawings of one picture at several moments as a single SVG that plays, without a script.

A shape is written once for each span of moments in which it is seen, with the first of them
and the first after them. A clock, which is the only animation, counts the moments in a custom
property of CSS, from which every shape reckons whether it is its turn; an <img> plays that too.
Where nothing moves (paper, a program without such animations, a reader who asked for reduced
motion) the clock stands at the last moment, which is complete.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TypeAlias

from ..drawing.drawing import Curve, Drawing, Rect, Shape, Text, opacity
from .svg import document, element

__all__ = ["shapes_over_time", "write"]

_Span: TypeAlias = tuple[int, int]  # the first moment at which a shape is seen, the first after
_Moments: TypeAlias = list[int]

_TURN = "opacity:min(var(--t) - var(--a) + 1,var(--b) - var(--t))"  # not above 0: not seen
_SHARED = "font-size", "fill"  # what most texts of a group may have from the group


def write(
    drawings: Sequence[Drawing], seconds: float = 0.8, hold: float = 4.0, loop: bool = True
) -> bytes:
    """The bytes of an SVG that shows each Drawing for `seconds`, the last one for `hold`.

    All are of one size. Tooltips are left out: their numbers would not play along.
    """
    last = drawings[-1]
    film = _Film(len(drawings), seconds, hold)
    groups = [film.group(*item) for item in shapes_over_time(drawings).items()]
    return document(last, groups, f"<style>{film.style(loop)}</style>\n")


class _Film:
    """Writes groups of shapes, and gathers how what stands still is painted anew."""

    def __init__(self, count: int, seconds: float, hold: float) -> None:
        self._count = count
        self._length = seconds * (count - 1) + hold
        self._starts = [f"{100.0 * seconds * k / self._length:.4g}%" for k in range(count)]
        self._names: dict[str, str] = {}  # of animations, by their frames

    def style(self, loop: bool) -> str:
        """The rules of what was written. A program that knows no `min` shows the last moment."""
        clock = "".join([f"{start}{{--t:{k}}}" for k, start in enumerate(self._starts)])
        painted = "".join([
            f".{name}>*{{animation-name:{name}}}@keyframes {name}{{{frames}}}\n"
            for frames, name in self._names.items()
        ])  # fmt: skip
        return (
            "g[style*=b]{visibility:hidden}"
            "path{fill:none!important}polygon{stroke:none!important}\n"  # a wire, and its head
            "@supports (opacity:min(1,2)){"
            f"svg{{--a:0;--b:{self._count};--t:{self._count - 1}}}"
            f"g[style]{{visibility:visible;{_TURN}}}}}\n"
            "@media (prefers-reduced-motion:no-preference){"
            f"svg,[class]>*{{animation:{self._length:g}s step-end {'infinite' if loop else '1'}}}"
            "svg{animation-name:clock}}\n"
            f"@keyframes clock{{{clock}}}\n{painted}"
        )

    def group(self, id: str, shapes: dict[Shape, _Moments]) -> str:
        """The shapes of a group, together what comes and goes together.

        Words stand above all other shapes and beside each other, so that their order is free.
        """
        looks: dict[Shape, dict[Shape, _Moments]] = {}  # of what differs by its paint alone
        for shape, moments in shapes.items():
            looks.setdefault(_unpainted(shape), {})[shape] = moments
        pieces, words = [], dict[tuple[_Span, ...], str]()
        for found in looks.values():
            shape = max(found, key=lambda shape: found[shape][-1])
            spans = tuple(_spans(sorted(k for moments in found.values() for k in moments)))
            if isinstance(shape, Text):
                words[spans] = words.get(spans, "") + element(shape)
            elif drawn := element(shape):
                name = self._repainted(found) if len(found) > 1 else ""
                pieces.append((spans, f'<g class="{name}">{drawn}</g>' if name else drawn))
        inner = [self._seen(*piece) for piece in [*pieces, *words.items()]]
        return _with_shared(id, "".join(inner))

    def _seen(self, spans: Sequence[_Span], elements: str) -> str:
        """Elements as often as they come, with the moments from which and to which."""
        found = ""
        for first, after in spans:
            turn = f"--a:{first}" * (first > 0), f"--b:{after}" * (after < self._count)
            style = ";".join(filter(None, turn))
            found += f'<g style="{style}">{elements}</g>' if style else elements
        return found

    def _repainted(self, looks: dict[Shape, _Moments]) -> str:
        """The name of the animation that gives a shape its paint at each moment."""
        paints = {shape: _paint(shape) for shape in looks}
        same = set.intersection(*map(set, paints.values()))
        rules: dict[int, str] = {}
        for shape, moments in looks.items():
            rule = ";".join(
                [f"{name}:{to}" for name, to in paints[shape] if (name, to) not in same]
            )
            rules |= dict.fromkeys(moments, rule)
        order = sorted(rules)
        changes = [k for before, k in pairwise(order) if rules[k] != rules[before]]
        frames = [f"{self._starts[k]}{{{rules[k]}}}" for k in changes]
        return self._names.setdefault(
            "".join([f"0%{{{rules[order[0]]}}}", *frames]), f"p{len(self._names)}"
        )


def _unpainted(shape: Shape) -> Shape:
    """A shape without its colours, so that all that differ by them are one."""
    if isinstance(shape, Rect) and (shape.fill or shape.stroke):
        return shape._replace(fill="", stroke="", width=0.0)
    return shape._replace(colour="", width=0.0) if isinstance(shape, Curve) else shape


def _paint(shape: Shape) -> list[tuple[str, str]]:
    """Colours and width in CSS; the style sheet sees to it that no path is filled."""
    colours = [("stroke", shape.colour), ("fill", shape.colour)] if isinstance(shape, Curve) else []
    if isinstance(shape, Rect):
        colours = [("stroke", shape.stroke), ("fill", shape.fill)]
    found = [("stroke-width", "" if isinstance(shape, Text) else f"{shape.width:g}")]
    for name, colour in colours:
        plain, share = opacity(colour or "none")
        found += [(name, plain), (f"{name}-opacity", f"{share:g}")]
    return found


def _with_shared(id: str, inner: str) -> str:
    """A group that holds the size and the colour that most of its texts have."""
    shared = ""
    for name in _SHARED:
        found = Counter(re.findall(rf'<text[^>]*( {name}="[^"]*")', inner)).most_common(1)
        for attribute, _ in found:
            inner = re.sub(rf"(<text[^>]*){attribute}", r"\1", inner)
            shared += attribute
    return f'<g id="{id}"{shared}>{inner}</g>\n'


def _spans(moments: Sequence[int]) -> Iterator[_Span]:
    """The moments, which are in order, as spans without a gap.

    >>> list(_spans([0, 1, 5]))
    [(0, 2), (5, 6)]
    """
    first = moments[0]
    for k, after in pairwise(moments):
        if after > k + 1:
            yield first, k + 1
            first = after
    yield first, moments[-1] + 1


def shapes_over_time(drawings: Sequence[Drawing]) -> dict[str, dict[Shape, list[int]]]:
    """For every group the shapes it ever has, in painting order, each with its moments."""
    order: dict[str, list[int]] = {}  # of each group the places of its shapes in `shapes`
    place: dict[tuple[str, Shape], int] = {}
    moments: list[list[int]] = []
    shapes: list[Shape] = []
    for k, drawing in enumerate(drawings):
        for group in drawing.groups:
            found, at = order.setdefault(group.id, []), 0
            for shape in dict.fromkeys(group.shapes):
                number = place.setdefault((group.id, shape), len(shapes))
                if number == len(shapes):  # a new one comes behind what stands before it
                    found.insert(at, number)
                    shapes.append(shape)
                    moments.append([])
                    at += 1
                else:
                    at = found.index(number) + 1
                moments[number].append(k)
    return {id: {shapes[i]: moments[i] for i in found} for id, found in order.items()}
