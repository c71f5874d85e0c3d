"""A named graph with fresh numbers and its questions: what a sheet is made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .. import functional as F
from .. import nn
from ..graph import root_of
from ..value import Value
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
}
