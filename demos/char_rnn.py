"""Train a character-level network on a text file, then let it write.

    python -m demos.char_rnn FILE --updates 500 --checkpoint run.json

Ctrl-C stops between two updates and saves; --resume goes on from the checkpoint, to the same
numbers as an unbroken run. Truncated BPTT: the state is carried from chunk to chunk, the
gradient is not. One chunk's graph is recorded, and a tape replays it for all the others;
--eager records every one. Both speeds are told. The perplexity, e to the loss, is how many
characters the network hesitates between. Besides what is drawn at random, the likeliest text is
looked for with a beam: the --beam best beginnings are kept at every character.
Plots of the loss and of the hidden state over the generated text are made.

Exercise: --beam 1 takes the likeliest character each time. How much likelier is what a beam of 10
finds, and why is it nevertheless the duller text?
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from microgrid import functional as F
from microgrid import nn, no_grad, optim
from microgrid.train import Step, TapedBPTT, TextStream, Training, TruncatedBPTT
from viz.plots import charts as plots

from ._common import as_file, at_least_one, not_negative, parser, plot, run, table
from ._speeds import Run, eager_option, speeds

GALLERY = ("char_rnn_hidden.svg", ["LICENSE", "--updates", "600"])

BEAM_LENGTH = 40  # characters that a beam writes
CELLS: dict[str, Any] = {"rnn": nn.RNNCell, "lstm": nn.LSTMCell, "gru": nn.GRUCell}


def network(kind: str, letters: int, hidden: int, layers: int, seed: int) -> nn.SequenceModel:
    """embedding -> cells -> logits of the next character."""
    rng = np.random.default_rng(seed)
    size = min(16, letters)
    table = nn.Embedding(letters, size, seed=rng)
    widths = [size] + [hidden] * (layers - 1)
    cells = [CELLS[kind](width, hidden, seed=rng) for width in widths]
    cell = cells[0] if layers == 1 else nn.Stacked(cells)
    return nn.SequenceModel(cell, nn.Linear(hidden, letters, seed=rng), table)


def write(
    model: nn.SequenceModel, prompt: list[int], length: int, temperature: float, seed: int
) -> tuple[list[int], list[list[float]]]:
    """(indices of the prompt and what follows, hidden state after each of them)."""
    draw = nn.sampler(temperature, seed)
    with no_grad():
        run = model.unroll(prompt + [None] * length, topology="generation", feedback=draw)
    states = [[value.data for value in state] for state in run.states[1:]]
    return [i for i in run.items if i is not None], states


@dataclass
class Beginning:
    """A text begun: its characters, ln p of those written, the logits and the state after it."""

    indices: list[int]
    log_p: float
    logits: list[float]
    state: Any


def likeliest(
    model: nn.SequenceModel, prompt: list[int], length: int, width: int
) -> tuple[list[int], float]:
    """(the prompt and what follows, ln p of what follows): the best that a beam search finds.

    Of all the beginnings with one character more, the `width` likeliest are kept each time.
    """

    def read(index: int, state: Any) -> tuple[list[float], Any]:
        run = model.unroll([index], h0=state)
        return [y.data for y in F.log_softmax(run.outputs[-1])], run.carry()

    with no_grad():
        state = None
        for index in prompt:
            logits, state = read(index, state)
        beam = [Beginning(prompt, 0.0, logits, state)]
        for _ in range(length):
            longer = [(b.log_p + p, b, i) for b in beam for i, p in enumerate(b.logits)]
            best = sorted(longer, key=lambda one: -one[0])[:width]
            beam = [Beginning([*b.indices, i], p, *read(i, b.state)) for p, b, i in best]
    return beam[0].indices, beam[0].log_p


def arguments(argv: list[str] | None) -> argparse.Namespace:
    made = parser("char_rnn", __doc__, graphs=False)
    made.add_argument("file", type=Path, metavar="FILE", help="a UTF-8 text of any size")
    made.add_argument("--cell", choices=CELLS, default="lstm", help="(default: lstm)")
    made.add_argument("--hidden", type=int, default=32, help="units (default: 32)")
    made.add_argument("--layers", type=int, default=1, help="cells stacked (default: 1)")
    made.add_argument("--length", type=int, default=25, help="characters a chunk (default: 25)")
    made.add_argument("--updates", type=int, default=500, help="in all (default: 500)")
    made.add_argument("--lr", type=float, default=0.01, help="of Adam (default: 0.01)")
    made.add_argument("--clip", type=float, default=5.0, help="largest gradient (default: 5)")
    made.add_argument("--seed", type=int, default=0, help="(default: 0)")
    made.add_argument("--checkpoint", type=as_file, metavar="JSON", help="file to save the run in")
    made.add_argument("--resume", action="store_true", help="go on from --checkpoint")
    eager_option(made)
    made.add_argument("--prompt", default="", help="how the written text begins")
    made.add_argument("--write", type=int, default=300, help="characters to write (default: 300)")
    made.add_argument("--beam", type=int, default=4, help="beginnings kept (default: 4)")
    made.add_argument("--temperature", type=float, default=0.7, help="of sampling (default: 0.7)")
    args = made.parse_args(argv)
    if args.resume and args.checkpoint is None:
        made.error("--resume needs --checkpoint")
    at_least_one(made, args, "hidden", "layers", "length", "updates", "write", "beam")
    not_negative(made, args, "lr", "clip")
    return args


def train(args: argparse.Namespace, text: TextStream) -> nn.SequenceModel:
    """The network after --updates updates on a text; says how the loss went."""
    letters = len(text.vocabulary)

    def make(eager: bool) -> tuple[Training, Step]:
        model = network(args.cell, letters, args.hidden, args.layers, args.seed)
        stream = TextStream(args.file, args.length)
        step = (TruncatedBPTT if eager else TapedBPTT)(model, stream)
        optimizer = optim.Adam(step.parameters(), args.lr)
        keep = {"text": step}
        return Training(model, optimizer, max_norm=args.clip, keep=keep), step

    made = Run(make, args.eager)
    training, model = made.training, made.training.model
    if args.resume:
        training.resume(args.checkpoint)
    print(f"{args.file}: {text.characters} characters, {letters} different ones; "
          f"{args.cell} of {args.hidden} units, {len(model.parameters())} parameters")  # fmt: skip
    try:
        losses = made.to(args.updates, args.checkpoint)
    except KeyboardInterrupt:
        saved = f"; --checkpoint {args.checkpoint} --resume goes on" if args.checkpoint else ""
        print(f"stopped after update {training.steps}{saved}")
        raise
    print(speeds(made))
    report(losses, args)
    return model


def report(losses: list[float], args: argparse.Namespace) -> None:
    """The loss per character as a table and a plot, averaged over 50 updates."""
    means = [float(np.mean(losses[max(0, i - 49) : i + 1])) for i in range(len(losses))]
    shown = sorted({round(i * (len(losses) - 1) / 8) for i in range(9)})
    table(["update", "loss", "mean of 50", "perplexity"],
          [[i + 1, f"{losses[i]:.4f}", f"{means[i]:.4f}", f"{np.exp(means[i]):.3f}"]
           for i in shown])  # fmt: skip
    curves = plots.lines(
        {"loss": losses, "mean of the last 50": means},
        title=f"Training on {args.file.name}",
        x="update",
        y="cross entropy per character",
    )
    plot(curves, args, "char_rnn_training.svg")


def main(argv: list[str] | None = None) -> None:
    args = arguments(argv)
    stream = TextStream(args.file, args.length)
    decode = stream.vocabulary.decode
    prompt = stream.vocabulary.encode(args.prompt) or next(stream).inputs[:1]
    nn.sampler(args.temperature)  # a bad temperature is told before the training
    model = train(args, stream)
    indices, states = write(model, prompt, args.write, args.temperature, args.seed)
    text = decode(indices)
    print(f"\nWritten at temperature {args.temperature:g}, from {decode(prompt)!r}:\n\n{text}\n")
    found, log_p = likeliest(model, prompt, BEAM_LENGTH, args.beam)
    greedy = likeliest(model, prompt, BEAM_LENGTH, 1)[1]
    print(f"The likeliest {BEAM_LENGTH} characters that a beam of {args.beam} finds: "
          f"{decode(found)!r}\n"
          f"a perplexity of {np.exp(-log_p / BEAM_LENGTH):.3f} a character; the likeliest "
          f"one each time comes to {np.exp(-greedy / BEAM_LENGTH):.3f}\n")  # fmt: skip
    columns = [repr(c)[1:-1] if c == "\n" else c for c in text[:80]]
    shown = plots.heat(
        [[h[unit] for h in states[:80]] for unit in range(min(12, args.hidden))],
        rows_named=[f"h[{unit}]" for unit in range(min(12, args.hidden))],
        columns_named=columns,
        title="Hidden state over what was written",
        limit=1.0,
    )
    plot(shown, args, "char_rnn_hidden.svg")


if __name__ == "__main__":
    run(main)
