"""Commands that look at the sweep: cards, paths, contributions, lists, displays, pictures."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from ..derivatives import grad
from ..value import Value
from ..wording import aligned, bracketed, shown
from .expression import Expression
from .moving import Moving
from .names import Vector, card, vector_card, whole_number

__all__ = ["Looking"]

_MOST_PATHS = 8  # that `terms` writes out
_DERIVATIVE = re.compile(r"[d∂](.+?)/[d∂](.+)")  # as a lecture writes it: dL/dh_0


class Looking(Moving):
    """p, where, up, down, terms, list, display, undisplay, draw."""

    def do_p(self, arg: str) -> None:
        """p [EXPRESSION]: a node's card, a vector, an expression's value; plain p: this node.

        p h_1    p abs(h_1.grad) > 2    p dL/dh_0, the derivative of any node by any other
        """
        ratio = _DERIVATIVE.fullmatch(arg)
        if ratio and any(name in self.names.known for name in ratio.groups()):
            self.say(f"{arg} = {shown(self._derivative(*ratio.groups()))}")
            return
        found = self.meant(arg) if arg else self.focus
        if isinstance(found, Value):
            self.say(*card(found, self.stepper, self.names))
        elif isinstance(found, tuple):
            self.say(*vector_card(arg, found, self.stepper, self.names))
        else:
            self.say(shown(found))

    def do_where(self, arg: str) -> None:
        """w(here): the path from the loss to here, its factors and their product."""
        nodes, factors, ways = self.path()
        rows = [
            [
                ">" if i == len(nodes) - 1 - self._up else "",
                f"× {bracketed(factors[i - 1])}" if i else "",
                f"{self.names.called(node)} = {shown(node.data)}",
            ]
            for i, node in enumerate(nodes)
        ]
        self.say(*aligned(rows))
        self.say(f"product {_product(factors)}")
        if ways > 1:
            total = shown(self.stepper.gradient(self.place))
            self.say(f"the largest of {ways} paths; they sum to {total}")

    def do_up(self, arg: str) -> None:
        """u(p) [n]: one node nearer to the loss, on the path that w shows."""
        self._move(whole_number(arg))

    def do_down(self, arg: str) -> None:
        """d(own) [n]: one node back towards where the sweep stands."""
        self._move(-whole_number(arg))

    def do_terms(self, arg: str) -> None:
        """terms WEIGHT: what each time step adds to a weight's gradient, and each path.

        terms W_h    terms W_h[0,1]. For a whole matrix the Euclidean norm of each step's part.
        """
        from ..bptt import paths

        if not arg:
            raise ValueError("name a weight: terms W_h")
        found = self.names.known.get(arg)
        steps, total = self._terms(arg, found)
        rows = [[_place(place), shown(part)] for place, part in steps.items()]
        self.say(*aligned([*rows, ["sum", shown(total)]]))
        if not isinstance(found, Value):
            self.say("norms of all entries; name one for its numbers and paths")
            return
        ways = paths(self.stepper.root, found)
        self.say(f"{ways.count} path{'' if ways.count == 1 else 's'} from the loss, largest first:")
        for path in islice(ways.largest(), _MOST_PATHS):
            names = " → ".join(self.names[node] for node in path.nodes)
            self.say(f"  {names}:  {_product(path.factors)}")
        if ways.count > _MOST_PATHS:
            self.say(f"  … and {ways.count - _MOST_PATHS} more")

    def do_list(self, arg: str) -> None:
        """l(ist) [NODE]: the nodes around this one (>), in the order of the sweep (->)."""
        order, middle = self.stepper.nodes, self.node(arg) if arg else self.focus
        at = order.index(middle)
        rows = [["", "node", "op", "value", "gradient", "scope"]]
        for node in order[max(0, at - 5) : at + 6]:
            mark = "->" if node is self.place else ">" if node is middle else ""
            op = node.op.name if node.op else "leaf"
            gradient = shown(self.stepper.gradient(node))
            rows.append([mark, self.names[node], op, shown(node.data), gradient, node.scope])
        self.say(*aligned(rows))

    def do_display(self, arg: str) -> None:
        """display [EXPRESSION]: show its value whenever the sweep stops; plain: show all now."""
        if arg:
            if arg not in self.names.known:
                Expression(arg)  # says what is wrong with it
            self.displays[next(self._display_numbers)] = arg
        self.show_displays()

    def do_undisplay(self, arg: str) -> None:
        """undisplay [n ...]: stop showing expressions, by number, or all."""
        self.delete(self.displays, arg, "display")

    def do_draw(self, arg: str) -> None:
        """draw [FILE]: the sweep so far as a picture (bptt.svg), or as a player's page (.html)."""
        import viz

        file = arg or "bptt.svg"
        made = viz.player(self.x, file) if file.endswith(".html") else viz.render(self.x, file)
        self.say(f"wrote {made}")

    def default(self, line: str) -> None:
        """What is no command is printed as by p."""
        command, _, rest = line.partition(" ")
        if rest in self.names.known:
            raise ValueError(f"there is no command {command!r}; p {rest} prints it, h lists them")
        try:
            self.do_p(line)
        except ValueError as error:
            raise ValueError(f"{error}; h lists the commands") from None

    do_print = do_p
    do_w, do_bt, do_u, do_d, do_l = do_where, do_where, do_up, do_down, do_list

    def _derivative(self, above: str, below: str) -> float:
        node, by = self.node(above), self.node(below)
        if not self.stepper.is_computed(node):
            raise ValueError(f"{above} is not computed yet")
        (derivative,) = grad(node, [by])
        return derivative.data

    def _move(self, up: int) -> None:
        nodes, _, _ = self.path()
        self._up = min(max(0, self._up + up), len(nodes) - 1)
        self.say(*card(self.focus, self.stepper, self.names))

    def _terms(self, name: str, found: Value | Vector | None) -> tuple[dict[Any, float], float]:
        """What each step adds to a weight, and the sum: norms where it has several entries."""
        from ..bptt import contributions

        entries = found if isinstance(found, tuple) else (name if found is None else found,)
        parts = [contributions(self.x, entry) for entry in entries]
        steps = dict.fromkeys(place for part in parts for place in part)
        sums = {place: _norm(part.get(place, 0.0) for part in parts) for place in steps}
        return sums, _norm(part.total for part in parts)


def _place(place: Any) -> str:
    return f"t={place}" if isinstance(place, int) else place or "outside"


def _norm(parts: Iterable[Any]) -> float:
    """A number as it is; of several, or of arrays, the Euclidean norm."""
    found = [float(x) for part in parts for x in getattr(part, "flat", (part,))]
    return found[0] if len(found) == 1 else math.hypot(*found)


def _product(factors: Sequence[float]) -> str:
    """1 × (-1) × (-5) = 5"""
    product = shown(math.prod(factors, start=1.0))
    return f"{' × '.join(map(bracketed, factors))} = {product}" if len(factors) > 1 else product
