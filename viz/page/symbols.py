"""A theme whose colours are names: what is painted with it finds its colours in a style sheet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

from ..style.theme import DARK, LIGHT, Paint, Theme

__all__ = ["FOLLOWING", "SYMBOLS", "dark_where", "variables"]


def _symbols(say: Callable[[str], str] = str) -> Theme:
    """A theme whose every colour is what `say` makes of its name."""
    found: dict[str, Any] = {"name": "symbols"}
    for field in fields(Theme):
        value = getattr(LIGHT, field.name)
        if isinstance(value, Paint):
            found[field.name] = _named(field.name, value, say)
        elif field.name == "cards":
            found["cards"] = {role: _named(role, paint, say) for role, paint in value.items()}
        elif field.name == "heat":
            steps = range(len(value))
            found["heat"] = tuple((say(f"heat-{i}-fill"), say(f"heat-{i}-text")) for i in steps)
        elif field.name != "name":
            found[field.name] = say(field.name)
    return Theme(**found)


def _named(name: str, paint: Paint, say: Callable[[str], str]) -> Paint:
    fill, border, text = (say(f"{name}-{part}") for part in ("fill", "border", "text"))
    return replace(paint, fill=fill, border=border, text=text)


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


def _or_light(name: str) -> str:
    return f"var(--mg-{name},{variables(LIGHT)[name]})"


FOLLOWING = _symbols(_or_light)  # light, but where a page gives the variables other colours


def dark_where(*selectors: str) -> str:
    """The rules that make pictures painted with FOLLOWING dark within these elements."""
    colours = "".join(f"--mg-{name}:{colour};" for name, colour in variables(DARK).items())
    return f"{','.join(selectors)}{{{colours}}}"
