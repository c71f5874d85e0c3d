"""Learning rates that change from step to step (torch.optim.lr_scheduler)."""

import math
from collections.abc import Callable
from typing import Any

from .checks import field, rate
from .checks import steps as whole_steps
from .optimizers import Optimizer

__all__ = ["CosineAnnealingLR", "ExponentialLR", "LambdaLR", "LinearLR", "StepLR"]


class LambdaLR:
    """lr = the optimizer's first lr times `factor(number of steps so far)`.

    torch.optim.lr_scheduler.LambdaLR. The other schedules are such factors.

    >>> from microgrid import Value
    >>> from microgrid.optim import SGD
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
        base = rate(f"{type(self).__name__}: base", field(state, "base"))
        steps = whole_steps(field(state, "steps"))
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
