"""The command line: `microgrid step`."""

from __future__ import annotations

import argparse
import sys

from .debugger import add_step_command


def main(argv: list[str] | None = None) -> int:
    """Run a command; the exit code. Bad input is one sentence on stderr and exit code 2."""
    parser = argparse.ArgumentParser(
        prog="microgrid", description="Scalar autograd whose every gradient can be seen."
    )
    add_step_command(parser.add_subparsers(required=True, metavar="COMMAND"))
    args = parser.parse_args(argv)
    try:
        args.run(args)
    except (ValueError, TypeError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
