"""`python -m microgrid.cli` is the command `microgrid`."""

import sys

from . import main

__all__ = ["main"]

sys.exit(main())
