"""Vanishing and exploding gradients over a sentence of ten words.

A recurrent cell with one unit reads "The bird that I really really really liked was
flying"; the loss is its last state, h_10. How much of dL/dh_10 = 1 is left at each word,
for tanh, sigmoid and identity, with a recurrent weight w_h below 1 and one above? Every
step back multiplies by f'(z_t) w_h. Prints a table of |dL/dh_t| and draws the extremes.
"""

import argparse
import math

from microgrid import bptt, nn

from ._common import parser, pictures, run, table

SENTENCE = "The bird that I really really really liked was flying"
NONLINEARITIES = ("tanh", "sigmoid", "identity")


def read(sentence: str, nonlinearity: str, w_h: float, seed: int = 0) -> nn.Unrolled:
    """A cell of one unit run over the words; the loss is the last state.

    >>> run = read("one two", "identity", 0.5)
    >>> [h.label for (h,) in run.states]
    ['h_0', 'h_1', 'h_2']
    """
    words = sentence.split()
    if not words:
        raise ValueError("the sentence is empty: give at least one word")
    vocab = list(dict.fromkeys(words))
    model = nn.SequenceModel(
        nn.RNNCell(1, 1, nonlinearity=nonlinearity, bias=False),
        embedding=nn.Embedding(len(vocab), 1, vocab=vocab, seed=seed),
    )
    model.load_state_dict(
        {**model.state_dict(), "cell.weight_ih": [[1.0]], "cell.weight_hh": [[w_h]]}
    )
    return model.unroll([vocab.index(word) for word in words], loss=lambda h, _: h[0], at="last")


def size(x: float) -> str:
    """|dL/dh_t| with a bar, one mark for every factor of 10 away from 1.

    >>> size(0.001), size(1.0), size(250.0)
    ('0.001 ---', '1', '250 ++')
    """
    if x == 0.0 or not math.isfinite(x):
        return f"{x:g}"
    decades = math.trunc(math.log10(x) + math.copysign(1e-9, x - 1.0))
    return f"{x:.3g} {('+' if decades > 0 else '-') * abs(decades)}".strip()


def arguments(argv: list[str] | None) -> argparse.Namespace:
    made = parser("vanishing", __doc__)
    made.add_argument("--sentence", default=SENTENCE, help="the words to read")
    made.add_argument("--below", type=float, default=0.5, help="w_h below 1 (default: 0.5)")
    made.add_argument("--above", type=float, default=1.5, help="w_h above 1 (default: 1.5)")
    made.add_argument("--seed", type=int, default=0, help="of the words' numbers (default: 0)")
    args = made.parse_args(argv)
    for name in ("below", "above"):
        if not math.isfinite(getattr(args, name)):
            made.error(f"argument --{name}: expected a finite number, got {getattr(args, name)}")
    return args


def main(argv: list[str] | None = None) -> None:
    args = arguments(argv)
    words = args.sentence.split()
    runs = {
        (f, w_h): read(args.sentence, f, w_h, args.seed)
        for f in NONLINEARITIES
        for w_h in (args.below, args.above)
    }
    flows = {key: bptt.flow(unrolled) for key, unrolled in runs.items()}
    print("|dL/dh_t|, from the loss back to the start; a mark for every power of ten\n")
    table(
        ["t", "word", *(f"{f} {w_h:g}" for f, w_h in runs)],
        [
            [str(t), words[t - 1] if t else "(start)", *(size(f.total[t]) for f in flows.values())]
            for t in range(len(words), -1, -1)
        ]
        + [["", "factor per step", *(f"{flow.factor:.3f}" for flow in flows.values())]]
        + [["", "verdict", *(flow.verdict for flow in flows.values())]],
    )
    for (f, w_h), flow in flows.items():
        print(f"{f}, w_h = {w_h:g}: {flow}")
    print()
    for unrolled in runs.values():
        unrolled.loss.backward()
    weakest, strongest = min(flows, key=_factor(flows)), max(flows, key=_factor(flows))
    for name, key in {"vanishing": weakest, "exploding": strongest}.items():
        title = (
            f"{key[0]}, w_h = {key[1]:g}: {flows[key].verdict}, ×{flows[key].factor:.3f} per step"
        )
        pictures(runs[key], args, name, title=title, captions=words)


def _factor(flows):
    return lambda key: flows[key].factor


if __name__ == "__main__":
    run(main)
