"""from_jax: a JAX function as a graph of Values, read from its jaxpr.

JAX hands out the program that a function is (jax.make_jaxpr); its primitives are recorded by the
functions on arrays of Values that PyTorch's calls are recorded by. A lax.scan becomes the columns
of time. JAX is needed to call it (`pip install "microgrid-autograd[xla]"`), not to import it.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from . import ops
from .arrays import (
    Array,
    apply,
    by_line,
    extreme,
    filled,
    matmul,
    numbers,
    pointwise,
    reduced,
    total,
)  # fmt: skip
from .ops import Op, by_name
from .recording import scope
from .value import Value

__all__ = ["from_jax"]

_Rule = Callable[..., Any]


def from_jax(f: Callable[..., Any], *args: Any) -> Any:
    """f(*args), recorded: what f returns, with Values in the place of numbers.

    args are nested lists, dicts, arrays as JAX takes them; each floating number becomes a leaf,
    called after f's parameter (and its key): "W[0,1]". A scalar comes back as a Value, an array
    as an `ndarray` of Values, and so on for tuples and dicts. Numbers are computed in float64,
    whatever JAX's precision. `from_jax` of a loss is ready to be drawn, stepped through and
    replayed; gradients are in the leaves' `grad` after `backward()`.

    NotImplementedError names a primitive that has no rule; TypeError where f does not return
    numbers. lax.scan is unrolled, step t in the scope "t=1", "t=2", ...; lax.while_loop and
    lax.cond are not, because their jaxpr does not say which way is taken.
    """
    try:
        import jax
    except ImportError:
        raise ImportError(
            'from_jax needs JAX, which is not installed: pip install "microgrid-autograd[xla]"'
        ) from None
    closed, shapes = jax.make_jaxpr(f, return_shape=True)(*args)
    flat, _ = jax.tree_util.tree_flatten(args)
    names = _names(f, args, jax)
    leaves = [_leaves(name, x) for name, x in zip(names, flat)]
    results = _run(closed.jaxpr, closed.consts, leaves)
    entries = [x[()] if np.ndim(x) == 0 else x for x in results]
    return jax.tree_util.tree_unflatten(jax.tree_util.tree_structure(shapes), entries)


def _names(f: Callable[..., Any], args: Sequence[Any], jax: Any) -> list[str]:
    """A name for every array among the arguments: its parameter's, and its place within."""
    try:
        parameters = list(inspect.signature(f).parameters)
    except (TypeError, ValueError):
        parameters = []
    parameters += [f"input {i + 1}" for i in range(len(parameters), len(args))]
    named, _ = jax.tree_util.tree_flatten_with_path(tuple(args))
    found = []
    for path, _ in named:
        first, *rest = path
        keys = [str(getattr(k, "key", getattr(k, "idx", getattr(k, "name", k)))) for k in rest]
        found.append(".".join([parameters[first.idx], *keys]))
    return found


def _leaves(name: str, given: Any) -> Array:
    array = np.asarray(given)
    if not np.issubdtype(array.dtype, np.floating):
        return array
    places = np.ndindex(array.shape)
    labels = [f"{name}[{','.join(map(str, place))}]" for place in places]
    labels = [name] if array.size == 1 else labels
    return filled(array.shape, map(Value, array.astype(float).ravel().tolist(), labels))


def _run(jaxpr: Any, consts: Sequence[Any], args: Sequence[Any]) -> list[Any]:
    """Every equation of a jaxpr in turn."""
    known: dict[Any, Any] = dict(zip(jaxpr.constvars, map(np.asarray, consts)))
    known |= dict(zip(jaxpr.invars, args))

    def read(variable: Any) -> Any:
        return np.asarray(variable.val) if hasattr(variable, "val") else known[variable]

    for equation in jaxpr.eqns:
        given = [read(x) for x in equation.invars]
        name, params = equation.primitive.name, equation.params
        if name == "scan":
            out = _scan(given, params)
        elif (inner := _inner(params)) is not None and name not in _RULES:
            out = _run(inner.jaxpr, inner.consts, given)
        elif name in _RULES:
            made = _RULES[name](*given, **params)
            out = made if equation.primitive.multiple_results else [made]
        else:
            raise NotImplementedError(
                f"from_jax: the primitive {name!r} is not recorded yet; a rule for it is one entry "
                f"in microgrid/jaxpr.py"
            )
        known |= dict(zip(equation.outvars, out))
    return [read(x) for x in jaxpr.outvars]


def _inner(params: Mapping[str, Any]) -> Any:
    """The jaxpr of a function that an equation calls: jit, custom_jvp, remat."""
    for key in ("jaxpr", "call_jaxpr", "fun_jaxpr"):
        found = params.get(key)
        if found is not None and hasattr(found, "jaxpr"):
            return found
        if found is not None and hasattr(found, "eqns"):
            return _Closed(found)
    return None


class _Closed:
    def __init__(self, jaxpr: Any) -> None:
        self.jaxpr, self.consts = jaxpr, ()


def _scan(given: Sequence[Any], params: Mapping[str, Any]) -> list[Any]:
    """A loop over the leading axis, every round in the scope of its time step."""
    fixed, carried, body = params["num_consts"], params["num_carry"], params["jaxpr"]
    constants, carry = given[:fixed], list(given[fixed : fixed + carried])
    xs = given[fixed + carried :]
    rounds = range(params["length"])
    made = []
    for t in reversed(rounds) if params["reverse"] else rounds:
        with scope(f"t={t + 1}"):
            row = [np.asarray(x, dtype=x.dtype)[t, ...] for x in xs]
            row = [x if isinstance(x, np.ndarray) else np.asarray(x, dtype=object) for x in row]
            out = _run(body.jaxpr, body.consts, [*constants, *carry, *row])
        carry = out[:carried]
        made.append(out[carried:])
    if params["reverse"]:
        made.reverse()
    return [*carry, *[np.stack([np.asarray(y) for y in column]) for column in zip(*made)]]


# The rules: a primitive's arrays, then its parameters by name


def _op(op: Op) -> _Rule:
    return lambda *arrays, **_: _numbers_or(op, arrays)


def _numbers_or(op: Op, arrays: Sequence[Any]) -> Any:
    """A row of the op table; integers stay integers, which indices have to."""
    if all(np.asarray(a).dtype.kind in "iub" for a in arrays):
        return _INTEGERS[op.name](*arrays)
    return pointwise(op, *arrays)


_INTEGERS: dict[str, Callable[..., Any]] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "neg": np.negative, "abs": np.abs,
    "maximum": np.maximum, "minimum": np.minimum, "div": np.floor_divide, "pow": np.power,
}  # fmt: skip


def _compared(test: Callable[..., Any]) -> _Rule:
    return lambda *arrays, **_: test(*[numbers(a) for a in arrays])


def _dot_general(a: Any, b: Any, dimension_numbers: Any, **_: Any) -> Array:
    """Products of matrices, batch axes first, as lax.dot_general."""
    (sum_a, sum_b), (batch_a, batch_b) = dimension_numbers
    rows_of = [i for i in range(np.ndim(a)) if i not in (*sum_a, *batch_a)]
    columns_of = [i for i in range(np.ndim(b)) if i not in (*sum_b, *batch_b)]
    left = np.transpose(a, (*batch_a, *rows_of, *sum_a))
    right = np.transpose(b, (*batch_b, *sum_b, *columns_of))
    batch = left.shape[: len(batch_a)]
    rows = left.shape[len(batch) : len(batch) + len(rows_of)]
    columns = right.shape[len(batch) + len(sum_b) :]
    inner = math.prod(left.shape[len(batch) + len(rows_of) :])
    left = left.reshape(math.prod(batch), math.prod(rows), inner)
    right = right.reshape(math.prod(batch), inner, math.prod(columns))
    products = [matmul(x, y) for x, y in zip(left, right)]
    return np.stack(products).reshape(*batch, *rows, *columns)


def _broadcast(a: Any, shape: Sequence[int], broadcast_dimensions: Sequence[int], **_: Any) -> Any:
    given = np.asarray(a)
    wide = [1] * len(shape)
    for axis, size in zip(broadcast_dimensions, given.shape):
        wide[axis] = size
    return np.broadcast_to(given.reshape(wide), shape)


def _power(a: Any, b: Any = None, y: Any = None, **_: Any) -> Any:
    exponent = b if b is not None else y
    whole = np.asarray(exponent)
    return pointwise(ops.POW, a, whole.astype(float) if whole.dtype != object else whole)


def _reduction(f: Callable[[list[Any]], Any], plain: Callable[..., Any]) -> _Rule:
    def rule(a: Any, axes: Sequence[int], **_: Any) -> Any:
        if np.asarray(a).dtype != object:
            return plain(a, axis=tuple(axes))
        return reduced(a, list(axes), False, f) if axes else a

    return rule


def _select(which: Any, *cases: Any, **_: Any) -> Array:
    together = np.broadcast_arrays(which, *cases)
    columns = [array.ravel().tolist() for array in together]
    return filled(together[0].shape, [row[1 + int(row[0])] for row in zip(*columns)])


def _slice(a: Any, start_indices: Any, limit_indices: Any, strides: Any = None, **_: Any) -> Any:
    steps = strides or [1] * np.ndim(a)
    return np.asarray(a)[tuple(map(slice, start_indices, limit_indices, steps))]


def _dynamic_slice(a: Any, *starts: Any, slice_sizes: Sequence[int], **_: Any) -> Any:
    given = np.asarray(a)
    begins = [min(max(int(s), 0), n - size) for s, n, size in zip(starts, given.shape, slice_sizes)]
    return given[tuple(slice(s, s + size) for s, size in zip(begins, slice_sizes))]


def _gather(a: Any, indices: Any, dimension_numbers: Any, slice_sizes: Any, **_: Any) -> Any:
    """Rows by index, as x[i] and jnp.take make it: slices at places along some axes."""
    given, places = np.asarray(a), np.asarray(indices)
    offsets = dimension_numbers.offset_dims
    collapsed = dimension_numbers.collapsed_slice_dims
    along = dimension_numbers.start_index_map
    if getattr(dimension_numbers, "operand_batching_dims", ()):
        raise NotImplementedError("from_jax: a batched gather is not recorded yet")
    batch = places.shape[:-1]
    parts = []
    for place in places.reshape(-1, places.shape[-1]).tolist():
        begin = [0] * given.ndim
        for axis, i in zip(along, place):
            begin[axis] = min(max(int(i), 0), given.shape[axis] - slice_sizes[axis])
        part = given[tuple(slice(s, s + n) for s, n in zip(begin, slice_sizes))]
        shape = [n for axis, n in enumerate(part.shape) if axis not in collapsed]
        parts.append(part.reshape(shape))
    stacked = np.stack(parts).reshape(*batch, *parts[0].shape)
    rank = len(batch) + len(offsets)
    others = iter(range(len(batch)))
    inner = iter(range(len(batch), rank))
    order = [next(inner) if axis in offsets else next(others) for axis in range(rank)]
    return stacked.transpose(order)


def _constant(a: Any) -> Array:
    """The numbers alone: no gradient passes."""
    return numbers(a)


def _running(op: Op) -> _Rule:
    def rule(a: Any, axis: int, reverse: bool, **_: Any) -> Array:
        def line(xs: list[Any]) -> list[Any]:
            out: list[Any] = []
            for x in xs[::-1] if reverse else xs:
                out.append(apply(op, [out[-1], x]) if out else x)
            return out[::-1] if reverse else out

        return by_line(a, axis, line)

    return rule


def _argument(largest: bool) -> _Rule:
    def rule(a: Any, axes: Sequence[int], **_: Any) -> Any:
        (axis,) = axes
        return (np.argmax if largest else np.argmin)(numbers(a), axis=axis)

    return rule


def _iota(shape: Sequence[int], dimension: int, **_: Any) -> Any:
    """0, 1, 2, ... along one axis."""
    line = [-1 if axis == dimension else 1 for axis in range(len(shape))]
    return np.broadcast_to(np.arange(shape[dimension]).reshape(line), shape)


def _split(a: Any, sizes: Sequence[int], axis: int, **_: Any) -> list[Any]:
    return np.split(np.asarray(a), np.cumsum(sizes)[:-1], axis=axis)


_RULES: dict[str, _Rule] = {
    "add": _op(ops.ADD), "add_any": _op(ops.ADD), "sub": _op(ops.SUB), "mul": _op(ops.MUL),
    "div": _op(ops.DIV), "neg": _op(ops.NEG), "abs": _op(ops.ABS), "max": _op(ops.MAXIMUM),
    "min": _op(ops.MINIMUM), "exp": _op(ops.EXP), "exp2": _op(by_name("exp2")),
    "expm1": _op(ops.EXPM1), "log": _op(ops.LOG), "log1p": _op(ops.LOG1P), "sqrt": _op(ops.SQRT),
    "rsqrt": lambda a, **_: pointwise(ops.DIV, 1.0, pointwise(ops.SQRT, a)),
    "tanh": _op(ops.TANH), "logistic": _op(ops.SIGMOID), "sin": _op(ops.SIN), "cos": _op(ops.COS),
    "tan": _op(by_name("tan")), "erf": _op(by_name("erf")),
    "erfc": lambda a, **_: pointwise(ops.SUB, 1.0, pointwise(by_name("erf"), a)),
    "sinh": _op(by_name("sinh")),
    "cosh": _op(by_name("cosh")), "atan": _op(by_name("atan")),
    "square": lambda a, **_: _power(a, 2), "pow": _power, "integer_pow": _power,
    "sign": lambda a, **_: np.sign(numbers(a)), "floor": lambda a, **_: np.floor(numbers(a)),
    "round": lambda a, **_: np.round(numbers(a)),
    "clamp": lambda low, x, high, **_: pointwise(
        ops.MINIMUM, pointwise(ops.MAXIMUM, x, low), high
    ),
    "dot_general": _dot_general,
    "transpose": lambda a, permutation, **_: np.transpose(a, permutation),
    "reshape": lambda a, new_sizes, **_: np.reshape(a, new_sizes),
    "squeeze": lambda a, dimensions, **_: np.squeeze(a, tuple(dimensions)),
    "expand_dims": lambda a, dimensions, **_: np.expand_dims(a, tuple(dimensions)),
    "broadcast_in_dim": _broadcast,
    "rev": lambda a, dimensions, **_: np.flip(a, tuple(dimensions)),
    "concatenate": lambda *xs, dimension, **_: np.concatenate(xs, dimension),
    "slice": _slice, "dynamic_slice": _dynamic_slice, "gather": _gather, "split": _split,
    "select_n": _select,
    "reduce_sum": _reduction(total, np.sum), "reduce_max": _reduction(extreme, np.max),
    "reduce_min": _reduction(lambda xs: extreme(xs, largest=False), np.min),
    "reduce_and": _reduction(all, np.all), "reduce_or": _reduction(any, np.any),
    "argmax": _argument(True), "argmin": _argument(False),
    "cumsum": _running(ops.ADD), "cumprod": _running(ops.MUL),
    "stop_gradient": lambda a, **_: _constant(a), "copy": lambda a, **_: a,
    "copy_p": lambda a, **_: a,
    "convert_element_type": lambda a, new_dtype, **_: (
        a if np.asarray(a).dtype == object else np.asarray(a).astype(new_dtype)
    ),
    "iota": _iota,
    "is_finite": _compared(np.isfinite), "gt": _compared(np.greater), "lt": _compared(np.less),
    "ge": _compared(np.greater_equal), "le": _compared(np.less_equal), "eq": _compared(np.equal),
    "ne": _compared(np.not_equal), "and": _compared(np.logical_and),
    "or": _compared(np.logical_or), "not": _compared(np.logical_not),
}  # fmt: skip
