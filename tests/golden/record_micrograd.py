"""Write down what a GPT computes on micrograd's Value: its loss, every gradient, five Adam steps.

`python tests/golden/record_micrograd.py` (micrograd 0.1.0, to which exp and log are added in its
own manner) writes micrograd_gpt.json. The program is tests/demos/gpt_for_micrograd.txt.
"""

import json
import math
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

HERE = Path(__file__).parent
FILE = HERE / "micrograd_gpt.json"
PROGRAM = HERE.parent / "demos" / "gpt_for_micrograd.txt"
SIZES = {"letters": 5, "width": 4, "places": 6, "seed": 1}
HEADS = 2
SEQUENCES = [[0, 3, 1, 4, 0], [0, 2, 2, 0], [0, 1, 3, 3, 4, 0], [0, 4, 0], [0, 3, 2, 1, 0]]


def program(engine: str) -> ModuleType:
    """The program as a module, its Value imported from `engine`; nothing else is changed."""
    source = PROGRAM.read_text(encoding="utf-8")
    line = "from micrograd.engine import Value"
    assert source.count(line) == 1
    made = ModuleType(f"gpt_on_{engine.replace('.', '_')}")
    exec(source.replace(line, f"from {engine} import Value"), vars(made))
    return made


def with_exp_and_log() -> None:
    """Give micrograd's Value the two functions that a softmax needs."""
    from micrograd.engine import Value

    def unary(forward: Any, slope: Any) -> Any:
        def method(self: Any) -> Any:
            out = Value(forward(self.data), (self,))

            def _backward() -> None:
                self.grad += slope(self.data) * out.grad

            out._backward = _backward
            return out

        return method

    Value.exp = unary(math.exp, math.exp)
    Value.log = unary(math.log, lambda x: 1 / x)


def gradients(weights: Any) -> dict[str, Any]:
    """The gradient of every number, by name of its matrix."""
    return {name: [[w.grad for w in row] for row in rows] for name, rows in weights.items()}


def answers(gpt: ModuleType) -> dict[str, Any]:
    """Loss and gradients of the first sequence, and the losses of a short training."""
    weights = gpt.weights(**SIZES)
    loss = gpt.loss_of(weights, SEQUENCES[0], HEADS)
    loss.backward()
    trained = gpt.weights(**SIZES)
    losses = gpt.train(trained, SEQUENCES, HEADS)
    last = {name: [[w.data for w in row] for row in rows] for name, rows in trained.items()}
    return {"loss": loss.data, "gradients": gradients(weights), "losses": losses, "trained": last}


if __name__ == "__main__":
    sys.setrecursionlimit(100_000)  # micrograd's sweep is recursive
    with_exp_and_log()
    FILE.write_text(json.dumps(answers(program("micrograd.engine")), indent=1) + "\n")
