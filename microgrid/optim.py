"""Optimizers, clipping and learning-rate schedules. Names and update rules are PyTorch's.

They work on anything with `data` and `grad`, floats or NumPy arrays: on Values, and on the
array-backed parameters of a Tape.
"""

import math
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from numbers import Real
from typing import Any, ClassVar, Protocol, TypeAlias

import numpy as np

from .wording import short

Numbers: TypeAlias = Any  # a float or an array
Memory: TypeAlias = dict[str, Numbers]


class Parameter(Protocol):
    """What is learnt: a Value, or an array of numbers with its gradient."""

    data: Numbers
    grad: Numbers | None


class Optimizer:
    """Changes parameters by their gradients. A parameter whose grad is None is left alone.

    weight_decay: what is added to a gradient, times the parameter itself (an L2 penalty of
    weight_decay / 2 times the square). `remembers` names what `change` keeps for each
    parameter, once it has been called.
    """

    remembers: ClassVar[tuple[str, ...]] = ()

    def __init__(self, params: Iterable[Any], lr: float, weight_decay: float = 0.0) -> None:
        kind = type(self).__name__
        self.params = _distinct(params if isinstance(params, Iterable) else [params])
        if not self.params:
            raise ValueError(f"{kind} needs at least one parameter, got none")
        for p in self.params:
            if not (hasattr(p, "data") and hasattr(p, "grad")):
                raise TypeError(f"{kind}: a parameter has data and grad, got {p!r}")
        self.lr = _rate(f"{kind}: lr", lr)
        self.weight_decay = _rate(f"{kind}: weight_decay", weight_decay)
        self.memory: list[Memory] = [{} for _ in self.params]

    @abstractmethod
    def change(self, gradient: Numbers, memory: Memory) -> Numbers:
        """What to subtract from a parameter; `memory` is the parameter's own, kept over steps."""

    def decayed(self, p: Any) -> Numbers:
        """The parameter's gradient, weight decay included."""
        return p.grad + self.weight_decay * p.data if self.weight_decay else p.grad

    def step(self) -> None:
        """Change every parameter by its gradient. Overflow gives inf or nan, without a warning."""
        with np.errstate(all="ignore"):
            for p, memory in zip(self.params, self.memory):
                if p.grad is not None:
                    gradient = self.decayed(p)
                    p.data = p.data - self.change(gradient, memory)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients: `grad` becomes None, or 0 if `set_to_none` is False.

        A parameter that the next loss does not reach is then left alone, or else moved on by
        a momentum: with 0 the unused rows of an embedding move as PyTorch's do.
        """
        for p in self.params:
            p.grad = None if set_to_none else _zeros(p.data)

    def state_dict(self) -> dict[str, Any]:
        """Kind, learning rate and what each parameter's memory holds, in JSON's types."""
        memory = [{name: _plain(x) for name, x in m.items()} for m in self.memory]
        return {"kind": type(self).__name__, "lr": self.lr, "memory": memory}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a `state_dict`; ValueError for one of another optimizer, or a damaged one.

        Nothing has been changed then.
        """
        kind = type(self).__name__
        if (other := _field(state, "kind")) != kind:
            named = other if isinstance(other, str) else short(other)
            raise ValueError(f"this optimizer is {kind}, the state is of {named}")
        memory = _field(state, "memory")
        lr = _rate(f"{kind}: lr", _field(state, "lr"))
        if not isinstance(memory, list):
            raise ValueError(f"the memory of {kind} must be a list, got {short(memory)}")
        if len(memory) != len(self.params):
            raise ValueError(f"{kind} has {len(self.params)} parameters, the state {len(memory)}")
        self.memory = [self._remembered(m, p) for m, p in zip(memory, self.params)]
        self.lr = lr

    def _remembered(self, memory: Any, p: Any) -> Memory:
        """One parameter's memory from a `state_dict`: empty before its first step, or whole."""
        if memory == {}:
            return {}
        if not isinstance(memory, dict) or memory.keys() != set(self.remembers):
            found = ", ".join(map(str, memory)) if isinstance(memory, dict) else short(memory)
            expected = ", ".join(self.remembers) or "nothing"
            raise ValueError(f"{type(self).__name__} remembers {expected}, the state has {found}")
        return {name: _memorised(name, x, p) for name, x in memory.items()}


class SGD(Optimizer):
    """p <- p - lr v, v being the gradient, or with momentum: v <- momentum v + gradient.

    nesterov looks one step ahead: p <- p - lr (gradient + momentum v) (Sutskever et al., 2013).
    Rows 003-4 and 004-16; torch.optim.SGD. ValueError for a rate that is negative or nan, and
    for nesterov without a momentum.

    >>> from microgrid import Value
    >>> w = Value(1.0)
    >>> (w * 3.0).backward()
    >>> SGD([w], lr=0.1).step()
    >>> w.data
    0.7
    """

    remembers = ("velocity",)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        super().__init__(params, lr, weight_decay)
        self.momentum = _rate("SGD: momentum", momentum)
        self.nesterov = nesterov
        if nesterov and not momentum:
            raise ValueError("SGD: nesterov needs a momentum above 0, got 0")

    def change(self, gradient: Numbers, memory: Memory) -> Numbers:
        """lr v, or lr (gradient + momentum v)."""
        if not self.momentum:
            return self.lr * gradient
        velocity = memory["velocity"] = self.momentum * memory.get("velocity", 0.0) + gradient
        return self.lr * (gradient + self.momentum * velocity if self.nesterov else velocity)


class Adagrad(Optimizer):
    """p <- p - lr g / (sqrt(s) + eps), s being the sum of all g**2 so far.

    Duchi, Hazan and Singer (2011); torch.optim.Adagrad.

    >>> from microgrid import Value
    >>> w = Value(1.0); w.grad = 4.0
    >>> Adagrad([w], lr=0.1).step()
    >>> round(w.data, 9)
    0.9
    """

    remembers = ("sum",)

    def __init__(
        self, params: Iterable[Any], lr: float, eps: float = 1e-10, weight_decay: float = 0.0
    ) -> None:
        super().__init__(params, lr, weight_decay)
        self.eps = _rate("Adagrad: eps", eps)

    def change(self, gradient: Numbers, memory: Memory) -> Numbers:
        """lr g / (sqrt(s) + eps)."""
        total = memory["sum"] = memory.get("sum", 0.0) + gradient * gradient
        return self.lr * gradient / (total**0.5 + self.eps)


class RMSprop(Optimizer):
    """p <- p - lr g / (sqrt(v) + eps), v <- alpha v + (1 - alpha) g**2.

    Tieleman and Hinton (2012); torch.optim.RMSprop.

    >>> from microgrid import Value
    >>> w = Value(1.0); w.grad = 4.0
    >>> RMSprop([w], lr=0.1, alpha=0.75).step()
    >>> round(w.data, 6)
    0.8
    """

    remembers = ("mean_square",)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr, weight_decay)
        self.alpha = _share("RMSprop: alpha", alpha)
        self.eps = _rate("RMSprop: eps", eps)

    def change(self, gradient: Numbers, memory: Memory) -> Numbers:
        """lr g / (sqrt(v) + eps)."""
        old = memory.get("mean_square", 0.0)
        mean = memory["mean_square"] = self.alpha * old + (1.0 - self.alpha) * gradient * gradient
        return self.lr * gradient / (mean**0.5 + self.eps)


class Adam(Optimizer):
    """p <- p - lr m' / (sqrt(v') + eps): running means of g and g**2, unbiased by 1 - beta**t.

    Kingma and Ba (2015); torch.optim.Adam.

    >>> from microgrid import Value
    >>> w = Value(1.0); w.grad = 4.0
    >>> Adam([w], lr=0.1).step()
    >>> round(w.data, 6)
    0.9
    """

    remembers = ("steps", "mean", "mean_square")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr, weight_decay)
        kind = type(self).__name__
        self.betas = _share(f"{kind}: betas[0]", betas[0]), _share(f"{kind}: betas[1]", betas[1])
        self.eps = _rate(f"{kind}: eps", eps)

    def change(self, gradient: Numbers, memory: Memory) -> Numbers:
        """lr m' / (sqrt(v') + eps)."""
        b1, b2 = self.betas
        t = memory["steps"] = memory.get("steps", 0) + 1
        m = memory["mean"] = b1 * memory.get("mean", 0.0) + (1.0 - b1) * gradient
        square = (1.0 - b2) * gradient * gradient
        v = memory["mean_square"] = b2 * memory.get("mean_square", 0.0) + square
        scale = (v / (1.0 - b2**t)) ** 0.5 + self.eps
        return self.lr / (1.0 - b1**t) * m / scale


class AdamW(Adam):
    """Adam whose weight decay shrinks the parameter itself: p <- p - lr weight_decay p first.

    So the running means never see it. Loshchilov and Hutter (2019); torch.optim.AdamW.

    >>> from microgrid import Value
    >>> w = Value(1.0); w.grad = 4.0
    >>> AdamW([w], lr=0.1, weight_decay=0.5).step()
    >>> round(w.data, 6)
    0.85
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay)

    def decayed(self, p: Any) -> Numbers:
        """The gradient as it is; the parameter is shrunk."""
        p.data = p.data * (1.0 - self.lr * self.weight_decay)
        return p.grad


def grad_norm(params: Iterable[Any]) -> float:
    """The Euclidean norm of all gradients together; a missing one counts as 0.

    >>> from microgrid import Value
    >>> a, b = Value(0.0), Value(0.0); a.grad, b.grad = 3.0, -4.0
    >>> grad_norm([a, b, Value(1.0)])
    5.0
    """
    squares = 0.0
    for p in _distinct(params):
        g = p.grad
        if g is not None:
            squares += g * g if g.__class__ is float else float(np.vdot(g, g))
    return math.sqrt(squares)


def clip_grad_norm_(params: Iterable[Any], max_norm: float) -> float:
    """Shrink all gradients by one factor so that their norm is at most `max_norm`.

    Returns the norm before; torch.nn.utils.clip_grad_norm_ (Pascanu, Mikolov and Bengio, 2013).

    >>> from microgrid import Value
    >>> a, b = Value(0.0), Value(0.0); a.grad, b.grad = 3.0, -4.0
    >>> clip_grad_norm_([a, b], 1.0), round(a.grad, 5), round(b.grad, 5)
    (5.0, 0.6, -0.8)
    """
    params = _distinct(params)
    max_norm = _rate("clip_grad_norm_: max_norm", max_norm)
    norm = grad_norm(params)
    factor = max_norm / (norm + 1e-6)
    if factor < 1.0:
        for p in params:
            if p.grad is not None:
                p.grad = p.grad * factor
    return norm


def clip_grad_value_(params: Iterable[Any], clip_value: float) -> None:
    """Cut every single gradient to -clip_value..clip_value (torch.nn.utils.clip_grad_value_).

    >>> from microgrid import Value
    >>> a = Value(0.0); a.grad = -4.0
    >>> clip_grad_value_([a], 1.5); a.grad
    -1.5
    """
    top = _rate("clip_grad_value_: clip_value", clip_value)
    for p in params:
        if p.grad is None:
            continue
        if p.grad.__class__ is float:
            p.grad = max(-top, min(top, p.grad)) if p.grad == p.grad else p.grad
        else:
            p.grad = np.clip(p.grad, -top, top)


class LambdaLR:
    """lr = the optimizer's first lr times `factor(number of steps so far)`.

    torch.optim.lr_scheduler.LambdaLR. The other schedules are such factors.

    >>> from microgrid import Value
    >>> optimizer = SGD([Value(0.0)], lr=8.0)
    >>> schedule = LambdaLR(optimizer, lambda n: 0.5**n)
    >>> for _ in range(3): schedule.step()
    >>> optimizer.lr
    1.0
    """

    def __init__(self, optimizer: Optimizer, factor: Callable[[int], float]) -> None:
        self.optimizer = optimizer
        self.factor = factor
        self.base = optimizer.lr
        self.steps = 0
        optimizer.lr = self.base * factor(0)

    def step(self) -> None:
        """Set the learning rate of the next step."""
        self.steps += 1
        self.optimizer.lr = self.base * self.factor(self.steps)

    def state_dict(self) -> dict[str, Any]:
        """Steps so far and the rate that the factor scales."""
        return {"base": self.base, "steps": self.steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a `state_dict`; ValueError for a damaged one, then nothing has been changed."""
        base = _rate(f"{type(self).__name__}: base", _field(state, "base"))
        steps = _steps(_field(state, "steps"))
        self.base, self.steps = base, steps
        self.optimizer.lr = self.base * self.factor(self.steps)


class StepLR(LambdaLR):
    """lr times gamma after every `step_size` steps (torch.optim.lr_scheduler.StepLR)."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        if step_size < 1:
            raise ValueError(f"StepLR: step_size must be 1 or more, got {step_size!r}")
        super().__init__(optimizer, lambda n: gamma ** (n // step_size))


class ExponentialLR(LambdaLR):
    """lr times gamma after every step (torch.optim.lr_scheduler.ExponentialLR)."""

    def __init__(self, optimizer: Optimizer, gamma: float) -> None:
        super().__init__(optimizer, lambda n: gamma**n)


class LinearLR(LambdaLR):
    """A warm-up: from start_factor to 1 in `total_iters` steps (torch...LinearLR)."""

    def __init__(
        self, optimizer: Optimizer, start_factor: float = 1.0 / 3.0, total_iters: int = 5
    ) -> None:
        if total_iters < 1:
            raise ValueError(f"LinearLR: total_iters must be 1 or more, got {total_iters!r}")
        rise = (1.0 - start_factor) / total_iters
        super().__init__(optimizer, lambda n: start_factor + rise * min(n, total_iters))


class CosineAnnealingLR(LambdaLR):
    """From lr down to eta_min along half a cosine in T_max steps (torch...CosineAnnealingLR)."""

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None:  # noqa: N803
        if T_max < 1:
            raise ValueError(f"CosineAnnealingLR: T_max must be 1 or more, got {T_max!r}")
        low = eta_min / optimizer.lr if optimizer.lr else 0.0
        super().__init__(
            optimizer, lambda n: low + (1.0 - low) * (1.0 + math.cos(math.pi * n / T_max)) / 2.0
        )


def _distinct(params: Iterable[Any]) -> list[Any]:
    """The parameters in order, a tied one once: its gradient is whole already."""
    return list({id(p): p for p in params}.values())


def _zeros(like: Numbers) -> Numbers:
    return np.zeros_like(like) if isinstance(like, np.ndarray) else 0.0


def _rate(what: str, number: float) -> float:
    if isinstance(number, bool) or not isinstance(number, Real) or not 0.0 <= number < math.inf:
        raise ValueError(f"{what} must be a number of 0 or more, got {number!r}")
    return float(number)


def _share(what: str, number: float) -> float:
    if not 0.0 <= number < 1.0:
        raise ValueError(f"{what} must lie in 0..1 and below 1, got {number!r}")
    return float(number)


def _plain(x: Numbers) -> Any:
    return x.tolist() if isinstance(x, np.ndarray | np.generic) else x


def _field(state: Any, name: str) -> Any:
    if not isinstance(state, Mapping):
        raise ValueError(f"a state_dict is a dict, got {short(state)}")
    if name not in state:
        raise ValueError(f"the state has no {name!r}")
    return state[name]


def _memorised(name: str, x: Any, p: Any) -> Numbers:
    """What a state holds under a name, if it can belong to this parameter."""
    if name == "steps":
        return _steps(x)
    try:
        numbers = np.asarray(x, dtype=float)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name} must be numbers, got {short(x)}") from None
    shape = np.shape(p.data)
    if numbers.shape != shape:
        raise ValueError(f"{name} has shape {numbers.shape}, its parameter {shape}")
    if not np.all(np.isfinite(numbers)):
        raise ValueError(f"{name} must be finite, got {short(x)}")
    if name in ("sum", "mean_square") and np.any(numbers < 0.0):
        raise ValueError(f"{name} is made of squares and cannot be negative, got {short(x)}")
    return numbers if shape else float(numbers)


def _steps(x: Any) -> int:
    if isinstance(x, bool) or not isinstance(x, int) or x < 0:
        raise ValueError(f"steps must be a whole number of 0 or more, got {short(x)}")
    return x
