"""A Drawing as TikZ: a `.tex` document that pdflatex compiles as it stands."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterator

from ..drawing.drawing import Curve, Drawing, Point, Rect, Shape, Text, opacity
from ..style.typography import SMALL, scripts

__all__ = ["to_tikz", "write"]

_LARGEST = 16_000  # points; TeX's largest dimension is 16,383.99
_ANCHORS = {"start": "base west", "middle": "base", "end": "base east"}
_RISE = {0: 0.0, -1: -0.16, 1: 0.36}
_SYMBOLS = {
    "−": "$-$", "×": r"$\times$", "÷": r"$\div$", "±": r"$\pm$", "←": r"$\leftarrow$",
    "→": r"$\rightarrow$", "↑": r"$\uparrow$", "↓": r"$\downarrow$", "∂": r"$\partial$",
    "∞": r"$\infty$", "√": r"$\surd$", "·": r"$\cdot$", "‖": r"$\|$", "–": "--", "—": "---",
    "…": r"\ldots{}", "\\": r"$\backslash$", "~": r"\~{}", "^": r"\^{}", "<": "$<$", ">": "$>$",
    "|": "$|$", '"': "''", "⏎": r"$\hookleftarrow$",
    **{letter: f"\\{letter}" for letter in "#$%&_{}"},
}  # fmt: skip
_ACCENTS = {"\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0308": '"',
            "\u030a": "r", "\u0327": "c", "\u030c": "v"}  # fmt: skip
_PAGE = r"""\RequirePackage{{fix-cm}}
\documentclass{{article}}
\usepackage{{tikz}}
\pagestyle{{empty}}
\paperwidth={w:.2f}bp \paperheight={h:.2f}bp
\hoffset=-1in \voffset=-1in \oddsidemargin=0pt \topmargin=0pt \headheight=0pt \headsep=0pt
\textwidth={w:.2f}bp \textheight={h:.2f}bp \parindent=0pt \topskip=0pt
{colours}
\begin{{document}}
\begin{{tikzpicture}}[x=1bp,y=-1bp]
\useasboundingbox (0,0) rectangle ({w:.2f},{h:.2f});
{body}
\end{{tikzpicture}}
\end{{document}}
"""


def write(drawing: Drawing) -> bytes:
    """The bytes of a TeX file."""
    return to_tikz(drawing).encode()


def to_tikz(drawing: Drawing) -> str:
    """The Drawing as a LaTeX document of one page; a letter that TeX's fonts lack is a ?.

    ValueError where the picture is larger than TeX can reckon.
    """
    largest = max(drawing.width, drawing.height)
    if largest > _LARGEST:
        raise ValueError(
            f"TeX draws nothing longer than {_LARGEST:,} points, this picture has {largest:,.0f}: "
            "draw it at a coarser detail, or as .pdf or .svg"
        )
    names: dict[str, str] = defaultdict(lambda: f"c{len(names)}")
    ground = Rect("ground", 0.0, 0.0, drawing.width, drawing.height, drawing.ground)
    shapes = [ground, *(shape for group in drawing.groups for shape in group.shapes)]
    body = "\n".join([line for shape in shapes for line in _lines(shape, names)])
    colours = "\n".join(rf"\definecolor{{{n}}}{{HTML}}{{{c}}}" for c, n in names.items())
    return _PAGE.format(w=drawing.width, h=drawing.height, colours=colours, body=body)


def _lines(shape: Shape, names: dict[str, str]) -> Iterator[str]:
    """One shape as statements; `names` collects the colours."""
    if isinstance(shape, Text):
        words = "".join(_word(w.text, w.bold, names[w.colour[1:7].upper()]) for w in shape.words)
        font = rf"\sffamily\fontsize{{{shape.size:g}bp}}{{{shape.size:g}bp}}\selectfont"
        place = f"anchor={_ANCHORS[shape.anchor]},inner sep=0,font={font}"
        yield rf"\node[{place}] at {_at((shape.x, shape.y))} {{{words}}};"
    elif isinstance(shape, Rect) and (shape.fill or shape.stroke):
        options = _options(names, shape.fill, shape.stroke, shape.width)
        options += [f"rounded corners={shape.radius:g}bp"] * bool(shape.radius)
        options += ["densely dashed"] * shape.dashed
        end = _at((shape.x + shape.w, shape.y + shape.h))
        yield rf"\path[{','.join(options)}] {_at((shape.x, shape.y))} rectangle {end};"
    elif isinstance(shape, Curve):
        yield from _curve(shape, names)


def _curve(curve: Curve, names: dict[str, str]) -> Iterator[str]:
    options = _options(names, "", curve.colour, curve.width)
    if curve.dashes is not None:
        options.append("dash pattern=on {:g}bp off {:g}bp".format(*curve.dashes))
    start, *points = map(_at, curve.points)
    pieces = zip(points[::3], points[1::3], points[2::3])
    along = "".join(f" .. controls {a} and {b} .. {c}" for a, b, c in pieces)
    yield rf"\path[{','.join(options)}] {start}{along};"
    if curve.head is not None:
        corners = " -- ".join(map(_at, curve.head))
        yield rf"\path[{','.join(_options(names, curve.colour, '', 0.0))}] {corners} -- cycle;"


def _options(names: dict[str, str], fill: str, stroke: str, width: float) -> list[str]:
    options = [f"fill={names[fill[1:7].upper()]}"] if fill else []
    if stroke:
        options += [f"draw={names[stroke[1:7].upper()]}", f"line width={width:g}bp"]
    share = opacity(fill or stroke or "#000000")[1]
    return options + [f"opacity={share:g}"] * (share < 1.0)


def _word(text: str, bold: bool, colour: str) -> str:
    pieces = []
    for piece, level in scripts(text):
        tex = "".join(map(_letter, piece))
        if level:
            raised = rf"\raisebox{{{_RISE[level]:g}em}}{{\scalebox{{{SMALL}}}{{{tex}}}}}"
        pieces.append(raised if level else tex)
    return rf"{{{chr(92) + 'bfseries' if bold else ''}\color{{{colour}}}{{}}{''.join(pieces)}}}"


def _letter(letter: str) -> str:
    """A letter as TeX reads it: as it stands, by its name, or with its accent."""
    if letter in _SYMBOLS:
        return _SYMBOLS[letter]
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


_GREEK = {  # letters that TeX has small and capital; Unicode calls lambda LAMDA
    "GAMMA", "DELTA", "THETA", "LAMDA", "XI", "PI", "SIGMA", "UPSILON", "PHI", "PSI", "OMEGA",
}  # fmt: skip
_SMALL_GREEK = {"ALPHA", "BETA", "EPSILON", "ZETA", "ETA", "IOTA", "KAPPA", "MU", "NU", "RHO",
                "TAU", "CHI"}  # fmt: skip


def _at(point: Point) -> str:
    return f"({point[0]:.2f},{point[1]:.2f})"
