r"""How messages are put: clean of control characters, short, and aligned in columns.

Labels and scopes may come from a file that somebody else has written. A terminal would
obey an escape sequence in one of them, so every text that leaves through an error or a
report is cleaned first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = [
    "aligned", "bracketed", "clean", "cut", "sentence", "short", "shortened", "shown",
]  # fmt: skip


def clean(text: str) -> str:
    r"""`text` with every character that no terminal should get written out as its escape.

    Line breaks and tabs stay. Lone surrogates, which cannot be encoded, are escaped too.

    >>> print(clean("h\x1b[2J_1 = α\n"), end="")
    h\x1b[2J_1 = α
    """
    if text.isprintable():
        return text
    return "".join(x if x.isprintable() or x in "\n\t " else _escaped(x) for x in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def sentence(error: BaseException) -> str:
    """What an error says, without the number that the system has for it.

    >>> sentence(FileNotFoundError(2, "No such file or directory", "a.txt"))
    'a.txt: no such file or directory'
    """
    if isinstance(error, OSError) and error.strerror:
        said = error.strerror[0].lower() + error.strerror[1:]
        return said if error.filename is None else f"{error.filename}: {said}"
    return str(error)


def short(x: Any, most: int = 60) -> str:
    """The repr of x in at most `most` characters; of a container only what kind it is.

    >>> short("x" * 100, most=12), short({"a": 1})
    ("'xxxxxxxx...", 'a dict')
    """
    if isinstance(x, dict | list | tuple | set):
        return f"a {type(x).__name__}"
    return cut(repr(x), most)


def cut(text: str, most: int = 60) -> str:
    """The first `most` characters of a text, the last three of them dots where more follow.

    >>> cut("abcdefgh", most=6)
    'abc...'
    """
    return text if len(text) <= most else f"{text[: most - 3]}..."


def shortened(parts: Sequence[str], most: int = 12) -> list[str]:
    """The first and the last of many parts, with an ellipsis between them.

    >>> shortened(list("abcdef"), most=4)
    ['a', 'b', '…', 'e', 'f']
    """
    if len(parts) <= most:
        return list(parts)
    return [*parts[: most // 2], "…", *parts[-(most // 2) :]]


def aligned(rows: Sequence[Sequence[str]], indent: str = "") -> list[str]:
    """Rows of a table as lines whose columns stand below one another.

    >>> aligned([["t", "h"], ["10", "-24"]])
    ['t   h', '10  -24']
    """
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = ("  ".join(map(str.ljust, row, widths)) for row in rows)
    return [f"{indent}{line}".rstrip() for line in lines]


def shown(x: Any) -> str:
    """A number in a sentence: 6 digits, no minus sign on a zero, · for None.

    >>> shown(-0.0), shown(1 / 3), shown(None), shown(True)
    ('0', '0.333333', '·', 'True')
    """
    if x is None:
        return "·"
    return f"{x + 0.0:.6g}" if isinstance(x, float) else str(x)


def bracketed(x: float | None) -> str:
    """A factor or an addend: (-5)."""
    return f"({shown(x)})" if x is not None and x < 0.0 else shown(x)
