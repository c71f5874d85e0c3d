"""What is left for the cyclic collector: the graphs of microgrid are freed without it."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, FunctionType


@contextmanager
def nothing_left() -> Iterator[None]:
    """The collector stays away inside, and in the end finds nothing of ours to collect.

    Other libraries' threads go on meanwhile, and what they leave is no concern of the test.
    """
    gc.collect()
    gc.disable()
    try:
        yield
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        ours = [x for x in gc.garbage if _maker(x).startswith(("microgrid.", "viz.", "test_"))]
        assert not ours, ours
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


def _maker(x: object) -> str:
    """The module of an object's class; of a function or a frame the module that it runs in."""
    if isinstance(x, FrameType):
        return str(x.f_globals.get("__name__", ""))
    return str(x.__module__ if isinstance(x, FunctionType | type) else type(x).__module__)
