"""Kernels of elementwise ops in C, written from the traced rows of the op table.

A kernel is named by what it does, a hashable value with a method `c`, and written only where a
plan needs it. `Forward` and `Backward` run any number of ops that follow each other on the
same nodes in one loop, the numbers in between staying in registers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from ...expressions import Expression, substitute, symbol, trace, unrolled
from ...ops import Op
from .text import entry, kernel, loop, pointer, statements, uses

__all__ = ["Backward", "Forward", "Step"]


@dataclass(frozen=True)
class Step:
    """One op within a loop.

    operands: which array an operand is read from, or -1 - i for the result of step i.
    """

    op: Op
    operands: tuple[int, ...]

    def value(self) -> Expression:
        return _formulas(self.op, len(self.operands))[0]

    def derivatives(self) -> tuple[Expression, ...]:
        return _formulas(self.op, len(self.operands))[1]


@cache
def _formulas(op: Op, count: int) -> tuple[Expression, tuple[Expression, ...]]:
    """Value and derivatives of an op of so many operands, named q0, q1, ..."""
    row = trace(op)
    given = [symbol(f"q{k}") for k in range(count)]
    if not op.variadic:
        by = dict(zip(row.operands, given))
        return substitute(row.value, by), tuple([substitute(s, by) for s in row.derivatives])
    size = count // len(row.operands)
    columns = {o: given[i * size : (i + 1) * size] for i, o in enumerate(row.operands)}
    derivatives = [
        substitute(derivative, dict(zip(columns, each)))
        for derivative in row.derivatives
        for each in zip(*columns.values())
    ]
    return unrolled(row.value, columns), tuple(derivatives)


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
        lines = [pointer(k, f"p{k}") for k in range(len(self.patterns))]
        reads = {x for step in self.steps for x in step.operands if x >= 0}
        hoisted: list[str] = []
        body: list[str] = []
        for x in sorted(reads):
            k = count + x
            text = f"const real x{x} = {entry(k, f'p{k}', self.patterns[k])};"
            (hoisted if self.patterns[k] == "0" else body).append(text)
        for i, step in enumerate(self.steps):
            names = {f"q{k}": _variable(x) for k, x in enumerate(step.operands)}
            body += statements(f"r{i}", step.value(), names)
            body.append(f"{entry(i, f'p{i}', self.patterns[i])} = r{i};")
        return kernel(name, [*lines, *hoisted, *loop(body)])


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
        lines = [pointer(k, f"p{k}") for k in range(len(self.patterns))]
        body, messages = [], _Messages(self)
        for i in reversed(range(count)):
            body += messages.of_step(i)
        before: list[str] = []
        after: list[str] = []
        for x in range(read):
            if self.targets[x] == " ":
                continue
            k = 2 * count + read + x
            target, found = entry(k, f"p{k}", self.patterns[k]), messages.sum(f"x{x}")
            add = self.targets[x].strip("=")
            if self.patterns[k] == "0":
                before.append(f"real total{x} = 0;")
                body.append(f"total{x} += {found};")
                after.append(f"{target} {add}= total{x};")
            else:
                body.append(f"{target} {add}= {found};")
        loads: list[str] = []
        hoisted: list[str] = []
        for variable, k in sorted(messages.read.items()):
            text = f"const real {variable} = {entry(k, f'p{k}', self.patterns[k])};"
            (hoisted if self.patterns[k] == "0" else loads).append(text)
        totals = [line.split()[1] for line in before]
        return kernel(name, [*lines, *hoisted, *before, *loop([*loads, *body], totals), *after])


class _Messages:
    """The messages within one round of a Backward loop, and what they read."""

    def __init__(self, of: Backward) -> None:
        self.of = of
        self.read: dict[str, int] = {}  # variable -> number of its array
        self._sent: dict[str, list[str]] = {}  # variable -> its messages
        self._needed = self._reached()

    def _reached(self) -> set[str]:
        """The variables whose gradient somebody wants."""
        of = self.of
        found = {f"x{x}" for x, mode in enumerate(of.targets) if mode != " "}
        return found | {f"r{i}" for i in range(len(of.steps))}

    def sum(self, variable: str) -> str:
        return " + ".join(self._sent.get(variable, ["0"]))

    def of_step(self, i: int) -> list[str]:
        """Statements: the upstream gradient of step i, and what it sends."""
        of, step = self.of, self.of.steps[i]
        count = len(of.steps)
        is_last = i == count - 1
        sent = self._sent.get(f"r{i}", [])
        if of.modes[i] == "+":
            sent = [entry(i, f"p{i}", of.patterns[i]), *sent]
        lines = [f"const real u{i} = {' + '.join(sent or ['0'])};"]
        if not is_last:
            lines.append(f"{entry(i, f'p{i}', of.patterns[i])} = u{i};")
        names = {f"q{k}": _variable(x) for k, x in enumerate(step.operands)}
        names["out"] = f"r{i}"
        for k, (operand, derivative) in enumerate(zip(step.operands, step.derivatives())):
            target = _variable(operand)
            if target not in self._needed:
                continue
            for used in uses(derivative):
                self._note(names[used])
            lines += statements(f"d{i}_{k}", derivative, names)
            self._sent.setdefault(target, []).append(f"u{i} * d{i}_{k}")
        return lines

    def _note(self, variable: str) -> None:
        count = len(self.of.steps)
        number = int(variable[1:])
        self.read[variable] = count + number if variable[0] == "r" else 2 * count + number
