"""Predict the next number: 1, 3, 5, 7, 9 -> 11, with an RNN and plain SGD.

First the notes' own task: fit that one sequence, the numbers scaled by 0.1. Then the honest
one: learn from six other sequences that step by 2, and predict this one, which was held out.
Row batches as in the notes, H_t = tanh(X_t W_xh + H_{t-1} W_hh + b_h), O_t = H_t W_hq + b_q.
All sequences are of one length, so one tape is replayed for them; --eager records each anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from microgrid import Value, nn, no_grad, optim
from microgrid import functional as F
from microgrid.train import Step, Training
from viz.plots import charts as plots

from ._common import number, parser, pictures, plot, run, table
from ._speeds import Run, eager_option, speeds, steps

ASKED = ([1.0, 3.0, 5.0, 7.0, 9.0], 11.0)
TOLERANCE = 0.05
SCALE = 0.1


@dataclass(frozen=True)
class Task:
    """What to learn from, and how."""

    title: str
    train: list[tuple[list[float], float]]
    hidden: int
    lr: float
    epochs: int


FIT = Task("Fitting the one sequence", [ASKED], hidden=4, lr=0.1, epochs=100)
HELD_OUT = Task(
    "Held out: learnt from six other sequences",
    [([first + 2.0 * i for i in range(5)], first + 10.0) for first in (-3, -1, 0, 2, 3, 5)],
    hidden=3,
    lr=0.2,
    epochs=300,
)


class NextNumber(nn.Module):
    """The notes' network, its weights drawn in -0.5..0.5 from a seed, its biases 0."""

    def __init__(self, hidden: int, seed: int = 0) -> None:
        self.cell = nn.RowRNNCell(1, hidden)
        self.readout = nn.RowLinear(hidden, 1)
        rng = np.random.default_rng(seed)
        state = {}
        for name, shape in (
            ("cell.weight_xh", (1, hidden)),
            ("cell.weight_hh", (hidden, hidden)),
            ("readout.weight", (hidden, 1)),
        ):
            state[name] = rng.uniform(-0.5, 0.5, shape).round(3)
        biases = {"cell.bias": np.zeros((1, hidden)), "readout.bias": np.zeros((1, 1))}
        self.load_state_dict(state | biases)

    def __call__(self, numbers: Sequence[float]) -> Value:
        """The output after the last number, all numbers scaled."""
        state = self.cell.initial_state(1)
        for x in numbers:
            state = self.cell([[x]], state)
        return self.readout(state)[0][0]

    def every_step(self, numbers: Sequence[float]) -> list[tuple[list[float], float]]:
        """(H_t, O_t) after each number: hidden state, then output, as the notes have it."""
        found, state = [], self.cell.initial_state(1)
        with no_grad():
            for x in numbers:
                state = self.cell([[SCALE * x]], state)
                output = self.readout(state)[0][0].data
                found.append(([h.data for h in state[0]], output))
        return found

    def predict(self, numbers: Sequence[float]) -> float:
        """The next number."""
        with no_grad():
            return self([SCALE * x for x in numbers]).data / SCALE


def scaled(numbers: Sequence[float], target: float) -> tuple[list[float], float]:
    """A sequence and what follows it, as the network meets them."""
    return [SCALE * x for x in numbers], SCALE * target


def train(task: Task, eager: bool = False) -> tuple[Run, list[float], list[float]]:
    """(run, prediction for 1, 3, 5, 7, 9 before each epoch and after the last, losses)."""

    def make(eager: bool) -> tuple[Training, Step]:
        model = NextNumber(task.hidden)

        def loss_of(numbers: list, target: Value | float) -> tuple[Value, list[Value]]:
            output = model(numbers)
            return F.mse_loss(output, target), [output]

        step = steps(eager)(model, loss_of, [scaled(*example) for example in task.train])
        return Training(model, optim.SGD(step.parameters(), task.lr)), step

    made = Run(make, eager)
    predictions = [made.training.model.predict(ASKED[0])]
    for epoch in range(1, task.epochs + 1):
        losses = made.to(epoch * len(task.train))
        predictions.append(made.training.model.predict(ASKED[0]))
    return made, predictions, np.reshape(losses, (task.epochs, -1)).sum(axis=1).tolist()


def settled(predictions: Sequence[float]) -> int:
    """The first epoch from which the prediction stays within 0.05 of 11."""
    wrong = [i for i, p in enumerate(predictions) if abs(p - ASKED[1]) > TOLERANCE]
    return wrong[-1] + 1 if wrong else 0


def drawn() -> nn.Unrolled:
    """A network of one hidden unit over the five numbers, with the loss at the end."""
    model = nn.SequenceModel(nn.RNNCell(1, 1, seed=3), nn.Linear(1, 1, seed=3))
    numbers, target = scaled(*ASKED)
    unrolled = model.unroll(numbers, [target], loss="mse", topology="many-to-one")
    unrolled.loss.backward()
    return unrolled


def main(argv: list[str] | None = None) -> None:
    options = parser("next_number", __doc__)
    eager_option(options)
    args = options.parse_args(argv)
    made, runs = [], []
    for task in (FIT, HELD_OUT):
        trained, predictions, losses = train(task, args.eager)
        runs.append(trained)
        print(f"{task.title}: hidden {task.hidden}, lr {task.lr}, {task.epochs} epochs")
        shown = [n for n in (0, 1, 2, 3, 5, 10, 20, 50, 100, 200) if n < task.epochs]
        table(
            ["epoch", "prediction", "loss"],
            [[n, f"{predictions[n]:.4f}", f"{losses[n]:.3e}"] for n in shown]
            + [[task.epochs, f"{predictions[-1]:.4f}", ""]],
        )
        print(f"within {TOLERANCE} of 11 from epoch {settled(predictions)} on")
        print(f"1, 3, 5, 7, 9 -> {predictions[-1]:.3f}\n")
        made.append(
            plots.lines(
                {"prediction": predictions, "11": [11.0] * len(predictions)},
                title=task.title,
                x="epoch",
                y="next number",
                size=(520.0, 340.0),
            )
        )
    print("Step by step: 1. the hidden state H_t, 2. the output O_t, 3. O_t is stored")
    asked, wanted = ASKED
    last = len(asked)
    table(
        ["t", "X_t", "H_t", "O_t", f"O_t / {SCALE:g}", "the loss"],
        [
            [t, x, " ".join(f"{h:7.4f}" for h in hidden), f"{output:.4f}", f"{output / SCALE:.3f}",
             f"compares it with {wanted:g}" if t == last else "does not see it"]
            for t, (x, (hidden, output)) in enumerate(
                zip(asked, runs[0].training.model.every_step(asked)), start=1)
        ],
    )  # fmt: skip
    test = [3.0 * i for i in range(1, 6)]
    print(f"A series it never met, step 3: {', '.join(map(number, test))} -> "
          f"{trained.training.model.predict(test):.2f}, not 18\n")  # fmt: skip
    print(f"{speeds(*runs)}\n")
    plot(plots.beside(made), args, "next_number_training.svg")
    pictures(drawn(), args, "next_number")


if __name__ == "__main__":
    run(main)
