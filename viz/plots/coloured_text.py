"""A text coloured by a number per character: what a cell does while it reads."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from microgrid.files import write_whole

from ..style.theme import THEMES, Theme
from ..style.typography import FONT, escape, number, text_width
from .svg import Plot, diverging

__all__ = ["ColouredText", "activations"]

_STEP, _LINE, _SIZE = 9.0, 25.0, 14.0  # of the monospaced letters in the SVG
_COLUMNS = 84
_MONO = "DejaVu Sans Mono, Menlo, Consolas, monospace"


@dataclass(frozen=True, slots=True)
class ColouredText:
    """A text and its activations: `svg()`, `html()`, `ansi()`; `save` goes by the suffix."""

    text: str
    values: tuple[float, ...]
    limit: float
    title: str
    theme: Theme

    def shades(self) -> Iterator[tuple[str, float, str, str]]:
        """(character, value, fill, ink) for each character."""
        for character, value in zip(self.text, self.values):
            yield character, value, *diverging(self.theme, value / self.limit)

    def svg(self) -> str:
        """The text as an SVG document, long lines broken, the scale below."""
        top = 16.0 + (30.0 if self.title else 0.0)
        parts = [
            f'<text x="16" y="29" font-size="15" font-weight="bold" '
            f'fill="{self.theme.text}">{escape(self.title)}</text>\n'
        ]
        rows = list(self._rows())
        longest = max(map(len, rows))
        across = max(1, min(_COLUMNS // (longest + 3), math.ceil(len(rows) / 12)))
        down = math.ceil(len(rows) / across)  # short lines stand in columns, as in a newspaper
        for r, row in enumerate(rows):
            left = 16.0 + r // down * (longest + 3) * _STEP
            parts.append(self._line(row, left, top + r % down * _LINE))
        foot = top + down * _LINE + 10.0
        parts.append(self._legend(foot))
        width = 32.0 + (across * (longest + 3) - 3) * _STEP
        width = max(width, 32.0 + text_width(self.title, 15, True), 380.0)
        return Plot("".join(parts), width, foot + 30.0, self.title, self.theme.ground).svg()

    def _line(self, row: list[tuple[str, float, str, str]], left: float, y: float) -> str:
        parts = []
        for c, (character, value, fill, ink) in enumerate(row):
            x = left + c * _STEP
            parts.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{_STEP + 0.5:.1f}" '
                f'height="{_LINE - 3:.1f}" fill="{fill}">'
                f"<title>{escape(_named(character))}: {value!r}</title></rect>"
            )
            if not character.isspace() or character == "\n":
                shown = "⏎" if character == "\n" else character
                parts.append(
                    f'<text x="{x + _STEP / 2:.1f}" y="{y + 15.5:.1f}" font-size="{_SIZE:g}" '
                    f'fill="{ink}" text-anchor="middle" font-family="{_MONO}">'
                    f"{escape(shown)}</text>"
                )
        return "".join(parts) + "\n"

    def html(self) -> str:
        """The text as one self-contained HTML page."""
        spans = "".join(
            f'<span style="background:{fill};color:{ink}" '
            f'title="{escape(_named(c))}: {value!r}">'
            f"{'⏎' + chr(10) if c == chr(10) else escape(c)}</span>"
            for c, value, fill, ink in self.shades()
        )
        return (
            "<!DOCTYPE html>\n"
            '<html lang="en"><head><meta charset="utf-8">'
            f"<title>{escape(self.title or 'Activations')}</title>\n"
            f"<style>body{{background:{self.theme.ground};color:{self.theme.text};"
            f"font-family:{FONT},sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}}"
            f"pre{{font:1rem/1.7 {_MONO};white-space:pre-wrap;overflow-wrap:anywhere}}"
            "</style></head>\n"
            f"<body><h1>{escape(self.title)}</h1>\n<pre>{spans}</pre>\n"
            f"<p>{self._bounds()}</p></body></html>\n"
        )

    def ansi(self, colour: bool = True) -> str:
        """The text for a terminal. Without colour, a row of signs stands below each line.

        The signs are +, 0 and − for values above, near and below 0.
        """
        return self._in_colour() if colour else self._in_signs()

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write .svg or .html, whole or not at all; ValueError for another suffix."""
        makers = {".svg": self.svg, ".html": self.html}
        suffix = Path(path).suffix.lower()
        if suffix not in makers:
            raise ValueError(
                f"a coloured text's file name ends in .svg or .html, got {Path(path).name!r}"
            )
        return write_whole(path, makers[suffix]())

    def _repr_html_(self) -> str:
        return self.svg()

    def __str__(self) -> str:
        return self.ansi(colour=False)

    def _rows(self) -> Iterator[list[tuple[str, float, str, str]]]:
        """Lines as the text breaks them, long ones broken again at a blank."""
        row: list[tuple[str, float, str, str]] = []
        for shade in self.shades():
            row.append(shade)
            if shade[0] == "\n":
                yield row
                row = []
            elif len(row) == _COLUMNS:
                blanks = [i for i, (character, *_) in enumerate(row) if character == " "]
                cut = blanks[-1] + 1 if blanks else len(row)
                yield row[:cut]
                row = row[cut:]
        if row:
            yield row

    def _bounds(self) -> str:
        low, high = number(-self.limit), number(self.limit)
        return f"blue: {low} and below, white: 0, orange: {high} and above"

    def _legend(self, y: float) -> str:
        parts, x = [], 16.0
        for share, words in ((-1.0, "and below"), (0.0, ""), (1.0, "and above")):
            fill, _ = diverging(self.theme, share)
            label = f"{number(share * self.limit)} {words}".strip()
            parts.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="16" height="12" fill="{fill}" '
                f'stroke="{self.theme.frame.border}"/>'
                f'<text x="{x + 22:.1f}" y="{y + 11:.1f}" font-size="12" '
                f'fill="{self.theme.muted}">{escape(label)}</text>\n'
            )
            x += 44.0 + text_width(label, 12.0)
        return "".join(parts)

    def _in_colour(self) -> str:
        from rich.console import Console
        from rich.text import Text

        shown = Text()
        for character, _, fill, ink in self.shades():
            shown.append("⏎" if character == "\n" else character, style=f"{ink} on {fill}")
            if character == "\n":
                shown.append("\n")
        console = Console(force_terminal=True, color_system="truecolor", width=_COLUMNS)
        with console.capture() as capture:
            console.print(shown)
        return capture.get().rstrip("\n")

    def _in_signs(self) -> str:
        lines = []
        for row in self._rows():
            lines.append("".join(character for character, *_ in row).rstrip("\n"))
            lines.append("".join(_sign(value / self.limit) for _, value, *_ in row).rstrip())
        return "\n".join(lines)


def activations(
    text: str,
    values: Sequence[float],
    *,
    title: str = "",
    limit: float | None = None,
    theme: str = "light",
) -> ColouredText:
    """`text` coloured by a number per character: blue below 0, white at 0, orange above.

    values: as many floats or Values as the text has characters, such as tanh(c_t) of one
    LSTM unit (rows 004-36, 004-37; Karpathy, Johnson and Fei-Fei 2015). limit: the size
    that gets the full colour, the largest one unless given. ValueError where the lengths
    differ.

    >>> print(activations("ab\\ncd", [1.0, -1.0, 0.0, 0.9, 0.1]))
    ab
    +−0
    cd
    +0
    """
    if len(text) != len(values):
        raise ValueError(
            f"activations: the text has {len(text)} characters, but there are {len(values)} values"
        )
    if not text:
        raise ValueError("activations needs a text, got an empty one")
    if theme not in THEMES:
        raise ValueError(f"theme must be one of {', '.join(THEMES)}, got {theme!r}")
    numbers = tuple(float(value) for value in values)
    finite = [abs(x) for x in numbers if math.isfinite(x)]
    limit = limit or max(finite, default=1.0) or 1.0
    return ColouredText(text, numbers, limit, title, THEMES[theme])


def _named(character: str) -> str:
    return {"\n": "newline", " ": "space", "\t": "tab"}.get(character, character)


def _sign(share: float) -> str:
    if math.isnan(share):
        return "?"
    return "0" if abs(share) < 1.0 / 3.0 else "+" if share > 0.0 else "−"
