"""Two graphs beside each other: the same layout for both, and a mark on every number that differs.

Each half is the Drawing that any picture is; here they are put on one sheet, and boxes and lines
are added around and under what differs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from microgrid.graph import graph_of
from microgrid.nn import Unrolled
from microgrid.ops import FLOAT
from microgrid.value import Value, creation_order

from .drawing.drawing import Curve, Drawing, Group, Rect, Shape, Text, Word
from .drawing.painter import paint
from .layout.place import layout_of
from .picture.build import Drawable, picture_of, roots_of
from .picture.changes import Change, changes
from .picture.model import Card, Picture, Wire
from .picture.naming import label_of
from .style.theme import Theme
from .style.typography import number

__all__ = ["side_by_side"]

_GAP = 24.0  # between the two pictures
_WIDEST = 2400.0  # points; wider pairs that are not tall stand below each other


def side_by_side(
    a: Drawable,
    b: Drawable,
    theme: Theme,
    titles: Sequence[str] = ("before", "after"),
    *,
    detail: str = "auto",
    expand: Iterable[str] = (),
    show: Iterable[str] | None = None,
    hide: Iterable[str] = (),
    captions: Sequence[str] | None = None,
) -> Drawing:
    """The Drawing of `viz.compare`, which documents it."""
    if isinstance(titles, str) or len(titles) != 2:
        raise ValueError(f"titles are two, one for each graph, got {titles!r}")
    _kept(a, b, titles)
    expand, hide = tuple(expand), tuple(hide)
    show = None if show is None else tuple(show)
    one, other = (
        picture_of(x, captions=captions, detail=detail, expand=expand, show=show, hide=hide)
        for x in (a, b)
    )
    scale = max(one.steepest, other.steepest), max(one.strongest, other.strongest)
    for picture, title in zip((one, other), titles):
        picture.title, picture.scale = f"{title}: {picture.title}", scale
    matched = _renamed(other, a, b, one)
    if matched is None and not _as_long(a, b):
        raise ValueError(
            f"compare draws two graphs of the same shape, or two runs over as many time steps: "
            f"{titles[0]!r} has {_size(one)}, {titles[1]!r} has {_size(other)}"
        )
    if matched is None:
        left, right = (paint(x, layout_of(x), theme) for x in (one, other))
        return _sheet(left, right, titles)
    pairs = changes(one, matched)
    for picture in (one, matched):
        picture.cards = [_with_room(card, pairs[card.id]) for card in picture.cards]
    layout = layout_of(one)
    left, right = (paint(x, layout, theme) for x in (one, matched))
    return _sheet(_marked(left, pairs, theme), _told(right, pairs, theme), titles)


def _with_room(card: Card, found: Sequence[Change]) -> Card:
    """A card that changes, with a line for a note, in which the second picture says by how much."""
    if not any(change.differs for change in found):
        return card
    return replace(card, hint=card.note or " ", hidden=0)


def _kept(a: Drawable, b: Drawable, titles: Sequence[str]) -> None:
    """Refuse a graph whose leaves have moved since: its cards would show the other's weights."""
    shared = {*creation_order(*roots_of(a))} & {*creation_order(*roots_of(b))}
    shared = {leaf for leaf in shared if not leaf.parents}
    for x, title in zip((a, b), titles):
        for node in creation_order(*roots_of(x)):
            moved = [parent for parent in node.parents if parent in shared]
            if moved and node.op is not None and not _follows(node):
                raise ValueError(
                    f"{label_of(moved[0].label) or 'a leaf'} was changed after {title!r} was "
                    f"computed, and both graphs share it: compare copy.deepcopy(x) of before "
                    f"the change"
                )


def _follows(node: Value) -> bool:
    """Whether a node has the value that its operands give now."""
    assert node.op is not None
    now = node.op.evaluate(FLOAT, node.operands)
    return not Change("value", node.data, float(now)).differs


# The same shape


def _renamed(other: Picture, a: Drawable, b: Drawable, one: Picture) -> Picture | None:
    """The second picture with the ids and the order of the first; None where shapes differ.

    Ids tell the order of creation, in which a copy of a graph may have other places.
    """
    if _shape(one) == _shape(other):
        return other
    places = _matched(roots_of(a), roots_of(b))
    if places is None:
        return None
    here = {_card_key(card, {}): card for card in one.cards}
    there = {_card_key(card, places): card for card in other.cards}
    if here.keys() != there.keys():
        return None
    ids = {there[key].id: here[key].id for key in here}
    cards = [_ordered(there[key], card, places) for key, card in here.items()]
    ways = {_wire_key(wire, ids, places): wire for wire in other.wires}
    wires = []
    for wire in one.wires:
        found = ways.get(_wire_key(wire, {}, {}))
        if found is not None:
            ends = wire.source, wire.target
            wires.append(replace(found, id=wire.id, source=ends[0], target=ends[1]))
    result = replace(other, cards=cards, wires=wires)
    return result if _shape(one) == _shape(result) else None


def _shape(picture: Picture) -> tuple[object, ...]:
    return (
        [(card.id, card.role, card.column, len(card.rows)) for card in picture.cards],
        [(wire.id, wire.source, wire.target) for wire in picture.wires],
        [(panel.kind, *map(len, panel.rows)) for panel in picture.panels],
    )


def _matched(ours: Sequence[Value], theirs: Sequence[Value]) -> dict[int, int] | None:
    """For each node of their graph its place in ours; None where operands do not correspond."""
    found: dict[Value, Value] = {}
    pairs = list(zip(ours, theirs)) if len(ours) == len(theirs) else []
    while pairs:
        mine, other = pairs.pop()
        if other in found:
            if found[other] is not mine:
                return None
            continue
        found[other] = mine
        if len(mine.parents) != len(other.parents):
            return None
        pairs += zip(mine.parents, other.parents)
    place = {node: i for i, node in enumerate(creation_order(*ours))}
    if set(found.values()) != place.keys():
        return None
    return {i: place[found[node]] for i, node in enumerate(creation_order(*theirs))}


def _card_key(card: Card, places: dict[int, int]) -> tuple[object, ...]:
    nodes = frozenset(places.get(node, node) for node in card.nodes)
    return nodes, card.column, card.alias, card.role


def _wire_key(wire: Wire, ids: dict[str, str], places: dict[int, int]) -> tuple[object, ...]:
    edges = frozenset((places.get(node, node), position) for node, position in wire.edges)
    return ids.get(wire.source, wire.source), ids.get(wire.target, wire.target), edges


def _ordered(card: Card, like: Card, places: dict[int, int]) -> Card:
    """The card under the id of the one it is like, its rows in the same order."""
    rows = {places[row.node]: row for row in card.rows if row.node is not None}
    mine = [row.node for row in like.rows]
    if None not in mine and len(rows) == len(card.rows) and rows.keys() == set(mine):
        return replace(
            card, id=like.id, rows=tuple(rows[node] for node in mine if node is not None)
        )
    return replace(card, id=like.id)


def _as_long(a: Drawable, b: Drawable) -> bool:
    one, other = graph_of(a), graph_of(b)
    return isinstance(one, Unrolled) and isinstance(other, Unrolled) and len(one) == len(other)


def _size(picture: Picture) -> str:
    return f"{len(picture.cards)} cards and {len(picture.wires)} wires"


# What differs


def _marked(drawing: Drawing, pairs: dict[str, list[Change]], theme: Theme) -> Drawing:
    """With a frame around each gradient and a line under each other number that differ."""
    groups = []
    for group in drawing.groups:
        marks = [*_marks(group, pairs.get(group.id, ()), theme.marked)]
        groups.append(group._replace(shapes=(*group.shapes, *marks)))
    return replace(drawing, groups=tuple(groups))


def _marks(group: Group, found: Sequence[Change], ink: str) -> Iterator[Shape]:
    """The painter paints a value and a heat cell for each row, in their order."""
    for what in ("value", "gradient", "local", "message"):
        kind = "heat" if what == "gradient" else what
        places = [shape for shape in group.shapes if shape.kind == kind]
        for place, change in zip(places, (change for change in found if change.what == what)):
            if not change.differs:
                continue
            if isinstance(place, Text):
                yield Rect("differs", place.left, place.y + 1.5, place.width, 1.4, fill=ink)
            elif isinstance(place, Rect):
                yield place._replace(kind="differs", fill="", stroke=ink, width=1.4, radius=2.0)


def _told(drawing: Drawing, pairs: dict[str, list[Change]], theme: Theme) -> Drawing:
    """With the marks, how much each card changed, and in place of the legend what that means."""
    groups = []
    kinds = {group.id: group.kind for group in drawing.groups}
    for group in _marked(drawing, pairs, theme).groups:
        found = [change for change in pairs.get(group.id, ()) if change.differs]
        if found:
            shapes = tuple(_noted(shape, group, found, theme) for shape in group.shapes)
            tooltip = "\n".join([group.tooltip, *map(_sentence, found)])
            group = group._replace(tooltip=tooltip, shapes=shapes)
        groups.append(_legend(group, pairs, kinds, theme) if group.kind == "legend" else group)
    return replace(drawing, groups=tuple(groups))


def _noted(shape: Shape, group: Group, found: Sequence[Change], theme: Theme) -> Shape:
    """In place of a card's note, the change of its value and of its gradient."""
    if not isinstance(shape, Text) or shape.kind != "note" or group.kind != "card":
        return shape
    words = [Word("Δ", theme.marked, True)]
    for what, colour in (("value", theme.value), ("gradient", theme.gradient)):
        sizes = [change.size for change in found if change.what == what]
        if sizes:
            words.append(Word(f" {_said(sizes)}", colour))
    card = next(shape for shape in group.shapes if isinstance(shape, Rect))
    made = shape._replace(kind="change", words=tuple(words))
    room = card.x + card.w - shape.x - 4.0
    return made if made.width <= room else made._replace(size=made.size * room / made.width)


def _said(sizes: Sequence[float]) -> str:
    """+0.2, or the norm of several changes."""
    if len(sizes) > 1:
        return f"‖{number(math.hypot(*sizes))}‖"
    return f"{'+' if sizes[0] > 0.0 else ''}{number(sizes[0])}"


def _sentence(change: Change) -> str:
    before, after = ("none" if x is None else number(x, 6) for x in (change.before, change.after))
    return f"{change.what} {before}, then {after}"


def _counted(pairs: dict[str, list[Change]], kinds: dict[str, str]) -> str:
    """How many cards, wires and tables differ, of how many."""
    said = []
    for kind, noun in (("card", "cards"), ("wire", "wires"), ("panel", "tables")):
        mine = [found for id, found in pairs.items() if kinds.get(id) == kind]
        if mine:
            many = sum(any(change.differs for change in found) for found in mine)
            said.append(f"{many} of {len(mine)} {noun}")
    return f"{', '.join(said)} differ"


def _legend(
    group: Group, pairs: dict[str, list[Change]], kinds: dict[str, str], theme: Theme
) -> Group:
    """What the marks mean, where the other picture says how to read both."""
    frame = next(shape for shape in group.shapes if isinstance(shape, Rect))
    found = [change for card in pairs.values() for change in card if change.differs]
    lines = [
        (("What differs", theme.text, True),),
        (("a line under a number", theme.marked, False), (", ", theme.text, False),
         ("a frame around a gradient", theme.marked, False),
         (": another number", theme.text, False)),
        (("Δ ", theme.marked, True), ("value", theme.value, False), (" ", theme.text, False),
         ("gradient", theme.gradient, False), (": by how much", theme.text, False)),
        ((_counted(pairs, kinds), theme.text, False),),
    ]  # fmt: skip
    for what, colour in (("value", theme.value), ("gradient", theme.gradient)):
        sizes = [abs(change.size) for change in found if change.what == what]
        known = [size for size in sizes if math.isfinite(size)]
        if known:
            lines.append(((f"largest change of a {what}: {number(max(known))}", colour, False),))
    shapes: list[Shape] = []
    for i, line in enumerate(lines):
        words = tuple(Word(*word) for word in line)
        shapes.append(
            Text("legend", frame.x + 16.0, frame.y + 22.0 + 18.0 * i, 11.0, "start", words)
        )
    width = max(shape.width for shape in shapes if isinstance(shape, Text)) + 32.0
    box = frame._replace(w=max(width, frame.w), h=max(frame.h, 18.0 * len(lines) + 20.0))
    return group._replace(tooltip="What differs", shapes=(box, *shapes))


# The sheet


def _sheet(one: Drawing, other: Drawing, titles: Sequence[str]) -> Drawing:
    """Both beside each other, or below each other where that would get very wide."""
    wide = one.width + _GAP + other.width
    if wide > _WIDEST and one.width > one.height:
        dx, dy = 0.0, one.height + _GAP
        width, height = max(one.width, other.width), dy + other.height
    else:
        dx, dy = one.width + _GAP, 0.0
        width, height = wide, max(one.height, other.height)
    moved = [_moved(group, dx, dy) for group in other.groups]
    title = f"{titles[0]} and {titles[1]}"
    return Drawing(title, width, height, one.ground, (*one.groups, *moved))


def _moved(group: Group, dx: float, dy: float) -> Group:
    """A group of the second picture: elsewhere, under an id of its own."""
    ends = None if group.ends is None else (f"b_{group.ends[0]}", f"b_{group.ends[1]}")
    shapes = tuple(_shifted(shape, dx, dy) for shape in group.shapes)
    return Group(f"b_{group.id}", group.kind, group.tooltip, shapes, ends)


def _shifted(shape: Shape, dx: float, dy: float) -> Shape:
    if not isinstance(shape, Curve):
        return shape._replace(x=shape.x + dx, y=shape.y + dy)
    points = tuple((x + dx, y + dy) for x, y in shape.points)
    tip = None if shape.tip is None else (shape.tip[0] + dx, shape.tip[1] + dy)
    return shape._replace(points=points, tip=tip)
