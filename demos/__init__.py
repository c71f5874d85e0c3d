"""The lectures' systems, one runnable file each: python -m demos.NAME --help."""

import sys
from types import TracebackType


def _end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Say what ended the program; of Ctrl-C the exit code says all there is to say."""
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)


if sys.argv[:1] == ["-m"]:  # as it is while `python -m demos.quiz` loads, which takes a second
    sys.excepthook = _end
