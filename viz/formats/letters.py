"""Letters as the fonts of PDF and of TeX have them: few of ours are in both."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from ..style.typography import text_width

__all__ = ["FONTS", "Glyph", "glyphs", "tex"]

FONTS = {"H": "Helvetica", "B": "Helvetica-Bold", "S": "Symbol"}  # in every viewer of PDF
_SYMBOL = {  # code and width in 1/1000 em
    "−": (0x2D, 549), "×": (0xB4, 549), "÷": (0xB8, 549), "±": (0xB1, 549), "←": (0xAC, 987),
    "↑": (0xAD, 603), "→": (0xAE, 987), "↓": (0xAF, 603), "∂": (0xB6, 494), "∞": (0xA5, 713),
    "√": (0xD6, 549), "≤": (0xA3, 549), "≥": (0xB3, 549), "∇": (0xD1, 713),
    **{letter: (code, 600) for letter, code in zip(
        "αβχδεφγηιϕκλμνοπθρστυωξψζΑΒΧΔΕΦΓΗΙΚΛΜΝΟΠΘΡΣΤΥΩΞΨΖ",
        b"abcdefghijklmnopqrstuwxyzABCDEFGHIKLMNOPQRSTUWXYZ")},
}  # fmt: skip
_TEX = {
    "−": "$-$", "×": r"$\times$", "÷": r"$\div$", "±": r"$\pm$", "←": r"$\leftarrow$",
    "→": r"$\rightarrow$", "↑": r"$\uparrow$", "↓": r"$\downarrow$", "∂": r"$\partial$",
    "∞": r"$\infty$", "√": r"$\surd$", "·": r"$\cdot$", "‖": r"$\|$", "–": "--", "—": "---",
    "…": r"\ldots{}", "\\": r"$\backslash$", "~": r"\~{}", "^": r"\^{}", "<": "$<$", ">": "$>$",
    "|": "$|$", '"': "''", "⏎": r"$\hookleftarrow$",
    **{letter: f"\\{letter}" for letter in "#$%&_{}"},
}  # fmt: skip
_ACCENTS = {"\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0308": '"',
            "\u030a": "r", "\u0327": "c", "\u030c": "v"}  # fmt: skip
_GREEK = {  # letters that TeX has small and capital; Unicode calls lambda LAMDA
    "GAMMA", "DELTA", "THETA", "LAMDA", "XI", "PI", "SIGMA", "UPSILON", "PHI", "PSI", "OMEGA",
}  # fmt: skip
_SMALL_GREEK = {"ALPHA", "BETA", "EPSILON", "ZETA", "ETA", "IOTA", "KAPPA", "MU", "NU", "RHO",
                "TAU", "CHI"}  # fmt: skip


class Glyph(NamedTuple):
    """A letter of one of PDF's fonts, its width as a share of the size."""

    font: str
    code: int
    width: float


def glyphs(text: str, bold: bool) -> Iterator[Glyph]:
    """The letters of a text; one that the standard fonts lack is its plain letter, or a ?.

    >>> [(glyph.font, chr(glyph.code)) for glyph in glyphs("xŵ漢", bold=True)]
    [('B', 'x'), ('B', 'w'), ('B', '?')]
    """
    for letter in text.replace("‖", "||"):
        if letter in _SYMBOL:
            code, thousandths = _SYMBOL[letter]
            yield Glyph("S", code, thousandths / 1000.0)
            continue
        known = letter.encode("cp1252", "ignore")
        if not known:
            known = unicodedata.normalize("NFD", letter)[0].encode("cp1252", "ignore") or b"?"
        width = text_width(known.decode("cp1252"), 1.0, bold)
        yield Glyph("B" if bold else "H", known[0], width)


def tex(letter: str) -> str:
    r"""A letter as TeX reads it: as it stands, by its name, with its accent, or a ?.

    >>> "".join(map(tex, "σ(é_1)漢"))
    "$\\sigma$(\\'{e}\\_1)?"
    """
    if letter in _TEX:
        return _TEX[letter]
    if " " <= letter <= "~":
        return letter
    kind, _, greek = unicodedata.name(letter, "").rpartition(" LETTER ")
    name = greek.replace("LAMDA", "LAMBDA").lower()
    if kind == "GREEK SMALL" and greek in _GREEK | _SMALL_GREEK:
        return rf"$\{name}$"
    if kind == "GREEK CAPITAL" and greek in _GREEK:
        return rf"$\{name.capitalize()}$"
    apart = unicodedata.normalize("NFD", letter)
    if len(apart) == 2 and apart[1] in _ACCENTS and apart[0].isascii():
        return rf"\{_ACCENTS[apart[1]]}{{{apart[0]}}}"
    return "?"
