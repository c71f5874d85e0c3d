"""A tape as a pure JAX function, from the same blocks and the same rows of the op table.

There are no slots here: every block's result is an array of its own, and a block's
operands are put together from slices of what came before, which XLA fuses. A pure function
cannot raise: where a guard fails, the loss is nan, and so is its gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

import numpy as np

from .. import ops
from ..index import Index
from ..ops import Op
from .guards import Field
from .ir import FIRST_CONSTANT
from .numpy.arrays import ArrayNamespace
from .parameters import Store
from .plan import Plan

__all__ = ["to_jax"]

_FEW_PIECES = 64  # an operand of more pieces than this is gathered


def to_jax(plan: Plan, store: Store) -> Callable[[Any, Any], Any]:
    """`tape.to_jax()`."""
    try:
        import jax
        import jax.scipy.special
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "to_jax needs JAX, which is not installed: pip install 'microgrid-autograd[xla]'"
        ) from None
    if not jax.config.values["jax_enable_x64"]:
        raise RuntimeError(
            'to_jax computes in float64: call jax.config.update("jax_enable_x64", True) first'
        )
    return _Translation(plan, store, jax).loss


def _differentiable(op: Op, jax: Any, xp: ArrayNamespace) -> Callable[..., Any]:
    """The op on arrays, with the row's own local derivatives in place of JAX's.

    Those differ where a kink leaves a choice (relu at 0), and are nan where a branch is that
    the forward does not take.
    """

    @jax.custom_jvp  # type: ignore[untyped-decorator, unused-ignore]
    def function(*operands: Any) -> Any:
        return op.forward(xp, *operands)

    @function.defjvp  # type: ignore[untyped-decorator, unused-ignore]
    def rule(operands: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        out = function(*operands)
        derivatives = op.partials(xp, out, *operands)
        if op.variadic:
            column = jax.numpy.asarray(derivatives).reshape(len(derivatives), -1)
            return out, (column * tangents[0]).sum(axis=0)
        return out, sum(derivative * tangent for derivative, tangent in zip(derivatives, tangents))

    differentiable: Callable[..., Any] = function
    return differentiable


def _leaves(fields: Sequence[Field]) -> tuple[Any, Any, Any]:
    """Per input leaf: the number it is fed from, which entry of an Index it is, of how many.

    An entry of -1 is no Index's. All are empty where there is none.
    """
    found = (
        [
            (i, k, len(field) if isinstance(field, Index) else 1)
            for i, field in enumerate(fields)
            for k in (range(len(field)) if isinstance(field, Index) else (-1,))
        ]
        if any(isinstance(field, Index) for field in fields)
        else []
    )
    numbers, picks, sizes = np.array(found, dtype=int).reshape(-1, 3).T
    return numbers, picks, sizes


class _Translation:
    """Where each node's number is found: (source, place in it).

    Attributes
    ----------
    jnp : the module jax.numpy
    functions : every op on arrays, with the derivatives of the op table
    """

    def __init__(self, plan: Plan, store: Store, jax: Any) -> None:
        self.jnp = jax.numpy
        xp = ArrayNamespace(jax.numpy, erf=jax.scipy.special.erf)
        self.functions = {op: _differentiable(op, jax, xp) for op in ops.OPS}
        graph = plan.graph
        self._shapes = [parameter.data.shape for parameter in store.parameters]
        self._input_shapes = (plan.source.input_shape, (len(plan.source.fields),))
        self._fields, self._picks, self._sizes = _leaves(plan.source.fields)
        self._place: dict[int, tuple[int, int]] = {}
        place = self._place
        for value, slot in store.slot.items():
            if value in graph.index:
                place[graph.index[value]] = (0, slot)
        place.update({node: (1, i) for i, node in enumerate(plan.inputs)})
        # Numbers that never change: other leaves, then constants.
        fixed = [node for node in graph.fixed if node not in place]
        self._numbers = [graph.values[node].data for node in fixed] + graph.constants.numbers
        fixed += range(FIRST_CONSTANT, FIRST_CONSTANT + len(graph.constants.numbers))
        place.update({node: (2, i) for i, node in enumerate(fixed)})
        blocks = list(chain.from_iterable(block.apart() for block in plan.blocks))
        for source, block in enumerate(blocks, start=3):
            place.update({node: (source, i) for i, node in enumerate(block.made())})
        self._steps = [block.jax(self) for block in blocks]
        self._loss = place[graph.roots[0]]
        self._tests = []
        for check in plan.checks:
            left, right = map(self.assemble, check.sides)
            self._tests.append((check.name, left, right, check.outcomes))

    def loss(self, parameters: Sequence[Any], inputs: Any) -> Any:
        """The loss from arrays shaped like `tape.parameters()` and one example's inputs."""
        jnp = self.jnp
        shapes = [jnp.shape(array) for array in parameters]
        if shapes != self._shapes:
            raise ValueError(f"to_jax: parameters must have shapes {self._shapes}, got {shapes}")
        if jnp.shape(inputs) not in self._input_shapes:
            raise ValueError(
                f"to_jax: inputs must have shape {self._input_shapes[0]}, got "
                f"{jnp.shape(inputs)}; for a batch use jax.vmap"
            )
        flat = [jnp.ravel(jnp.asarray(array).T) for array in parameters]  # as the store holds them
        sources = [
            jnp.concatenate(flat) if flat else jnp.zeros(0),
            self._one_hot(jnp.ravel(jnp.asarray(inputs, dtype=float))),
            jnp.asarray(self._numbers, dtype=float),
        ]
        for step in self._steps:
            sources.append(step(sources))
        source, i = self._loss
        found = sources[source][i]
        for name, left, right, outcomes in self._tests:
            holds = jnp.all(getattr(jnp, name)(left(sources), right(sources)) == outcomes)
            found = found * jnp.where(holds, 1.0, jnp.nan)  # a product: its gradient is nan too
        return found

    def _one_hot(self, given: Any) -> Any:
        """A number per input leaf; nan for an Index that picks nothing."""
        if not len(self._picks):
            return given
        jnp, numbers, picks = self.jnp, given[self._fields], self._picks
        holds = (numbers >= 0) & (numbers < self._sizes) & (numbers == jnp.floor(numbers))
        hot = jnp.where(holds, (numbers == picks).astype(float), jnp.nan)
        return jnp.where(picks < 0, numbers, hot)

    def assemble(self, nodes: Sequence[Any]) -> Callable[[list[Any]], Any]:
        """A function that puts the nodes' numbers together in an array of their shape."""
        jnp = self.jnp
        shape = np.shape(nodes)
        found = np.array([self._place[node] for node in np.ravel(nodes).tolist()])
        jumps = np.any(np.diff(found, axis=0) != (0, 1), axis=1)
        starts = [0, *(np.flatnonzero(jumps) + 1).tolist()]
        ends = [*starts[1:], len(found)]
        pieces = [(int(found[a, 0]), int(found[a, 1]), b - a) for a, b in zip(starts, ends)]
        if len(pieces) <= _FEW_PIECES:

            def slices(sources: list[Any]) -> Any:
                parts = [sources[source][i : i + size] for source, i, size in pieces]
                return (parts[0] if len(parts) == 1 else jnp.concatenate(parts)).reshape(shape)

            return slices
        read = sorted(set(found[:, 0].tolist()))

        def gather(sources: list[Any]) -> Any:
            sizes = [sources[source].shape[0] for source in read]
            offset = dict(zip(read, np.cumsum([0, *sizes]).tolist()))
            index = np.array([offset[source] + i for source, i in found.tolist()])
            return jnp.concatenate([sources[source] for source in read])[index].reshape(shape)

        return gather
