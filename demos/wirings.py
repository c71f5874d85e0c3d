"""The five wirings of a recurrent network, run on the same weights and drawn.

One to one, one to many, many to one, many to many (aligned and delayed), and generation,
where each output is the next input. The table says which step has an input and a loss.
"""

from typing import Any

from microgrid import nn

from ._common import parser, pictures, run, table

GALLERY = ("wiring_generation.svg", [])

# name -> (inputs, targets, options of unroll); None is a step without input or without loss
WIRINGS: dict[str, tuple[list[float | None], list[float | None], dict[str, Any]]] = {
    "one-to-one": ([0.5], [0.3], {"topology": "one-to-one"}),
    "one-to-many": ([0.5, None, None], [0.3, -0.2, 0.1], {"topology": "one-to-many"}),
    "many-to-one": ([0.5, -1.0, 0.8], [None, None, 0.3], {"topology": "many-to-one"}),
    "many-to-many": ([0.5, -1.0, 0.8], [0.3, -0.2, 0.1], {"topology": "many-to-many"}),
    "delayed": ([0.5, -1.0, None, None], [None, None, 0.3, -0.2], {"topology": "many-to-many"}),
    "generation": (
        [0.5, None, None],
        [0.3, -0.2, 0.1],
        {"topology": "generation", "feedback": "output"},
    ),
}
WEIGHTS = {
    "cell.weight_ih": [[0.9]],
    "cell.weight_hh": [[-0.6]],
    "cell.bias": [0.1],
    "readout.weight": [[1.2]],
}


def wiring(name: str) -> nn.Unrolled:
    """One of the wirings, run and swept.

    >>> run = wiring("many-to-one")
    >>> [loss is not None for loss in run.losses]
    [False, False, True]
    """
    inputs, targets, options = WIRINGS[name]
    model = nn.SequenceModel(nn.RNNCell(1, 1), nn.Linear(1, 1, bias=False))
    model.load_state_dict(WEIGHTS)
    unrolled = model.unroll(inputs, targets, loss="mse", **options)
    unrolled.loss.backward()
    return unrolled


def main(argv: list[str] | None = None) -> None:
    args = parser("wirings", __doc__).parse_args(argv)
    rows = []
    for name, (given, _, _) in WIRINGS.items():
        unrolled = wiring(name)
        for t, (x, h, y, loss) in enumerate(
            zip(unrolled.inputs, unrolled.states[1:], unrolled.outputs, unrolled.losses), start=1
        ):
            source = "" if not x else "given" if given[t - 1] is not None else f"y_{t - 1}"
            rows.append(
                [
                    name if t == 1 else "",
                    t,
                    source,
                    f"{x[0]:.4f}" if x else "",
                    f"{h[0]:.4f}",
                    f"{y[0]:.4f}",
                    f"{loss:.4f}" if loss is not None else "",
                    f"{h[0].grad:.4f}",
                ]
            )
    table(["wiring", "t", "input", "x", "h", "y", "loss", "dL/dh"], rows)
    for name in WIRINGS:
        title = name.replace("-", " ").capitalize()
        title = "Many to many, delayed" if name == "delayed" else title
        pictures(wiring(name), args, f"wiring_{name.replace('-', '_')}", title=title)


if __name__ == "__main__":
    run(main)
