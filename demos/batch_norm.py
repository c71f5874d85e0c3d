"""Batch norm by hand: the gradient of every step of a small network, and yours beside the engine's.

Six rows go through a layer, batch norm, tanh, a second layer and a cross entropy. Backwards each
step's gradient follows from the one after it by a formula of one line; the table holds each
formula against what the engine found, number by number. Then all of batch norm in one formula.

Exercise: --write mine.py writes a file with every formula missing. Fill them in, one after the
other, and --yours mine.py says of each whether it is right. Each gets the right gradients of the
steps after it, so that one mistake does not spoil the next.
"""

import argparse
import math
import runpy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from microgrid import Value
from microgrid import functional as F
from microgrid.files import write_whole
from microgrid.nested import mapped

from ._common import as_file, parser, pictures, run, table

ROWS, INPUTS, UNITS, CLASSES, EPS = 6, 3, 4, 3, 1e-5
Formula = Callable[[Any, Any], np.ndarray]


@dataclass(frozen=True)
class Step:
    """A quantity, how it is made, and its gradient from those of the quantities made of it."""

    name: str
    made: str
    rule: str
    formula: Formula


# c holds the numbers of the forward pass, d the gradients of all steps above, both as arrays;
# a mean or a variance is a row, one number per unit.
STEPS = [
    Step("logits", "h W2 + b2", "(softmax(logits) − y) / n",
         lambda c, d: (np.exp(c.logits) / np.exp(c.logits).sum(1, keepdims=True) - c.y) / c.n),
    Step("W2", "a weight", "hᵀ dlogits", lambda c, d: c.h.T @ d.logits),
    Step("b2", "a bias", "Σ rows of dlogits", lambda c, d: d.logits.sum(0)),
    Step("h", "tanh(pre)", "dlogits W2ᵀ", lambda c, d: d.logits @ c.W2.T),
    Step("pre", "γ raw + β", "(1 − h²) dh", lambda c, d: (1.0 - c.h**2) * d.h),
    Step("gamma", "a weight", "Σ rows of raw dpre", lambda c, d: (c.raw * d.pre).sum(0)),
    Step("beta", "a bias", "Σ rows of dpre", lambda c, d: d.pre.sum(0)),
    Step("raw", "diff inv", "γ dpre", lambda c, d: c.gamma * d.pre),
    Step("inv", "(var + ε)^−½", "Σ rows of diff draw", lambda c, d: (c.diff * d.raw).sum(0)),
    Step("var", "Σ diff² / n", "−½ (var + ε)^−3⁄₂ dinv",
         lambda c, d: -0.5 * (c.var + EPS) ** -1.5 * d.inv),
    Step("diff", "z − mean", "inv draw + 2 diff dvar / n",
         lambda c, d: c.inv * d.raw + 2.0 * c.diff * d.var / c.n),
    Step("mean", "Σ z / n", "−Σ rows of ddiff", lambda c, d: -d.diff.sum(0)),
    Step("z", "x W1", "ddiff + dmean / n", lambda c, d: d.diff + d.mean / c.n),
    Step("W1", "a weight", "xᵀ dz", lambda c, d: c.x.T @ d.z),
]  # fmt: skip


def whole(c: Any, d: Any) -> np.ndarray:
    """dz from dpre at once: γ inv (dpre − mean(dpre) − raw mean(raw dpre))."""
    return c.gamma * c.inv * (d.pre - d.pre.mean(0) - c.raw * (c.raw * d.pre).mean(0))


def network(rows: int = ROWS, seed: int = 0) -> tuple[SimpleNamespace, Value]:
    """(every quantity as nested lists of Values, the loss), swept."""
    rng = np.random.default_rng(seed)
    x, labels = rng.normal(size=(rows, INPUTS)), rng.integers(CLASSES, size=rows)

    def leaves(name: str, numbers: np.ndarray) -> list:
        if numbers.ndim == 1:
            return [Value(v, f"{name}[{i}]") for i, v in enumerate(numbers)]
        return [[Value(v, f"{name}[{i},{j}]") for j, v in enumerate(r)] for i, r in
                enumerate(numbers)]  # fmt: skip

    q = SimpleNamespace(
        x=x.tolist(), y=np.eye(CLASSES)[labels].tolist(),
        W1=leaves("W1", rng.normal(size=(INPUTS, UNITS)) * 1.5),
        gamma=leaves("γ", rng.uniform(0.5, 1.5, UNITS)), beta=leaves("β", rng.normal(size=UNITS)),
        W2=leaves("W2", rng.normal(size=(UNITS, CLASSES)) / 2.0),
        b2=leaves("b2", rng.normal(size=CLASSES) / 10.0),
    )  # fmt: skip
    q.z = F.matmul(q.x, q.W1)
    columns = list(zip(*q.z))
    q.mean = [F.mean(column) for column in columns]
    q.diff = [[z - m for z, m in zip(row, q.mean)] for row in q.z]
    q.var = [F.dot(column, column) / float(rows) for column in zip(*q.diff)]
    q.inv = [(v + EPS) ** -0.5 for v in q.var]
    q.raw = [[a * b for a, b in zip(row, q.inv)] for row in q.diff]
    q.pre = [[a * g + b for a, g, b in zip(row, q.gamma, q.beta)] for row in q.raw]
    q.h = [[a.tanh() for a in row] for row in q.pre]
    q.logits = [F.linear(row, list(zip(*q.W2)), q.b2) for row in q.h]
    losses = [F.cross_entropy(row, int(label)) for row, label in zip(q.logits, labels)]
    loss = F.mean(losses)
    loss.label = "L"
    for name in ("z", "diff", "raw", "pre", "h", "logits", "mean", "var", "inv"):
        _named(getattr(q, name), name)
    loss.backward()
    return q, loss


def _named(nested: list, name: str) -> None:
    for i, item in enumerate(nested):
        if isinstance(item, list):
            _named(item, f"{name}[{i}")
        else:
            item.label = f"{name},{i}]" if "[" in name else f"{name}[{i}]"


def arrays(q: SimpleNamespace) -> tuple[SimpleNamespace, SimpleNamespace]:
    """(the numbers of all quantities, the engine's gradients of all steps), as arrays."""

    def data(x: Any) -> float:
        return x.data if isinstance(x, Value) else x

    numbers = {name: np.array(mapped(data, nested)) for name, nested in vars(q).items()}
    found = {step.name: np.array(mapped(lambda v: v.grad, getattr(q, step.name))) for step in STEPS}
    return SimpleNamespace(**numbers, n=len(q.x)), SimpleNamespace(**found)


@dataclass(frozen=True)
class Check:
    """A formula held against the engine."""

    step: Step
    difference: float  # the largest; inf where the shape is another one or there is no number
    remark: str = ""

    @property
    def verdict(self) -> str:
        """right, or WRONG, or why there is none."""
        return self.remark or ("right" if self.difference <= 1e-9 else "WRONG")


def checked(given: dict[str, Formula] | None = None) -> list[Check]:
    """Every step's formula, or yours by name, at the numbers of the network."""
    c, d = arrays(network()[0])
    found = []
    for step in STEPS:
        formula = step.formula if given is None else given.get(f"d_{step.name}")
        right = getattr(d, step.name)
        if formula is None:
            found.append(Check(step, math.inf, "missing"))
            continue
        try:
            answer = np.asarray(formula(c, d), dtype=float)
        except NotImplementedError:
            found.append(Check(step, math.inf, "not written"))
            continue
        except Exception as error:  # whatever a student's formula may raise is the answer
            found.append(Check(step, math.inf, f"{type(error).__name__}: {error}"))
            continue
        if answer.shape != right.shape:
            remark = f"WRONG: shape {answer.shape} instead of {right.shape}"
            found.append(Check(step, math.inf, remark))
        else:
            found.append(Check(step, float(np.abs(answer - right).max())))
    return found


def skeleton() -> str:
    """A file in which every formula is missing."""
    head = (
        '"""Gradients by hand: c holds the numbers of the forward pass, d the gradients of the\n'
        "steps before (c.h, d.logits ...), NumPy arrays of n rows; c.y is one-hot, c.n is n.\n\n"
        f"c has {', '.join(vars(arrays(network()[0])[0]))}.\n"
        f'ε is {EPS}. A mean or a variance is one number per unit.\n"""\n\nimport numpy as np\n'
    )
    bodies = [
        f"def d_{step.name}(c, d):\n"
        f'    """dL/d{step.name}, where {step.name} is {step.made}; it has shape {shape}."""\n'
        "    raise NotImplementedError\n"
        for step, shape in ((s, getattr(arrays(network()[0])[1], s.name).shape) for s in STEPS)
    ]
    return "\n\n".join([head, *bodies])


def arguments(argv: list[str] | None) -> argparse.Namespace:
    made = parser("batch_norm", __doc__)
    made.add_argument("--yours", type=Path, metavar="FILE", help="check the formulas of this file")
    made.add_argument("--write", type=as_file, metavar="FILE", help="write such a file, to fill in")
    return made.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    args = arguments(argv)
    if args.write:
        if args.write.exists():
            raise ValueError(f"{args.write} is there already; name a new file to write")
        print(f"wrote {write_whole(args.write, skeleton())}")
        return
    if args.yours and not args.yours.is_file():
        raise ValueError(f"there is no file {args.yours}; --write {args.yours} makes one")
    found = checked(runpy.run_path(str(args.yours)) if args.yours else None)
    rules = [] if args.yours else ["its gradient"]
    table(
        ["step", "made of", *rules, "largest difference", "verdict"],
        [
            [f"d{check.step.name}", check.step.made, *([check.step.rule] if rules else []),
             f"{check.difference:.1e}" if math.isfinite(check.difference) else "",
             check.verdict]
            for check in found
        ],
        title="From the loss back, each step beside the engine's gradient",
    )  # fmt: skip
    print(f"{sum(check.verdict == 'right' for check in found)} of {len(found)} are right")
    if args.yours:
        return
    c, d = arrays(network()[0])
    print(f"{whole.__doc__}\ndiffers from the engine by {np.abs(whole(c, d) - d.z).max():.1e}\n")
    pictures(network(rows=2)[1], args, "batch_norm")


if __name__ == "__main__":
    run(main)
