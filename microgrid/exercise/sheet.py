"""A named graph with fresh numbers and its questions: what a sheet is made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .. import functional as F
from .. import nn
from ..graph import formula, name_of, root_of
from ..value import Value, creation_order
from ..wording import bracketed, shown
from .numbers import freshen
from .question import Question, questions

__all__ = ["GRAPHS", "Exercise", "exercise"]


@dataclass(frozen=True)
class Exercise:
    """Questions on a graph whose numbers were drawn from a seed."""

    name: str
    seed: int
    graph: Any
    questions: list[Question]

    def given(self) -> list[str]:
        """The graph in words: the numbers of its leaves, then how each value is computed.

        >>> exercise("fork", 3).given()
        ['a = -2, b = 1, c = 3', 's = a × b', 'p = s × c', 'q = s + c', 'L = p × q']
        """
        order = creation_order(root_of(self.graph))
        leaves = [f"{x.label} = {shown(x.data)}" for x in order if x.op is None and x.label]
        made = [x for x in order if x.op is not None and (x.label or x is order[-1])]
        return [", ".join(leaves)] + [f"{name_of(x)} = {_computed(x)}" for x in made]

    def blank(self) -> dict[str, Any]:
        """What a student fills in: a JSON object with one answer per question."""
        return {
            "exercise": self.name,
            "seed": self.seed,
            "count": len(self.questions),
            "answers": {str(i): None for i in range(1, len(self.questions) + 1)},
        }


def exercise(
    graph: str | Any, seed: int = 0, count: int = 8, kinds: Sequence[str] = (), name: str = ""
) -> Exercise:
    """Fresh numbers for a graph, and questions on it; the same ones for the same seed.

    graph: one of GRAPHS, or your own Value or unrolled run, whose leaves get the numbers.
    """
    if isinstance(graph, str):
        if graph not in GRAPHS:
            raise ValueError(f"there is no exercise {graph!r}, only {', '.join(GRAPHS)}")
        name, graph = graph, GRAPHS[graph]()
    root = root_of(graph)
    freshen(root, seed)
    return Exercise(name or "graph", seed, graph, questions(graph, count, seed, kinds))


def _computed(node: Value, depth: int = 4) -> str:
    """The formula of a node; in it stand those of the nameless values that it is computed from."""

    def called(x: Value) -> str:
        if x.op is None or x.label or not depth:
            return x.label or name_of(x)
        inner = _computed(x, depth - 1)
        return inner if _is_call(node) or _is_call(x) else f"({inner})"

    return formula(node, called, bracketed, most=16)


def _is_call(node: Value) -> bool:
    """Whether a node is written as tanh(z), and not with a sign between."""
    return node.op is not None and formula(node).startswith(f"{node.op.name}(")


def _named(node: Value, label: str) -> Value:
    node.label = label
    return node


def _neuron() -> Value:
    w, v, x, y, b = (Value(1.0, label=name) for name in ("w_1", "w_2", "x_1", "x_2", "b"))
    products = [_named(w * x, "p_1"), _named(v * y, "p_2")]
    return _named(_named(F.sum([*products, b]), "z").tanh(), "o")


def _fork() -> Value:
    a, b, c = (Value(1.0, label=name) for name in "abc")
    s = _named(a * b, "s")
    return _named(_named(s * c, "p") * _named(s + c, "q"), "L")


def _mlp() -> Value:
    x = [Value(1.0, label="x_1"), Value(-0.5, label="x_2")]
    (y,) = nn.MLP(2, [2, 1], nonlinearity="tanh", seed=0)(x)
    return _named(_named(y - 1.0, "d") ** 2, "L")


def _attention() -> Value:
    """A query over two positions, whose keys and values are single numbers."""
    q, *keys = (Value(1.0, label=name) for name in ("q", "k_1", "k_2"))
    values = [Value(1.0, label=name) for name in ("v_1", "v_2")]
    scores = [_named(q * key, f"s_{t}") for t, key in enumerate(keys, 1)]
    sizes = [_named(score.exp(), f"e_{t}") for t, score in enumerate(scores, 1)]
    whole = _named(sizes[0] + sizes[1], "Z")
    weights = [_named(size / whole, f"a_{t}") for t, size in enumerate(sizes, 1)]
    return _named(F.dot(weights, values), "out")


def _cell(cell: Callable[..., Any], **options: Any) -> Callable[[], Any]:
    """Two steps of a cell with one unit, and the sum of its outputs as the loss."""

    def build() -> Any:
        model = nn.SequenceModel(cell(1, 1, bias=False, **options), nn.Linear(1, 1, bias=False))
        return model.unroll([1.0, 1.0], loss=lambda y, _: y[0])

    return build


GRAPHS: dict[str, Callable[[], Any]] = {
    "neuron": _neuron,
    "fork": _fork,
    "mlp": _mlp,
    "rnn": _cell(nn.RNNCell, nonlinearity="identity"),
    "tanh-rnn": _cell(nn.RNNCell),
    "lstm": _cell(nn.LSTMCell),
    "gru": _cell(nn.GRUCell),
    "attention": _attention,
}
