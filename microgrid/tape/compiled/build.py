"""Kernels from text to memory: compiled by the system's compiler, kept in a cache.

The cache is a folder of the user's own, into which nobody else can write. A file in it is
named by all that its code depends on: the source, the flags, the compiler and the processor. It
is written under another name first, so that two processes may build the same at once, and it is
loaded only if the checksum beside it is its own.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Collection, Sequence
from functools import cache
from pathlib import Path

from ...expressions.c import HELPERS
from .program import Key

__all__ = ["CompileError", "Library", "cache_folder", "check", "compiler", "library"]

HERE = Path(__file__).parent
FLAGS = (
    *("-O2", "-ftree-vectorize", "-fvect-cost-model=dynamic", "-fopenmp-simd", "-w"),
    *("-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast"),
)
SPLIT = 16  # kernels in a file, from which on two are made of it, for two cores
SECONDS = 60.0  # that the compiler may take


class CompileError(RuntimeError):
    """There is no compiler, it fails, or the cache cannot be used: the message says which."""


# The compiler.


def compiler() -> Path:
    """The C compiler: $CC, or cc, gcc, clang on the PATH. CompileError if there is none."""
    wanted = os.environ.get("CC")
    for name in [shlex.split(wanted)[0]] if wanted else ["cc", "gcc", "clang"]:
        found = shutil.which(name)
        if found:
            return Path(found).resolve()
    if wanted:
        raise CompileError(f"the C compiler that CC names, {wanted!r}, is not there or cannot run")
    raise CompileError("there is no C compiler on the PATH (cc, gcc or clang)")


def flags() -> list[str]:
    """What the compiler is told: all that this processor can."""
    native = "-mcpu=native" if platform.machine() in ("arm64", "aarch64") else "-march=native"
    return [*FLAGS, native]


@cache
def processor() -> str:
    """What tells this processor from others that run other code."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    kinds = ("model name", "flags", "Features", "CPU part")
    return "\n".join(sorted({line for line in lines if line.startswith(kinds)}))


def _compile(source: Path, target: Path) -> None:
    command = [str(compiler()), *flags(), "-shared", "-fPIC", "-o", str(target), str(source), "-lm"]
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise CompileError(f"the C compiler {command[0]} cannot be run: {error.strerror}") from None
    try:
        _, said = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # the compiler's own children too
        process.communicate()
        raise CompileError(
            f"the C compiler {command[0]} did not end within {SECONDS:g} seconds"
        ) from None
    if process.returncode or not target.exists():
        lines = said.decode(errors="replace").strip().splitlines()
        line = next((line for line in lines if "error" in line), lines[0] if lines else "no reason")
        raise CompileError(f"the C compiler {command[0]} failed: {line.strip()[:200]}")


# The cache.


def cache_folder() -> Path:
    """Where kernels are kept: $MICROGRID_CACHE, or `microgrid` in the user's cache folder."""
    own = os.environ.get("MICROGRID_CACHE")
    if own:
        return Path(own)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "microgrid"
    base = os.environ.get("XDG_CACHE_HOME")
    return (
        Path(base) if base and Path(base).is_absolute() else Path.home() / ".cache"
    ) / "microgrid"


def _open_folder() -> Path:
    """The cache folder, made if it is missing. CompileError unless it is this user's alone."""
    if not hasattr(os, "getuid"):
        raise CompileError("kernels are compiled on Linux and macOS only")
    try:
        folder = cache_folder().absolute()
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        _check_owner(folder)
    except (OSError, RuntimeError) as error:
        if isinstance(error, CompileError):
            raise
        raise CompileError(f"the cache folder cannot be used: {error}") from None
    return folder


def _check_owner(folder: Path) -> None:
    """CompileError if another user could change what is in the folder."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise CompileError(f"the cache folder {folder} is a link or no folder")
    if found.st_uid != os.getuid():
        raise CompileError(f"the cache folder {folder} belongs to another user")
    if found.st_mode & 0o077:
        raise CompileError(
            f"the cache folder {folder} is open to others (mode {found.st_mode & 0o777:o}): "
            f"chmod 700 it"
        )
    for parent in folder.resolve().parents:
        if _is_open(parent.stat()):
            raise CompileError(f"{parent}, above the cache folder, can be changed by others")


def _is_open(found: os.stat_result) -> bool:
    """Whether another user could put another folder in the place of one in this folder."""
    if found.st_uid not in (0, os.getuid()):
        return True
    if found.st_mode & stat.S_ISVTX:
        return False  # as in /tmp, everybody can only move what is his own
    is_shared = bool(found.st_mode & stat.S_IWGRP) and not _is_own_group(found.st_gid)
    return is_shared or bool(found.st_mode & stat.S_IWOTH)


def _is_own_group(number: int) -> bool:
    """Whether a group has this user alone in it: many systems make one for every user."""
    import grp
    import pwd

    try:
        own, group = pwd.getpwuid(os.getuid()), grp.getgrgid(number)
    except KeyError:
        return False
    return (
        own.pw_gid == number and own.pw_name == group.gr_name and {*group.gr_mem} <= {own.pw_name}
    )


def _checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _is_whole(path: Path) -> bool:
    """Whether a file of the cache is there as it was written, by this user."""
    try:
        found = path.lstat()
        is_own = stat.S_ISREG(found.st_mode) and found.st_uid == os.getuid()
        return is_own and path.with_suffix(".sum").read_text() == _checksum(path)
    except OSError:
        return False


def _key(source: str) -> str:
    found = compiler()
    made = found.stat()
    parts = [source, *flags(), str(found), str(made.st_size), str(made.st_mtime_ns), processor()]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]


def _build(source: str, path: Path) -> None:
    """Compile into the cache: elsewhere first, then under its name in one step."""
    try:
        _clear(path.parent)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix="build-") as room:
            text, made = Path(room, "kernels.c"), Path(room, "kernels.so")
            text.write_text(source)
            _compile(text, made)
            total = Path(room, "kernels.sum")
            total.write_text(_checksum(made))
            os.replace(made, path)
            os.replace(total, path.with_suffix(".sum"))
    except OSError as error:
        raise CompileError(f"the cache folder {path.parent} cannot be written: {error}") from None


def _clear(folder: Path) -> None:
    """Remove what builds left behind that were killed."""
    for left in folder.glob("build-*"):
        if time.time() - left.stat().st_mtime > 10 * SECONDS:
            shutil.rmtree(left, ignore_errors=True)


# Kernels in memory.


class Library:
    """The kernels of one type of number that this process has loaded."""

    def __init__(self, dtype: str) -> None:
        self._head = "#define SINGLE\n" if dtype == "float32" else ""
        self._address: dict[Key, int] = {}
        self._lock = threading.Lock()
        self._kept: list[ctypes.CDLL] = []  # libraries stay loaded as long as this does
        self.run: ctypes._NamedFuncPointer

    def address(self, kernel: Key) -> int:
        return self._address[kernel]

    def has(self, kernels: Collection[Key]) -> bool:
        return self._address.keys() >= set(kernels)

    def load(self, kernels: Collection[Key], build: bool = True) -> bool:
        """Have these kernels, from the cache or else from the compiler.

        Whether they are there now; without `build` only the cache is looked at. CompileError
        says what is in the way.
        """
        if self.has(kernels):
            return True
        folder = _open_folder()
        with self._lock:
            written = {k: k if isinstance(k, str) else _name(k) for k in kernels}
            fixed = {k: name for k, name in written.items() if isinstance(k, str)}
            others = {k: name for k, name in written.items() if not isinstance(k, str)}
            parts = [(self._fixed_source(), fixed)]
            parts += [(self._source(half), half) for half in _halves(others)]
            paths = [folder / f"{_key(source)}.so" for source, _ in parts]
            missing = [i for i, path in enumerate(paths) if not _is_whole(path)]
            if missing and not build:
                return False
            _in_parallel([(parts[i][0], paths[i]) for i in missing])
            for (_, names), path in zip(parts, paths):
                self._open(path, names)
        return True

    def _source(self, names: dict[Key, str]) -> str:
        texts = sorted({kernel.c(name) for kernel, name in names.items()})
        return "\n\n".join([self._head + _text("runtime.h"), HELPERS, *texts])

    def _fixed_source(self) -> str:
        return "\n\n".join([self._head + _text("runtime.h"), _text("fixed.c")])

    def _open(self, path: Path, names: dict[Key, str]) -> None:
        try:
            library = ctypes.CDLL(str(path))
        except OSError as error:
            raise CompileError(f"compiled kernels cannot be loaded: {error}") from None
        self._kept.append(library)
        for kernel, name in names.items():
            symbol = f"k_{name}" if isinstance(kernel, str) else name
            found = ctypes.cast(getattr(library, symbol), ctypes.c_void_p).value
            assert found is not None
            self._address.setdefault(kernel, found)
        if hasattr(library, "mg_run"):
            self.run = library.mg_run
            self.run.argtypes, self.run.restype = [ctypes.c_void_p], None


def _halves(names: dict[Key, str]) -> list[dict[Key, str]]:
    """The kernels by file: two of them if they are many, none if there are none."""
    ordered = sorted(names.items(), key=lambda item: item[1])
    count = 2 if len(ordered) > SPLIT else min(len(ordered), 1)
    return [dict(ordered[i::count]) for i in range(count)]


def _in_parallel(parts: Sequence[tuple[str, Path]]) -> None:
    """Build all parts at once; the first error is raised."""
    errors: list[CompileError] = []

    def run(source: str, path: Path) -> None:
        try:
            _build(source, path)
        except CompileError as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=part) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


@cache
def _text(name: str) -> str:
    return (HERE / name).read_text()


@cache
def _name(kernel: Key) -> str:
    """A name that tells what the kernel does: the same in every process."""
    return "k_" + hashlib.sha256(kernel.c("k").encode()).hexdigest()[:16]


@cache
def library(dtype: str) -> Library:
    """The kernels that this process has loaded."""
    return Library(dtype)


def check() -> str:
    """Which compiler there is and where it keeps kernels; CompileError if it does not work."""
    library("float64").load({"zero"})
    return f"{compiler()}, kernels in {cache_folder()}"
