"""A bar for work of more than two seconds, where somebody looks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

AFTER = 2.0  # seconds; whatever is quicker says nothing


@contextmanager
def progress(doing: str, total: int) -> Iterator[Callable[[], None]]:
    """What is called after each of `total` parts; the bar stands on stderr, on a terminal only."""
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    bar = Progress(*columns, TimeElapsedColumn(), console=console, transient=True)
    task = bar.add_task(doing, total=total)
    timer = threading.Timer(AFTER, bar.start if console.is_terminal else lambda: None)
    timer.daemon = True
    timer.start()
    try:
        yield lambda: bar.advance(task)
    finally:
        timer.cancel()
        timer.join()  # a bar that is just starting is started before it is stopped
        if bar.live.is_started:
            bar.stop()
