"""A table for the terminal and for Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """Texts in rows; the first column is aligned left, numbers right. Notes follow."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()

    def lines(self) -> list[str]:
        """For the terminal."""
        grid = [self.columns, *self.rows]
        widths = [max(map(len, column)) for column in zip(*grid)]
        return [
            self.title,
            *("  " + "   ".join(_aligned(row, widths)).rstrip() for row in grid),
            *(f"  {note}" for note in self.notes),
        ]

    def grid(self) -> str:
        """In Markdown, without title and notes."""
        rule = ["---", *["---:" for _ in self.columns[1:]]]
        rows = [" | ".join(row) for row in (self.columns, rule, *self.rows)]
        return "\n".join(f"| {row} |" for row in rows)

    def markdown(self) -> str:
        """As a section."""
        return "\n\n".join([f"## {self.title}", self.grid(), *self.notes]) + "\n"


def _aligned(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [text.rjust(w) if i else text.ljust(w) for i, (text, w) in enumerate(zip(row, widths))]


def milliseconds(seconds: float) -> str:
    """To three digits.

    >>> milliseconds(0.0001234), milliseconds(1.5)
    ('0.123', '1,500')
    """
    ms = 1e3 * seconds
    return f"{ms:,.3f}" if ms < 10 else f"{ms:,.1f}" if ms < 1000 else f"{ms:,.0f}"


def microseconds(seconds: float) -> str:
    """To three digits.

    >>> microseconds(0.0000123), microseconds(1.5)
    ('12.3', '1,500,000')
    """
    us = 1e6 * seconds
    return f"{us:,.2f}" if us < 10 else f"{us:,.1f}" if us < 1000 else f"{us:,.0f}"


def ratio(times: float) -> str:
    """To two digits after the point while it is small.

    >>> ratio(0.0042), ratio(3.14159), ratio(5123.4)
    ('0.0042', '3.14', '5,123')
    """
    if times < 0.1:
        return f"{times:.2g}"
    return f"{times:.2f}" if times < 100 else f"{times:,.0f}"


def duration(seconds: float) -> str:
    """In the unit that one would say.

    >>> duration(45.0), duration(60.0), duration(300.0)
    ('45 seconds', '1 minute', '5 minutes')
    """
    count, unit = (seconds, "second") if seconds < 60 else (seconds / 60, "minute")
    return f"{count:.3g} {unit}{'' if count == 1 else 's'}"
