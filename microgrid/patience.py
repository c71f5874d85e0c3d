"""A word on work that takes long: after two seconds a line tells that it goes on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

__all__ = ["patience"]

_AFTER = 2.0  # seconds; whatever is quicker says nothing


@contextmanager
def patience(doing: str, after: float = _AFTER) -> Iterator[None]:
    """Show `doing` with a moving bar and the time on stderr while the block runs, if it is long.

    Without a terminal one line is written instead of a bar. The bar goes when the block ends.
    """
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    bar = Progress(*columns, console=console, transient=True)
    bar.add_task(doing, total=None)

    def begin() -> None:
        if console.is_terminal:
            bar.start()
        else:
            console.print(f"{doing} …", highlight=False)

    timer = threading.Timer(after, begin)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()  # a bar that is just starting is started before it is stopped
        if bar.live.is_started:
            bar.stop()
