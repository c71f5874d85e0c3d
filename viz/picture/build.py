"""From Values to a Picture: what is to be drawn, before any position or renderer is chosen.

A Picture holds cards (one per Value), wires (one per operand that is a Value), the columns
of time and the panels below. `viz/layout` gives each of them a place, `viz/drawing` paints
them, `viz/formats` writes what is painted in a file format.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from microgrid.graph import gradient_of, graph_of
from microgrid.nn import Unrolled
from microgrid.quantity import value
from microgrid.stepper import sweep_of, under_way
from microgrid.sweep import Sweep
from microgrid.value import Value

from ..style.typography import pretty
from .choice import MOST_CARDS, READABLE, level_of, units_of
from .events import events
from .expand import GATES, expanded, expanded_run
from .forward import Forward
from .gate import Named, gates_in
from .highlight import mark, path_of
from .levels import Collapsed
from .model import SHOWN, Column, Picture
from .naming import label_of, name_of
from .neuron import Neurons, is_network
from .panels import Itemised, shared_panel, told_apart, uses_panel
from .reading import Scene
from .refusal import refuse_captions, refuse_huge
from .rolled import rolled
from .scopes import Scoped, has_scopes, owners
from .sentence import Said, Sentence

__all__ = [
    "DETAILS", "EXPAND", "Drawable", "Highlight", "Options", "Pictures", "picture_of", "roots_of",
    "swept_root",
]  # fmt: skip

Drawable: TypeAlias = Value | Unrolled | Sequence[Value]
Highlight: TypeAlias = Value | str | Sequence[Value]

DETAILS = ("auto", "scalar", "gate", "neuron", "vector", "cell", "scope", "rolled")
EXPAND = (*GATES, "cell")
_MOST_COLUMNS = 40  # of a panel


@dataclass(frozen=True)
class Options:
    """What a picture is asked for, but for the moment of the sweep; all defaults stand here.

    title : instead of the one that is made
    captions : one per time step, printed beside "t = 1"
    detail : "scalar" (a card per Value), "gate" (a card per named vector with its weights in
        it, gated cells as the textbook draws them), "neuron" (a card per neuron, weights on
        the edges), "vector" (a card per vector), "cell" (a box per time step), "scope" (a
        card per scope, for large programs), "rolled" (the loop of the textbook, for an
        Unrolled), or "auto", which takes the first that stays readable
    expand : what is opened: "dot" (× and + gates), "sigmoid" (its four gates), "cell"
        (a cell's named gates, at the cell level)
    show, hide : which of "value", "grad", "local", "message", "op" are printed; hidden
        numbers leave empty boxes to fill in
    highlight : a leaf, its label, or a whole path to the loss: drawn in red, with the
        product of the local derivatives written along it
    marked : Values whose cards get a ring
    """

    title: str | None = None
    captions: Sequence[str] | None = None
    detail: str = "auto"
    expand: Iterable[str] = ()
    show: Iterable[str] | None = None
    hide: Iterable[str] = ()
    highlight: Highlight | None = None
    marked: Collection[Value] = ()


def picture_of(x: Drawable, *, upto: int | None = None, **options: Any) -> Picture:
    """What is to be drawn of a Value, a list of Values or an Unrolled.

    options : those of `Options`, by name
    upto : the backward sweep after this many messages, the rest is grey; unless given, what
        the graph holds now

    TypeError for what cannot be drawn, ValueError for an unknown name.

    >>> from microgrid import Value
    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> [card.name for card in picture_of(a * b).cards]
    ['a', 'b', '×']
    """
    return Pictures(x, Options(**options)).upto(upto)


class Pictures:
    """The pictures of one graph along its sweep: read once, drawn after any number of messages.

    The sweep is played when somebody asks for it: most pictures are of what the graph holds.
    """

    def __init__(self, x: Drawable, options: Options) -> None:
        self._options = options
        _known("detail", [options.detail], DETAILS)
        opened = _known("expand", options.expand, EXPAND)
        show, hide = options.show, options.hide
        self._shown = SHOWN if show is None else frozenset(_known("show", show, sorted(SHOWN)))
        self._shown -= set(_known("hide", hide, sorted(SHOWN)))
        x = graph_of(x)
        roots = roots_of(x)
        refuse_huge(roots)
        gates = [name for name in opened if name in GATES]
        self._copies = expanded(roots, gates) if gates else {}
        if copies := self._copies:
            x = expanded_run(x, copies) if isinstance(x, Unrolled) else [copies[r] for r in roots]
            roots = roots_of(x)
        self._roots, self._run = roots, x if isinstance(x, Unrolled) else None
        if options.detail == "rolled" and self._run is None:
            raise ValueError('detail="rolled" draws the loop of an Unrolled, got a plain graph')
        self._root = swept_root(roots, self._run)
        self._scene = Scene(roots, self._run)
        refuse_captions(options.captions, self._scene)
        self._computed = [node for node in self._scene.order if node.parents]
        self._levels: dict[str, Collapsed] = {}
        self._opened = "cell" in opened

    @cached_property
    def sweep(self) -> Sweep | None:
        """The sweep whose gradients the graph holds, or the one to come; None for a run without
        a loss that has not been swept.
        """
        return None if self._root is None else sweep_of(self._root)[0]

    def upto(self, messages: int | None) -> Picture:
        """After so many messages of the sweep, or as the graph is now; ValueError beyond it."""
        if messages is None:
            return self.now()
        most = len(self.sweep) if self.sweep is not None else 0
        if not isinstance(messages, int) or not 0 <= messages <= most:
            raise ValueError(f"upto counts messages, 0 to {most} here, got {messages!r}")
        return self.after(messages)

    def now(self) -> Picture:
        """The graph with the gradients it holds; in the middle of a Stepper's sweep, so far."""
        stepper = None if self._root is None else under_way(self._root)
        if stepper is not None and stepper.sent < len(stepper.sweep):
            return self.after(stepper.sent)
        self._scene.show(None)
        return self._picture()

    def played(self) -> Picture:
        """The graph with the gradients that it has at the end of the sweep."""
        self._scene.show(self.sweep)
        return self._picture()

    def after(self, sent: int) -> Picture:
        """The graph after so many messages: what the sweep has not reached is grey."""
        self._scene.show(self.sweep, sent)
        return self._picture()

    @property
    def operations(self) -> int:
        """How many values the forward pass computes."""
        return len(self._computed)

    def at(self, step: int) -> Picture:
        """The graph at a step of forward pass and sweep, counted from where the two meet.

        At -operations there are leaves alone, at 0 every value and no gradient, at k > 0 the
        gradients after k messages.
        """
        if step > 0:
            return self.after(step)
        picture = self.after(0)
        waiting = self._computed[len(self._computed) + step :]
        places = [self._scene.index[node] for node in waiting]
        Forward(waiting, places, self._root).take_from(picture)
        done, count = self.operations + step, self.operations
        picture.subtitle = f"The forward pass after {done} of {count} values."
        return picture

    def events(self) -> list[int]:
        """The steps at which there is something new to be seen, as `at` counts them."""
        return events(self.played(), self._scene.order, self._computed, self.sweep)

    def point_at(self, picture: Picture, step: int) -> None:
        """Point out whose turn it is: the value just computed, or the message just sent."""
        index = self._scene.index
        if step <= 0:
            place, edge = index[self._computed[self.operations + step - 1]], None
        elif self.sweep is not None:
            message = self.sweep.messages[step - 1]
            place, edge = index[message.parent], (index[message.node], message.position)
        wires = [
            wire for wire in picture.wires
            if edge in wire.edges or (wire.weight is not None and wire.weight.node == place)
        ]  # fmt: skip
        ends = {wire.source for wire in wires}
        for wire in wires:
            wire.look = "current"
        for card in picture.cards:
            if card.id in ends or (not wires and place in card.nodes):
                card.look = "current"

    def levels(self) -> list[str]:
        """The levels of detail at which this graph has something to show, the finest first."""
        scene = self._scene
        if scene.timed:
            return ["scalar", *(["gate"] if gates_in(scene) else []), "vector", "cell"]
        folded = [("neuron", is_network(scene)), ("vector", True), ("scope", has_scopes(scene))]
        return ["scalar", *(name for name, suits in folded if suits)]

    def told_apart(self) -> dict[Value, str]:
        """What stands behind the name of each shared weight, where several have the same."""
        return told_apart(self._scene)

    def _picture(self) -> Picture:
        scene, run, options = self._scene, self._run, self._options
        grads = [scene.grad(root) for root in self._roots]
        title = _title(run, self._roots) if options.title is None else options.title
        result = Picture(title, show=self._shown)
        if options.title is None and "grad" in self._shown and scene.upto is None:
            result.finding = _finding(scene, run)
        if self._root is not None:
            result.root = scene.index[self._root]
        under_way = self._root is not None and scene.upto is not None
        result.swept = under_way or any(grad is not None for grad in grads)
        self._draw(result)
        steps = sorted({card.column for card in result.cards if card.framed})
        names = dict(zip(steps, options.captions)) if options.captions else owners(scene)
        result.columns = [Column(t, f"t = {t}", pretty(names.get(t, ""))) for t in steps]
        if result.swept:
            _explain(result, scene, run, scene.upto)
        else:
            result.subtitle = "Backward has not run: there are no gradients yet."
        if options.highlight is not None:
            path = _copied(options.highlight, self._copies)
            mark(result, scene, path_of(scene, path))
        self._ring(result)
        return result

    def _ring(self, result: Picture) -> None:
        """Mark the cards of the Values that are to be pointed out."""
        marked = (self._copies.get(value, value) for value in self._options.marked)
        places = {self._scene.index[value] for value in marked if value in self._scene.index}
        for card in result.cards:
            if not card.alias and not places.isdisjoint(card.nodes):
                card.look = "marked"

    def _draw(self, result: Picture) -> None:
        """Cards and wires at the level of this picture."""
        scene, run = self._scene, self._run
        if self.level == "rolled" and run is not None:
            result.cards, result.wires = rolled(scene, run)
            return
        if self.level == "scalar":
            scene.draw()
            result.cards, result.wires = scene.cards, scene.wires
            return
        drawn = self._collapsed(self.level)
        result.cards, result.wires = drawn.cards, drawn.wires
        if drawn.without_total and run is not None and run.root is not None:
            result.legend += (f"{name_of(run.loss)} is the sum of the losses of all steps",)
        if self._options.detail == "auto":
            size = f'{scene.size():,} cards at detail="scalar"'
            result.legend += (f"{size}, here one for each {units_of(self.level, scene)}",)

    @cached_property
    def level(self) -> str:
        """The level that is drawn: the one asked for, or the first that stays readable."""
        scene, level, auto = self._scene, self._options.detail, self._options.detail == "auto"
        if auto:  # what is opened into single gates is to be seen gate by gate
            size = scene.size()
            level = "scalar" if self._copies and size <= MOST_CARDS else level_of(scene, size)
        if level == "cell" and self._opened and gates_in(scene):
            level = "gate"
        if auto and scene.timed and level not in ("scalar", "cell"):
            crowded = len(self._collapsed(level).cards) > READABLE
            return "cell" if crowded else level
        return level

    def _collapsed(self, level: str) -> Collapsed:
        """The cards of a coarser level; its groups and Jacobians are found once."""
        if level in self._levels:
            self._levels[level].draw()
        else:
            self._levels[level] = _level_of(level, self._scene, self._run, self._opened)
        return self._levels[level]


def _level_of(level: str, scene: Scene, run: Unrolled | None, gates: bool) -> Collapsed:
    if level == "neuron":
        return Neurons(scene, run)
    if level == "scope":
        return Scoped(scene, run)
    if level == "gate":
        return Named(scene, run, "vector")
    return Collapsed(scene, run, "cell" if level == "cell" else "vector", gates)


def swept_root(roots: Sequence[Value], run: Unrolled | None = None) -> Value | None:
    """Where the sweep starts: at the root swept last, or else at the last one.

    None for a run without a loss that has not been swept.
    """
    if run is not None and run.root is None:
        roots = [root for root in roots if gradient_of(root) is not None]
    return max(roots, key=lambda x: (gradient_of(x) is not None, x.serial), default=None)


def _explain(result: Picture, scene: Scene, run: Unrolled | None, upto: int | None) -> None:
    """The finding, and the tables below."""
    steps = sorted({step for step in scene.step.values() if step is not None})
    if scene.shared and len(steps) <= _MOST_COLUMNS:
        result.panels.append(shared_panel(scene, steps))
    elif not scene.timed:
        result.panels += uses_panel(scene)
    if run is not None and upto is None:
        items = Itemised(run, scene)
        result.subtitle = items.finding() if "grad" in result.show else ""
        table = items.panel()
        result.panels += [table] if table is not None else []
    if upto is not None:
        result.subtitle = (
            f"The backward sweep after {upto} {'message' if upto == 1 else 'messages'}."
        )


def _copied(highlight: Highlight, copies: dict[Value, Value]) -> Highlight:
    if isinstance(highlight, str):
        return highlight
    if isinstance(highlight, Value):
        return copies.get(highlight, highlight)
    return [copies.get(node, node) for node in highlight]


def _known(what: str, given: Iterable[str], known: Sequence[str]) -> list[str]:
    """The names given, if all are known."""
    names = [given] if isinstance(given, str) else list(given)
    for name in names:
        if name not in known:
            raise ValueError(f"{what} must be one of {', '.join(known)}, got {name!r}")
    return names


def roots_of(x: Drawable) -> list[Value]:
    """The Values a picture of x ends in. TypeError for what cannot be drawn."""
    x = graph_of(x)
    if isinstance(x, Value):
        return [x]
    if isinstance(x, Unrolled):
        if x.root is not None:  # an output that no loss sees is not drawn
            return [x.loss]
        return [y for row in (*x.outputs, *x.states) for y in row]
    if isinstance(x, Iterable) and not isinstance(x, str | bytes):
        roots = list(x)
        if roots and all(isinstance(root, Value) for root in roots):
            return roots
    raise TypeError(f"viz draws a Value, a list of Values or an Unrolled, got {x!r:.200}")


def _title(x: Unrolled | None, roots: Sequence[Value]) -> str:
    """What is drawn: the network and its length, or the result and its value."""
    if x is not None:
        cell = x.model.cell
        kind = getattr(cell, "nonlinearity", "")
        kind = f" ({kind})" if kind else ""
        steps = "1 step" if len(x) == 1 else f"{len(x)} steps"
        return f"{type(cell).__name__.removesuffix('Cell')}{kind} unrolled over {steps}"
    if len(roots) > 1:
        return f"{len(roots)} values"
    return Sentence([f"{pretty(roots[0].label) or 'output'} = ", Said(value(roots[0]))])


def _finding(scene: Scene, x: Unrolled | None) -> str:
    """The gradient of the initial state, where that is one number."""
    if x is None or x.root is None or len(x.states[0]) > 1:
        return ""
    grad = scene.grad(x.states[0][0])
    if grad is None:
        return ""
    return Sentence([f"dL/d{label_of(x.states[0][0].label)} = ", Said(grad)])
