"""A PyTorch LSTM learns to spell: where does its gradient fade, and what helps?

    python -m demos.pytorch_lstm FILE --updates 100

An nn.LSTM with an nn.Linear on top reads a text letter by letter, as any PyTorch program would
have it; nothing is rewritten. Before, during and after the training `flow` tells how much of the
last letter's loss reaches each earlier state. Three trainings are held side by side: as PyTorch
starts it, with the norm of the gradient clipped, and from orthogonal recurrent weights with the
forget gates open (Jozefowicz et al. 2015). A strip per checkpoint shows the gradient fading. And
the first letters are drawn in scalars, recorded from the same module while it runs.
Needs PyTorch: pip install 'microgrid-autograd[torch]'.

Exercise: set --forget to 3. How far back does the gradient reach now, and is the text learnt
faster?
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from viz.plots import charts as plots
from viz.plots.flow import picture, strips

from ._common import at_least_one, not_negative, parser, pictures, plot, run, table

GALLERY = None  # PyTorch is an extra: the gallery is made without it

TEXT = Path(__file__).parent.parent / "LICENSE"
LETTERS, WIDTH = 3, 2  # of the picture in scalars
NAMES = ("as it starts", "clipped", "orthogonal")


def needed() -> Any:
    """torch and microgrid.pytorch, or one sentence that says how to get them."""
    try:
        import torch

        import microgrid.pytorch as room
    except ImportError as missing:
        text = str(missing)
        known = "microgrid.pytorch needs" in text
        raise ValueError(
            text if known else "this demo needs PyTorch: pip install 'microgrid-autograd[torch]'"
        ) from None
    return torch, room


def speller(torch: Any, letters: int, hidden: int, kind: str, forget: float) -> Any:
    """(LSTM, readout) for one-hot letters; `kind` is one of NAMES."""
    lstm, head = torch.nn.LSTM(letters, hidden), torch.nn.Linear(hidden, letters)
    if kind == "orthogonal":
        with torch.no_grad():
            for gate in lstm.weight_hh_l0.chunk(4):
                torch.nn.init.orthogonal_(gate)
            lstm.bias_ih_l0[hidden : 2 * hidden] = forget
            lstm.bias_hh_l0[hidden : 2 * hidden] = 0.0
    return lstm, head


def train(
    torch: Any, room: Any, indices: Any, letters: int, kind: str, args: argparse.Namespace
) -> dict[str, Any]:
    """One training: the loss at each update, and the flow over a fixed stretch of the text."""
    functional = torch.nn.functional
    torch.manual_seed(args.seed)
    lstm, head = speller(torch, letters, args.hidden, kind, args.forget)
    steps = args.steps
    one_hot = functional.one_hot(indices, letters).to(torch.get_default_dtype())

    def per_step(begin: int) -> Any:
        wanted = indices[begin + 1 : begin + steps + 1]
        return lambda out: functional.cross_entropy(head(out[:, 0]), wanted, reduction="none")

    looked = one_hot[:steps, None]
    before = room.flow(lstm, looked, per_step(0))
    every = max(1, args.updates // 8)
    watch = room.FlowHistory(lstm, looked, per_step(0), every=every)
    parameters = [*lstm.parameters(), *head.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=args.lr)
    losses = []
    for update in range(args.updates):
        begin = (update * steps) % (len(indices) - steps)
        out, _ = lstm(one_hot[begin : begin + steps, None])
        loss = per_step(begin)(out).mean()
        optimizer.zero_grad()
        loss.backward()
        if kind == "clipped":
            torch.nn.utils.clip_grad_norm_(parameters, args.clip)
        optimizer.step()
        losses.append(float(loss.detach()))
        watch(update)
    after = room.flow(lstm, looked, per_step(0))
    return {"losses": losses, "watch": watch, "before": before, "after": after}


def reach(found: Any) -> int:
    """How many steps back at least a hundredth of the last loss's gradient is left."""
    last = found.last
    near = [k for k, size in enumerate(last[::-1]) if size >= 0.01 * last[-1]]
    return max(near, default=0)


def in_scalars(torch: Any, room: Any, indices: Any, letters: int) -> Any:
    """The first letters, recorded from an nn.LSTM of two units while it runs."""
    torch.manual_seed(0)
    model = torch.nn.Sequential()
    model.rnn, model.head = torch.nn.LSTM(1, WIDTH), torch.nn.Linear(WIDTH, 2)
    x = (indices[:LETTERS, None, None] / letters).to(torch.get_default_dtype())
    wanted = indices[1 : LETTERS + 1] % 2
    with room.record(model, inputs=[x]) as recording:
        out, _ = model.rnn(x)
        loss = torch.nn.functional.cross_entropy(model.head(out[:, 0]), wanted)
    loss.backward()  # sweeps the graph of Values as well
    return recording


def arguments(argv: list[str] | None) -> argparse.Namespace:
    made = parser("pytorch_lstm", __doc__)
    made.add_argument("file", type=Path, nargs="?", default=TEXT, metavar="FILE",
                      help="the text to learn (default: the LICENSE of this project)")  # fmt: skip
    made.add_argument("--updates", type=int, default=100, help="(default: %(default)s)")
    made.add_argument("--hidden", type=int, default=32, help="units (default: %(default)s)")
    made.add_argument("--steps", type=int, default=40, help="letters a chunk (default: 40)")
    made.add_argument("--lr", type=float, default=0.01, help="of Adam (default: %(default)s)")
    made.add_argument("--clip", type=float, default=0.5, help="largest norm (default: 0.5)")
    made.add_argument("--forget", type=float, default=1.0,
                      help="bias of the forget gates, if orthogonal (default: 1)")  # fmt: skip
    made.add_argument("--seed", type=int, default=0)
    args = made.parse_args(argv)
    at_least_one(made, args, "updates", "hidden", "steps")
    not_negative(made, args, "lr", "clip")
    return args


def main(argv: list[str] | None = None) -> None:
    args = arguments(argv)
    torch, room = needed()
    text = args.file.read_text(encoding="utf-8")
    if len(text) < args.steps + 2:
        raise ValueError(
            f"{args.file} has {len(text)} letters, which is too short for --steps {args.steps}"
        )
    alphabet = sorted(set(text))
    indices = torch.tensor([alphabet.index(letter) for letter in text])
    runs = {k: train(torch, room, indices, len(alphabet), k, args) for k in NAMES}
    table(
        ["", "loss", "reach before", "reach after", "factor before", "factor after"],
        [
            [
                name, f"{r['losses'][-1]:.3f}", str(reach(r["before"])), str(reach(r["after"])),
                f"{r['before'].factor:.3f}", f"{r['after'].factor:.3f}",
            ]
            for name, r in runs.items()
        ],
        title="How far back a hundredth of the last letter's gradient reaches, in letters",
    )  # fmt: skip
    for name, r in runs.items():
        print(f"{name}: {r['after']}")
    sheets = [strips(r["watch"], title=name) for name, r in runs.items()]
    losses = {name: r["losses"] for name, r in runs.items()}
    curve = plots.lines(losses, title="loss", x="update")
    title = "decades that |dL_T/dh_t| lies below |dL_T/dh_T|, a strip for each checkpoint"
    plot(plots.beside([*sheets, curve], columns=2, title=title), args, "pytorch_lstm_strips.svg")
    plot(picture(runs["orthogonal"]["after"]), args, "pytorch_lstm_flow.svg")
    pictures(in_scalars(torch, room, indices, len(alphabet)), args, "pytorch_lstm")


if __name__ == "__main__":
    run(main)
