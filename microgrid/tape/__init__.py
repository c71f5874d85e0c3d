"""Record once, replay many times at matrix speed: the Tape."""

from .guards import GuardError
from .parameters import Parameter
from .tape import Tape
from .tapes import Tapes

__all__ = ["GuardError", "Parameter", "Tape", "Tapes"]
