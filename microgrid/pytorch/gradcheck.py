"""gradcheck for PyTorch: exact, without an epsilon, and it names the wrong backward."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils._pytree import tree_leaves

from .. import gradcheck as scalar
from ..graph import time_step
from ..value import Value
from ..wording import clean
from .calls import Call
from .columns import Columns, columns_of
from .modes import Aten, Functions
from .names import scopes_of
from .points import Point, PointRecorder
from .units import Exact, Traffic, Unit, exact_gradients, units_of

__all__ = ["Fault", "GradcheckError", "Report", "check", "gradcheck"]

# What one rounding may cost, relative to the terms that are added up. PyTorch's own kernels are
# worse than the format (some of its constants are floats), and no wrong formula is that close.
_ROUNDING = {torch.float64: 1e-8, torch.float32: 4e-6}
_TINY = {torch.float64: 1e-300, torch.float32: 1e-36}  # below, numbers lose their digits
_SHOWN = 5


class GradcheckError(scalar.GradcheckError):
    """A backward of PyTorch code is wrong; `report` has the details."""

    report: Any

    def __init__(self, report: Report) -> None:
        AssertionError.__init__(self, str(report))
        self.report = report


@dataclass(frozen=True)
class Fault:
    """One backward that is wrong.

    Attributes
    ----------
    function : the autograd.Function or node, "CubeBackward"
    call : the call whose backward it is, with the user's line; None where it is not known
    step : its time step; None where there is none
    occasion : which of the calls on that line it is, and how many there are: (3, 5)
    towards : the input whose gradient is wrong
    index, found, exact : the entry that is furthest off, PyTorch's number and the right one
    error : |found - exact| relative to the largest exact entry
    hint : what kind of mistake it looks like
    """

    function: str
    call: Call | None
    step: int | None
    occasion: tuple[int, int]
    towards: str
    index: tuple[int, ...]
    found: float
    exact: float
    error: float
    hint: str

    def __str__(self) -> str:
        where = f" at {self.call.site}" if self.call is not None else ""
        nth, of = self.occasion
        when = f" in t = {self.step}" if self.step is not None else ""
        when += f", call {nth} of {of} on that line" if of > 1 else ""
        place = f"[{','.join(map(str, self.index))}]" if self.index else ""
        hint = f"\n    {self.hint}" if self.hint else ""
        return (
            f"{self.function}{where}{when}: the gradient towards {self.towards}{place} is "
            f"{self.found:.9g}, exact is {self.exact:.9g} (relative error {self.error:.1e}){hint}"
        )


@dataclass(frozen=True)
class Report:
    """What a check found.

    Attributes
    ----------
    checked : how many backward functions were checked
    faults : those that are wrong, nearest the output first
    unseen : what could not be checked, in sentences
    """

    checked: int
    faults: list[Fault] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing was found wrong."""
        return not self.faults

    def __str__(self) -> str:
        noun = "backward function" if self.checked == 1 else "backward functions"
        if self.ok:
            lines = [f"gradcheck: {self.checked} {noun} exact"]
        else:
            verb = "is" if len(self.faults) == 1 else "are"
            lines = [f"gradcheck: {len(self.faults)} of {self.checked} {noun} {verb} wrong"]
        lines += [f"  {fault}" for fault in self.faults[:_SHOWN]]
        lines += [f"  and {len(self.faults) - _SHOWN} more"] if len(self.faults) > _SHOWN else []
        return clean("\n".join(lines + [f"not checked: {said}" for said in self.unseen]))


def gradcheck(f: Callable[..., Any], inputs: Any = ()) -> bool:
    """Check every backward function that a PyTorch module or function runs through.

    f is called once with the inputs, which may be nested; of each tensor with floating numbers a
    copy that needs a gradient is given. Its backward is then run once, and every piece of it is
    held against the exact gradient of what the forward computed. There is no epsilon and no
    Jacobian matrix, float32 is checked as well as float64, and kinks and ties raise no alarm.

    True, or GradcheckError, which names each wrong autograd.Function (or call), the user's line
    and the time step. A kernel that has no rule is not seen through; the report of `check` says
    so. ValueError where nothing needs a gradient.

    >>> class Cube(torch.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x**3
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         return g * 2 * ctx.saved_tensors[0] ** 2
    >>> gradcheck(torch.tanh, [torch.ones(2)])
    True
    >>> try:
    ...     gradcheck(Cube.apply, [torch.tensor([2.0])])
    ... except GradcheckError as error:
    ...     print(error.report.faults[0].function, error.report.faults[0].exact)
    CubeBackward 12.0
    """
    __tracebackhide__ = True
    report = check(f, inputs)
    if not report.ok:
        raise GradcheckError(report)
    return True


def check(f: Callable[..., Any], inputs: Any = ()) -> Report:
    """As gradcheck, but returns the Report whatever it says.

    >>> print(check(nn.Linear(2, 1), [torch.ones(1, 2)]))
    gradcheck: 2 backward functions exact
    """
    if not callable(f):
        raise TypeError(f"gradcheck needs a torch.nn.Module or a function, got {f!r}")
    given = [inputs] if isinstance(inputs, torch.Tensor | Mapping) else list(inputs)
    copies = torch.utils._pytree.tree_map(_needing_a_gradient, given)
    names = [
        ("x" if len(copies) == 1 else f"x{i}", x)
        for i, x in enumerate(tree_leaves(copies), start=1)
        if isinstance(x, torch.Tensor)
    ]
    columns = Columns()
    model = f if isinstance(f, nn.Module) else None
    recorder = PointRecorder(model, names, columns)
    with ExitStack() as stack, torch.enable_grad():
        for part in (columns_of(columns), scopes_of(model), Functions(recorder), Aten(recorder)):
            stack.enter_context(part)
        made = f(*copies)
        recorder.paused = True
        roots = [
            x for x in tree_leaves(made) if isinstance(x, torch.Tensor) and x.grad_fn is not None
        ]
        for root in roots:
            recorder.mark(root)
    if not roots:
        raise ValueError(
            "gradcheck: nothing that was returned needs a gradient; was it detached, or computed "
            "under torch.no_grad()?"
        )
    return _checked(recorder, roots)


def _needing_a_gradient(x: Any) -> Any:
    if isinstance(x, torch.Tensor) and x.is_floating_point():
        return x.detach().clone().requires_grad_()
    return x


def _checked(recorder: PointRecorder, roots: Sequence[torch.Tensor]) -> Report:
    traffic = Traffic(roots)
    try:
        _backward(roots, traffic.nodes)
    finally:
        traffic.close()
    points = recorder.points
    watched = {
        value
        for leaf in recorder.leaves.values()
        if leaf.tensor.requires_grad
        for value in recorder.shadows.array(leaf.tensor).ravel().tolist()
        if isinstance(value, Value)
    }
    rounding, tiny = _ROUNDING[recorder.coarsest], _TINY[recorder.coarsest]
    epsilon = torch.finfo(recorder.coarsest).eps
    faults: list[tuple[int, Fault]] = []
    checked = 0
    for unit in units_of(traffic.nodes, points):
        calls = [call for key in unit.above if (call := points[key].call) is not None]
        if any(call in recorder.opaque for call in calls):
            continue
        checked += 1
        exact = exact_gradients(unit, points, traffic.upstream(unit), rounding, epsilon, watched)
        when = max((call.number for call in calls), default=0)
        wrong = _faults(unit, exact, points, traffic, recorder, rounding, tiny)
        faults += [(when, fault) for fault in wrong]
    faults.sort(key=lambda pair: -pair[0])
    unseen = dict.fromkeys(f"{why}, at {call.site}" for call, why in recorder.opaque.items())
    return Report(checked, [fault for _, fault in faults], list(unseen))


def _backward(roots: Sequence[torch.Tensor], nodes: Sequence[Any]) -> None:
    """Run PyTorch's backward once, with weights that let nothing cancel; no .grad is touched."""
    leaves = {
        id(leaf): leaf
        for node in nodes
        for below, _ in node.next_functions
        if (leaf := getattr(below, "variable", None)) is not None
    }
    seeds = []
    for root in roots:
        count = torch.arange(root.numel(), dtype=root.dtype, device=root.device)
        weights = 0.5 + (count * 0.6180339887498949) % 1.0
        seeds.append((weights if root.numel() > 1 else count + 1.0).reshape(root.shape))
    torch.autograd.grad(
        list(roots), list(leaves.values()), seeds, retain_graph=True, allow_unused=True
    )


def _faults(
    unit: Unit,
    exact: Exact,
    points: Mapping[Any, Point],
    traffic: Traffic,
    recorder: PointRecorder,
    rounding: float,
    tiny: float,
) -> Iterator[Fault]:
    """What is wrong with one unit: a gradient that is another one, or one that nobody asked for."""
    calls = [call for key in unit.above if (call := points[key].call) is not None]
    call = calls[0] if calls else None
    names = _function_name(unit, call)
    step = _step_of(unit, points, recorder.columns, call)
    occasion = _occasion(recorder.calls, call)
    found: dict[Value, float] = dict.fromkeys(exact.gradient, 0.0)
    broken: set[Value] = set()
    for node, position, key in unit.below:
        sent = traffic.out_of.get(node, ())
        got = sent[position] if position < len(sent) else None
        if got is not None:
            values = points[key].array.ravel().tolist()
            for value, g in zip(values, np.broadcast_to(got, points[key].array.shape).ravel()):
                if isinstance(value, Value):
                    found[value] += float(g)
    for _, _, key in {key: edge for edge in unit.below for key in [edge[2]]}.values():
        point = points[key]
        if broken & set(_values(point)):
            continue
        fault = _compared(point, exact, found, rounding, tiny)
        if fault is not None:
            index, hint, error = fault
            value = point.array[index]
            broken |= set(_values(point))
            yield Fault(
                names, call, step, occasion, _called(point, key, recorder, index),
                index, found[value], exact.gradient[value], error, hint,
            )  # fmt: skip
    if exact.missed:
        value, missing = next(iter(exact.missed.items()))
        hint = "the forward reads it without being given it: pass it to apply()"
        yield Fault(names, call, step, occasion, value.label or "a leaf", (), 0.0, missing,
                    float("inf"), hint)  # fmt: skip


def _values(point: Point) -> list[Value]:
    return [x for x in point.array.ravel().tolist() if isinstance(x, Value)]


def _compared(
    point: Point, exact: Exact, found: Mapping[Value, float], rounding: float, tiny: float
) -> tuple[tuple[int, ...], str, float] | None:
    """(the worst entry, a hint, the error) where PyTorch's gradient is not the exact one."""
    shape = point.array.shape
    flat = point.array.ravel().tolist()
    nan = float("nan")
    want = np.array([exact.gradient.get(x, nan) if isinstance(x, Value) else nan for x in flat])
    got = np.array([found.get(x, nan) if isinstance(x, Value) else nan for x in flat])
    may = np.array([exact.allowed.get(x, 0.0) if isinstance(x, Value) else 0.0 for x in flat])
    with np.errstate(invalid="ignore", over="ignore"):
        away = np.abs(got - want)
        # Where the derivative is infinite or none (sqrt at 0) there is nothing to hold it against.
        known = np.isfinite(want) & np.isfinite(may)
        largest = np.abs(want[known]).max(initial=0.0)
        floor = rounding * largest if largest else exact.floor
        wrong = known & ~(away <= may + floor + tiny)
    if not wrong.any():
        return None
    ratio = np.where(wrong, np.where(np.isnan(away), np.inf, away), -1.0)
    worst = int(ratio.argmax())
    error = float(away[worst] / largest) if largest else float("inf")
    index = tuple(int(i) for i in np.unravel_index(worst, shape))
    return index, _hint(got.reshape(shape), want.reshape(shape)), error


def _hint(got: np.ndarray, want: np.ndarray) -> str:
    """What kind of mistake it looks like."""
    if np.isnan(got).any():
        return "PyTorch's has a nan"
    if not got.any():
        return "PyTorch's is zero everywhere: detached, or None was returned?"
    if got.ndim == 2 and got.shape[0] == got.shape[1] and np.allclose(got, want.T, rtol=1e-4):
        return "PyTorch's is the transpose of the exact one"
    large = np.abs(want) > 1e-3 * np.abs(want).max()
    with np.errstate(divide="ignore", invalid="ignore"):
        factors = got[large] / want[large]
    if factors.size > 1 and np.allclose(factors, factors.flat[0], rtol=1e-4):
        return f"PyTorch's is {factors.flat[0]:.6g} times the exact one in every entry"
    return ""


def _function_name(unit: Unit, call: Call | None) -> str:
    """The name of a lone autograd node; of several the call that they are the backward of."""
    if len(unit.nodes) > 1 and call is not None:
        return f"the backward of {call.name}"
    return str(unit.nodes[0].name())


def _step_of(
    unit: Unit, points: Mapping[Any, Point], columns: Columns, call: Call | None
) -> int | None:
    if call is not None and (step := time_step(call.scope)) is not None:
        return step
    steps = {columns.of(x) for key in unit.above for x in _values(points[key])}
    return steps.pop() if len(steps) == 1 else None


def _occasion(calls: Sequence[Call], call: Call | None) -> tuple[int, int]:
    """Which of the calls of this function on this line it is, and how many there are.

    The calls within one forward of an autograd.Function count as one.
    """
    if call is None:
        return 1, 1
    kind = call.site, call.function, call.function or call.name
    same = [
        made for made in calls if (made.site, made.function, made.function or made.name) == kind
    ]
    order = list(dict.fromkeys(made.application if call.function else made.number for made in same))
    place = call.application if call.function else call.number
    return order.index(place) + 1, len(order)


def _called(point: Point, key: Any, recorder: PointRecorder, index: tuple[int, ...]) -> str:
    leaf = recorder.leaves.get(key[0]) if key[1] == -1 else None
    if leaf is not None:
        return leaf.name
    value = point.array[index]
    if isinstance(value, Value) and value.label:
        return value.label.partition("[")[0]
    shape = "×".join(map(str, point.array.shape)) or "one number"
    made = f", made by {point.call}" if point.call is not None else ""
    return f"its input ({shape}{made})"
