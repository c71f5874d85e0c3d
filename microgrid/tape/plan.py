"""What a tape replays: the graph in blocks, and where its numbers live."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .guards import GuardCheck
from .memory import Layout
from .parameters import Store
from .read import Graph
from .schedule import Block, Matrix


@dataclass(frozen=True)
class Plan:
    """Made once from a recorded graph. NumPy (replay.py) and JAX (xla.py) run it.

    inputs are nodes, in the order of the numbers that a replay is fed; input_shape is how
    these may be nested.
    """

    graph: Graph
    blocks: Sequence[Block]
    matrices: Sequence[Matrix]
    layout: Layout
    store: Store
    inputs: Sequence[int]
    input_shape: tuple[int, ...]
    checks: Sequence[GuardCheck]
