"""What a page computes, computed in Python: its sources read with the numbers of a Sweep."""

from microgrid.sweep import Sweep
from microgrid.value import creation_order
from viz.page.data import playback
from viz.page.graph import Graph
from viz.picture.build import Options, Pictures, roots_of

COMBINED = {
    "sum": sum,
    "norm": lambda xs: sum(x * x for x in xs) ** 0.5,
    "ratio": lambda xs: xs[0] / xs[1],
    "size": lambda xs: abs(xs[0]),
}


class Page:
    """The data of the page of x, and any of its numbers after so many messages."""

    def __init__(self, x):
        self.data, _ = playback(x, None, None)
        self.sweep = Pictures(x, Options()).sweep
        self.order = creation_order(*roots_of(x))
        edges = Graph(roots_of(x), self.sweep).edge
        self.edge = {place: key for key, place in edges.items()}
        self.last = 0 if self.sweep is None else len(self.sweep)

    def number(self, source, after=None):
        """What a source gives; None where it is not there yet."""
        if not isinstance(source, list):
            return source
        kind, *parts = source
        if kind == "v":
            return self.order[parts[0]].data
        if kind == "g":
            return self.sweep.gradient(self.order[parts[0]], after)
        if kind == "p":
            node, position = self.edge[parts[0]]
            return node.partials[position]
        if kind == "m":
            return self.sweep.message(*self.edge[parts[0]], after)
        numbers = [self.number(part, after) for part in parts]
        known = [x for x in numbers if x is not None]
        if len(known) < len(numbers) and (kind != "sum" or not known):
            return None
        return COMBINED[kind](known)

    def step(self, wire):
        """After how many messages a wire has sent its own; None for one that sends none."""
        known = [self.edge[e] for e in wire["edges"]]
        return max((Sweep.number(self.sweep, *edge) for edge in known), default=None)
