"""Cells that can be read: one unit that knows whether it is inside a quotation, one that
counts along the line.

First two one-unit LSTMs whose weights are set by hand, over the lecture's two passages of War
and Peace. Then an LSTM learns a small language with quotes and lines of fixed width, and the
unit that follows the quote, and the one that follows the line, are found by correlation on a
text that it has not seen. --updates 0 leaves the training out, --eager records every chunk
anew instead of replaying a tape.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import viz
from microgrid import nn, no_grad, optim
from microgrid.files import write_whole
from microgrid.train import Step, TapedBPTT, TextStream, Training, TruncatedBPTT, Vocabulary

from ._common import parser, plot, run, show, table
from ._speeds import Run, eager_option, speeds

GALLERY = ("cells_quote_trained.svg", [])

QUOTE_TEXT = (
    '"You mean to imply that I have nothing to eat out of.... On the contrary, I can supply you '
    'with everything even if you want to give dinner parties," warmly replied Chichagov, who '
    "tried by every word he spoke to prove his own rectitude and therefore imagined Kutuzov to "
    "be animated by the same desire.\n\nKutuzov, shrugging his shoulders, replied with his "
    'subtle penetrating smile: "I meant merely to say what I said."'
)
LINE_TEXT = (
    "The sole importance of the crossing of the Berezina lies in the fact\n"
    "that it plainly and indubitably proved the fallacy of all the plans for\n"
    "cutting off the enemy's retreat and the soundness of the only possible\n"
    "line of action--the one Kutuzov and the general mass of the army\n"
    "demanded--namely, simply to follow the enemy up."
)
# Gates i, f, g, o from the indicator x_t and from h_{t-1}. The quote cell opens its input gate
# and shuts its forget gate at a quotation mark, and then takes up the opposite of its state.
QUOTE = {
    "weight_ih": [[24.0], [-24.0], [0.0], [0.0]],
    "weight_hh": [[0.0], [0.0], [-6.0], [0.0]],
    "bias": [-12.0, 12.0, 0.0, 12.0],
}
# The line cell adds tanh(0.02) at every character and forgets at a line's end.
LINE = {
    "weight_ih": [[0.0], [-24.0], [0.0], [0.0]],
    "weight_hh": [[0.0]] * 4,
    "bias": [12.0, 12.0, 0.02, 12.0],
}

OUTSIDE = ["a", "man", "saw", "the", "sea", "and", "ran", "on", "to", "meet", "her", "at", "dawn"]
INSIDE = ["oh", "do", "go", "on", "we", "need", "to", "see", "more", "or", "so"]
WIDTH = 14


def by_hand(text: str, watched: str, weights: dict, start: float) -> list[float]:
    """tanh(c_t) of a one-unit LSTM over a text; its input is 1 where `watched` stands."""
    cell = nn.LSTMCell(1, 1)
    cell.load_state_dict(weights)
    state = cell.initial_state(([np.tanh(start)], [start]))
    found = []
    with no_grad():
        for character in text:
            state = cell([float(character == watched)], state)
            found.append(state[1][0].tanh().data)
    return found


def story(length: int, seed: int) -> str:
    """Words, some of them in quotes, in lines of at most WIDTH characters."""
    rng = np.random.default_rng(seed)
    words: list[str] = []
    while sum(map(len, words)) + len(words) < length:
        words += list(rng.choice(OUTSIDE, rng.integers(2, 6)))
        spoken = list(rng.choice(INSIDE, rng.integers(2, 6)))
        spoken[0], spoken[-1] = '"' + spoken[0], spoken[-1] + '"'
        words += spoken
    text, column = "", 0
    for word in words:
        if column + len(word) > WIDTH:
            text, column = text[:-1] + "\n", 0
        text += word + " "
        column += len(word) + 1
    return text[:length]


def inside_quotes(text: str) -> list[float]:
    """1 from an opening quotation mark up to the one that closes, -1 elsewhere.

    >>> inside_quotes('a "b" c')
    [-1.0, -1.0, 1.0, 1.0, -1.0, -1.0, -1.0]
    """
    state, found = -1.0, []
    for character in text:
        state = -state if character == '"' else state
        found.append(state)
    return found


def along_line(text: str) -> list[float]:
    """How many characters the line has had, 0 at its end.

    >>> along_line("ab\\nc")
    [1.0, 2.0, 0.0, 1.0]
    """
    column, found = 0.0, []
    for character in text:
        column = 0.0 if character == "\n" else column + 1.0
        found.append(column)
    return found


def learn(
    path: Path, updates: int, hidden: int = 20, eager: bool = False
) -> tuple[Run, Vocabulary]:
    """(the training of an LSTM that has read the file, its vocabulary)."""
    vocabulary = TextStream(path).vocabulary

    def make(eager: bool) -> tuple[Training, Step]:
        rng = np.random.default_rng(0)
        cell = nn.LSTMCell(len(vocabulary), hidden, seed=rng)
        model = nn.SequenceModel(cell, nn.Linear(hidden, len(vocabulary), seed=rng))
        step = (TruncatedBPTT if eager else TapedBPTT)(model, TextStream(path, length=56))
        optimizer = optim.Adam(step.parameters(), lr=0.02)
        return Training(model, optimizer, max_norm=1.0), step

    made = Run(make, eager)
    made.to(updates)
    return made, vocabulary


def units(model: nn.SequenceModel, vocabulary: Vocabulary, text: str) -> np.ndarray:
    """tanh(c_t) of every unit while the model reads: one row per unit."""
    with no_grad():
        carries = model.unroll([vocabulary.one_hot(c) for c in text]).carries[1:]
    return np.array([[np.tanh(value.data) for value in c] for _, c in carries]).T


def tracker(rows: np.ndarray, wanted: Sequence[float]) -> tuple[int, float, np.ndarray]:
    """(unit, correlation, all correlations) of the row that goes most with `wanted`."""
    each = np.array([np.corrcoef(row, wanted)[0, 1] for row in rows])
    unit = int(np.nanargmax(np.abs(each)))
    return unit, float(each[unit]), each


def trained(args: argparse.Namespace) -> None:
    """Train, find the two units on a text that was not learnt from, show them."""
    with tempfile.TemporaryDirectory() as folder:
        path = write_whole(Path(folder) / "story.txt", story(20000, seed=0))
        learnt, vocabulary = learn(path, args.updates, eager=args.eager)
        print(f"\n{speeds(learnt)}")
    model, losses = learnt.training.model, learnt.training.losses
    size = model.cell.hidden_size
    print(f"An LSTM of {size} units on a language with quotes and lines of {WIDTH}: "
          f"loss {losses[0]:.3f} -> {np.mean(losses[-20:]):.3f}")  # fmt: skip
    text = story(480, seed=1)
    rows = units(model, vocabulary, text)
    for name, wanted in (("quote", inside_quotes(text)), ("line", along_line(text))):
        unit, r, each = tracker(rows, wanted)
        others = np.sort(np.abs(np.delete(each, unit)))
        print(f"{name}: unit {unit} goes with it, correlation {r:+.3f} "
              f"(the next best {others[-1]:.3f}, the median {np.median(others):.3f})")  # fmt: skip
        shown = rows[unit] * np.sign(r)
        title = f"Trained, unit {unit} of {size}, tanh(c): follows the {name} (r = {abs(r):.2f})"
        plot(
            viz.activations(text, shown, title=title, limit=1.0), args, f"cells_{name}_trained.svg"
        )


def main(argv: list[str] | None = None) -> None:
    made = parser("cells", __doc__, graphs=False)
    made.add_argument("--updates", type=int, default=800, help="of the training (default: 800)")
    eager_option(made)
    args = made.parse_args(argv)
    if args.updates < 0:
        made.error(f"argument --updates: expected 0 or more, got {args.updates}")

    quote = viz.activations(
        QUOTE_TEXT,
        by_hand(QUOTE_TEXT, '"', QUOTE, -1.0),
        title="Set by hand, tanh(c): inside a quotation",
    )
    line = viz.activations(
        LINE_TEXT,
        by_hand(LINE_TEXT, "\n", LINE, 0.0),
        title="Set by hand, tanh(c): how far along the line",
    )
    for made_by_hand in (quote, line):
        print(f"{made_by_hand.title}\n")
        show(made_by_hand)
        print()
    opens = [i for i, c in enumerate(QUOTE_TEXT) if c == '"']
    table(
        ["character", "tanh(c) before", "at", "after"],
        [[i, *[f"{quote.values[j]:+.4f}" if 0 <= j < len(quote.values) else ""
               for j in (i - 1, i, i + 1)]] for i in opens],
    )  # fmt: skip
    for name, shown in (("quote", quote), ("line", line)):
        plot(shown, args, f"cells_{name}.svg")
        plot(shown, args, f"cells_{name}.html")
    if args.updates:
        trained(args)


if __name__ == "__main__":
    run(main)
