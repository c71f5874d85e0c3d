"""Kernels from text to memory: compiled by the system's compiler, kept in a cache.

The cache is a folder of the user's own, into which nobody else can write. A file in it is
named by all that its code depends on: the source, the flags, the compiler and the processor. It
is written under another name first, so that two processes may build the same at once, and it is
loaded only if it has the checksum in the note beside it. The note also names its kernels: of a
new plan only those are compiled that no plan before it has needed.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import re
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
from contextlib import suppress
from functools import cache
from pathlib import Path

from ...expressions.c import HELPERS
from .program import Key

__all__ = ["CompileError", "Library", "cache_folder", "check", "compiler", "library"]

_HERE = Path(__file__).parent
_FLAGS = (
    *("-O2", "-ftree-vectorize", "-fvect-cost-model=dynamic", "-fopenmp-simd", "-w"),
    *("-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast"),
)
_SPLIT = 16  # kernels in a file, from which on two are made of it, for two cores
_SECONDS = 60.0  # that the compiler may take


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


def _flags() -> list[str]:
    """What the compiler is told: all that this processor can."""
    native = "-mcpu=native" if platform.machine() in ("arm64", "aarch64") else "-march=native"
    return [*_FLAGS, native]


@cache
def _processor() -> str:
    """What tells this processor from others that run other code."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    kinds = ("model name", "flags", "Features", "CPU part")
    return "\n".join(sorted({line for line in lines if line.startswith(kinds)}))


def _compile(source: Path, target: Path) -> None:
    """Run the compiler; CompileError says in one sentence why there is no library."""
    command = [
        str(compiler()),
        *_flags(),
        "-shared",
        "-fPIC",
        "-o",
        str(target),
        str(source),
        "-lm",
    ]
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
        _, said = process.communicate(timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # the compiler's own children too
        process.communicate()
        raise CompileError(
            f"the C compiler {command[0]} did not end within {_SECONDS:g} seconds"
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


def _is_whole(path: Path, checksum: str) -> bool:
    """Whether a file of the cache is there as it was written, by this user."""
    try:
        found = path.lstat()
        is_own = stat.S_ISREG(found.st_mode) and found.st_uid == os.getuid()
        return is_own and _checksum(path) == checksum
    except OSError:
        return False


def _kept(folder: Path, prefix: str, names: Collection[str]) -> dict[str, Path]:
    """The files of the cache in which these kernels are, by the kernel's name."""
    found: dict[str, Path] = {}
    for note in sorted(folder.glob(f"{prefix}-*.txt")):
        checksum, *inside = note.read_text().split() or [""]
        new = (set(inside) & set(names)) - found.keys()
        if new and _is_whole(note.with_suffix(".so"), checksum):
            found.update(dict.fromkeys(new, note.with_suffix(".so")))
    return found


def _prefix(shared: str) -> str:
    """What the code of all kernels depends on: text they share, flags, compiler, processor."""
    found = compiler()
    made = found.stat()
    parts = [shared, *_flags(), str(found), str(made.st_size), str(made.st_mtime_ns), _processor()]
    return _hash("\0".join(parts))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _build(source: str, names: Collection[str], path: Path) -> None:
    """Compile into the cache: elsewhere first, then under its name in one step.

    The note beside a file, its checksum and the names of its kernels, is the last to be there.
    """
    try:
        _clear(path.parent)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix="build-") as room:
            text, made = Path(room, "kernels.c"), Path(room, "kernels.so")
            text.write_text(source)
            _compile(text, made)
            note = Path(room, "kernels.txt")
            note.write_text("\n".join([_checksum(made), *sorted(names)]))
            os.replace(made, path)
            os.replace(note, path.with_suffix(".txt"))
    except OSError as error:
        raise CompileError(f"the cache folder {path.parent} cannot be written: {error}") from None


def _clear(folder: Path) -> None:
    """Remove what builds left behind that were killed."""
    for left in folder.glob("build-*"):
        with suppress(FileNotFoundError):  # another build may be removing or ending it
            if time.time() - left.stat().st_mtime > 10 * _SECONDS:
                shutil.rmtree(left, ignore_errors=True)


# Kernels in memory.


class Library:
    """The kernels of one type of number that this process has loaded."""

    def __init__(self, dtype: str) -> None:
        single = "#define SINGLE\n" if dtype == "float32" else ""
        self._head = "\n\n".join([single + _text("runtime.h"), HELPERS])
        self._address: dict[Key, int] = {}
        self._lock = threading.Lock()
        self._open: dict[Path, ctypes.CDLL] = {}  # they stay loaded as long as this does
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
            names = {kernel: _name(kernel) for kernel in kernels if kernel not in self._address}
            prefix = _prefix(self._head + _text("alone.h") + _text("fixed.c"))
            places = _kept(folder, prefix, names.values())
            missing = {kernel: name for kernel, name in names.items() if name not in places}
            if missing and not build:
                return False
            parts = [
                (*part, folder / f"{prefix}-{_hash(part[0])}.so") for part in self._parts(missing)
            ]
            _in_parallel(parts)
            for _, inside, path in parts:
                places.update(dict.fromkeys(inside, path))
            for kernel, name in names.items():
                self._address[kernel] = self._find(places[name], name)
        return True

    def _parts(self, missing: dict[Key, str]) -> list[tuple[str, list[str]]]:
        """Source by source what is to be compiled, and the names of the kernels in it."""
        parts = []
        if any(isinstance(kernel, str) for kernel in missing):
            text = _text("fixed.c")
            parts.append((self._source(text), re.findall(r"^void (k_\w+)", text, re.M)))
        texts = {name: k.c(name) for k, name in missing.items() if not isinstance(k, str)}
        ordered = sorted(texts)
        count = 2 if len(ordered) > _SPLIT else min(len(ordered), 1)  # one for each of two cores
        halves = [ordered[i::count] for i in range(count)]
        return parts + [(self._source(*[texts[name] for name in half]), half) for half in halves]

    def _source(self, *texts: str) -> str:
        """A file of kernels, with what they share before them."""
        alone = [_text("alone.h")] if any("_alone(" in text for text in texts) else []
        return "\n\n".join([self._head, *alone, *texts])

    def _find(self, path: Path, name: str) -> int:
        """The address of a kernel in a file."""
        try:
            if path not in self._open:
                library = self._open[path] = ctypes.CDLL(str(path))
                if hasattr(library, "mg_run"):
                    self.run = library.mg_run
                    self.run.argtypes, self.run.restype = [ctypes.c_void_p], None
            found = ctypes.cast(getattr(self._open[path], name), ctypes.c_void_p).value
        except (OSError, AttributeError) as error:
            raise CompileError(f"compiled kernels cannot be loaded: {error}") from None
        assert found is not None
        return found


def _in_parallel(parts: Sequence[tuple[str, Sequence[str], Path]]) -> None:
    """Build all parts at once; the first error is raised."""
    errors: list[CompileError] = []

    def run(source: str, names: Sequence[str], path: Path) -> None:
        try:
            _build(source, names, path)
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
    return (_HERE / name).read_text()


@cache
def _name(kernel: Key) -> str:
    """A name that tells what the kernel does: the same in every process."""
    return f"k_{kernel}" if isinstance(kernel, str) else "k_" + _hash(kernel.c("k"))


@cache
def library(dtype: str) -> Library:
    """The kernels that this process has loaded."""
    return Library(dtype)


def check() -> str:
    """Which compiler there is and where it keeps kernels; CompileError if it does not work."""
    library("float64").load({"zero"})
    return f"{compiler()}, kernels in {cache_folder()}"
