"""`python -m microgrid` is the command `microgrid`."""

import sys

from .cli import main

__all__ = ["main"]

sys.exit(main())
