"""CasADi with the C code that it writes itself, compiled for this processor."""

from __future__ import annotations

from functools import partial
from typing import Any

from . import casadi_graph

COMPILED: dict[str, Any] = {
    "jit": True,
    "compiler": "shell",
    "jit_options": {"flags": ["-O3", "-march=native"], "verbose": False},
}

char_rnn = lstm = partial(casadi_graph.char_rnn, **COMPILED)
moons = partial(casadi_graph.moons, **COMPILED)
expression = partial(casadi_graph.expression, **COMPILED)
