"""Golden numbers: `cases` loads a file, `agree` compares with its tolerance."""

import json
from pathlib import Path
from typing import Any

import pytest

GOLDEN = Path(__file__).parent / "golden"
LONG_RUN = 1e-6  # the tolerance after hundreds of updates


def cases(name: str, key: str = "cases") -> Any:
    """A `pytest.mark.parametrize` over the cases of golden/NAME.json, one named test each."""
    found = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))[key]
    return pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in found])


def agree(actual: Any, expected: Any, tolerance: float = 1e-9, where: str = "") -> None:
    """Assert |a - b| <= tolerance * max(1, |b|) for nested lists of Values or numbers."""
    if isinstance(expected, list):
        assert len(actual) == len(expected), f"{where or 'result'}: length"
        for i, (a, b) in enumerate(zip(actual, expected)):
            agree(a, b, tolerance, f"{where}[{i}]")
    else:
        difference = abs(float(actual) - expected)
        assert difference <= tolerance * max(1.0, abs(expected)), (
            f"{where or 'result'}: {float(actual)!r}, expected {expected!r}"
        )


def grads(weights: Any) -> Any:
    """The gradients of nested lists of Values, in the same nesting."""
    return weights.grad if not isinstance(weights, list | tuple) else [grads(w) for w in weights]
