"""A theme whose colours are names: what is painted with it finds its colours in a style sheet."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from ..style.theme import LIGHT, Paint, Theme

__all__ = ["SYMBOLS", "variables"]


def _symbols() -> Theme:
    found: dict[str, Any] = {"name": "symbols"}
    for field in fields(Theme):
        value = getattr(LIGHT, field.name)
        if isinstance(value, Paint):
            found[field.name] = _named(field.name, value)
        elif field.name == "cards":
            found["cards"] = {role: _named(role, paint) for role, paint in value.items()}
        elif field.name == "heat":
            found["heat"] = tuple((f"heat-{i}-fill", f"heat-{i}-text") for i in range(len(value)))
        elif field.name != "name":
            found[field.name] = field.name
    return Theme(**found)


def _named(name: str, paint: Paint) -> Paint:
    return replace(paint, fill=f"{name}-fill", border=f"{name}-border", text=f"{name}-text")


SYMBOLS = _symbols()


def variables(theme: Theme) -> dict[str, str]:
    """The colour of every name, for one theme.

    >>> variables(LIGHT)["bad-fill"], variables(LIGHT)["heat-4-text"]
    ('#b91c1c', '#431407')
    """
    return dict(_pairs(SYMBOLS, theme))


def _pairs(symbols: Theme, theme: Theme) -> list[tuple[str, str]]:
    found = []
    for field in fields(Theme):
        name, colour = getattr(symbols, field.name), getattr(theme, field.name)
        if isinstance(name, Paint):
            found += _painted(name, colour)
        elif field.name == "cards":
            found += [pair for role in name for pair in _painted(name[role], colour[role])]
        elif field.name == "heat":
            found += [pair for both, real in zip(name, colour) for pair in zip(both, real)]
        elif field.name != "name":
            found.append((name, colour))
    return found


def _painted(names: Paint, paint: Paint) -> list[tuple[str, str]]:
    return [(names.fill, paint.fill), (names.border, paint.border), (names.text, paint.text)]
