"""The optimizers: what each subtracts from a parameter, and what it remembers for that."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar, TypeAlias

import numpy as np

from ..graph import gradient_of, put_gradient
from ..wording import cut, short
from .checks import Numbers, distinct, field, memorised, plain, rate, share, zeros

__all__ = ["SGD", "Adagrad", "Adam", "AdamW", "Optimizer", "RMSprop"]

_Memory: TypeAlias = dict[str, Numbers]


class Optimizer(ABC):
    """Changes parameters by their gradients; one that no sweep has reached is left alone.

    weight_decay: what is added to a gradient, times the parameter itself (an L2 penalty of
    weight_decay / 2 times the square). `remembers` names what `change` keeps for each
    parameter, once it has been called.
    """

    remembers: ClassVar[tuple[str, ...]] = ()

    def __init__(self, params: Iterable[Any], lr: float, weight_decay: float = 0.0) -> None:
        kind = type(self).__name__
        if hasattr(params, "parameters") or callable(params):
            raise TypeError(f"{kind} takes a list of parameters: write model.parameters()")
        self.params = distinct(params if isinstance(params, Iterable) else [params])
        if not self.params:
            raise ValueError(f"{kind} needs at least one parameter, got none")
        for p in self.params:
            if not (hasattr(p, "data") and hasattr(p, "grad")):
                raise TypeError(f"{kind}: a parameter has data and grad, got {p!r}")
        self.lr = rate(f"{kind}: lr", lr)
        self.weight_decay = rate(f"{kind}: weight_decay", weight_decay)
        self.memory: list[_Memory] = [{} for _ in self.params]

    @abstractmethod
    def change(self, gradient: Numbers, memory: _Memory) -> Numbers:
        """What to subtract from a parameter; `memory` is the parameter's own, kept over steps."""

    def decayed(self, p: Any) -> Numbers:
        """The parameter's gradient, weight decay included."""
        return p.grad + self.weight_decay * p.data if self.weight_decay else p.grad

    def step(self) -> None:
        """Change every parameter by its gradient. Overflow gives inf or nan, without a warning."""
        with np.errstate(all="ignore"):
            for p, memory in zip(self.params, self.memory):
                if gradient_of(p) is not None:
                    gradient = self.decayed(p)
                    p.data = p.data - self.change(gradient, memory)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, or make them a 0 that counts if `set_to_none` is False.

        A parameter that the next loss does not reach is then left alone, or else moved on by
        a momentum: with 0 the unused rows of an embedding move as PyTorch's do.
        """
        for p in self.params:
            put_gradient(p, None if set_to_none else zeros(p.data))

    def state_dict(self) -> dict[str, Any]:
        """Kind, learning rate and what each parameter's memory holds, in JSON's types."""
        memory = [{name: plain(x) for name, x in m.items()} for m in self.memory]
        return {"kind": type(self).__name__, "lr": self.lr, "memory": memory}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a `state_dict`; ValueError for one of another optimizer, or a damaged one.

        Nothing has been changed then.
        """
        kind = type(self).__name__
        if (other := field(state, "kind")) != kind:
            named = cut(other) if isinstance(other, str) else short(other)
            raise ValueError(f"this optimizer is {kind}, the state is of {named}")
        memory = field(state, "memory")
        lr = rate(f"{kind}: lr", field(state, "lr"))
        if not isinstance(memory, list):
            raise ValueError(f"the memory of {kind} must be a list, got {short(memory)}")
        if len(memory) != len(self.params):
            raise ValueError(f"{kind} has {len(self.params)} parameters, the state {len(memory)}")
        self.memory = [self._remembered(m, p) for m, p in zip(memory, self.params)]
        self.lr = lr

    def _remembered(self, memory: Any, p: Any) -> _Memory:
        """One parameter's memory from a `state_dict`: empty before its first step, or whole."""
        if memory == {}:
            return {}
        if not isinstance(memory, dict) or memory.keys() != set(self.remembers):
            found = cut(", ".join(map(str, memory))) if isinstance(memory, dict) else short(memory)
            expected = ", ".join(self.remembers) or "nothing"
            raise ValueError(f"{type(self).__name__} remembers {expected}, the state has {found}")
        return {name: memorised(name, x, p) for name, x in memory.items()}


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
        self.momentum = rate("SGD: momentum", momentum)
        self.nesterov = nesterov
        if nesterov and not momentum:
            raise ValueError("SGD: nesterov needs a momentum above 0, got 0")

    def change(self, gradient: Numbers, memory: _Memory) -> Numbers:
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
        self.eps = rate("Adagrad: eps", eps)

    def change(self, gradient: Numbers, memory: _Memory) -> Numbers:
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
        self.alpha = share("RMSprop: alpha", alpha)
        self.eps = rate("RMSprop: eps", eps)

    def change(self, gradient: Numbers, memory: _Memory) -> Numbers:
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
        self.betas = share(f"{kind}: betas[0]", betas[0]), share(f"{kind}: betas[1]", betas[1])
        self.eps = rate(f"{kind}: eps", eps)

    def change(self, gradient: Numbers, memory: _Memory) -> Numbers:
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
