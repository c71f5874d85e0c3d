"""`python -m microgrid.cli` is the command `microgrid`."""

import sys

from . import main

sys.exit(main())
