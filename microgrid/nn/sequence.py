"""SequenceModel: a cell with its embedding and readout, unrolled over a sequence."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import Any, TypeAlias

import numpy as np

from .. import functional as F
from ..index import Index
from ..nested import mapped
from ..recording import scope
from ..value import Value
from ..wording import short, shortened
from .feedforward import Embedding, Linear
from .module import Module
from .parameters import Row, Seed, check_length, is_scalar, named, vector
from .recurrent import RecurrentCell

__all__ = ["SequenceModel", "Unrolled", "sampler"]

_Loss: TypeAlias = Callable[[Row, Any], Value]
_Readout: TypeAlias = Callable[[Row], Row]
_Feedback: TypeAlias = Callable[[Row], Any]

_LOSSES: dict[str, _Loss] = {
    "cross_entropy": F.cross_entropy,
    "mse": F.mse_loss,
    "binary_cross_entropy": F.binary_cross_entropy,
    "binary_cross_entropy_with_logits": F.binary_cross_entropy_with_logits,
    "hinge": lambda output, target: F.hinge_loss(output[0], target),
}
_TOPOLOGIES = ("one-to-one", "one-to-many", "many-to-one", "many-to-many", "generation")
_FEEDBACK = ("argmax", "soft", "output")


@dataclass
class Unrolled:
    """A recurrent model run over a sequence: what viz draws and bptt analyses.

    Steps count from 1; lists of per-step things have T entries, `states` T + 1.

    Attributes
    ----------
    model : the SequenceModel that ran
    inputs : T vectors x_t; an empty one where a step had no input
    states : T + 1 hidden vectors, states[0] is h_0
    carries : T + 1 full states as the cell returns them (an LSTM's are pairs h, c)
    outputs : T vectors y_t
    items : T entries, the index that each step read: given, or drawn by `feedback`; None where
        a step read a vector, or nothing
    losses : T entries L_t, None where a step has no loss
    root : the loss, or None where there is none
    loss : the losses summed (or averaged) over time; AttributeError says what to do where there
        is none
    targets : T entries, None where a step has none
    topology : which of the five wirings
    """

    model: SequenceModel
    topology: str
    carries: list[Any]
    states: list[Row]
    inputs: list[Row] = field(default_factory=list)
    outputs: list[Row] = field(default_factory=list)
    losses: list[Value | None] = field(default_factory=list)
    targets: list[Any] = field(default_factory=list)
    items: list[int | None] = field(default_factory=list)
    root: Value | None = None

    @property
    def loss(self) -> Value:
        """What a sweep starts from."""
        if self.root is None:
            raise AttributeError(
                "this run has no loss: give unroll() the targets, unroll(inputs, targets), "
                "or a loss that needs none, loss=lambda y, _: y[0]"
            )
        return self.root

    @property
    def text(self) -> str:
        """What the run read, drawn letters included, in the items of the embedding's `vocab`."""
        vocab = self.model.embedding.vocab if self.model.embedding is not None else None
        if vocab is None:
            raise AttributeError(
                "this run has no text: its model has no nn.Embedding(n, d, vocab=...)"
            )
        return "".join(vocab[i] for i in self.items if i is not None)

    def carry(self) -> Any:
        """The last state as plain numbers: h0 of the next chunk, cut off from this graph.

        What truncated BPTT hands from chunk to chunk, and what a checkpoint can keep.
        """
        return mapped(lambda value: value.data, self.carries[-1])

    def __len__(self) -> int:
        return len(self.inputs)

    def __repr__(self) -> str:
        loss = "no loss" if self.root is None else f"loss={self.root.data!r}"
        cell = type(self.model.cell).__name__
        return f"Unrolled({cell}, {len(self)} steps, hidden {len(self.states[0])}, {loss})"


class SequenceModel(Module):
    """embedding -> cell -> readout at every time step, all sharing their weights.

    Without a readout the output of a step is its hidden state, without an embedding an
    input is a vector (or a number if the cell takes one). With an embedding that knows its
    `vocab` inputs and targets may be items of it: `unroll("hell", "ello")`. `model(...)` is
    `model.unroll(...)`.

    >>> from microgrid.nn import RNNCell
    >>> cell = RNNCell(1, 1, nonlinearity="identity", bias=False)
    >>> model = SequenceModel(cell, readout=Linear(1, 1, bias=False))
    >>> model.load_state_dict(
    ...     {"cell.weight_ih": [[1]], "cell.weight_hh": [[-5]], "readout.weight": [[-1]]}
    ... )
    >>> run = model.unroll([5, 1], loss=lambda y, target: y[0])
    >>> run.loss.backward()
    >>> run.loss.data, run.states[0][0].grad
    (19.0, -20.0)
    """

    def __init__(
        self,
        cell: RecurrentCell,
        readout: _Readout | None = None,
        embedding: Embedding | None = None,
    ) -> None:
        _check_cell(cell)
        if embedding is not None and embedding.embedding_dim != cell.input_size:
            raise ValueError(
                f"SequenceModel: the embedding has {embedding.embedding_dim} entries, "
                f"the cell takes {cell.input_size}"
            )
        if isinstance(readout, Linear) and readout.in_features != cell.hidden_size:
            raise ValueError(
                f"SequenceModel: the readout takes {readout.in_features} entries, "
                f"the cell has {cell.hidden_size} hidden ones"
            )
        if isinstance(readout, Linear):
            readout.relabel("W_y", "b_y")
        self.embedding = embedding
        self.cell = cell
        self.readout = readout

    def forward(self, *args: Any, **options: Any) -> Unrolled:
        """What `unroll` returns."""
        return self.unroll(*args, **options)

    def unroll(
        self,
        inputs: Sequence[Any],
        targets: Any = None,
        h0: Any = None,
        loss: str | _Loss = "cross_entropy",
        at: str = "all",
        topology: str = "many-to-many",
        reduction: str = "sum",
        feedback: str | _Feedback = "argmax",
    ) -> Unrolled:
        """Run the model over a sequence and record the graph.

        Parameters
        ----------
        inputs : one per step: a number, a vector, an index or item if there is an embedding,
            or None for a step without input
        targets : one per step, None for a step without loss. A number or an item that stands
            for itself is the target of the last step: the run is many-to-one. With topology
            "many-to-one" or at="last" a list of one is that too
        h0 : the start state, zeros unless given
        loss : "cross_entropy", "mse", "binary_cross_entropy",
            "binary_cross_entropy_with_logits", "hinge", or a function
            (output vector, target) -> Value, which needs no targets
        at : "all" steps have a loss, or only the "last"
        topology : "one-to-one", "one-to-many", "many-to-one" (loss at the last step),
            "many-to-many", or "generation". With "one-to-many" and "generation" there may
            be fewer inputs than targets: later steps have none, or get the output back
        reduction : "sum" or "mean" of the losses over time
        feedback : what generation takes as its next input: "argmax" (the likeliest item),
            "soft" (softmax of the output; the gradient flows through it), "output" itself,
            or a function of the output that returns an index or a vector, as `sampler` makes
        """
        loss_function = _choose("loss", loss, _LOSSES) if isinstance(loss, str) else loss
        if not callable(feedback):
            _choose("feedback", feedback, dict.fromkeys(_FEEDBACK))
        _choose("topology", topology, dict.fromkeys(_TOPOLOGIES))
        total = _choose("reduction", reduction, {"sum": F.sum, "mean": F.mean})
        inputs, targets = self._encoded(inputs, "input"), self._encoded(targets, "target")
        if is_scalar(targets):
            targets, topology = [targets], "many-to-one" if len(inputs) > 1 else topology
        last_only = _choose("at", at, {"all": False, "last": True}) or topology == "many-to-one"
        no_targets_needed = targets is None and not isinstance(loss, str)
        inputs, targets = _align(inputs, targets, topology, last_only)

        state = self.cell.initial_state(_no_text(h0))
        run = Unrolled(self, topology, carries=[state], states=[self.cell.hidden(state)])
        for t, (given, target) in enumerate(zip(inputs, targets), start=1):
            with scope(f"t={t}"):
                if given is None and topology == "generation" and t > 1:
                    given, item = self._fed_back(run.outputs[-1], feedback)
                else:
                    item = _index_of(given) if self.embedding is not None else None
                x = self._input(given)
                with scope("cell"):
                    state = self.cell(x or None, state)
                h = named(_hidden(self.cell, state), "h")
                with scope("readout"):
                    y = self._output(h)
                wanted = (t == len(inputs) or not last_only) and (
                    target is not None or no_targets_needed
                )
                with scope("loss"):
                    step_loss = _step_loss(loss_function, y, target) if wanted else None
            run.inputs.append(x)
            run.items.append(item)
            run.carries.append(state)
            run.states.append(h)
            run.outputs.append(y)
            run.losses.append(step_loss)
            run.targets.append(target)
        losses = [x for x in run.losses if x is not None]
        if losses:
            run.root = total(losses)
            run.root.label = run.root.label or "L"
        return run

    def _encoded(self, items: Any, what: str) -> Any:
        """Items of the embedding's vocabulary as their indices; everything else as it is."""
        if isinstance(items, str):
            vocab = self.embedding.vocab if self.embedding is not None else None
            alone = len(items) == 1 or items in (vocab or ())  # a letter, or a word of the list
            items = ([items] if what == "input" else items) if alone else list(items)
        if isinstance(items, str):
            return self._index(items, what)
        if what == "target" and (items is None or is_scalar(items)):
            return items
        if not hasattr(items, "__iter__"):
            raise TypeError(f"unroll: {what}s must be a sequence, one per step, got {items!r}")
        return [self._index(x, what) if isinstance(x, str) else x for x in items]

    def _index(self, item: str, what: str) -> int:
        vocab = self.embedding.vocab if self.embedding is not None else None
        if vocab is None:
            raise ValueError(
                f"unroll: the {what} {item!r} is text, and the model has no vocabulary: give it an "
                f"nn.Embedding(n, d, vocab=...), or write F.one_hot(index, n) for each letter"
            )
        if item not in vocab:
            known = ", ".join(shortened([repr(x) for x in vocab]))
            raise ValueError(f"unroll: the {what} {item!r} is not in the vocabulary {known}")
        return vocab.index(item)

    def _input(self, given: Any) -> Row:
        if given is None:
            return []
        if self.embedding is not None and (is_scalar(given) or isinstance(given, Index)):
            return self.embedding(given)
        numbers = [given] if is_scalar(given) else given
        check_length("unroll: an input", numbers, self.cell.input_size)
        return named(vector(numbers, ""), "x")

    def _fed_back(self, output: Row, feedback: str | _Feedback) -> tuple[Any, int | None]:
        """(the next input, the index that was chosen for it, if one was)."""
        if feedback == "output":
            return output, None
        if feedback == "soft":
            p = F.softmax(output)
            return p if self.embedding is None else self.embedding.mixed(p), None
        chosen = feedback(output) if callable(feedback) else output.index(max(output))
        if not _is_index(chosen):
            return chosen, None
        one_hot = chosen if self.embedding is not None else F.one_hot(int(chosen), len(output))
        return one_hot, int(chosen)

    def _output(self, h: Row) -> Row:
        return h if self.readout is None else named(list(self.readout(h)), "y")


def sampler(temperature: float = 1.0, seed: Seed = None) -> _Feedback:
    """A feedback for generation that draws the next index from softmax(output / temperature).

    Low temperatures come close to argmax, high ones to an even choice. The same seed
    draws the same indices; a numpy.random.Generator carries on where it stands.
    ValueError for a temperature that is not above 0.

    >>> draw = sampler(temperature=0.5, seed=0)
    >>> [draw([Value(0.0), Value(2.0), Value(1.0)]) for _ in range(8)]
    [1, 1, 1, 1, 1, 2, 1, 1]
    """
    if not (isinstance(temperature, Real) and 0.0 < temperature < math.inf):
        raise ValueError(f"sampler: temperature must be a number above 0, got {temperature!r}")
    rng = np.random.default_rng(seed)

    def draw(output: Row) -> int:
        logits = np.array([y.data for y in output]) / temperature
        p = np.exp(logits - logits.max())
        return int(rng.choice(len(p), p=p / p.sum()))

    return draw


def _is_index(given: Any) -> bool:
    return isinstance(given, int | np.integer) and not isinstance(given, bool)


def _index_of(given: Any) -> int | None:
    if isinstance(given, Index):
        return given.number
    return int(given) if _is_index(given) else None


def _check_cell(cell: Any) -> None:
    if not isinstance(cell, RecurrentCell):
        if isinstance(cell, type):
            raise TypeError(f"SequenceModel takes a cell, got the class {cell.__name__}: make one")
        kind = type(cell).__name__
        own = ": it takes whole rows of samples, call it step by step" if "Row" in kind else ""
        if isinstance(cell, Module) and not own:
            own = f": write class {kind}(nn.RecurrentCell), which says what a cell has to have"
        raise TypeError(f"SequenceModel takes a cell such as nn.RNNCell, got {kind}{own}")
    for name in ("input_size", "hidden_size"):
        if not hasattr(cell, name):
            raise TypeError(
                f"SequenceModel: {type(cell).__name__} has no {name}; "
                f"set self.{name} in its __init__"
            )


def _hidden(cell: RecurrentCell, state: Any) -> Row:
    """The hidden vector of a state, which a cell of the user's may have got wrong."""
    h = cell.hidden(state)
    if not isinstance(h, list | tuple) or len(h) != cell.hidden_size:
        raise TypeError(
            f"unroll: {type(cell).__name__} must return its next hidden vector, a list of "
            f"{cell.hidden_size} Values (hidden_size), got {short(h) if is_scalar(h) else h!r}"
        )
    return list(h)


def _no_text(h0: Any) -> Any:
    if isinstance(h0, str):
        raise TypeError(f"unroll: h0 is the start state, got {h0!r}; write loss={h0!r}")
    return h0


def _step_loss(function: _Loss, output: Row, target: Any) -> Value:
    loss = function(output, target)
    if not isinstance(loss, Value):
        raise TypeError(f"unroll: the loss function must return a Value, got {loss!r}")
    return named([loss], "L")[0]


def _choose(what: str, name: str, table: dict[str, Any]) -> Any:
    try:
        return table[name]
    except (KeyError, TypeError):
        raise ValueError(f"{what} must be one of {', '.join(table)}, got {name!r}") from None


def _align(
    inputs: Sequence[Any], targets: Sequence[Any] | None, topology: str, last_only: bool
) -> tuple[list[Any], list[Any]]:
    """One input and one target per step."""
    xs = list(inputs)
    if not xs:
        raise ValueError("unroll needs at least one input, got none")
    if targets is None:
        return xs, [None] * len(xs)
    ys = list(targets)
    if last_only and len(ys) == 1:
        ys = [None] * (len(xs) - 1) + ys
    if topology in ("one-to-many", "generation"):
        xs += [None] * (len(ys) - len(xs))
    if len(xs) != len(ys):
        hint = "; for a loss at the last step only write unroll(inputs, y), without the brackets"
        hint = hint if len(ys) == 1 else ""
        raise ValueError(
            f"unroll: {len(xs)} inputs and {len(ys)} targets; {topology} needs as many of one "
            f"as of the other (None where a step has none)" + hint
        )
    return xs, ys
