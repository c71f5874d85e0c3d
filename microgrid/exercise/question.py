"""Questions on a graph: what is asked, the right answer, and what each likely slip would give."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from ..graph import formula, formula_in_numbers, name_of, root_of, time_step, uses
from ..quantity import Quantity, gradient, local, message, product, total, value
from ..sweep import Sweep
from ..value import Value
from ..wording import bracketed, shown
from .numbers import Draw

__all__ = [
    "KINDS", "WORDS", "Question", "Verdict", "gradient_question", "local_question", "questions",
]  # fmt: skip

_MOST_OPERANDS = 6  # of a node whose value is asked for
_MOST_PATHS = 4  # among which the one that vanishes is to be found
_LONGEST_PATH = 6  # nodes
_TOLERANCE = 0.01  # of the answer: numbers on a sheet have three digits

# What the page, the prompt and the checker say of an answer, whatever was asked.
WORDS = {
    "right": "Right.",
    "not_yet": "Not yet.",
    "not_that": "Not that one: multiply its factors.",
    "no_number": "That is no number. Write 1.5, -0.25, 3e-4 or 1/3.",
    "told": "The answer:",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an answer is right, and what to say of it."""

    right: bool
    words: str


@dataclass(frozen=True, slots=True)
class Question:
    """One question, with its answer as a Quantity, so that it can be asked of other numbers.

    Attributes
    ----------
    kind : one of KINDS
    text, hint : what is asked, and what helps
    answer : the right number; for a choice the place of the right one, from 0
    slips : (number, sentence): wrong answers that say what went wrong
    choices, products : what can be chosen, for the kind "path", and the product along each;
        () where a number is asked for
    steps : the way to the answer, line by line
    subject : the node it is about; for a message or a local derivative the one that sends
    position : the edge of the subject it is about, if it is about one
    step : after how many messages of the sweep all it needs is there, and the answer not yet
    """

    kind: str
    text: str
    hint: str
    answer: float
    slips: tuple[tuple[float, str], ...] = ()
    choices: tuple[str, ...] = ()
    products: tuple[float, ...] = ()
    steps: tuple[str, ...] = ()
    subject: Value | None = field(default=None, compare=False)
    position: int | None = None
    step: int = 0

    def judge(self, answer: float) -> Verdict:
        """Right within a percent; else the sentence of the slip that gives this number."""
        if self.choices:
            right = answer == self.answer
            return Verdict(right, WORDS["right" if right else "not_that"])
        if _near(answer, self.answer):
            return Verdict(True, WORDS["right"])
        for number, words in self.slips:
            if _near(answer, number):
                return Verdict(False, words)
        return Verdict(False, f"{WORDS['not_yet']} {self.hint}")


def _near(a: float, b: float) -> bool:
    both_nan = math.isnan(a) and math.isnan(b)
    return both_nan or abs(a - b) <= _TOLERANCE * abs(b) or round(a, 3) == round(b, 3)


def questions(x: Any, count: int = 8, seed: int = 0, kinds: Sequence[str] = ()) -> list[Question]:
    """So many questions on the sweep of a Value or an unrolled run, the easy kinds first.

    kinds: those wanted, of KINDS; all unless given. The kinds take turns; where one has no
    more to ask the others fill in. ValueError for an unknown kind or where nothing can be asked.
    """
    wanted = [kinds] if isinstance(kinds, str) else list(kinds or KINDS)
    for kind in wanted:
        if kind not in KINDS:
            raise ValueError(f"kinds must be of {', '.join(KINDS)}, got {kind!r}")
    if count < 1:
        raise ValueError(f"count must be 1 or more, got {count}")
    about, draw = _Asked(root_of(x)), Draw(seed)
    found = {kind: _shuffled(list(KINDS[kind](about)), draw) for kind in wanted}
    taken: list[Question] = []
    while len(taken) < count and any(found.values()):
        for kind in wanted:
            if found[kind] and len(taken) < count:
                taken.append(found[kind].pop())
    if not taken:
        raise ValueError("this graph has nothing to ask: it needs an operation on named Values")
    order = list(KINDS)
    return sorted(taken, key=lambda question: order.index(question.kind))


def _shuffled(items: list[Question], draw: Draw) -> list[Question]:
    for i in range(len(items) - 1, 0, -1):
        j = draw.below(i + 1)
        items[i], items[j] = items[j], items[i]
    return items


class _Asked:
    """A graph with its sweep: what every kind of question reads."""

    def __init__(self, root: Value) -> None:
        self.root, self.sweep, self.uses = root, Sweep(root), uses(root)
        self.nodes = [node for node in reversed(self.sweep.order) if _named(node, root)]

    def gradient(self, node: Value) -> Quantity:
        """A node's gradient when the sweep is over."""
        found = gradient(self.sweep, node)
        assert found is not None  # every node below the root is reached
        return found

    def finished(self, node: Value) -> int:
        """After how many messages a node's gradient is complete."""
        return max((self.sweep.number(m.node, m.position) for m in self.sweep.received(node)),
                   default=0)  # fmt: skip


def _named(node: Value, root: Value) -> bool:
    return bool(node.label) or node is root


def _d(above: Value, below: Value) -> str:
    return f"∂{name_of(above)}/∂{name_of(below)}"


def _sign(answer: Quantity) -> tuple[float, str]:
    return -answer, "The size is right, the sign is not."


def _values(on: _Asked) -> Iterator[Question]:
    for node in on.nodes:
        if node.op is None or len(node.operands) > _MOST_OPERANDS or not _all_named(node):
            continue
        answer = value(node)
        slips = [_sign(answer)]
        slips += [(value(x), f"That is {name_of(x)} itself.") for x in node.parents]
        yield Question(
            "value", f"What is the value of {name_of(node)}?", f"{name_of(node)} = {formula(node)}",
            answer, tuple(slips), subject=node,
            steps=(f"{formula_in_numbers(node)} = {shown(node.data)}",),
        )  # fmt: skip


def _all_named(node: Value) -> bool:
    return all(parent.label for parent in node.parents)


def _locals(on: _Asked) -> Iterator[Question]:
    for node in on.nodes:
        for position, parent in enumerate(node.parents):
            if not parent.label or node.parents.count(parent) > 1:
                continue
            yield local_question(on.sweep, node, position)


def local_question(
    sweep: Sweep, node: Value, position: int, called: Callable[[Value], str] = name_of
) -> Question:
    """What the local derivative of a node towards its parent at `position` is.

    >>> from microgrid import Value
    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> c = a * b
    >>> c.label = "c"
    >>> question = local_question(Sweep(c), c, 0)
    >>> question.text, question.judge(-3.0).words
    ('What is the local derivative ∂c/∂a?', 'Right.')
    """
    parent, answer = node.parents[position], local(node, position)
    slips = [
        _sign(answer),
        (value(node), f"That is the value of {called(node)}, not its derivative."),
        (value(parent), f"That is {called(parent)} itself: what multiplies it?"),
    ]
    upstream = gradient(sweep, node)
    if upstream is not None:
        words = "That is the message: leave the upstream gradient out."
        slips.append((upstream * answer, words))
    derivative = f"∂{called(node)}/∂{called(parent)}"
    return Question(
        "local", f"What is the local derivative {derivative}?",
        f"{called(node)} = {formula(node)}: differentiate by {called(parent)} alone.",
        answer, tuple(slips), steps=(f"{derivative} = {shown(float(answer))}",),
        subject=node, position=position,
    )  # fmt: skip


def _messages(on: _Asked) -> Iterator[Question]:
    for node in on.nodes:
        for position, parent in enumerate(node.parents):
            if not parent.label or node.parents.count(parent) > 1 or node is on.root:
                continue
            upstream, factor = on.gradient(node), local(node, position)
            answer = message(on.sweep, node, position)
            assert answer is not None
            yield Question(
                "message", f"What does {name_of(node)} send back to {name_of(parent)}?",
                f"the gradient of {name_of(node)} × {_d(node, parent)}",
                answer, tuple(_slips_of_product(node, upstream, factor, answer)),
                steps=(f"{bracketed(upstream)} × {bracketed(factor)} = {shown(float(answer))}",),
                subject=node, position=position, step=on.finished(node),
            )  # fmt: skip


def _slips_of_product(
    node: Value, upstream: Quantity, factor: Quantity, answer: Quantity
) -> Iterator[tuple[float, str]]:
    yield _sign(answer)
    name = name_of(node)
    yield upstream, f"That is the gradient of {name} itself: multiply it by the local derivative."
    yield factor, f"That is the local derivative alone: multiply it by the gradient of {name}."
    yield upstream + factor, "You added the two numbers; the chain rule multiplies."
    if factor != 0.0:
        yield upstream / factor, "You divided; the chain rule multiplies."


def _forks(on: _Asked) -> Iterator[Question]:
    for node in on.nodes:
        times = len(on.uses[node])
        if times < 2 or (not node.parents and _steps_of(on, node)):
            continue
        yield gradient_question(on.sweep, node, "fork", f"It is used {times} times.")


def _weights(on: _Asked) -> Iterator[Question]:
    for node in on.nodes:
        steps = _steps_of(on, node)
        if node.parents or len(steps) < 2:
            continue
        words = f"It is shared by the time steps {', '.join(map(str, steps))}."
        yield gradient_question(on.sweep, node, "weight", words)


def _steps_of(on: _Asked, node: Value) -> list[int]:
    found = {time_step(user.scope) for user, _ in on.uses[node]}
    return sorted(step for step in found if step is not None)


def gradient_question(
    sweep: Sweep, node: Value, kind: str = "fork", words: str = "",
    called: Callable[[Value], str] = name_of,
) -> Question:  # fmt: skip
    """What the gradient of a node is, which is the sum of the messages that it receives.

    kind, words : the sort of question, and what is said of the node's uses
    """
    answer = gradient(sweep, node)
    assert answer is not None  # every node below the root is reached
    received = list(sweep.received(node))
    sent = [message(sweep, m.node, m.position) for m in received]
    parts = [x for x in sent if x is not None]
    senders = [called(m.node) for m in received]
    slips = [_sign(answer)]
    if len(parts) > 1:
        slips += [
            (part, f"That is the message from {sender} alone: messages add.")
            for part, sender in zip(parts, senders)
        ]
        slips += [
            (product(parts), "You multiplied the messages; they add."),
            (total(parts) / float(len(parts)), "That is the mean of the messages; they add."),
        ]
    terms = " + ".join(bracketed(float(part)) for part in parts)
    last = max((sweep.number(m.node, m.position) for m in received), default=0)
    return Question(
        kind, f"What is the gradient of {called(node)}? {words}".rstrip(),
        f"dL/d{called(node)} is the sum of the messages from {', '.join(senders)}.",
        answer, tuple(slips), steps=(f"{terms} = {shown(float(answer))}",), subject=node,
        step=max(0, last - 1),
    )  # fmt: skip


def _paths(on: _Asked) -> Iterator[Question]:
    """Along which of a few paths does the gradient of a leaf vanish most?"""
    from ..bptt import paths  # which needs NumPy

    ways = {on.root: 1}  # of how many paths each node is the end
    for node in on.sweep.order:
        ways.setdefault(node, sum(ways[user] for user, _ in on.uses[node]))
    for leaf in (node for node in on.nodes if not node.parents):
        if not 2 <= ways[leaf] <= _MOST_PATHS:
            continue
        found = list(paths(on.root, leaf).largest())
        sizes = sorted(abs(path.product) for path in found)
        if max(len(path.nodes) for path in found) > _LONGEST_PATH:
            continue
        if not math.isfinite(sizes[-1]) or sizes[1] < 2.0 * sizes[0] or sizes[1] == 0.0:
            continue
        found.sort(key=lambda path: [node.serial for node in path.nodes])
        names = [" → ".join(name_of(node) for node in path.nodes) for path in found]
        products = [
            f"{' × '.join(map(bracketed, path.factors))} = {shown(path.product)}" for path in found
        ]
        smallest = min(range(len(found)), key=lambda i: abs(found[i].product))
        yield Question(
            "path", f"Along which path does the gradient on {name_of(leaf)} vanish most?",
            "Multiply the local derivatives along each path; the smallest product fades most.",
            float(smallest), choices=tuple(names),
            products=tuple(_along(path.nodes) for path in found),
            steps=tuple(f"{name}: {words}" for name, words in zip(names, products)), subject=leaf,
            step=len(on.sweep),
        )  # fmt: skip


def _along(nodes: Sequence[Value]) -> Quantity:
    """The product of the local derivatives along a path from the root."""
    factors = [local(upper, upper.parents.index(lower)) for upper, lower in pairwise(nodes)]
    return product(factors)


KINDS: dict[str, Callable[[_Asked], Iterator[Question]]] = {
    "value": _values,
    "local": _locals,
    "message": _messages,
    "fork": _forks,
    "weight": _weights,
    "path": _paths,
}
