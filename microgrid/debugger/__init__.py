"""The stepper at a prompt, with pdb's habits: walk the backward sweep and look around."""

from .launch import add_step_command, debug, pm
from .prompt import Debugger

__all__ = ["Debugger", "add_step_command", "debug", "pm"]
