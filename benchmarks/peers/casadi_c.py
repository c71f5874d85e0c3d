"""CasADi with the C code that it writes itself, compiled for this processor."""

from __future__ import annotations

import os
import tempfile
from functools import partial
from typing import Any

import casadi as ca

from . import casadi_graph

ca.GlobalOptions.setTempWorkDir(os.path.join(tempfile.gettempdir(), ""))  # not where we stand

COMPILED: dict[str, Any] = {
    "jit": True,
    "compiler": "shell",
    "jit_options": {"flags": ["-O3", "-march=native"], "verbose": False},
}

char_rnn = lstm = partial(casadi_graph.char_rnn, **COMPILED)
moons = partial(casadi_graph.moons, **COMPILED)
expression = partial(casadi_graph.expression, **COMPILED)
