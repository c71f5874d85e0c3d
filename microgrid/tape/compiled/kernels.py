"""Kernels in C, written from the traced rows of the op table.

A kernel is named by what it does, a hashable value with a method `c`, and written only where a
plan needs it. `Forward` and `Backward` run any number of ops that follow each other on the
same nodes in one loop, the numbers in between staying in registers; `Reduction` and
`ReductionBack` run an op of many operands.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from ...expressions import Expression, substitute, symbol, to_c, trace
from ...expressions.trace import REDUCTIONS, steps, unrolled
from ...ops import Op

VECTORIZED = {"exp": "mg_exp", "expm1": "mg_expm1", "tanh": "mg_tanh"}  # in runtime.h
ARRAYS = 5  # the word at which the arrays of a loop begin; each has an address and three strides
CHUNK = 64  # lanes that a reduction takes at once


@dataclass(frozen=True)
class Step:
    """One op within a loop.

    operands: which array an operand is read from, or -1 - i for the result of step i.
    """

    op: Op
    operands: tuple[int, ...]

    def value(self) -> Expression:
        return _formulas(self.op, len(self.operands))[0]

    def slopes(self) -> tuple[Expression, ...]:
        return _formulas(self.op, len(self.operands))[1]


@cache
def _formulas(op: Op, count: int) -> tuple[Expression, tuple[Expression, ...]]:
    """Value and slopes of an op of so many operands, named q0, q1, ..."""
    row = trace(op)
    given = [symbol(f"q{k}") for k in range(count)]
    if not op.variadic:
        by = dict(zip(row.operands, given))
        return substitute(row.value, by), tuple([substitute(s, by) for s in row.slopes])
    size = count // len(row.operands)
    columns = {o: given[i * size : (i + 1) * size] for i, o in enumerate(row.operands)}
    slopes = [
        substitute(slope, dict(zip(columns, each)))
        for slope in row.slopes
        for each in zip(*columns.values())
    ]
    return unrolled(row.value, columns), tuple(slopes)


def c(expression: Expression, names: dict[str, str] | None = None) -> str:
    return to_c(expression, names, VECTORIZED)


def _statements(into: str, expression: Expression, names: dict[str, str]) -> list[str]:
    """`into` = the expression, with what it reads twice in variables of its own."""
    named, (result,) = steps(expression)
    names = dict(names)
    lines = []
    for temporary, x in named:
        lines.append(f"const real {into}_{temporary} = {c(x, names)};")
        names[temporary] = f"{into}_{temporary}"
    return [*lines, f"const real {into} = {c(result, names)};"]


def _uses(expression: Expression) -> set[str]:
    if expression.kind in ("symbol", "element"):
        return {expression.args[0]}
    return set().union(*map(_uses, () if expression.kind == "number" else expression.args))


def _pointer(number: int, name: str) -> str:
    return f"real *const {name} = AT({ARRAYS + 4 * number}); (void){name};"


def _entry(number: int, name: str, pattern: str) -> str:
    """What stands in an array in round l of the inner loop."""
    if pattern == "0":
        return f"{name}[0]"
    return f"{name}[l]" if pattern == "1" else f"{name}[l * c[{ARRAYS + 4 * number + 3}]]"


@dataclass(frozen=True)
class Forward:
    """steps in one loop. Arrays: the results of the steps, then what they read.

    patterns: one character per array: 1 for neighbours, 0 for one number for all, s for
    any stride.
    """

    steps: tuple[Step, ...]
    patterns: str

    def c(self, name: str) -> str:
        count = len(self.steps)
        lines = [_pointer(k, f"p{k}") for k in range(len(self.patterns))]
        reads = {x for step in self.steps for x in step.operands if x >= 0}
        hoisted: list[str] = []
        body: list[str] = []
        for x in sorted(reads):
            k = count + x
            text = f"const real x{x} = {_entry(k, f'p{k}', self.patterns[k])};"
            (hoisted if self.patterns[k] == "0" else body).append(text)
        for i, step in enumerate(self.steps):
            names = {f"q{k}": _variable(x) for k, x in enumerate(step.operands)}
            body += _statements(f"r{i}", step.value(), names)
            body.append(f"{_entry(i, f'p{i}', self.patterns[i])} = r{i};")
        return _kernel(name, [*lines, *hoisted, *_loop(body)])


def _variable(operand: int) -> str:
    return f"x{operand}" if operand >= 0 else f"r{-1 - operand}"


@dataclass(frozen=True)
class Backward:
    """The messages of steps in one loop, from the last step to the first.

    Arrays: the gradients of the results, the results, then for each array that is read its
    numbers and its gradients. modes: per result, "=" if no message has reached it yet and "+"
    otherwise; the last one is always "+". targets: per array that is read, "=" where the
    message is the first one, "+" where it is added, " " where none is wanted.
    """

    steps: tuple[Step, ...]
    patterns: str
    modes: str
    targets: str

    def c(self, name: str) -> str:
        count, read = len(self.steps), len(self.targets)
        lines = [_pointer(k, f"p{k}") for k in range(len(self.patterns))]
        body, messages = [], _Messages(self)
        for i in reversed(range(count)):
            body += messages.of_step(i)
        before, after = [], []
        for x in range(read):
            if self.targets[x] == " ":
                continue
            k = 2 * count + read + x
            entry = _entry(k, f"p{k}", self.patterns[k])
            found = messages.sum(f"x{x}")
            if self.patterns[k] == "0":
                before.append(f"real total{x} = 0;")
                body.append(f"total{x} += {found};")
                after.append(f"{entry} {self.targets[x].strip('=')}= total{x};")
            else:
                body.append(f"{entry} {self.targets[x].strip('=')}= {found};")
        loads: list[str] = []
        hoisted: list[str] = []
        for variable, k in sorted(messages.read.items()):
            text = f"const real {variable} = {_entry(k, f'p{k}', self.patterns[k])};"
            (hoisted if self.patterns[k] == "0" else loads).append(text)
        totals = [line.split()[1] for line in before]
        return _kernel(name, [*lines, *hoisted, *before, *_loop([*loads, *body], totals), *after])


class _Messages:
    """The messages within one round of a Backward loop, and what they read."""

    def __init__(self, kernel: Backward) -> None:
        self.kernel = kernel
        self.read: dict[str, int] = {}  # variable -> number of its array
        self._sent: dict[str, list[str]] = {}  # variable -> its messages
        self._needed = self._reached()

    def _reached(self) -> set[str]:
        """The variables whose gradient somebody wants."""
        kernel = self.kernel
        found = {f"x{x}" for x, mode in enumerate(kernel.targets) if mode != " "}
        return found | {f"r{i}" for i in range(len(kernel.steps))}

    def sum(self, variable: str) -> str:
        return " + ".join(self._sent.get(variable, ["0"]))

    def of_step(self, i: int) -> list[str]:
        """Statements: the upstream gradient of step i, and what it sends."""
        kernel, step = self.kernel, self.kernel.steps[i]
        count = len(kernel.steps)
        is_last = i == count - 1
        sent = self._sent.get(f"r{i}", [])
        if kernel.modes[i] == "+":
            sent = [_entry(i, f"p{i}", kernel.patterns[i]), *sent]
        lines = [f"const real u{i} = {' + '.join(sent or ['0'])};"]
        if not is_last:
            lines.append(f"{_entry(i, f'p{i}', kernel.patterns[i])} = u{i};")
        names = {f"q{k}": _variable(x) for k, x in enumerate(step.operands)}
        names["out"] = f"r{i}"
        for k, (operand, slope) in enumerate(zip(step.operands, step.slopes())):
            target = _variable(operand)
            if target not in self._needed:
                continue
            for used in _uses(slope):
                self._note(names[used])
            lines += _statements(f"d{i}_{k}", slope, names)
            self._sent.setdefault(target, []).append(f"u{i} * d{i}_{k}")
        return lines

    def _note(self, variable: str) -> None:
        count = len(self.kernel.steps)
        number = int(variable[1:])
        self.read[variable] = count + number if variable[0] == "r" else 2 * count + number


def _loop(body: Sequence[str], totals: Sequence[str] = ()) -> Iterator[str]:
    if totals and not any("mg_" in line for line in body):
        yield f'_Pragma("omp simd reduction(+:{",".join(totals)})")'
    elif not totals:
        yield "INDEPENDENT"
    yield "for (W l = 0; l < n; l++) {"
    yield from (f"  {line}" for line in body)
    yield "}"


def _kernel(name: str, body: Sequence[str]) -> str:
    inner = "\n".join(f"    {line}" for line in body)
    return f"void {name}(const W *c) {{\n  const W n = c[4];\n  LOOPS {{\n{inner}\n  }}\n}}"


@dataclass(frozen=True)
class Reduction:
    """A variadic op whose terms lie beside each other. Arrays: results, then the columns.

    c[4] counts the terms of a node.
    """

    op: Op

    def c(self, name: str) -> str:
        row = trace(self.op)
        lines = [_pointer(k, f"p{k}") for k in range(1 + len(row.operands))]
        names = {o: f"p{k}[l]" for k, o in enumerate(row.operands, start=1)}
        named, (result,) = steps(row.value)
        for temporary, x in named:
            if x.kind == "sum":
                lines += _sum(temporary, c(x.args[0], names))
            elif x.kind == "max":
                lines += _max(temporary, c(x.args[0], names))
            else:
                lines.append(f"const real {temporary} = {c(x)};")
        return _kernel(name, [*lines, f"p0[0] = {c(result)};"])


def _sum(name: str, term: str) -> list[str]:
    if "mg_" not in term:
        return [
            f"real {name} = 0;",
            f'_Pragma("omp simd reduction(+:{name})")',
            f"for (W l = 0; l < n; l++) {name} += {term};",
        ]
    # A function that looks at bits cannot stand in such a loop: its results are summed after it.
    return [
        f"real {name} = 0;",
        f"for (W first = 0; first < n; first += {CHUNK}) {{",
        f"  const W end = n < first + {CHUNK} ? n : first + {CHUNK};",
        f"  real part[{CHUNK}];",
        f"  INDEPENDENT for (W l = first; l < end; l++) part[l - first] = {term};",
        f'  _Pragma("omp simd reduction(+:{name})")',
        f"  for (W l = first; l < end; l++) {name} += part[l - first];",
        "}",
    ]


def _max(name: str, term: str) -> list[str]:
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
        slope = row.slopes[self.column]
        lines = [_pointer(k, f"p{k}") for k in range(3 + len(row.operands))]
        names = {o: f"p{k}[l]" for k, o in enumerate(row.operands, start=3)}
        lines.append("const real upstream = p1[0], out = p2[0]; (void)out;")
        message = f"upstream * ({c(slope, names)})"
        return _kernel(name, [*lines, *_loop([f"p0[l] {self.mode.strip('=')}= {message};"])])


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
        body = [f"const W size = c[4] - first < {CHUNK} ? c[4] - first : {CHUNK};"]
        for temporary, x in named:
            body.append(f"real {temporary}[{CHUNK}];")
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
            for guard, entry in ((f"if ({unit})", "p_{0}[l]"), ("else", "p_{0}[l * s_{0}]")):
                term = c(x.args[0], {**names, **{o: entry.format(o) for o in row.operands}})
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
        loop = f"for (W first = 0; first < n; first += {CHUNK}) {{"
        return _kernel(name, [f"real *const po = AT({ARRAYS});", loop, *inner, "}"])


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
        slope = row.slopes[self.column]
        count = 3 + len(row.operands)
        lines = [_pointer(k, f"p{k}") for k in range(count)]
        entry = [_entry(k, f"p{k}", self.patterns[k]) for k in range(count)]
        names = {"out": entry[2], **dict(zip(row.operands, entry[3:]))}
        message = f"{entry[1]} * ({c(slope, names)})"
        if self.patterns[0] == "0":
            lines.append("real total = 0;")
            body = _loop([f"total += {message};"], ["total"])
            return _kernel(name, [*lines, *body, f"{entry[0]} {self.mode.strip('=')}= total;"])
        body = _loop([f"{entry[0]} {self.mode.strip('=')}= {message};"])
        return _kernel(name, [*lines, *body])


Kernel = Forward | Backward | Reduction | ReductionBack | LaneReduction | LaneReductionBack
