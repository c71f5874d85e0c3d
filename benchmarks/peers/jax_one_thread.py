"""JAX's scan once more, on one thread as the others: for small networks its pool may cost more."""

from __future__ import annotations

import os

os.environ["XLA_FLAGS"] = (
    os.environ.get("XLA_FLAGS", "") + " --xla_cpu_multi_thread_eigen=false"
).strip()

from .jax_scan import char_rnn, expression, lstm, moons

__all__ = ["char_rnn", "expression", "lstm", "moons"]
