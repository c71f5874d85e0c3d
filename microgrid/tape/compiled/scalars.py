"""Lone nodes one after the other: their words, and the code that runs them.

Where blocks are so narrow that a loop over them would cost more than they do, their nodes are a
row of 32-bit words: which code runs, the slot of the result, the slots of the operands. Each
piece of code ends by jumping to the next one's. The number that the node before made is still in
a register, and so is, on the way back, a gradient whose only message was just sent.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass

from ...ops import Op
from .kernels import Step
from .text import ALONE, statements, uses

__all__ = ["Case", "CaseBack", "Node", "Scalars", "backward", "forward"]

Node = tuple[Op, int, tuple[int, ...]]  # op, slot of the result, slots of the operands


@dataclass(frozen=True)
class Case:
    """How one node runs forward.

    from_last : which operand is the result of the node before, or -1
    """

    op: Op
    count: int
    from_last: int

    def c(self) -> str:
        names, lines = _operands(self.count, {self.from_last: "last"})
        step = Step(self.op, tuple(range(self.count)))
        lines += statements("r", step.value(), names, ALONE)
        return " ".join([*lines, f"last = r; v[q[1]] = r; q += {2 + self.count};"])


@dataclass(frozen=True)
class CaseBack:
    """How one node sends its messages.

    to_next : which operand is the node that comes next, and has its only message from here;
        or -1
    has_last : whether that is so of this node: its gradient is in a register
    """

    op: Op
    count: int
    to_next: int
    has_last: bool

    def c(self) -> str:
        step = Step(self.op, tuple(range(self.count)))
        derivatives = step.derivatives()
        used = set().union(*map(uses, derivatives))
        names, lines = _operands(self.count, {})
        lines = [line for k, line in enumerate(lines) if f"q{k}" in used]
        names["out"] = "o"
        lines.append(f"const real u = {'last' if self.has_last else 'g[q[1]]'};")
        if "out" in used:
            lines.append("const real o = v[q[1]];")
        for k, derivative in enumerate(derivatives):
            lines += statements(f"d{k}", derivative, names, ALONE)
        for k in range(self.count):
            if k != self.to_next:
                lines.append(f"g[q[{2 + k}]] += u * d{k};")
        if self.to_next >= 0:
            lines.append(f"last = u * d{self.to_next}; g[q[{2 + self.to_next}]] = last;")
        return " ".join([*lines, f"q += {2 + self.count};"])


def _operands(count: int, known: dict[int, str]) -> tuple[dict[str, str], list[str]]:
    names = {f"q{k}": f"a{k}" for k in range(count)}
    reads = [f"const real a{k} = {known.get(k, f'v[q[{2 + k}]]')};" for k in range(count)]
    return names, reads


@dataclass(frozen=True)
class Scalars:
    """All cases of a pass; a word is a case's position, and after the last one comes the end."""

    cases: tuple[Case | CaseBack, ...]

    def _texts(self) -> list[str]:
        return [case.c() for case in self.cases]

    def c(self, name: str) -> str:
        back = any(isinstance(case, CaseBack) for case in self.cases)
        arrays = "const real *const v = PTR(2);"
        arrays += "real *const g = PTR(4);" if back else ""
        arrays = arrays if back else arrays.removeprefix("const ")
        labels = ", ".join([*(f"&&l{i}" for i in range(len(self.cases))), "&&end"])
        codes = [f"  l{i}: {{ {text} goto *code[*q]; }}" for i, text in enumerate(self._texts())]
        return "\n".join(
            [
                f"void {name}(const W *c) {{",
                f"  static const void *const code[] = {{ {labels} }};",
                f"  {arrays} const int32_t *q = INDEX(3); real last = 0; (void)last;",
                "  goto *code[*q];",
                *codes,
                "  end: return;",
                "}",
            ]
        )


def forward(nodes: Sequence[Node]) -> list[tuple[Case, list[int]]]:
    """Per node its case, and its slots."""
    found, last = [], -1
    for op, out, operands in nodes:
        at = operands.index(last) if last in operands else -1
        found.append((Case(op, len(operands), at), [out, *operands]))
        last = out
    return found


def backward(nodes: Sequence[Node], reached: Container[int]) -> list[tuple[CaseBack, list[int]]]:
    """Per node its case, and its slots; `reached`: slots with messages from elsewhere."""
    found: list[tuple[CaseBack, list[int]]] = []
    sent: set[int] = set()
    has_last = False
    turned = list(reversed(nodes))
    for (op, out, operands), following in zip(turned, [*turned[1:], None]):
        to_next = -1
        if following is not None:
            after = following[1]
            if operands.count(after) == 1 and after not in sent and after not in reached:
                to_next = operands.index(after)
        found.append((CaseBack(op, len(operands), to_next, has_last), [out, *operands]))
        sent.update(operands)
        has_last = to_next >= 0
    return found
