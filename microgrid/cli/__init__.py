"""The command line, `microgrid COMMAND`: a command or two in each file of this room."""

from __future__ import annotations

from .ending import exit_code

__all__ = ["main"]


def main(argv: list[str] | None = None) -> int:
    """Run a command; the exit code, as `exit_code` has it."""

    def command() -> int | None:
        from .commands import run  # here, so that Ctrl-C while modules load is Ctrl-C as well

        return run(argv)

    return exit_code(command)
