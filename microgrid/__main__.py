"""`python -m microgrid` is the command `microgrid`."""

import sys

from .cli import main

sys.exit(main())
