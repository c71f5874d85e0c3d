"""Compiled kernels: the numbers of the eager engine, and what happens where they cannot be had."""

import logging
import math
import random
import shutil
import threading
from itertools import count

import numpy as np
import pytest

from microgrid import Value, nn, ops, recompute
from microgrid import functional as F
from microgrid.tape import GuardError, Tape, Tapes, engines
from microgrid.tape.compiled import build
from microgrid.value import record

inf, nan = math.inf, math.nan
pytestmark = pytest.mark.usefixtures("any_engine")
needs_compiler = pytest.mark.skipif(
    not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="no C compiler"
)


def close(found, wanted, scale=1.0, tolerance=1e-12):
    return found == pytest.approx(wanted, rel=tolerance, abs=tolerance * scale, nan_ok=True)


def assert_equals_eager(loss, inputs=(), rows=None, **options):
    """Values and gradients of every node, per example of a batch if `rows` are several."""
    tape = Tape(loss, inputs=inputs, engine="compiled", **options)
    assert tape.engine == "compiled"
    is_batch = rows is not None and np.ndim(rows) == 2
    tape.forward(rows)
    tape.backward()
    nodes = tape.plan.source.order
    known = {parameter for p in tape.parameters() for parameter in p.values}
    examples = rows if is_batch else [rows if rows is not None else [x.data for x in inputs]]
    total = dict.fromkeys(nodes, 0.0)
    for i, numbers in enumerate(examples):
        for leaf, number in zip(inputs, numbers):
            leaf.data = float(number)
        recompute(loss)
        for node in nodes:
            node.grad = None
        loss.backward()
        gradients = [node.grad for node in nodes]
        scale = max([1.0, *(abs(g) for g in gradients if math.isfinite(g))])
        for node, gradient in zip(nodes, gradients):
            total[node] += gradient
            if node in known:
                continue
            value, found = np.ravel(tape.value(node)), np.ravel(tape.grad(node))
            assert close(value[i % len(value)], node.data, scale), node
            assert close(found[i % len(found)], gradient, scale), node
    for leaf in known & set(nodes):
        assert close(tape.grad(leaf), total[leaf], scale * len(examples)), leaf
    return tape


def wide(seed, wild=False):
    """A loss over vectors: every op on many nodes at once, products, permutations, sharing."""
    dice = random.Random(seed)

    def number():
        if wild and dice.random() < 0.1:
            return dice.choice([0.0, -0.0, inf, -inf, nan, 1e-310, 800.0, 1e200])
        return round(dice.uniform(-2.0, 2.0), 3)

    inputs = [Value(number()) for _ in range(dice.choice([3, 8, 17]))]
    pool = [inputs]
    fixed = [op for op in ops.OPS if not op.variadic]
    variadic = [op for op in ops.OPS if op.variadic]
    for _ in range(6):
        v, kind = dice.choice(pool), dice.random()
        w = next((w for w in dice.sample(pool, len(pool)) if len(w) == len(v)), v)
        if kind < 0.25:
            weight = [[Value(number()) for _ in v] for _ in range(dice.randint(1, 9))]
            for _ in range(dice.randint(1, 3)):
                pool.append([z.tanh() for z in F.linear(v, weight)])
                v = dice.sample(v, len(v))
        elif kind < 0.65:
            op, by = dice.choice(fixed), dice.randint(0, 2)
            others = [w[(i + by) % len(w)] for i in range(len(v))] if by < 2 else [w[0]] * len(v)
            pool.append([record(op, [a, b][: op.arity]) for a, b in zip(v, others)])
        elif kind < 0.9:
            op, terms = dice.choice(variadic), 2 * dice.choice([1, 2, 3, 9])
            pool.append([record(op, [v[(i + j) % len(v)] for j in range(terms)])
                         for i in range(dice.choice([1, len(v)]))])  # fmt: skip
        else:
            pool.append(dice.sample(v, len(v)))
    found = [x for v in pool[1:] for x in v if x.op is not None]
    loss = F.sum([z.tanh() for z in found]) if found else inputs[0].tanh()
    below = set(Tape(loss, engine="numpy").plan.source.order)
    return loss, [x for x in inputs if x in below], number


@needs_compiler
class TestNumbers:
    @pytest.mark.parametrize("op", ops.OPS, ids=str)
    def test_every_op_on_lone_and_on_many_nodes_and_on_batches(self, op):
        arity = op.arity or 6
        numbers = [0.3, 0.7, 0.2, 0.9, 0.45, 0.6, 0.15]
        shift = 1.0 if op.name == "acosh" else 0.0
        leaves = [Value(x + shift) for x in numbers]
        lone = record(op, leaves[:arity])
        many = [record(op, [leaves[(i + k) % 7] for k in range(arity)]) for i in range(7)]
        assert_equals_eager(lone, leaves[:arity], [x + shift for x in numbers[:arity]])
        loss = F.dot(many, leaves)
        assert_equals_eager(loss)
        rows = [[shift + (x + 0.1 * i) % 0.95 for x in numbers] for i in range(5)]
        assert_equals_eager(loss, leaves, rows)

    @pytest.mark.parametrize("op", [op for op in ops.OPS if op.arity == 1], ids=str)
    def test_corners_are_eager_ones(self, op):
        corners = [0.0, -0.0, inf, -inf, nan, 5e-324, -1e-310, 710.0, -745.0, -708.5, 1e300, 37.0]
        leaves = [Value(x) for x in corners]
        nodes = [record(op, [x]) for x in leaves]
        tape = Tape(F.sum(nodes), engine="compiled")
        tape.forward()
        tape.backward()
        for leaf, node in zip(leaves, nodes):
            assert close(tape.value(node), node.data, scale=1e-310 / 1e-12), (leaf, node)
            assert close(tape.grad(leaf), node.partials[0], scale=1e-310 / 1e-12), (leaf, node)

    @pytest.mark.parametrize("seed", range(12))
    def test_random_vectors_replay_as_eager(self, seed):
        loss, inputs, number = wide(seed)
        assert_equals_eager(loss, inputs, [number() for _ in inputs])
        assert_equals_eager(loss, inputs, [[number() for _ in inputs] for _ in range(3)])

    @pytest.mark.parametrize("seed", range(100, 106))
    def test_infinities_and_nan_stand_where_eager_has_them(self, seed):
        loss, inputs, number = wide(seed, wild=True)
        assert_equals_eager(loss, inputs, [number() for _ in inputs])

    @pytest.mark.parametrize("cell", [nn.RNNCell, nn.LSTMCell, nn.GRUCell])
    def test_recurrent_networks_and_their_batches(self, cell):
        model = nn.SequenceModel(cell(5, 9, seed=1), nn.Linear(9, 5, seed=2))
        xs = [[Value(float(i == j)) for j in range(5)] for i in (0, 3, 1, 4, 2)]
        run = model.unroll(xs, targets=[3, 1, 4, 2, 0])
        flat = [x for row in xs for x in row]
        assert_equals_eager(run.loss, flat, [0.1 * i for i in range(25)])
        rows = np.random.default_rng(0).normal(size=(7, 25))
        assert_equals_eager(run.loss, flat, rows)

    def test_a_training_sweep_leaves_out_what_it_may_and_syncs(self):
        w, x = [Value(0.5), Value(-0.25)], [Value(2.0), Value(3.0)]
        loss = F.dot(w, x).tanh() + x[0] * x[1]
        tape = Tape(loss, inputs=x, parameters=w, engine="compiled")
        tape.forward([1.0, 4.0])
        tape.backward(inputs=False)
        slope = 1.0 - math.tanh(-0.5) ** 2
        assert [tape.grad(v) for v in w] == pytest.approx([slope, 4.0 * slope], rel=1e-12)
        with pytest.raises(RuntimeError, match="left out"):
            tape.grad(x[0])
        assert tape.sync() == pytest.approx(math.tanh(-0.5) + 4.0, rel=1e-12)
        assert w[0].grad == pytest.approx(slope, rel=1e-12)

    def test_guards_hold(self):
        a, x = Value(2.0), Value(3.0)
        tape = Tape.record(lambda: a * x if a + x > 1.0 else a - x, inputs=[x], engine="compiled")
        assert tape.engine == "compiled"
        assert tape.forward([1.0]) == 2.0
        with pytest.raises(GuardError, match="take another branch"):
            tape.forward([-5.0])

    def test_tapes_share_parameters(self):
        w = Value(2.0)

        def made(length):
            xs = [Value(0.0) for _ in range(length)]
            return F.sum([(w * x).tanh() for x in xs]), xs

        tapes = Tapes(made, [w], engine="compiled")
        assert tapes[3].engine == tapes[1].engine == "compiled"
        tapes.parameters()[0].data[:] = 0.5
        assert tapes[1].forward([1.0]) == pytest.approx(math.tanh(0.5), rel=1e-12)
        assert tapes[3].forward([1.0, 0.0, 0.0]) == pytest.approx(math.tanh(0.5), rel=1e-12)

    def test_single_precision_on_request(self):
        model = nn.SequenceModel(nn.LSTMCell(4, 6, seed=1), nn.Linear(6, 4, seed=2))
        xs = [[Value(float(i == j)) for j in range(4)] for i in (0, 3, 1)]
        run = model.unroll(xs, targets=[3, 1, 2])
        flat = [x for row in xs for x in row]
        wanted = Tape(run.loss, inputs=flat, engine="numpy")
        single = Tape(run.loss, inputs=flat, engine="compiled", dtype="float32")
        for numbers in (np.linspace(-1.0, 1.0, 12), np.linspace(-1.0, 1.0, 36).reshape(3, 12)):
            assert single.forward(numbers) == pytest.approx(wanted.forward(numbers), rel=1e-5)
            wanted.backward()
            single.backward()
            for ours, theirs in zip(single.parameters(), wanted.parameters()):
                assert ours.grad.dtype == np.float64
                assert ours.grad == pytest.approx(theirs.grad, rel=1e-4, abs=1e-5)
        assert single.forward(numbers) != wanted.forward(numbers)


@needs_compiler
class TestAuto:
    def test_it_replays_on_numpy_until_kernels_are_ready(self, fresh, monkeypatch, caplog):
        go, compile_kernels = threading.Event(), build._compile

        def slow(*args):
            go.wait(60)
            compile_kernels(*args)

        monkeypatch.setattr(build, "_compile", slow)
        monkeypatch.setattr(engines, "_PATIENCE", 0.01)
        w, x = Value(0.5), Value(0.3)
        tape = Tape((w * x).tanh(), inputs=[x])
        for turn in range(3):
            assert tape.forward([turn]) == pytest.approx(math.tanh(0.5 * turn), rel=1e-15)
            assert tape.engine == "numpy"
        go.set()
        with caplog.at_level(logging.INFO, "microgrid.tape"):
            for turn in count():
                assert tape.forward([turn / 100]) == pytest.approx(math.tanh(turn / 200))
                tape.backward()
                assert tape.grad(w) == pytest.approx((1 - math.tanh(turn / 200) ** 2) * turn / 100)
                if tape.engine == "compiled":
                    break
                threading.Event().wait(0.02)
                assert turn < 3000
        assert [r.getMessage() for r in caplog.records] == ["Tape: compiled kernels replay"]
        assert tape.forward() == pytest.approx(math.tanh(turn / 200), rel=1e-14)

    def test_a_wrong_kernel_is_found_before_it_takes_over(self, fresh, monkeypatch, caplog):
        from microgrid.tape.compiled import replay

        right = replay.Replay.forward
        monkeypatch.setattr(replay.Replay, "forward", lambda self: right(self) + 0.5)
        monkeypatch.setattr(engines, "_PATIENCE", 60.0)
        x = Value(0.3)
        tape = Tape((x * 2.0).tanh(), inputs=[x])
        for _ in range(3):
            assert tape.forward([0.5]) == pytest.approx(math.tanh(1.0), rel=1e-15)
        assert tape.engine == "numpy"
        assert "compiled kernels found the loss" in caplog.text

    def test_the_environment_forces_an_engine(self, monkeypatch):
        monkeypatch.setenv("MICROGRID_ENGINE", "numpy")
        x = Value(0.3)
        assert Tape(x.tanh(), inputs=[x], engine="compiled").engine == "numpy"
        monkeypatch.setenv("MICROGRID_ENGINE", "compiled")
        assert Tape(x.tanh(), inputs=[x], engine="numpy").engine == "compiled"

    def test_the_report_names_compiler_and_folder(self, fresh):
        found, _, threads = engines.report().partition("; ")
        assert found == f"compiled, by {build.compiler()}, kernels in {fresh}"
        assert threads.startswith("large batches on threads: ")
