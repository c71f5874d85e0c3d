"""Every benchmark, one after the other: `python -m benchmarks [--smoke]`."""

import sys
from importlib import import_module
from pathlib import Path

HELPERS = {
    "checkout",
    "costs",
    "graphs",
    "harness",
    "kernels",
    "limits",
    "machine",
    "micrograd_ops",
    "minimal",
    "problems",
    "progress",
    "report",
    "rung",
    "scalar_gpt",
    "tables",
}


def main(arguments: list[str]) -> None:
    for path in sorted(Path(__file__).parent.glob("[a-z]*.py")):
        if path.stem not in HELPERS:
            print(f"\n== {path.stem}", flush=True)
            import_module(f"benchmarks.{path.stem}").main(arguments)


main(sys.argv[1:])
