"""Where kernels are built and kept: compilers that fail, folders of others, files that changed."""

import errno
import logging
import math
import os
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from microgrid import Value
from microgrid import functional as F
from microgrid.tape import Tape, engines
from microgrid.tape.compiled import build

pytestmark = pytest.mark.usefixtures("any_engine")
needs_compiler = pytest.mark.skipif(
    not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="no C compiler"
)


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
        monkeypatch.setattr(build, "_SECONDS", 0.2)
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
        monkeypatch.setattr(build, "_processor", lambda: "another one")
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
        said = {run.communicate(timeout=600)[0] for run in runs}
        assert said == {f"compiled {math.tanh(1.0):.12f}\n"}
        assert not list(fresh.glob("build-*"))
