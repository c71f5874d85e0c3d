"""The same steps in every peer's own manner, one module per way of writing them.

A module offers some of `char_rnn`, `lstm`, `moons`, `expression` and `microgpt`: a problem in, out
comes a step, forward and backward in float64, that returns (loss, gradients). All start
from the problem's numbers and take the inputs anew at every call, in the form that the
library likes best. The step of the moons also updates the parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from ..harness import Contender
from ..problems import loss_and_norm

Step = Callable[[], Any]


@dataclass(frozen=True)
class Peer:
    """`module` in this package, the package it `needs`, and the rungs it takes part in."""

    name: str
    module: str
    needs: str
    rungs: tuple[str, ...]
    slow: bool = False  # takes minutes to compile: not in a smoke test

    def contender(self, rung: str, problem: Any, fill: float) -> Contender:
        return Contender(
            self.name, make, (self.module, rung, problem), self.needs, fill, loss_and_norm
        )


SEQUENCES = ("char_rnn", "lstm")
EVERY = (*SEQUENCES, "moons", "expression", "microgpt")
PEERS = (
    Peer("microgrid tape", "ours", "microgrid", EVERY),
    Peer("microgrid tape, NumPy", "ours_numpy", "microgrid", EVERY),
    Peer("microgrid tape, + * relu", "ours_plain", "microgrid", ("moons",)),
    Peer("microgrid eager", "ours_eager", "microgrid", EVERY),
    Peer("NumPy step by step", "numpy_steps", "numpy", ("char_rnn",)),
    Peer("NumPy by hand", "numpy_bptt", "numpy", (*SEQUENCES, "moons")),
    Peer("Numba by hand", "numba_by_hand", "numba", (*SEQUENCES, "moons", "expression")),
    Peer("torch, loop over cells", "torch_loop", "torch", SEQUENCES),
    Peer("torch.nn", "torch_nn", "torch", (*SEQUENCES, "moons")),
    Peer("torch, one by one", "torch_loop", "torch", ("expression",)),
    Peer("torch on arrays", "torch_gpt", "torch", ("microgpt",)),
    Peer("torch.compile", "torch_compiled", "torch", EVERY, slow=True),
    Peer("jax.jit", "jax_scan", "jax", (*SEQUENCES, "moons", "expression")),
    Peer("jax.jit, one thread", "jax_one_thread", "jax", (*SEQUENCES, "moons", "expression")),
    Peer(
        "jax, unrolled, flat, ahead of time", "jax_best", "jax", (*SEQUENCES, "moons", "microgpt")
    ),
    Peer("HIPS autograd", "autograd_hips", "autograd", (*SEQUENCES, "moons")),
    Peer("CasADi", "casadi_graph", "casadi", (*SEQUENCES, "moons", "expression")),
    Peer("CasADi, its own C", "casadi_c", "casadi", (*SEQUENCES, "moons", "expression")),
    Peer("micrograd", "micrograd_graph", "micrograd", EVERY),
    Peer("minimal slots node", "minimal_graph", "microgrid", ("expression", "microgpt")),
)


def make(module: str, rung: str, problem: Any) -> Step:
    """The step of one peer; its package is imported here, in the contender's own process."""
    step: Step = getattr(import_module(f"{__name__}.{module}"), rung)(problem)
    return step


def contenders(
    rung: str, problem: Any, fill: float, peers: Sequence[Peer] = PEERS
) -> list[Contender]:
    """All that take part in a rung; one timing of each fills at least `fill` seconds."""
    return [peer.contender(rung, problem, fill) for peer in peers if rung in peer.rungs]
