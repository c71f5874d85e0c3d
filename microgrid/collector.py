"""The cyclic garbage collector, kept away while a tape or a picture is made."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["uncollected"]


@contextmanager
def uncollected() -> Iterator[None]:
    """No rounds of the collector inside.

    A tape or a picture of thousands of cards is made of a hundred thousand new objects, none of
    them garbage, but the collector would walk through all of them, and through the whole
    recording, again and again to find that out.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
