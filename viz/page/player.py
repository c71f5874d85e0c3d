"""The player: one self-contained HTML page on which the backward sweep is played.

The page is assets/ (HTML, CSS and a few scripts) with the data of data.py put in
as one block of JSON. It loads nothing: a content security policy forbids it, and lets no
script run but ours, whatever a label may say.
"""

from __future__ import annotations

import hashlib
import html
import json
import os
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import overload

from microgrid.collector import uncollected
from microgrid.files import checked_target, write_whole

from ..picture.build import Drawable
from ..style.theme import THEMES, Theme
from .data import playback
from .symbols import variables

__all__ = ["Page", "embedded", "page", "player"]

_SCRIPTS = ("engine", "quantity", "numbers", "data", "sweep", "paths", "drawing", "camera", "words",
           "exercise", "tables", "live", "training", "present", "controls", "start")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Page:
    """A player that a notebook shows in a frame. `html` is the page, `height` is in pixels."""

    html: str = field(repr=False)
    height: int = 640

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page, whole or not at all; ValueError for another suffix than .html."""
        return write_whole(_checked(path), self.html)

    def _repr_html_(self) -> str:
        inner = embedded(self.html, "folded")
        style = f"width:100%;height:{self.height}px;border:0"
        return f'<iframe title="microgrid" style="{style}" srcdoc="{html.escape(inner)}"></iframe>'


@overload
def player(
    x: Drawable,
    path: None = None,
    *,
    title: str | None = ...,
    captions: Sequence[str] | None = ...,
    theme: str = ...,
    live: bool = ...,
) -> Page: ...
@overload
def player(
    x: Drawable,
    path: str | os.PathLike[str],
    *,
    title: str | None = ...,
    captions: Sequence[str] | None = ...,
    theme: str = ...,
    live: bool = ...,
) -> Path: ...
def player(
    x: Drawable,
    path: str | os.PathLike[str] | None = None,
    *,
    title: str | None = None,
    captions: Sequence[str] | None = None,
    theme: str = "system",
    live: bool = True,
) -> Page | Path:
    """Write a page that plays forward pass and sweep of a Value or an Unrolled: `quiz.html`.

    Without a path, the Page itself: a notebook shows it in a frame. The page opens from disk
    and needs no network. It plays the sweep whether or not `backward()` has been called, and
    leaves every gradient as it was. A list of Values is swept from the one that `backward()`
    was called on, or else from its last.

    Parameters
    ----------
    title, captions : as in `draw`
    theme : one of the themes, or "system" for light or dark as the reader's system has it; the
        reader can choose another
    live : whether numbers can be moved: every value, gradient, panel and sentence follows

    A page opens at the level of detail that `viz.render` takes by itself. The address may say
    where to begin: `quiz.html#step=12&level=cell&h_0=1&seed=7&quiz`; with
    `quiz.html?embed` it is small enough for an iframe. `window.microgrid` has names(),
    value(name), gradient(name) and set(name, number).

    TypeError for what cannot be drawn, ValueError for an unknown theme or a name that does
    not end in .html, OSError where the folder does not exist or cannot be written.
    """
    if path is None:
        return Page(page(x, title=title, captions=captions, theme=theme, live=live))
    _checked(path)
    return Page(page(x, title=title, captions=captions, theme=theme, live=live)).save(path)


def embedded(page: str, *looks: str) -> str:
    """The page as it stands in another one, which has less room than a window: as with ?embed."""
    return page.replace("<body>", f'<body class="{" ".join(("embed", *looks))}">', 1)


def _checked(path: str | os.PathLike[str]) -> Path:
    """Where a page can be written; said before it is made, which may take long."""
    return checked_target(path, ["html"], "a player's file name ends in .html")


@uncollected()
def page(
    x: Drawable,
    *,
    title: str | None = None,
    captions: Sequence[str] | None = None,
    theme: str = "system",
    live: bool = True,
) -> str:
    """The text of that page.

    >>> from microgrid import Value
    >>> text = page(Value(2.0, label="</script><script>alert(1)</script>") * 3.0)
    >>> text.count("<script"), "alert(1)" in text, "<script>alert" in text
    (2, True, False)
    """
    if theme != "system" and theme not in THEMES:
        raise ValueError(f"theme must be one of system, {', '.join(THEMES)}, got {theme!r}")
    data, table = playback(x, title, captions, live)
    data |= {"themes": list(THEMES), "theme": theme}
    style, script = _style(), _script(table)
    policy = f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}"
    return Template(_asset("page.html")).substitute(
        policy=html.escape(f"{policy}; base-uri 'none'; form-action 'none'"),
        title=html.escape(title or "microgrid"),
        style=style,
        script=script,
        data=_embedded(json.dumps(data, ensure_ascii=False, allow_nan=False)),
    )


def _embedded(text: str) -> str:
    """JSON that may stand within a script element: nothing in it can end the element."""
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


@cache
def _asset(name: str) -> str:
    return files("viz.page").joinpath("assets", name).read_text(encoding="utf-8")


@cache
def _script(table: str) -> str:
    """Our scripts, after the rows of the op table that the graph uses."""
    parts = "\n".join(_asset(f"{name}.js") for name in _SCRIPTS)
    return f'\n(() => {{\n"use strict";\n{table}{parts}}})();\n'


@cache
def _style() -> str:
    """The style sheet, after the variables that hold the colours of every theme."""
    light, dark = THEMES["light"], THEMES.get("dark", THEMES["light"])
    rules = [f":root {{{_variables(light)}}}"]
    system = f":root:not([data-theme]) {{{_variables(dark)}}}"
    rules.append(f"@media (prefers-color-scheme: dark) {{{system}}}")
    rules += [f':root[data-theme="{name}"] {{{_variables(t)}}}' for name, t in THEMES.items()]
    return "\n".join(["", *rules, _asset("page.css")])


def _variables(theme: Theme) -> str:
    red, green, blue = (int(theme.ground[i : i + 2], 16) for i in (1, 3, 5))
    scheme = "dark" if red + green + blue < 384 else "light"
    colours = " ".join(f"--{name}: {colour};" for name, colour in variables(theme).items())
    return f"color-scheme: {scheme}; {colours}"


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
