"""Passes that rewrite a program in + and * in `sum` and `dot`, so that it has matrices.

A chain of additions whose links nobody else uses is one sum, and its products that nobody
else uses make it a dot. The values in between vanish, their gradients do not: an addend's is
the sum's own. A dot that is a row of parameters times a column, and something more, is taken
apart again: the row becomes a node of its own, so that it can be part of a matrix.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence, Set
from dataclasses import replace
from itertools import chain, compress

from .. import ops
from ..ops import Op
from .ir import Graph, Nodes

__all__ = ["fuse_sums", "take_rows_out"]

_LEAST_TERMS = 3  # a + b c is as fast as it stands

_Pair = tuple[int, int]  # two factors; of an addend the second is _NO_FACTOR
_NO_FACTOR = -1


def fuse_sums(graph: Graph) -> Graph:
    """The graph with each tree of additions as one sum or, if it has products, one dot."""
    add, total = ops.ADD, ops.SUM
    additions = [i for i, kind in enumerate(graph.op) if kind is add or kind is total]
    private = _used_once(graph, additions)
    if not private and ops.SUM not in graph.op:  # nothing to fuse, nor lengths to agree on
        return graph
    return _Fusing(graph, private).run(additions)


class _Fusing:
    def __init__(self, graph: Graph, private: Set[int]) -> None:
        self.graph = graph
        self.op = list(graph.op)
        self.operands = list(graph.operands)
        self.heir: dict[int, int] = {}
        self.private = private
        self.widths: dict[object, set[int]] = defaultdict(set)  # of the sums of a role
        self.short: list[tuple[int, list[int], list[_Pair]]] = []  # too few terms to be worth it

    def run(self, additions: Sequence[int]) -> Graph:
        """Fuse from the last addition to the first: what is part of a later one is done by then."""
        for node in reversed(additions):
            if self.op[node] is not None:  # nor fused into a later one
                self._fuse(node)
        if self.short and any(len(widths) > 1 for widths in self.widths.values()):
            self._join_families()
        return replace(self.graph, op=self.op, operands=self.operands, heir=self.heir)

    def _fuse(self, root: int) -> None:
        """Make the tree of additions under `root` one sum or dot."""
        operands = self.operands[root]
        if len(operands) < _LEAST_TERMS and self.private.isdisjoint(operands):
            self.short.append((root, [], [(x, _NO_FACTOR) for x in operands]))
            return
        inner, terms = self._terms(root)
        if len(terms) < _LEAST_TERMS:
            self.short.append((root, inner, terms))
            return
        if inner:
            self._rewrite(root, inner, terms)
        if self.graph.parameters.isdisjoint(terms[0]):
            self.widths[self._role(terms)].add(len(terms))

    def _terms(self, root: int) -> tuple[list[int], list[_Pair]]:
        """The additions and products that make up a sum, and what they add up."""
        op, operands, private = self.op, self.operands, self.private
        mul, add, total = ops.MUL, ops.ADD, ops.SUM
        terms: list[_Pair] = []
        inner: list[int] = []
        pending = list(operands[root])
        while pending:  # from the last term to the first
            node = pending.pop()
            kind = op[node] if node in private else None
            if kind is mul:
                inner.append(node)
                terms.append(operands[node])  # type: ignore[arg-type]
            elif kind is add or kind is total:
                inner.append(node)
                pending += operands[node]
            elif kind is ops.DOT:
                inner.append(node)
                half = len(operands[node]) // 2
                terms += reversed(list(zip(operands[node][:half], operands[node][half:])))
            else:
                terms.append((node, _NO_FACTOR))
        terms.reverse()
        return inner, terms

    def _rewrite(self, root: int, inner: Sequence[int], terms: Sequence[_Pair]) -> None:
        """Have `root` add up the terms, and the nodes within it vanish."""
        for node in inner:
            self.op[node] = None
        self.heir.update(dict.fromkeys(inner, root))
        firsts, seconds = zip(*terms)
        if _NO_FACTOR in seconds:
            if not any(x != _NO_FACTOR for x in seconds):
                self.op[root], self.operands[root] = ops.SUM, firsts
                return
            unit = self.graph.constants.node(1.0)
            seconds = tuple([unit if b == _NO_FACTOR else b for b in seconds])
        self.op[root], self.operands[root] = ops.DOT, firsts + seconds

    def _join_families(self) -> None:
        """Let a short sum or product be what its longer siblings are.

        In causal attention step t has sums and dots of t terms. Those of one or two terms
        become a sum or dot too, so that all steps can be one block.
        """
        ragged = {role for role, widths in self.widths.items() if len(widths) > 1}
        for root, inner, terms in self.short:
            if self.op[root] is not None and self._role(terms) in ragged:
                self._rewrite(root, inner, terms)
        for node, kind in enumerate(self.op):
            if kind is ops.MUL:
                a, b = self.operands[node]
                if self._role([(a, b)]) in ragged:
                    self.op[node] = ops.DOT

    def _role(self, terms: Sequence[_Pair]) -> object:
        """What kinds of nodes are added up: sums of one role differ in length alone."""
        op, known = self.graph.op, len(self.graph.op)  # as recorded: the same all along
        kinds = [
            (op[a] if a < known else None, op[b] if _NO_FACTOR < b < known else b >= known)
            for a, b in terms
        ]
        return frozenset(kinds)


def _used_once(graph: Graph, additions: Sequence[int]) -> Set[int]:
    """Of the sums and products that additions read, those that nothing else reads."""
    op, known, operands = graph.op, len(graph.op), graph.operands
    inner = {ops.ADD, ops.SUM, ops.MUL, ops.DOT}
    added = chain.from_iterable(map(operands.__getitem__, additions))
    found = {x for x in added if x < known and op[x] in inner}
    if not found:
        return found
    uses = Counter(filter(found.__contains__, chain(chain.from_iterable(operands), graph.roots)))
    return {x for x in found if uses[x] == 1}


def take_rows_out(graph: Graph) -> Graph:
    """The graph with each row of parameters within a longer dot as a node of its own.

    A row with an addend of its own at every step (an embedding of the position added to that
    of the token) is taken out of it too, so that all steps meet the same row.
    """
    return _Rows(graph).run()


class _Rows:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.unit = graph.constants.node(1.0)
        op, dot = graph.op, ops.DOT
        dots = [node for node in graph.order if op[node] is dot]
        operands = map(graph.operands.__getitem__, dots)
        self.dots = dict(zip(dots, map(graph.dots.factors, operands)))
        self.addends: dict[int, list[int]] = {}  # by the identity of a column: where it holds ones
        for _, seconds in self.dots.values():
            if id(seconds) not in self.addends:
                places = enumerate(seconds) if self.unit in seconds else ()
                self.addends[id(seconds)] = [i for i, x in places if x == self.unit]
        self.drifting = self._drifting()

    def run(self) -> Graph:
        """The graph in which every row that stands within a longer dot is a node before it."""
        graph, unit, is_row = self.graph, self.unit, self.graph.dots.is_row
        splits = {
            node: found
            for node, (firsts, seconds) in self.dots.items()
            if (self.drifting or not is_row(firsts))
            and (found := self._split(firsts, seconds)) is not None
        }
        if not splits:
            return graph
        op, operands = list(graph.op), list(graph.operands)
        order: list[int] = []
        for node in graph.order:
            if node in splits:
                row, others = splits[node]
                order.append(len(op))
                op[node], operands[node] = _dot_or_sum([(len(op), unit), *others], unit)
                op.append(ops.DOT)
                operands.append(_flat(row))
            order.append(node)
        return replace(graph, op=op, operands=operands, order=order)

    def _split(self, firsts: Nodes, seconds: Nodes) -> tuple[list[_Pair], list[_Pair]] | None:
        """The products of a dot that make a row of parameters, and the others; None without."""
        if self.graph.dots.is_row(firsts):
            ones = self.addends[id(seconds)]
            if not ones or self._without(firsts, ones) not in self.drifting:
                return None
            is_row = [x != self.unit for x in seconds]
        else:
            is_row = list(map(self.graph.parameters.__contains__, firsts))
        if not _LEAST_TERMS <= sum(is_row) < len(is_row):
            return None
        pairs = list(zip(firsts, seconds))
        return list(compress(pairs, is_row)), [p for p, inside in zip(pairs, is_row) if not inside]

    def _drifting(self) -> set[Nodes]:
        """The rows that stand beside one parameter as an addend here, beside another there."""
        added_to: dict[Nodes, Nodes] = {}
        found: set[Nodes] = set()
        done: set[int] = set()
        is_row = self.graph.dots.is_row
        for firsts, seconds in self.dots.values():
            if id(firsts) in done or not self.addends[id(seconds)] or not is_row(firsts):
                continue
            done.add(id(firsts))
            ones = self.addends[id(seconds)]
            row, added = self._without(firsts, ones), tuple([firsts[i] for i in ones])
            if added_to.setdefault(row, added) != added:
                found.add(row)
        return found

    @staticmethod
    def _without(row: Nodes, places: Sequence[int]) -> Nodes:
        """The row without the entries at these places."""
        left = list(row)
        for place in reversed(places):
            del left[place]
        return tuple(left)


def _dot_or_sum(pairs: Sequence[_Pair], unit: int) -> tuple[Op, Nodes]:
    """The op and operands that add up these products, of which some are addends."""
    if any(b != unit for _, b in pairs):
        return ops.DOT, _flat(pairs)
    return ops.ADD if len(pairs) == 2 else ops.SUM, tuple([a for a, _ in pairs])


def _flat(pairs: Sequence[_Pair]) -> Nodes:
    return tuple([a for a, _ in pairs] + [b for _, b in pairs])
