"""What a measurement was made on."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def cpu() -> str:
    """The processor's name, as far as the system tells it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def facts(packages: Iterable[str]) -> list[str]:
    """Machine, system, Python and the packages' versions, a sentence each."""
    versions = ", ".join(f"{name} {_version(name)}" for name in packages)
    return [
        f"Processor: {cpu()}, {os.cpu_count()} cores; BLAS and torch have one thread",
        f"System: {platform.system()} {platform.release()} on {platform.machine()}",
        f"Python {platform.python_version()}; {versions}",
    ]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
