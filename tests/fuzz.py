"""Random programs, replayed by the tape's executors and held to the eager engine.

    python tests/fuzz.py 0 10000                    the programs of 10,000 seeds, by both engines
    python tests/fuzz.py 155 1 --engine compiled    one of them again

Every number and every gradient must be eager's to 1e-12. Where one is not, the eager engine is
run again with all that it computes moved by single roundings: what they change is not the
executor's fault. So it is with a tie, say of logsumexp(a, a - 40) and a, whose gradient goes
wherever the last bit of each says, and with the sign of a sum that is zero, where a pole is on one
side inf and -inf on the other. Such programs are counted apart. The exit code is 1 if any
program differs beyond that.

For a run under the address sanitizer, let CC name a script that calls the compiler with
-fsanitize=address, and preload its library.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from microgrid import Value, ops, recompute
from microgrid import functional as F
from microgrid.recording import watching
from microgrid.tape import Tape
from microgrid.value import creation_order, record

TOLERANCE = 1e-12
MOVES = 8  # of the eager engine's results, to see what rounding does
TOGETHER = 60  # programs whose kernels are compiled at once
WILD = [0.0, -0.0, math.inf, -math.inf, math.nan, 1e-310, 800.0, 1e200]
FIXED = [op for op in ops.OPS if not op.variadic]
VARIADIC = [op for op in ops.OPS if op.variadic]


# Programs.


class Dice(random.Random):
    """Random numbers for a program; `wild` ones are infinite, nan, tiny or huge now and then."""

    wild = False

    def number(self) -> float:
        if self.wild and self.random() < 0.08:
            return self.choice(WILD)
        return round(self.uniform(-2.0, 2.0), 3)

    def leaf(self) -> Value:
        return Value(self.number())


def lone(dice: Dice) -> Value:
    """Node after node, of any op, on any nodes before it and on plain numbers."""
    leaves = [dice.leaf() for _ in range(dice.randint(1, 6))]
    nodes = list(leaves)
    for _ in range(dice.randint(1, 40)):
        op = dice.choice(ops.OPS)
        arity = op.arity or 2 * dice.randint(1, dice.choice([1, 3, 8]))
        operands = [dice.choice(nodes) if dice.random() < 0.8 else dice.number()
                    for _ in range(arity)]  # fmt: skip
        if not any(isinstance(x, Value) for x in operands):
            operands[0] = nodes[-1]
        nodes.append(record(op, operands))
    return F.sum(nodes[len(leaves) :]) if dice.random() < 0.5 else nodes[-1]


def line(dice: Dice) -> Value:
    """Lines of nodes, each of which reads the one before it; a line may go on from others."""
    starts, ends = [dice.leaf() for _ in range(dice.randint(2, 6))], []
    for _ in range(dice.choice([1, 1, 2, 3])):
        last, read = dice.choice(starts), dice.sample(starts, 2)
        for _ in range(dice.randint(1, 30)):
            op = dice.choice(ops.OPS)
            arity = op.arity or 2 * dice.choice([1, 1, 1, 2, 4])
            operands: list[Any] = [dice.choice(read) if dice.random() < 0.8 else dice.number()
                                   for _ in range(arity)]  # fmt: skip
            operands[dice.randrange(arity)] = last
            last = record(op, operands)
            if dice.random() < 0.1:
                read.append(last)
        starts.append(last)
        ends.append(last)
    return F.sum(ends) if len(ends) > 1 else ends[0]


def wide(dice: Dice) -> Value:
    """Vectors: one op on many nodes, matrices used again and again, permutations, sharing."""
    pool = [[dice.leaf() for _ in range(dice.choice([2, 3, 5, 8, 16, 17]))]]
    for _ in range(dice.randint(1, 6)):
        v = dice.choice(pool)
        w = next((w for w in dice.sample(pool, len(pool)) if len(w) == len(v)), v)
        pool += dice.choice([_layers, _layers, _fixed, _fixed, _fixed, _variadic, _mixed])(
            dice, v, w
        )
    made = [x for v in pool[1:] for x in v if x.op is not None] or [pool[0][0].tanh()]
    if dice.random() < 0.2:
        return made[-1]
    return F.sum([x.tanh() if dice.random() < 0.5 else x for x in made])


def _layers(dice: Dice, v: list[Value], w: list[Value]) -> list[list[Value]]:
    weight = [[dice.leaf() for _ in v] for _ in range(dice.randint(1, 9))]
    found = []
    for _ in range(dice.randint(1, 3)):
        xs = [x if dice.random() < 0.9 else dice.number() for x in v]
        found.append([z.tanh() for z in F.linear(xs, weight)])
        v = dice.sample(v, len(v))
    return found


def _fixed(dice: Dice, v: list[Value], w: list[Value]) -> list[list[Value]]:
    op, shift = dice.choice(FIXED), dice.randrange(len(w))
    others = [dice.choice(w)] * len(v) if dice.random() < 0.3 else w[shift:] + w[:shift]
    return [[record(op, [a, b][: op.arity]) for a, b in zip(v, others)]]


def _variadic(dice: Dice, v: list[Value], w: list[Value]) -> list[list[Value]]:
    op, terms = dice.choice(VARIADIC), 2 * dice.choice([1, 2, 3, 5, 9])
    return [[record(op, [v[(i + j) % len(v)] for j in range(terms)])
             for i in range(dice.choice([1, len(v)]))]]  # fmt: skip


def _mixed(dice: Dice, v: list[Value], w: list[Value]) -> list[list[Value]]:
    scale = dice.leaf()
    return [dice.sample(v, len(v)), [scale * a + dice.choice(w) for a in v]]


@dataclass
class Program:
    """A loss, the leaves that are fed, and their numbers: one row, or a batch of rows."""

    seed: int
    loss: Value
    inputs: list[Value]
    rows: list[list[float]]
    is_batch: bool

    @property
    def numbers(self) -> Any:
        return self.rows if self.is_batch else self.rows[0]


def program(seed: int) -> Program:
    dice = Dice(seed)
    dice.wild = dice.random() < 0.3
    loss = line(dice) if seed % 3 == 1 else dice.choice([lone, wide])(dice)
    leaves = [x for x in creation_order(loss) if x.op is None]
    inputs = dice.sample(leaves, dice.randint(0, len(leaves)))
    size = dice.choice([0, 0, 1, 3, 17]) if inputs else 0
    rows = [[dice.number() for _ in inputs] for _ in range(size or 1)]
    return Program(seed, loss, inputs, rows, size > 0)


# The eager engine.


class Roundings:
    """Moves every result, and all that local derivatives are made of, by a last bit up or down."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice

    def moved(self, number: float) -> float:
        return number * (1.0 + self.dice.choice([-1.0, 0.0, 1.0]) * sys.float_info.epsilon)

    def made(self, node: Any, op: ops.Op, operands: Sequence[Any]) -> None:
        node._data = self.moved(node._data)
        if op.variadic and node._data == 0.0:  # which sign hangs on where a sum begins
            node._data = self.dice.choice([0.0, -0.0])
        numbers = [self.moved(float(x)) for x in operands]
        derivatives = op.local_derivatives(ops.FLOAT, self.moved(node._data), numbers)
        node.partials = tuple(d for d, x in zip(derivatives, operands) if isinstance(x, Value))

    def sweep(self, root: Any, gradient: float) -> None:
        raise AssertionError("the sweep is not watched")


def eager(of: Program, nodes: Sequence[Value], moved: Roundings | None = None) -> Any:
    """Values and gradients of the nodes, row by row: an array (2, rows, nodes)."""
    found = []
    for row in of.rows:
        for leaf, number in zip(of.inputs, row):
            leaf.data = number
        if moved is None:
            recompute(of.loss)
        else:
            with watching(moved):
                recompute(of.loss)
        for node in nodes:
            node.grad = None
        of.loss.backward()
        found.append([[node.data for node in nodes], [node.grad for node in nodes]])
    return np.array(found).transpose(1, 0, 2)


# Both beside each other.


def replayed(of: Program, tape: Tape, nodes: Sequence[Value], every: bool, exact: Any) -> Any:
    """The same numbers by a tape, a parameter's gradient in the first row.

    Without `every` the sweep is one for the parameters, and other gradients are the exact ones.
    """
    tape.forward(None if every else of.numbers)
    tape.backward(inputs=every)
    learnt = {x for p in tape.parameters() for x in p.values}
    found = exact.copy()
    for i, node in enumerate(nodes):
        found[0, :, i] = tape.value(node)
        if node in learnt:
            found[1, 0, i] = tape.grad(node)
        elif every:
            found[1, :, i] = tape.grad(node)
    return found


def summed(numbers: Any, tape: Tape, nodes: Sequence[Value]) -> Any:
    """Eager gradients as a tape has them: those of a parameter over all rows together."""
    found = numbers.copy()
    learnt = {x for p in tape.parameters() for x in p.values}
    for i, node in enumerate(nodes):
        if node in learnt:
            found[1, :, i] = 0.0
            with np.errstate(invalid="ignore"):
                found[1, 0, i] = numbers[1, :, i].sum()
    return found


def close(found: Any, wanted: Any, allowed: Any) -> Any:
    with np.errstate(all="ignore"):
        allowed = TOLERANCE * (1.0 + np.abs(wanted)) + allowed
        is_same = (found == wanted) | (np.isnan(found) & np.isnan(wanted))
        return is_same | (np.abs(found - wanted) <= allowed) | np.isnan(allowed)


def verdict(of: Program, tape: Tape, nodes: Sequence[Value], wanted: Any) -> str:
    """Either "equal" or "rounding", or what is different."""
    exact = summed(wanted, tape, nodes)
    found = np.array([replayed(of, tape, nodes, every, exact) for every in (False, True)])
    if close(found, exact, 0.0).all():
        return "equal"
    change = np.zeros_like(exact)
    for move in range(MOVES):
        moved = summed(eager(of, nodes, Roundings(random.Random(move))), tape, nodes)
        with np.errstate(all="ignore"):
            differs = ~((moved == exact) | (np.isnan(moved) & np.isnan(exact)))
            change = np.where(differs, np.maximum(change, np.abs(moved - exact)), change)
    eager(of, nodes)
    is_close = close(found, exact, 16 * change)
    if is_close.all():
        return "rounding"
    sweep, what, row, i = np.argwhere(~is_close)[0]
    name = ("value", "gradient")[what]
    return (
        f"{name} of {nodes[i]!r} in row {row} is {float(found[sweep, what, row, i])!r}, "
        f"eager {float(exact[what, row, i])!r}; roundings move it by {change[what, row, i]:.1e}"
    )


def load_kernels(programs: Sequence[Program]) -> None:
    """Compile what all of them need, at once."""
    from microgrid.tape.compiled.build import library
    from microgrid.tape.compiled.replay import Replay

    kernels = set()
    for one in programs:
        tape = Tape(one.loss, one.inputs, engine="numpy")
        for batch in {(), (len(one.rows),) if one.is_batch else ()}:
            kernels |= Replay(tape.plan, tape._store, batch).kernels()
    library("float64").load(kernels)


def groups(seeds: Sequence[int]) -> Iterator[list[Program]]:
    everything = map(program, seeds)
    while group := list(islice(everything, TOGETHER)):
        yield [one for one in group if one.loss.op is not None]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("start", type=int, help="the first seed")
    parser.add_argument("count", type=int, help="how many seeds")
    parser.add_argument("--engine", choices=["compiled", "numpy", "both"], default="both")
    options = parser.parse_args(arguments)
    os.environ.pop("MICROGRID_ENGINE", None)
    engines = ("compiled", "numpy") if options.engine == "both" else (options.engine,)
    counts: Counter[str] = Counter()
    start = time.perf_counter()
    for group in groups(range(options.start, options.start + options.count)):
        if "compiled" in engines:
            load_kernels(group)
        for one in group:
            nodes = creation_order(one.loss)
            tapes = [Tape(one.loss, one.inputs, engine=engine) for engine in engines]
            wanted = eager(one, nodes)
            for engine, tape in zip(engines, tapes):
                if tape.engine != engine:
                    parser.exit(2, f"fuzz: the engine {engine!r} cannot be had\n")
                found = verdict(one, tape, nodes, wanted)
                counts[f"{engine} {found if found in ('equal', 'rounding') else 'DIFFERS'}"] += 1
                if found != "equal":
                    print(f"seed {one.seed}, {engine}: {found}", flush=True)
        told = ", ".join(f"{name} {number}" for name, number in sorted(counts.items()))
        print(f"to seed {group[-1].seed}: {told}; {time.perf_counter() - start:.0f} s", flush=True)
    return int(any("DIFFERS" in name for name in counts))


if __name__ == "__main__":
    sys.exit(main())
