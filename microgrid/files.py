"""Writing a file whole or not at all."""

import os
import secrets
import stat
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

__all__ = ["checked_target", "write_whole"]


def checked_target(path: str | os.PathLike[str], suffixes: Collection[str], rule: str) -> Path:
    """The path, checked before its content is made, which may take long.

    suffixes: those allowed, without the dot; ValueError, which begins with `rule`, for another.
    FileNotFoundError where the folder does not exist.

    >>> checked_target("a.txt", ["svg", "pdf"], "a name ends in .svg or .pdf")
    Traceback (most recent call last):
    ValueError: a name ends in .svg or .pdf, got 'a.txt'
    """
    target = Path(path)
    if target.suffix.removeprefix(".").lower() not in suffixes:
        raise ValueError(f"{rule}, got {target.name!r}")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {str(target.parent)!r} to write into")
    return target


def write_whole(path: str | os.PathLike[str], content: str | bytes) -> Path:
    """Write a temporary file beside `path`, then give it the name: readers see old or new.

    A symbolic link stays one, and the file it points to is replaced. An old file's mode and
    owner are kept, a new file's follow the umask. A device or a FIFO is written into.
    OSError, in one sentence, where the folder cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(Path(folder) / "a.txt", "text").read_text()
    'text'
    """
    data = content.encode(errors="backslashreplace") if isinstance(content, str) else content
    old = _status(path)
    try:
        if old is not None and not stat.S_ISREG(old.st_mode):
            with open(path, "wb", buffering=0) as file:
                file.write(data)
        else:
            _replace(Path(os.path.realpath(path)), data, old)
    except OSError as error:
        if error.strerror is None:  # it has been put into a sentence already
            raise
        raise type(error)(f"cannot write {os.fspath(path)!r}: {error.strerror}") from None
    return Path(path)


def _status(path: str | os.PathLike[str]) -> os.stat_result | None:
    try:
        return os.stat(path)
    except OSError:
        return None


def _replace(target: Path, data: bytes, old: os.stat_result | None) -> None:
    """Write `data` into a new file, then give it the target's name in one step."""
    # A name that nobody can have taken: only what was made here is ever removed.
    name = target.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with open(_created(name), "wb") as file:
            if old is not None:
                _dress(file.fileno(), old)
            file.write(data)
        os.replace(name, target)
    except BaseException:
        # Ctrl-C may come when the file has its name already: then nothing is left to remove.
        with suppress(OSError):
            os.unlink(name)
        raise


def _created(name: Path) -> int:
    """A new file's handle. Its mode is 0666 and not tempfile's, so that the umask has its say."""
    try:
        return os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    except OSError as error:
        where = str(name.parent)
        raise type(error)(f"cannot write into {where!r}: {error.strerror}") from None


def _dress(file: int, old: os.stat_result) -> None:
    """Give a file the owner and the mode of an old one, as far as the system lets us."""
    new = os.fstat(file)
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
        with suppress(OSError, AttributeError):
            os.fchown(file, old.st_uid, old.st_gid)
    with suppress(OSError, AttributeError):
        os.fchmod(file, stat.S_IMODE(old.st_mode))
