"""Docstrings as the site wants them: examples as blocks of code, lists of names as lists."""

from __future__ import annotations

import re
from typing import Any

import griffe

# A >>> line and what follows it up to the next empty line.
EXAMPLE = re.compile(r"^>>> .*(?:\n(?!\s*$).*)*", re.MULTILINE)
# "Attributes", a line of dashes, and entries such as "root, seed : as given".
SECTION = re.compile(r"^(\w[\w ]*)\n-{3,}\n((?:(?!\s*$).*(?:\n|\Z))+)", re.MULTILINE)
ENTRY = re.compile(r"^(\S[^:\n]*?) : ", re.MULTILINE)


def fenced(text: str) -> str:
    """`text` with every example in a fence of its own, and every section as a list.

    >>> fenced("A\\n\\nAttributes\\n----------\\nk : how often\\n    it happened\\n")
    'A\\n\\n**Attributes**\\n\\n- `k`: how often\\n    it happened\\n'
    """
    text = SECTION.sub(_listed, text)
    return EXAMPLE.sub(lambda found: f"\n```pycon\n{found[0]}\n```\n", text)


def _listed(section: re.Match[str]) -> str:
    heading, entries = section.groups()
    return f"**{heading}**\n\n" + ENTRY.sub(r"- `\1`: ", entries)


class Fences(griffe.Extension):
    """Prepare the docstring of every module, class, function and attribute that is read."""

    def on_instance(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Called for each of them."""
        if obj.docstring is not None:
            obj.docstring.value = fenced(obj.docstring.value)
