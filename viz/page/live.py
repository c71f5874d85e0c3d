"""What can be moved on a live page, and what the page asks: knobs, weights, names, questions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from microgrid import nn
from microgrid.exercise.numbers import pool
from microgrid.exercise.question import WORDS, Question, questions
from microgrid.nested import flatten
from microgrid.nn import Unrolled
from microgrid.tape.guards import Guard, GuardError, guards_of
from microgrid.value import Value, creation_order

from ..picture.naming import label_of, name_of
from ..style.typography import pretty
from .graph import Graph, number_data

__all__ = ["exercise_data", "guards_of_graph", "knobs", "names", "reach", "weights"]

_MOST_QUESTIONS = 48
_MOST_LOSSES = 40  # each of which is swept back by itself at every update
_MOST_NODES = 3000  # of a graph on which questions are asked


def guards_of_graph(roots: Sequence[Value]) -> list[Guard]:
    """The comparisons on which the recording hung; none where one of them is gone."""
    root = max(roots, key=lambda node: node.serial)
    leaves = [node for node in creation_order(*roots) if node.op is None]
    try:
        return guards_of(root, leaves) if root.op is not None else []
    except GuardError:
        return []


def knobs(x: Any, graph: Graph) -> list[dict[str, Any]]:
    """The leaves in groups: inputs, start state, each weight of the model, and what is left."""
    groups: dict[str, list[tuple[str, Value]]] = {}
    seen: set[Value] = set()

    def add(group: str, name: str, leaf: Value) -> None:
        if leaf not in seen and leaf in graph.index and leaf.op is None:
            seen.add(leaf)
            groups.setdefault(group, []).append((name, leaf))

    if isinstance(x, Unrolled):
        for t, row in enumerate(x.inputs, start=1):
            for i, leaf in enumerate(row):
                name = f"x_{t}" if len(row) == 1 else f"x_{t}[{i}]"
                add("Inputs", name, leaf)
        for leaf in flatten(x.carries[:1]):  # of an LSTM both h_0 and c_0
            add("Start state", leaf.label, leaf)
        for name, parameter in x.model.named_parameters():
            add(f"{name.partition('[')[0]}", parameter.label or name, parameter)
    for leaf in graph.order:
        if leaf.label:
            add("Leaves", leaf.label, leaf)
    return [
        {
            "name": group,
            "items": [[str(label_of(name)), graph.index[leaf]] for name, leaf in items],
        }
        for group, items in groups.items()
    ]


def weights(x: Any, graph: Graph) -> dict[str, Any] | None:
    """The state_dict of the run's model with places of nodes for numbers, or with plain numbers."""
    if not isinstance(x, Unrolled) or not isinstance(x.model, nn.Module):
        return None

    def places(weight: Any) -> Any:
        if isinstance(weight, Value):
            place = graph.index.get(weight)
            return number_data(weight.data) if place is None else {"node": place}
        return [places(part) for part in weight]

    return {name: places(weight) for name, weight in x.model.named_weights()}


def names(graph: Graph) -> dict[str, int]:
    """Every label and the place of its node; of nodes that share one the youngest bears it."""
    return {node.label: i for i, node in enumerate(graph.order) if node.label}


def reach(x: Any, graph: Graph) -> dict[str, Any]:
    """The hidden states and the losses of a run, by name and place: what |dL_k/dh_t| is asked of.

    A state that no loss sees has no places. The last loss stands for all where there are many.
    """
    if not isinstance(x, Unrolled) or graph.sweep is None or x.root is None:
        return {"states": [], "losses": []}
    states = []
    for t, state in enumerate(x.states):
        name = str(label_of(state[0].label).whole) if state[0].label else f"h{t}"
        states.append([name, [graph.index[h] for h in state if h in graph.index]])
    losses = [
        [name_of(loss), t, graph.index[loss]]
        for t, loss in enumerate(x.losses, 1)
        if loss is not None and loss in graph.index
    ]
    return {"states": states, "losses": losses if len(losses) <= _MOST_LOSSES else losses[-1:]}


def exercise_data(graph: Graph) -> dict[str, Any]:
    """Questions on the graph, whose answers are sources, and how fresh numbers are drawn."""
    if graph.sweep is None or len(graph.order) > _MOST_NODES:
        return {"questions": [], "pool": [], "leaves": [], "words": WORDS}
    root = graph.sweep.root
    try:
        found = questions(root, _MOST_QUESTIONS)
    except ValueError:
        found = []
    below = creation_order(root)
    return {
        "questions": [_question(question, graph) for question in found],
        "pool": list(pool(root)),
        "leaves": [graph.index[x] for x in below if x.op is None],
        "words": WORDS,
    }


def _question(question: Question, graph: Graph) -> dict[str, Any]:
    subject, position = question.subject, question.position
    assert subject is not None
    return {
        "kind": question.kind,
        "text": pretty(question.text),
        "hint": pretty(question.hint),
        "answer": graph.source(question.answer),
        "slips": [[graph.source(x), pretty(words)] for x, words in question.slips],
        "choices": list(map(pretty, question.choices)),
        "products": [graph.source(x) for x in question.products],
        "node": graph.index[subject],
        "edge": None if position is None else graph.edge[subject, position],
        "step": question.step,
    }
