"""A tape as a pure JAX function, from the same blocks and the same rows of the op table.

There are no slots here: every block's result is an array of its own, and a block's
operands are put together from slices of what came before, which XLA fuses. A pure function
cannot raise: where a guard fails, the loss is nan, and so is its gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import ops
from ..ops import Op
from .numpy.arrays import ArrayNamespace
from .plan import Plan
from .schedule import MatrixBlock, OpBlock

FEW_PIECES = 64  # an operand of more pieces than this is gathered


def to_jax(plan: Plan) -> Callable[[Any, Any], Any]:
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
    return _Translation(plan, jax).loss


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
        slopes = op.partials(xp, out, *operands)
        if op.variadic:
            column = jax.numpy.asarray(slopes).reshape(len(slopes), -1)
            return out, (column * tangents[0]).sum(axis=0)
        return out, sum(slope * tangent for slope, tangent in zip(slopes, tangents))

    differentiable: Callable[..., Any] = function
    return differentiable


class _Translation:
    """Where each node's number is found: (source, place in it)."""

    def __init__(self, plan: Plan, jax: Any) -> None:
        self._jnp = jax.numpy
        xp = ArrayNamespace(jax.numpy, erf=jax.scipy.special.erf)
        self._functions = {op: _differentiable(op, jax, xp) for op in ops.OPS}
        graph, store = plan.graph, plan.store
        self._shapes = [parameter.data.shape for parameter in store.parameters]
        self._input_shapes = (plan.input_shape, (len(plan.inputs),))
        place: dict[int, tuple[int, int]] = {}
        for value, slot in store.slot.items():
            if value in graph.index:
                place[graph.index[value]] = (0, slot)
        place.update({node: (1, i) for i, node in enumerate(plan.inputs)})
        # Numbers that never change: other leaves, then constants.
        fixed = [node for node in graph.fixed if node not in place]
        fixed += [graph.constant(number) for number in graph.constants]
        self._numbers = [
            graph.number(node) if graph.is_constant(node) else graph.values[node].data
            for node in fixed
        ]
        place.update({node: (2, i) for i, node in enumerate(fixed)})
        for source, block in enumerate(plan.blocks, start=3):
            outputs = np.ravel(block.outputs).tolist()
            place.update({node: (source, i) for i, node in enumerate(outputs)})
        self._steps = [self._translate(block, place) for block in plan.blocks]
        self._loss = place[graph.roots[0]]
        self._tests = []
        for check in plan.checks:
            left, right = (self._assemble(side, place) for side in check.sides)
            self._tests.append((check.test.__name__, left, right, check.outcomes))

    def loss(self, parameters: Sequence[Any], inputs: Any) -> Any:
        """The loss from arrays shaped like `tape.parameters()` and one example's inputs."""
        jnp = self._jnp
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
            jnp.ravel(jnp.asarray(inputs, dtype=float)),
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

    def _translate(
        self, block: MatrixBlock | OpBlock, place: dict[int, tuple[int, int]]
    ) -> Callable[[list[Any]], Any]:
        jnp = self._jnp
        if isinstance(block, MatrixBlock):
            rows = self._assemble(block.matrix.rows, place)
            columns = self._assemble(block.columns, place)
            return lambda sources: jnp.ravel(columns(sources) @ rows(sources).T)
        function, operands = self._functions[block.op], list(zip(*block.operands))
        each = [operands] if block.op.variadic else operands
        arrays = [self._assemble(nodes, place) for nodes in each]
        return lambda sources: function(*[array(sources) for array in arrays])

    def _assemble(
        self, nodes: Sequence[Any], place: dict[int, tuple[int, int]]
    ) -> Callable[[list[Any]], Any]:
        """A function that puts the nodes' numbers together in an array of their shape."""
        jnp = self._jnp
        shape = np.shape(nodes)
        found = np.array([place[node] for node in np.ravel(nodes).tolist()])
        jumps = np.any(np.diff(found, axis=0) != (0, 1), axis=1)
        starts = [0, *(np.flatnonzero(jumps) + 1).tolist()]
        ends = [*starts[1:], len(found)]
        pieces = [(int(found[a, 0]), int(found[a, 1]), b - a) for a, b in zip(starts, ends)]
        if len(pieces) <= FEW_PIECES:

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
