"""How a command ends, `microgrid` and every demo alike. It loads nothing before it is needed."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

__all__ = ["exit_code"]

_BAD_INPUT = 2
_INTERRUPTED = 128 + 2  # what a shell makes of SIGINT
_READER_GONE = 128 + 13  # and of SIGPIPE, as in `microgrid draw rnn | head`


def exit_code(command: Callable[[], int | None]) -> int:
    """Run a command; its own exit code or 0, and without a traceback 2, 130 or 141.

    2 is bad input, one sentence on stderr; 130 is Ctrl-C; 141 is a reader that has gone, so that
    not all was written: the numbers that a shell gives to programs which such a signal ends.

    >>> exit_code(lambda: None), exit_code(lambda: 1)
    (0, 1)
    """
    try:
        code = command()
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _READER_GONE
    except (ValueError, TypeError, OSError) as error:
        from ..wording import clean, sentence

        print(f"error: {clean(sentence(error))}", file=sys.stderr)
        return _BAD_INPUT
    except KeyboardInterrupt:
        return _INTERRUPTED
    return code or 0
