"""Teacher forcing beside free running: what a network has never seen is its own mistakes.

A network learns to go on with a wave. Taught with teacher forcing it gets the true last number at
every step; running free it gets its own last output, and the gradient flows back through that as
well. Both are judged running free, from 8 given numbers, on waves held out. One step ahead the
forced one is the better; left to itself its small errors lead it where no teacher ever was
(exposure bias). Each way is one recorded graph, replayed with other waves as its inputs.

Exercise: mix the two (Bengio et al., 2015): force the first half of the updates and let it run
free in the second (--forced 0.5). What do you gain over each of them?
"""

import argparse
from collections.abc import Sequence
from itertools import cycle

import numpy as np

from microgrid import Value, nn, no_grad, optim
from microgrid.tape import Tapes
from viz.plots import charts as plots

from ._common import at_least_one, parser, pictures, plot, run, table

GALLERY = ("forcing_waves.svg", [])

GIVEN, STEPS, HIDDEN = 8, 32, 10
Wave = Sequence[Value | float]


def waves(count: int, seed: int) -> np.ndarray:
    """Waves of one frequency, each with its own phase and height, with a little noise."""
    rng = np.random.default_rng(seed)
    phase, height = rng.uniform(0.0, 2.0 * np.pi, (count, 1)), rng.uniform(0.5, 1.0, (count, 1))
    clean = height * np.sin(0.45 * np.arange(STEPS + 1) + phase)
    return clean + rng.normal(0.0, 0.02, clean.shape)


def network(seed: int) -> nn.SequenceModel:
    """One number in, the next one out."""
    rng = np.random.default_rng(seed)
    return nn.SequenceModel(nn.RNNCell(1, HIDDEN, seed=rng), nn.Linear(HIDDEN, 1, seed=rng))


def unroll(model: nn.SequenceModel, wave: Wave, forced: bool) -> nn.Unrolled:
    """The network over a wave: every input the true number, or its own output after GIVEN."""
    inputs = list(wave[:-1]) if forced else [*wave[:GIVEN], *[None] * (STEPS - GIVEN)]
    return model.unroll(
        inputs[: len(wave) - 1], [[x] for x in wave[1:]], loss="mse", reduction="mean",
        topology="generation", feedback="output",
    )  # fmt: skip


def train(updates: int, forced: float, seed: int = 0) -> tuple[nn.SequenceModel, list[float]]:
    """Adam on 24 waves, one at a time; `forced` is the share of updates with teacher forcing."""
    model = network(seed)

    def build(is_forced: bool) -> tuple[Value, list[Value]]:
        wave = [Value(0.0) for _ in range(STEPS + 1)]
        loss = unroll(model, wave, is_forced).loss
        assert loss is not None
        return loss, wave

    tapes, losses = Tapes(build, model.parameters()), []
    optimizer = None
    for n, wave in zip(range(updates), cycle(waves(24, seed=1))):
        tape = tapes[n < forced * updates]
        optimizer = optimizer or optim.Adam(tapes.parameters(), 0.01)
        losses.append(tape.forward(wave))
        tape.backward(inputs=False)
        optim.clip_grad_norm_(tapes.parameters(), 1.0)
        optimizer.step()
    tape.sync_parameters()
    return model, losses


def error(model: nn.SequenceModel, forced: bool) -> float:
    """The mean squared error after the given numbers, on 12 waves held out."""
    found = []
    with no_grad():
        for wave in waves(12, seed=2).tolist():
            outputs = unroll(model, wave, forced).outputs
            found += [(y.data - x) ** 2 for (y,), x in list(zip(outputs, wave[1:]))[GIVEN:]]
    return float(np.mean(found))


def arguments(argv: list[str] | None) -> argparse.Namespace:
    made = parser("forcing", __doc__)
    made.add_argument("--updates", type=int, default=1500, help="of each network (default: 1500)")
    made.add_argument("--seed", type=int, default=0, help="of the weights (default: 0)")
    made.add_argument(
        "--forced", type=float, metavar="SHARE",
        help="a third network: this share of its updates with teacher forcing",
    )  # fmt: skip
    args = made.parse_args(argv)
    at_least_one(made, args, "updates")
    if args.forced is not None and not 0.0 <= args.forced <= 1.0:
        made.error(f"argument --forced: expected a share of 0 to 1, got {args.forced:g}")
    return args


def main(argv: list[str] | None = None) -> None:
    args = arguments(argv)
    ways = {"teacher forcing": 1.0, "free running": 0.0}
    if args.forced is not None:
        ways[f"first {args.forced:.0%} forced"] = args.forced
    models, curves = {}, {}
    for name, share in ways.items():
        models[name], curves[name] = train(args.updates, share, args.seed)
    table(
        ["taught by", "one step ahead", "running free"],
        [[name, *(f"{error(m, forced):.5f}" for forced in (True, False))]
         for name, m in models.items()],
        title="Mean squared error on waves held out",
    )  # fmt: skip
    wave = waves(12, seed=2)[0].tolist()
    lines = {"the wave": wave[1:]}
    with no_grad():
        for name, model in models.items():
            lines[f"taught by {name}"] = [y.data for (y,) in unroll(model, wave, False).outputs]
    drawn = plots.lines(
        lines, xs=range(1, STEPS + 1), x="t",
        title=f"Left to itself after {GIVEN} given numbers",
    )  # fmt: skip
    plot(drawn, args, "forcing_waves.svg")
    plot(
        plots.lines(curves, title="Training", x="update", y="mean squared error", log=True),
        args, "forcing_training.svg",
    )  # fmt: skip
    small = nn.SequenceModel(nn.RNNCell(1, 1, seed=0), nn.Linear(1, 1, seed=1))
    for name, inputs in {"forced": wave[:3], "free": [wave[0], None, None]}.items():
        made = small.unroll(
            inputs, [[x] for x in wave[1:4]], loss="mse", topology="generation", feedback="output"
        )
        small.zero_grad()
        made.loss.backward()
        pictures(made, args, f"forcing_{name}")


if __name__ == "__main__":
    run(main)
