"""What no picture is made of, said in one sentence before any work is done: ValueError."""

from __future__ import annotations

from collections.abc import Sequence

from microgrid.graph import creation_order
from microgrid.value import Value

from .reading import Scene

__all__ = ["refuse_captions", "refuse_huge"]

_MOST_NODES, _MOST_EDGES = 60_000, 1_000_000  # reading a larger graph takes minutes


def refuse_huge(roots: Sequence[Value]) -> None:
    """A graph of more nodes or edges than anybody looks at."""
    order = creation_order(*roots)
    edges = sum(len(node.parents) for node in order)
    if len(order) > _MOST_NODES or edges > _MOST_EDGES:
        raise ValueError(
            f"the graph has {len(order):,} nodes and {edges:,} edges, more than a picture is made "
            f"of ({_MOST_NODES:,} and {_MOST_EDGES:,}); draw a part of it, or fewer steps or units"
        )


def refuse_captions(captions: Sequence[str] | None, scene: Scene) -> None:
    """Captions are one for each time step."""
    steps = {step for step in scene.step.values() if step is not None}
    steps |= {step for given in scene.given.values() for step in given}
    if captions is not None and len(captions) != len(steps):
        raise ValueError(f"captions: {len(steps)} time steps take as many, got {len(captions)}")
