"""A backward that is wrong in one step of five: found and named, without an epsilon.

A recurrent network in PyTorch uses a function of its own, x**3, at step 3. Its autograd.Function
returns 2 x**2 where 3 x**2 is right, as happens when a formula is copied by hand. The network
runs four times, right and wrong, in float64 and in float32. torch.autograd.gradcheck compares
differences with an epsilon and prints two matrices that disagree; in float32 it fails the right
code as well. microgrid.pytorch.gradcheck holds every backward against the exact gradient of what
its forward computed, and names the function, the line, the time step and the factor.
Needs PyTorch: pip install 'microgrid-autograd[torch]'.

Exercise: make `backward` wrong in another way (a sign, a forgotten square, None) and predict what
the report says.
"""

from __future__ import annotations

import argparse
import warnings
from typing import Any

from ._common import parser, run, table
from .pytorch_lstm import needed

GALLERY = None  # PyTorch is an extra: the gallery is made without it

STEPS, HIDDEN = 5, 4


def cube(torch: Any, factor: float) -> Any:
    """An autograd.Function for x**3 whose backward has `factor` in the place of 3."""

    class Cube(torch.autograd.Function):  # type: ignore[misc, name-defined]
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            (x,) = ctx.saved_tensors
            return gradient * factor * x**2

    return Cube


def network(torch: Any, factor: float, dtype: Any) -> Any:
    """A recurrent network by hand; the cube stands in step 3."""
    from microgrid import scope

    function = cube(torch, factor)

    class Network(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.read = torch.nn.Linear(3, HIDDEN)
            self.keep = torch.nn.Linear(HIDDEN, HIDDEN, bias=False)

        def forward(self, xs: Any) -> Any:
            h = xs.new_zeros(HIDDEN)
            for t, x in enumerate(xs, start=1):
                with scope(f"t={t}"):
                    z = self.read(x) + self.keep(h)
                    h = function.apply(z) if t == 3 else torch.tanh(z)
            return h.square().sum()

    torch.manual_seed(0)
    return Network().to(dtype)


def verdict_of_torch(torch: Any, model: Any, xs: Any) -> str:
    """The first line of what torch.autograd.gradcheck says."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that float32 is likely to fail is what is shown
            torch.autograd.gradcheck(model, [xs.clone().requires_grad_()])
    except Exception as error:  # it raises several kinds
        return str(error).splitlines()[0].rstrip(",")
    return "right"


def arguments(argv: list[str] | None) -> argparse.Namespace:
    return parser("wrong_backward", __doc__, graphs=False).parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    arguments(argv)
    torch, _ = needed()
    from microgrid.pytorch.gradcheck import check

    rows, reports = [], []
    for dtype in (torch.float64, torch.float32):
        for factor in (3.0, 2.0):
            model = network(torch, factor, dtype)
            xs = torch.randn(STEPS, 3, dtype=dtype)
            report = check(model, [xs])
            if not report.ok:
                reports.append(report)
            rows.append([
                "right" if factor == 3.0 else "wrong", str(dtype).removeprefix("torch."),
                "right" if report.ok else "wrong", verdict_of_torch(torch, model, xs),
            ])  # fmt: skip
    table(["the code is", "", "microgrid says", "torch.autograd.gradcheck says"], rows)
    for report in reports:
        print(report)


if __name__ == "__main__":
    run(main)
