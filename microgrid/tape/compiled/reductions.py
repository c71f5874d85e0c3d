"""Kernels of ops of many operands in C: sums, dots, logsumexps.

`Reduction` takes the operands of a node one after the other, where they lie beside each other;
`LaneReduction` takes many nodes (or examples) at once, operand by operand.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...expressions import trace
from ...expressions.rewrite import steps
from ...expressions.tree import REDUCTIONS
from ...ops import Op
from .text import ARRAYS, c, entry, kernel, loop, pointer

__all__ = ["LaneReduction", "LaneReductionBack", "Reduction", "ReductionBack"]

_CHUNK = 64  # terms or lanes that a kernel takes at once


@dataclass(frozen=True)
class Reduction:
    """A variadic op whose terms lie beside each other. Arrays: results, then the columns.

    c[4] counts the terms of a node.
    """

    op: Op

    def c(self, name: str) -> str:
        row = trace(self.op)
        lines = [pointer(k, f"p{k}") for k in range(1 + len(row.operands))]
        names = {o: f"p{k}[l]" for k, o in enumerate(row.operands, start=1)}
        named, (result,) = steps(row.value)
        for temporary, x in named:
            if x.kind == "sum":
                lines += _sum(temporary, c(x.args[0], names))
            elif x.kind == "max":
                lines += _max(temporary, c(x.args[0], names))
            else:
                lines.append(f"const real {temporary} = {c(x)};")
        return kernel(name, [*lines, f"p0[0] = {c(result)};"])


def _sum(name: str, term: str) -> list[str]:
    """Lines of C that add up a term over l = 0 .. n - 1."""
    if "mg_" not in term:
        return [
            f"real {name} = 0;",
            f'_Pragma("omp simd reduction(+:{name})")',
            f"for (W l = 0; l < n; l++) {name} += {term};",
        ]
    # A function that looks at bits cannot stand in such a loop: its results are summed after it.
    return [
        f"real {name} = 0;",
        f"for (W first = 0; first < n; first += {_CHUNK}) {{",
        f"  const W end = n < first + {_CHUNK} ? n : first + {_CHUNK};",
        f"  real part[{_CHUNK}];",
        f"  INDEPENDENT for (W l = first; l < end; l++) part[l - first] = {term};",
        f'  _Pragma("omp simd reduction(+:{name})")',
        f"  for (W l = first; l < end; l++) {name} += part[l - first];",
        "}",
    ]


def _max(name: str, term: str) -> list[str]:
    """Lines of C that find the largest term over l = 0 .. n - 1, nan if any is."""
    # A comparison with nan is false, so nan is looked for apart.
    return [
        f"real {name} = -(real)INFINITY;",
        "int is_nan = 0;",
        f'_Pragma("omp simd reduction(max:{name})")',
        f"for (W l = 0; l < n; l++) {name} = {term} > {name} ? {term} : {name};",
        '_Pragma("omp simd reduction(|:is_nan)")',
        f"for (W l = 0; l < n; l++) is_nan |= {term} != {term};",
        f"if (is_nan) {name} = (real)NAN;",
    ]


@dataclass(frozen=True)
class ReductionBack:
    """Messages of a Reduction to one of its columns.

    Arrays: the column's gradients, the upstream gradients, the results, the columns.
    """

    op: Op
    column: int
    mode: str

    def c(self, name: str) -> str:
        row = trace(self.op)
        derivative = row.derivatives[self.column]
        lines = [pointer(k, f"p{k}") for k in range(3 + len(row.operands))]
        names = {o: f"p{k}[l]" for k, o in enumerate(row.operands, start=3)}
        lines.append("const real upstream = p1[0], out = p2[0]; (void)out;")
        message = f"upstream * ({c(derivative, names)})"
        return kernel(name, [*lines, *loop([f"p0[l] {self.mode.strip('=')}= {message};"])])


@dataclass(frozen=True)
class LaneReduction:
    """A variadic op on many nodes (or examples) beside each other, term by term.

    Words: as for a loop over the results; then the number of terms; then per term and
    column an address and three strides.
    """

    op: Op

    def c(self, name: str) -> str:
        row = trace(self.op)
        width = 4 * len(row.operands)
        named, (result,) = steps(row.value)
        body = [f"const W size = c[4] - first < {_CHUNK} ? c[4] - first : {_CHUNK};"]
        for temporary, x in named:
            body.append(f"real {temporary}[{_CHUNK}];")
            names = {earlier: f"{earlier}[l]" for earlier, _ in named}
            if x.kind not in REDUCTIONS:
                body.append(f"for (W l = 0; l < size; l++) {temporary}[l] = {c(x, names)};")
                continue
            start = "0" if x.kind == "sum" else "-(real)INFINITY"
            body.append(f"for (W l = 0; l < size; l++) {temporary}[l] = {start};")
            body.append("for (W t = 0; t < c[9]; t++) {")
            body.append(f"  const W *d = c + 10 + {width} * t;")
            for k, o in enumerate(row.operands):
                at = f"(real *)(uintptr_t)d[{4 * k}] + i0 * d[{4 * k + 1}] + i1 * d[{4 * k + 2}]"
                body.append(f"  const W s_{o} = d[{4 * k + 3}];")
                body.append(f"  const real *p_{o} = {at} + first * s_{o};")
            unit = " && ".join(f"s_{o} == 1" for o in row.operands)
            for guard, at in ((f"if ({unit})", "p_{0}[l]"), ("else", "p_{0}[l * s_{0}]")):
                term = c(x.args[0], {**names, **{o: at.format(o) for o in row.operands}})
                more = f"{temporary}[l] + {term}"
                if x.kind == "max":
                    more = f"mg_maximum({temporary}[l], {term})"
                loop = f"for (W l = 0; l < size; l++) {temporary}[l] = {more};"
                body.append(f"  {guard} {{ INDEPENDENT {loop} }}")
            body.append("}")
        names = {temporary: f"{temporary}[l]" for temporary, _ in named}
        stored = f"po[(first + l) * c[8]] = {c(result, names)};"
        body.append(f"INDEPENDENT for (W l = 0; l < size; l++) {stored}")
        inner = [f"  {line}" for line in body]
        loop = f"for (W first = 0; first < n; first += {_CHUNK}) {{"
        return kernel(name, [f"real *const po = AT({ARRAYS});", loop, *inner, "}"])


@dataclass(frozen=True)
class LaneReductionBack:
    """The messages to one term of a LaneReduction: a loop over nodes.

    Arrays: the term's gradients, the upstream gradients, the results, the columns' numbers.
    """

    op: Op
    column: int
    mode: str
    patterns: str

    def c(self, name: str) -> str:
        row = trace(self.op)
        derivative = row.derivatives[self.column]
        count = 3 + len(row.operands)
        lines = [pointer(k, f"p{k}") for k in range(count)]
        at = [entry(k, f"p{k}", self.patterns[k]) for k in range(count)]
        names = {"out": at[2], **dict(zip(row.operands, at[3:]))}
        message = f"{at[1]} * ({c(derivative, names)})"
        if self.patterns[0] == "0":
            lines.append("real total = 0;")
            body = loop([f"total += {message};"], ["total"])
            return kernel(name, [*lines, *body, f"{at[0]} {self.mode.strip('=')}= total;"])
        body = loop([f"{at[0]} {self.mode.strip('=')}= {message};"])
        return kernel(name, [*lines, *body])
