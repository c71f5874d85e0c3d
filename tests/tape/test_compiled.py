"""Compiled kernels: the numbers of the eager engine, and what happens where they cannot be had."""

import errno
import logging
import math
import os
import random
import shutil
import stat
import subprocess
import sys
import threading
import time
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from microgrid import Value, nn, ops, recompute
from microgrid import functional as F
from microgrid.tape import GuardError, Tape, Tapes, engines
from microgrid.tape.compiled import build
from microgrid.value import record

inf, nan = math.inf, math.nan
needs_compiler = pytest.mark.skipif(
    not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="no C compiler"
)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """One cache for all tests here, which is not the user's."""
    return tmp_path_factory.mktemp("kernels", numbered=True) / "microgrid"


@pytest.fixture(autouse=True)
def any_engine(monkeypatch, cache):
    """The tests here say which engine they want; what was said once may be said again."""
    monkeypatch.delenv("MICROGRID_ENGINE", raising=False)
    monkeypatch.setenv("MICROGRID_CACHE", str(cache))
    monkeypatch.setattr(engines, "_said", set())


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    """An empty cache, and a process that has loaded no kernels."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("MICROGRID_CACHE", str(folder))
    build.library.cache_clear()
    yield folder
    build.library.cache_clear()


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


class TestBadInput:
    def test_an_unknown_engine_or_type_is_named(self, monkeypatch):
        loss = Value(1.0).tanh()
        with pytest.raises(
            ValueError, match='engine must be one of "auto", "numpy", "compiled"; got'
        ):
            Tape(loss, engine="gpu")
        with pytest.raises(ValueError, match='dtype must be one of "float64", "float32"; got'):
            Tape(loss, dtype="float16")
        monkeypatch.setenv("MICROGRID_ENGINE", "fast")
        with pytest.raises(ValueError, match="MICROGRID_ENGINE must be one of"):
            Tape(loss)

    def falls_back(self, caplog, pattern):
        """auto says why once, at a length that fits; "compiled" warns; both replay on NumPy."""
        x = Value(0.3)
        loss = (x * 2.0).tanh()
        with caplog.at_level(logging.INFO, "microgrid.tape"):
            for _ in range(2):
                tape = Tape(loss, inputs=[x])
                for _ in range(3):
                    assert tape.forward([0.5]) == pytest.approx(math.tanh(1.0), rel=1e-15)
                assert tape.engine == "numpy"
        said = [r.getMessage() for r in caplog.records if "NumPy replays" in r.getMessage()]
        assert len(said) == 1, said
        assert pattern in said[0], said
        with pytest.warns(RuntimeWarning, match="Tape: NumPy replays, for "):
            tape = Tape(loss, inputs=[x], engine="compiled")
        assert tape.forward([0.5]) == pytest.approx(math.tanh(1.0), rel=1e-15)

    def compiler_like(self, path, script, monkeypatch):
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setenv("CC", str(path))

    def test_no_compiler(self, fresh, caplog, monkeypatch, tmp_path):
        monkeypatch.delenv("CC", raising=False)
        monkeypatch.setenv("PATH", str(tmp_path))
        self.falls_back(caplog, "there is no C compiler on the PATH")

    def test_a_compiler_that_is_not_there(self, fresh, caplog, monkeypatch):
        monkeypatch.setenv("CC", "/nowhere/cc")
        self.falls_back(caplog, "that CC names, '/nowhere/cc', is not there or cannot run")

    def test_a_compiler_that_is_not_executable(self, fresh, caplog, monkeypatch, tmp_path):
        (tmp_path / "cc").write_text("#!/bin/sh\n")
        monkeypatch.setenv("CC", str(tmp_path / "cc"))
        self.falls_back(caplog, "is not there or cannot run")

    def test_a_compiler_that_is_no_program(self, fresh, caplog, monkeypatch, tmp_path):
        (tmp_path / "cc").write_bytes(b"\x7fELF no program")
        (tmp_path / "cc").chmod(0o755)
        monkeypatch.setenv("CC", str(tmp_path / "cc"))
        self.falls_back(caplog, "cannot be run")

    def test_a_compiler_that_fails(self, fresh, caplog, monkeypatch, tmp_path):
        script = "echo 'kernels.c:1: error: no such luck' >&2; exit 1"
        self.compiler_like(tmp_path / "cc", script, monkeypatch)
        self.falls_back(caplog, "failed: kernels.c:1: error: no such luck")

    def test_a_compiler_that_writes_nothing(self, fresh, caplog, monkeypatch, tmp_path):
        self.compiler_like(tmp_path / "cc", "exit 0", monkeypatch)
        self.falls_back(caplog, "failed: no reason")

    def test_a_compiler_that_writes_rubbish(self, fresh, caplog, monkeypatch, tmp_path):
        script = 'while [ "$1" != -o ]; do shift; done; echo rubbish > "$2"'
        self.compiler_like(tmp_path / "cc", script, monkeypatch)
        self.falls_back(caplog, "cannot be loaded")

    def test_a_compiler_that_hangs_is_killed(self, fresh, caplog, monkeypatch, tmp_path):
        monkeypatch.setattr(build, "SECONDS", 0.2)
        self.compiler_like(tmp_path / "cc", "sleep 60 & echo $! >> pids; wait", monkeypatch)
        monkeypatch.chdir(tmp_path)
        self.falls_back(caplog, "did not end within 0.2 seconds")
        for pid in Path("pids").read_text().split():
            state = Path(f"/proc/{pid}/stat")
            assert not state.exists() or state.read_text().split()[2] == "Z"

    @needs_compiler
    def test_a_cache_folder_that_is_a_file(self, fresh, caplog):
        fresh.write_text("not a folder")
        self.falls_back(caplog, "the cache folder cannot be used: ")

    @needs_compiler
    def test_a_cache_folder_that_others_can_write(self, fresh, caplog):
        fresh.mkdir()
        fresh.chmod(0o777)
        self.falls_back(caplog, "is open to others (mode 777): chmod 700 it")

    @needs_compiler
    def test_a_cache_folder_below_one_that_others_can_write(self, fresh, caplog, monkeypatch):
        fresh.mkdir()
        fresh.chmod(0o777)
        monkeypatch.setenv("MICROGRID_CACHE", str(fresh / "mine"))
        self.falls_back(caplog, "above the cache folder, can be changed by others")

    @needs_compiler
    def test_a_group_of_the_user_alone_may_write_above_the_cache(self, fresh, monkeypatch):
        fresh.mkdir()
        fresh.chmod(0o775)
        monkeypatch.setenv("MICROGRID_CACHE", str(fresh / "mine"))
        monkeypatch.setattr(build, "_is_own_group", lambda number: True)
        assert "compiled" in engines.report()
        build.library.cache_clear()
        monkeypatch.setattr(build, "_is_own_group", lambda number: False)
        assert "can be changed by others" in engines.report()

    @needs_compiler
    def test_a_cache_folder_that_is_a_link(self, fresh, caplog, tmp_path):
        (tmp_path / "elsewhere").mkdir()
        fresh.symlink_to(tmp_path / "elsewhere")
        self.falls_back(caplog, "is a link or no folder")

    @needs_compiler
    @pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
    def test_a_cache_that_cannot_be_written(self, fresh, caplog, monkeypatch, number):
        def full(*args, **options):
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(build.tempfile, "TemporaryDirectory", full)
        self.falls_back(caplog, f"cannot be written: [Errno {number}] {os.strerror(number)}")


@needs_compiler
class TestCache:
    def replay(self):
        x = Value(0.3)
        tape = Tape((x * 2.0).tanh(), inputs=[x], engine="compiled")
        assert tape.engine == "compiled"
        assert tape.forward([0.5]) == pytest.approx(math.tanh(1.0), rel=1e-15)

    def test_the_folder_is_the_users_alone_and_kernels_are_built_once(self, fresh, monkeypatch):
        self.replay()
        assert stat.S_IMODE(fresh.stat().st_mode) == 0o700
        files = sorted(path.name for path in fresh.iterdir())
        assert [Path(name).suffix for name in files] == [".so", ".txt"] * 2
        build.library.cache_clear()
        monkeypatch.setattr(build, "_compile", None)  # calling it would fail
        self.replay()

    def test_only_kernels_that_no_plan_has_needed_are_compiled(self, fresh):
        self.replay()
        before = set(fresh.glob("*.so"))
        build.library.cache_clear()
        x = Value(0.3)
        loss = (x * 2.0).tanh() + F.sum([(x * k).sin() for k in (2.0, 3.0, 4.0, 5.0, 6.0)])
        tape = Tape(loss, inputs=[x], engine="compiled")
        assert tape.forward([0.5]) == pytest.approx(
            math.tanh(1.0) + sum(math.sin(k / 2.0) for k in (2, 3, 4, 5, 6)), rel=1e-14
        )
        (new,) = set(fresh.glob("*.so")) - before
        assert "k_matmul" not in new.with_suffix(".txt").read_text()

    def test_a_file_that_was_changed_is_built_again(self, fresh):
        self.replay()
        build.library.cache_clear()
        for path in fresh.glob("*.so"):
            content = path.read_bytes()
            path.unlink()  # what is loaded stays as it is
            path.write_bytes(content[: len(content) // 2])
        self.replay()

    def test_another_processor_or_compiler_has_files_of_its_own(self, fresh, monkeypatch):
        self.replay()
        before = set(fresh.glob("*.so"))
        build.library.cache_clear()
        monkeypatch.setattr(build, "processor", lambda: "another one")
        self.replay()
        after = set(fresh.glob("*.so"))
        assert len(after) == 2 * len(before)
        assert before < after

    def test_what_a_killed_build_left_behind_is_removed(self, fresh):
        self.replay()
        for name, age in (("build-old", 86400.0), ("build-now", 0.0)):
            (fresh / name).mkdir()
            os.utime(fresh / name, times=(time.time() - age,) * 2)
        build.library.cache_clear()
        for path in fresh.glob("*.txt"):
            path.unlink()
        self.replay()
        assert [path.name for path in fresh.glob("build-*")] == ["build-now"]

    def test_what_another_build_removes_meanwhile_is_no_error(self, fresh):
        self.replay()
        (fresh / "build-gone").symlink_to("nowhere")  # seen in the folder, not there when asked
        build.library.cache_clear()
        for path in fresh.glob("*.txt"):
            path.unlink()
        self.replay()

    def test_two_processes_may_build_at_once(self, fresh):
        program = (
            "from microgrid import Value; from microgrid.tape import Tape; x = Value(0.3); "
            "tape = Tape((x * 2.0).tanh(), inputs=[x], engine='compiled'); "
            "print(tape.engine, f'{tape.forward([0.5]):.12f}')"
        )
        runs = [
            subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
            for _ in range(3)
        ]
        said = {run.communicate(timeout=120)[0] for run in runs}
        assert said == {f"compiled {math.tanh(1.0):.12f}\n"}
        assert not list(fresh.glob("build-*"))


@needs_compiler
class TestAuto:
    def test_it_replays_on_numpy_until_kernels_are_ready(self, fresh, monkeypatch, caplog):
        go, compile_kernels = threading.Event(), build._compile

        def slow(*args):
            go.wait(60)
            compile_kernels(*args)

        monkeypatch.setattr(build, "_compile", slow)
        monkeypatch.setattr(engines, "PATIENCE", 0.01)
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
        monkeypatch.setattr(engines, "PATIENCE", 60.0)
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
        assert engines.report() == f"compiled, by {build.compiler()}, kernels in {fresh}"
