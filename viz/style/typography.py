"""How names and numbers are set: number format, subscripts, escaping, widths of text.

A picture holds numbers and names as data; here they become text, and text gets a width, so
that a painter knows what fits. Colours stand in `theme.py`.
"""

from __future__ import annotations

import html
import math
import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

__all__ = [
    "FONT", "FONTS", "SMALL", "clean", "escape", "fit", "fit_number", "is_level", "is_plain",
    "known_width", "lowered", "number", "pretty", "scripts", "text_width",
]  # fmt: skip

FONT = "Arial"  # Graphviz knows its metrics; Helvetica is not on every machine
FONTS = f"{FONT}, Liberation Sans, Arimo, Helvetica, sans-serif"  # of the same widths

_LOWERED = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def number(x: float, decimals: int = 3) -> str:
    """A number as a card shows it: 3 decimals, whole numbers as such, else two digits and e.

    >>> [number(x) for x in (0.63533, -20.0, 0.0, 0.00047, 12345.6, float("nan"))]
    ['0.635', '−20', '0', '4.7e−4', '1.2e4', 'nan']
    """
    return _number(float(x), decimals)  # a Quantity would remember every abs


@lru_cache(maxsize=16384)  # layout and painter both ask how wide it is
def _number(x: float, decimals: int) -> str:
    if math.isnan(x):
        return "nan"
    size = abs(x)
    if math.isinf(x):
        digits = "∞"
    elif size < 1e4 and size == int(size):
        digits = str(int(size))
    elif 1e-3 <= size < 9999.9995:
        digits = f"{size:.{decimals}f}"
    else:
        mantissa, exponent = f"{size:.1e}".split("e")
        digits = f"{mantissa}e{int(exponent)}".replace("-", "−")
    return f"−{digits}" if x < 0.0 else digits


def fit_number(x: float, size: float, width: float, bold: bool = False) -> str:
    """A number with as many decimals as `width` points hold; never one digit cut off, nor all.

    >>> fit_number(-1473.654, 11.0, 60.0), fit_number(-1473.654, 11.0, 35.0)
    ('−1473.654', '−1474')
    >>> fit_number(-0.4, 11.0, 30.0), fit_number(-0.004, 11.0, 30.0)
    ('−0.40', '−0.004')
    """
    x = float(x)
    for decimals in (3, 2, 1, 0):
        text = number(x, decimals)
        told = (decimals or abs(x) >= 10.0) and (x == 0.0 or text.strip("−0.") != "")
        if told and text_width(text, size, bold) <= width:
            return text
    if not math.isfinite(x) or abs(x) < 1.0 or x == int(x):
        return number(x)
    digits = f"{abs(x):.1f}" if abs(x) < 10.0 else f"{abs(x):.1e}".replace("e+0", "e")
    return f"−{digits}" if x < 0.0 else digits


def lowered(x: int) -> str:
    """A whole number in subscript digits.

    >>> lowered(12)
    '₁₂'
    """
    return str(x).translate(_LOWERED)


@lru_cache(maxsize=8192)
def pretty(label: str) -> str:
    """A label as it is printed: digits after an underscore become subscripts.

    >>> pretty("h_12"), pretty("W_h[0,1]"), pretty("x_3[1]")
    ('h₁₂', 'W_h[0,1]', 'x₃[1]')
    """
    label = re.sub(r"_([0-9]+)", lambda m: m[1].translate(_LOWERED), label)
    return clean(label.replace("\r\n", "⏎").replace("\n", "⏎"))


def clean(text: str) -> str:
    """`text` without the characters that XML cannot hold.

    >>> clean("a\\x00b")
    'a�b'
    """
    return text if text.isprintable() else _FORBIDDEN.sub("\ufffd", text)


_NEVER = "\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff"  # in XML
_FORBIDDEN = re.compile(f"[{_NEVER}]")
_MARKUP = "&<>\"'"
_SPECIAL = re.compile(f"[{_NEVER}{_MARKUP}]")


def escape(text: str) -> str:
    """`text` for an HTML-like label, SVG or HTML.

    >>> escape('<b> & "q"')
    '&lt;b&gt; &amp; &quot;q&quot;'
    """
    return html.escape(clean(text)) if _SPECIAL.search(text) else text


# Subscripts and superscripts. Many fonts lack some of the small digits, so formats that can
# set text set a plain digit smaller and lower instead.

SMALL = 0.7  # size of a subscript, as a share of the letters around it
_SUB = dict(zip("₀₁₂₃₄₅₆₇₈₉ₜ₋", "0123456789t−"))
_SUPER = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789−"))
_SCRIPT = re.compile(f"([{''.join(_SUB)}]+)|([{''.join(_SUPER)}]+)")


def is_level(text: str) -> bool:
    """Whether a text has neither subscripts nor superscripts.

    >>> is_level("−0.5"), is_level("h₁₂")
    (True, False)
    """
    return _SCRIPT.search(text) is None


def scripts(text: str) -> Iterator[tuple[str, int]]:
    """The pieces of a text, each with its level: 0 for plain, -1 below, 1 above the line.

    >>> list(scripts("h₁₂ + x²"))
    [('h', 0), ('12', -1), (' + x', 0), ('2', 1)]
    """
    start = 0
    for found in _SCRIPT.finditer(text):
        if found.start() > start:
            yield text[start : found.start()], 0
        table, level = (_SUB, -1) if found[1] else (_SUPER, 1)
        yield "".join(table[c] for c in found[0]), level
        start = found.end()
    if start < len(text):
        yield text[start:], 0


_WIDTHS = {  # Arial's advance widths in 1/1000 em
    222: "ijl'|",
    260: "¦",
    278: " !,./:;I[\\]ft·",
    333: "()-r`",
    334: "{}",
    355: '"',
    389: "*" + "".join(_SUB) + "".join(_SUPER),
    469: "^",
    500: "cksvxyzJ‖",
    556: "0123456789abdeghnopqu_#$?L–∂",
    584: "+<=>~×−÷±",
    604: "σ",
    611: "FTZΣΠ",
    667: "ABEKPSVXY&",
    722: "CDHNRUw",
    713: "∞",
    778: "GOQ",
    833: "Mm",
    889: "%",
    944: "W",
    1000: "←→↑↓…—",
    1015: "@",
}
_BOLD_WIDTHS = {  # those of Arial Bold that differ
    238: "'",
    278: "ijl",
    280: "|",
    333: "!:;[]ft",
    389: "r{}",
    474: '"',
    556: "ckJsvxy",
    584: "^",
    611: "bdghnopquLFTZ?",
    722: "ABCDHKNRU&",
    778: "w",
    889: "m",
    975: "@",
}
_WIDTH_OF = {letter: width for width, letters in _WIDTHS.items() for letter in letters}
_BOLD_OF = _WIDTH_OF | {c: width for width, letters in _BOLD_WIDTHS.items() for c in letters}
_WIDE = 1370  # an emoji, or any other letter that we know nothing of


@lru_cache(maxsize=2048)
def _advance(letter: str) -> int:
    if letter in _WIDTH_OF:
        return _WIDTH_OF[letter]
    if unicodedata.combining(letter) or unicodedata.category(letter) in ("Cf", "Mn", "Me"):
        return 0
    if ord(letter) < 0x250:  # letters with accents
        return _WIDTH_OF.get(unicodedata.normalize("NFD", letter)[0], 600)
    if ord(letter) >= 0x10000:
        return _WIDE
    if not letter.isalpha() or unicodedata.east_asian_width(letter) in "WF":
        return 1000  # a symbol, or a Chinese letter, which is a square
    return 700 if letter.isupper() else 580  # Greek, Cyrillic and the like


# Finds nothing but in a text of letters of known width, on one level, that no format escapes:
# "× 0.635", but neither "h₁" nor "a < b".
_PLAIN = "".join(_WIDTH_OF.keys() - {*_SUB, *_SUPER, *_MARKUP})
is_plain = re.compile(f"[{re.escape(_PLAIN)}]*").fullmatch


@lru_cache(maxsize=16384)
def known_width(text: str) -> bool:
    """Whether every letter's width is known, and not guessed."""
    return all(c in _WIDTH_OF for c in text)


@lru_cache(maxsize=16384)
def text_width(text: str, size: float, bold: bool = False) -> float:
    """The width of `text` in Arial of `size` points; a guess for letters Arial lacks.

    >>> text_width("0.635", 10.0)
    25.02
    """
    if bold:
        return sum([_BOLD_OF.get(c) or _advance(c) for c in text]) * size / 1000.0
    return sum([_advance(c) for c in text]) * size / 1000.0


def fit(text: str, size: float, width: float, bold: bool = False) -> str:
    """`text`, cut with an ellipsis where it is wider than `width` points.

    >>> fit("a rather long name", 12.0, 60.0)
    'a rather l…'
    """
    text = text[:200]
    if text_width(text, size, bold) <= width:
        return text
    while text and text_width(text + "…", size, bold) > width:
        text = text[:-1]
    return text.rstrip() + "…" if width >= text_width("…", size, bold) else ""
