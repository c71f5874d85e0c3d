"""The stepper at a prompt, with pdb's habits: walk the backward sweep and look around."""

from .launch import debug, pm
from .prompt import Debugger

__all__ = ["Debugger", "debug", "pm"]
