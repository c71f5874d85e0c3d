"""The commands of `microgrid`, and their parser."""

from __future__ import annotations

import argparse

from .. import __version__
from .demo import add_demo_command
from .doctor import add_doctor_command
from .draw import add_draw_command, add_frames_command
from .exercise import add_check_command, add_exercise_command
from .step import add_step_command

__all__ = ["run"]

_EXAMPLES = """\
for example:
  microgrid draw lstm                                in the terminal
  microgrid draw lstm --steps 3 -o lstm.svg --open   a picture, shown at once
  microgrid draw homework.py:run -o page.html        a page on which the sweep is played
  microgrid demo quiz                                a system of the lectures
  microgrid step homework.py:run                     pdb for backpropagation; or step lstm
"""


def _parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    made = argparse.ArgumentParser(
        prog="microgrid",
        description="Scalar autograd whose every gradient can be seen.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--version", action="version", version=f"microgrid {__version__}")
    commands = made.add_subparsers(required=True, metavar="COMMAND")
    for add in (
        add_draw_command,
        add_frames_command,
        add_step_command,
        add_demo_command,
        add_exercise_command,
        add_check_command,
        add_doctor_command,
    ):
        add(commands)
    return made


def run(argv: list[str] | None = None) -> int | None:
    """Run the command that the arguments name; its exit code, None for 0."""
    args = _parser().parse_args(argv)
    code: int | None = args.run(args)
    return code
