"""What the tests beside the code share with those in tests/: the terminal, and what is left out."""

import os
from importlib.util import find_spec

# Texts are wrapped and coloured alike on every machine, whatever its terminal is.
os.environ |= {"COLUMNS": "80", "LINES": "24"}
for name in ("FORCE_COLOR", "NO_COLOR", "PYTHON_COLORS", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
    os.environ.pop(name, None)

# Which files are left out where an extra is not installed.
collect_ignore = [] if find_spec("torch") else ["microgrid/pytorch"]
