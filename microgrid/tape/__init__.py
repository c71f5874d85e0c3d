"""Record once, replay many times at matrix speed: the Tape."""

from .tape import GuardError, Parameter, Tape, Tapes

__all__ = ["GuardError", "Parameter", "Tape", "Tapes"]
