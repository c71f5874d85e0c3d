"""A jaxpr read from its first equation to its last, into a graph of Values."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..arrays import Array, filled, numbers
from ..recording import scope
from ..value import Value
from .linear import solved
from .moves import MOVES, moved
from .rules import RULES

__all__ = ["from_jax"]


def from_jax(f: Callable[..., Any], *args: Any) -> Any:
    """f(*args), recorded: what f returns, with Values in the place of numbers.

    args are nested lists, dicts, arrays as JAX takes them; each floating number becomes a leaf,
    called after f's parameter (and its key): "W[0,1]". A scalar comes back as a Value, an array
    as an `ndarray` of Values, and so on for tuples and dicts. Numbers are computed in float64,
    whatever JAX's precision. `from_jax` of a loss is ready to be drawn, stepped through and
    replayed; gradients are in the leaves' `grad` after `backward()`.

    NotImplementedError names a primitive that has no rule; TypeError where f does not return
    numbers. lax.scan is unrolled, step t in the scope "t=1", "t=2", ... So is lax.while_loop, as
    often as it goes round for these numbers, and of lax.cond and lax.switch the branch is recorded
    that these numbers take, as in a program without them. A Tape of the graph guards that choice.
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
    known: dict[Any, Any] = dict(zip(jaxpr.constvars, map(_known, consts)))
    known |= dict(zip(jaxpr.invars, args))

    def read(variable: Any) -> Any:
        if hasattr(variable, "val"):
            return np.asarray(variable.val, dtype=variable.aval.dtype)
        return known[variable]

    for equation in jaxpr.eqns:
        out = _equation(equation, [read(x) for x in equation.invars])
        known |= dict(zip(equation.outvars, out))
    return [read(x) for x in jaxpr.outvars]


def _known(array: Any) -> Any:
    """A number of JAX's as NumPy's; what NumPy has no type for, such as a random key, stays."""
    try:
        return np.asarray(array)
    except TypeError:
        return array


def _equation(equation: Any, given: list[Any]) -> Sequence[Any]:
    """The results of one primitive. Where no Value is given, JAX computes it."""
    name, params = equation.primitive.name, equation.params
    if name in _LOOPS:
        return _LOOPS[name](given, params)
    inner = _inner(params)
    if inner is not None and name not in RULES and name not in MOVES:
        return _run(inner.jaxpr, inner.consts, given)
    if not any(isinstance(x, np.ndarray) and x.dtype.hasobject for x in given):
        made = equation.primitive.bind(*given, **params)
        return [*map(_known, made)] if equation.primitive.multiple_results else [_known(made)]
    if name in MOVES:
        return moved(equation.primitive, given, params)
    if name not in RULES:
        raise NotImplementedError(
            f"from_jax: the primitive {name!r} is not recorded yet; a rule for it is one entry "
            f"in microgrid/jaxpr/rules.py"
        )
    made = RULES[name](*given, **params)
    return made if equation.primitive.multiple_results else [made]


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


def _while(given: Sequence[Any], params: Mapping[str, Any]) -> list[Any]:
    """As many rounds as these numbers take, each in the scope of its time step."""
    test, body = params["cond_jaxpr"], params["body_jaxpr"]
    first, second = params["cond_nconsts"], params["body_nconsts"]
    fixed, own = given[:first], given[first : first + second]
    carry, t = list(given[first + second :]), 0
    while numbers(_run(test.jaxpr, test.consts, [*fixed, *carry])[0]).item():
        t += 1
        with scope(f"t={t}"):
            carry = _run(body.jaxpr, body.consts, [*own, *carry])
    return carry


def _cond(given: Sequence[Any], params: Mapping[str, Any]) -> list[Any]:
    """The branch that these numbers take."""
    index, *operands = given
    branch = params["branches"][int(numbers(index))]
    return _run(branch.jaxpr, branch.consts, operands)


_LOOPS: dict[str, Callable[[Sequence[Any], Mapping[str, Any]], list[Any]]] = {
    "scan": _scan,
    "while": _while,
    "cond": _cond,
    "custom_linear_solve": solved,
}
