"""Pieces of C that all kernels are put together from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ...expressions import Expression, to_c
from ...expressions.rewrite import steps

__all__ = ["ALONE", "ARRAYS", "c", "entry", "kernel", "loop", "pointer", "statements", "uses"]

_VECTORIZED = {"exp": "mg_exp", "expm1": "mg_expm1", "tanh": "mg_tanh"}  # in runtime.h
ALONE = {**_VECTORIZED, "tanh": "mg_tanh_alone"}  # in alone.h
ARRAYS = 5  # the word at which the arrays of a loop begin; each has an address and three strides


def c(
    expression: Expression,
    names: dict[str, str] | None = None,
    functions: Mapping[str, str] = _VECTORIZED,
) -> str:
    """An expression in C, its functions named as in runtime.h."""
    return to_c(expression, names, functions)


def statements(
    into: str,
    expression: Expression,
    names: dict[str, str],
    functions: Mapping[str, str] = _VECTORIZED,
) -> list[str]:
    """`into` = the expression, with what it reads twice in variables of its own."""
    named, (result,) = steps(expression)
    names = dict(names)
    lines = []
    for temporary, x in named:
        lines.append(f"const real {into}_{temporary} = {c(x, names, functions)};")
        names[temporary] = f"{into}_{temporary}"
    return [*lines, f"const real {into} = {c(result, names, functions)};"]


def uses(expression: Expression) -> set[str]:
    """The names that an expression reads."""
    if expression.kind in ("symbol", "element"):
        return {expression.args[0]}
    return set().union(*map(uses, () if expression.kind == "number" else expression.args))


def pointer(number: int, name: str) -> str:
    """The declaration of an array of a kernel, by its number."""
    return f"real *const {name} = AT({ARRAYS + 4 * number}); (void){name};"


def entry(number: int, name: str, pattern: str) -> str:
    """What stands in an array in round l of the inner loop."""
    if pattern == "0":
        return f"{name}[0]"
    return f"{name}[l]" if pattern == "1" else f"{name}[l * c[{ARRAYS + 4 * number + 3}]]"


def loop(body: Sequence[str], totals: Sequence[str] = ()) -> Iterator[str]:
    """The inner loop over a body; `totals` are sums that it takes on the way."""
    if totals and not any("mg_" in line for line in body):
        yield f'_Pragma("omp simd reduction(+:{",".join(totals)})")'
    elif not totals:
        yield "INDEPENDENT"
    yield "for (W l = 0; l < n; l++) {"
    yield from (f"  {line}" for line in body)
    yield "}"


def kernel(name: str, body: Sequence[str]) -> str:
    """A kernel as a C function: the loops around a body."""
    inner = "\n".join(f"    {line}" for line in body)
    return f"void {name}(const W *c) {{\n  const W n = c[4];\n  LOOPS {{\n{inner}\n  }}\n}}"
