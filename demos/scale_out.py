"""Train the character-level network over several devices, and on one: the same numbers.

    python -m demos.scale_out FILE --devices 4 --updates 40

One chunk's graph is recorded as a tape and translated by `tape.to_jax()`; the lanes of a batch
are spread over the devices, the parameters are on all of them. Every chunk begins with a state
of zeros. Devices that the machine lacks are pretended, and then share its cores.
Needs JAX: pip install 'microgrid-autograd[xla]'.
"""

import argparse
import importlib.util
import os
import re
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from microgrid import optim
from microgrid.tape import Tape
from microgrid.train import TapedBPTT, TextStream
from viz.plots import charts as plots

from . import char_rnn
from ._common import at_least_one, not_negative, parser, plot, run, table

GALLERY = None  # JAX is an extra: the gallery is made without it

CLOSE = 1e-10  # how far the parameters of the two runs may lie apart
PRETEND = "--xla_force_host_platform_device_count"


def arguments(argv: list[str] | None) -> argparse.Namespace:
    made = parser("scale_out", __doc__, graphs=False)
    made.add_argument("file", type=Path, nargs="?", default=Path("LICENSE"), metavar="FILE",
                      help="a UTF-8 text (default: LICENSE)")  # fmt: skip
    made.add_argument("--devices", type=int, default=4, help="(default: 4)")
    made.add_argument("--lanes", type=int, default=8, help="chunks a batch (default: 8)")
    made.add_argument("--updates", type=int, default=40, help="(default: 40)")
    made.add_argument("--cell", choices=char_rnn.CELLS, default="rnn", help="(default: rnn)")
    made.add_argument("--hidden", type=int, default=16, help="units (default: 16)")
    made.add_argument("--length", type=int, default=10, help="characters a chunk (default: 10)")
    made.add_argument("--lr", type=float, default=0.5, help="of SGD (default: 0.5)")
    made.add_argument("--seed", type=int, default=0, help="(default: 0)")
    made.add_argument("--write", type=int, default=80, help="characters to write (default: 80)")
    args = made.parse_args(argv)
    at_least_one(made, args, "devices", "lanes", "updates", "hidden", "length", "write")
    not_negative(made, args, "lr")
    if args.lanes % args.devices:
        made.error(f"--devices must divide --lanes, got {args.devices} and {args.lanes}")
    return args


def devices(count: int) -> list[Any]:
    """`count` devices of JAX, pretended where XLA_FLAGS does not say how many there are."""
    if importlib.util.find_spec("jax") is None:
        raise ValueError(
            "scale_out needs JAX, which is not installed: pip install 'microgrid-autograd[xla]'"
        )
    flags = os.environ.get("XLA_FLAGS", "")
    if "jax" not in sys.modules and not re.search(PRETEND, flags):
        os.environ["XLA_FLAGS"] = f"{flags} {PRETEND}={count}".strip()
    import jax

    jax.config.update("jax_enable_x64", True)
    found = jax.devices()
    if len(found) < count:
        raise ValueError(
            f"--devices {count}: JAX has {len(found)} here; XLA_FLAGS={PRETEND}={count}, set "
            "before JAX is imported, pretends as many on a CPU"
        )
    return list(found[:count])


def batches(step: TapedBPTT, lanes: int) -> Iterator[np.ndarray]:
    """Inputs of the step's tape, one row a lane, each started from a state of zeros."""
    for chunks in zip(*step.stream.lanes(lanes)):
        yield np.array([step.numbers(chunk) for chunk in chunks])


def train(tape: Tape, data: list[np.ndarray], lr: float, found: list[Any]) -> dict[str, Any]:
    """SGD on some devices: losses, parameters, seconds to compile, updates a second, shards."""
    import jax
    from jax.sharding import Mesh, NamedSharding, PartitionSpec

    mesh = Mesh(np.array(found), ("lanes",))
    spread = NamedSharding(mesh, PartitionSpec("lanes"))
    everywhere = NamedSharding(mesh, PartitionSpec())
    each = jax.vmap(tape.to_jax(), in_axes=(None, 0))
    mean = jax.value_and_grad(lambda parameters, batch: each(parameters, batch).mean())

    def update(parameters: list[Any], batch: Any) -> Any:
        loss, gradients = mean(parameters, batch)
        return loss, [p - lr * g for p, g in zip(parameters, gradients)]

    parameters = jax.device_put([p.data.copy() for p in tape.parameters()], everywhere)
    first = jax.device_put(data[0], spread)
    begun = time.perf_counter()
    step = jax.jit(
        update, in_shardings=(everywhere, spread), out_shardings=everywhere
    ).lower(parameters, first).compile()  # fmt: skip
    compiled = time.perf_counter() - begun
    losses = []
    begun = time.perf_counter()
    for batch in data:
        loss, parameters = step(parameters, jax.device_put(batch, spread))
        losses.append(float(loss))
    speed = len(data) / (time.perf_counter() - begun)
    lay = [(s.device, range(len(data[0]))[s.index[0]]) for s in first.addressable_shards]
    return {"losses": losses, "parameters": [np.asarray(p) for p in parameters],
            "compiled": compiled, "speed": speed, "shards": lay}  # fmt: skip


def replayed(tape: Tape, data: list[np.ndarray], lr: float) -> tuple[list[float], float]:
    """The same training by the tape in NumPy: losses, updates a second."""
    losses = []
    optimizer = optim.SGD(tape.parameters(), lr)
    begun = time.perf_counter()
    for batch in data:
        losses.append(tape.forward(batch) / len(batch))
        tape.backward(1.0 / len(batch), inputs=False)
        optimizer.step()
    return losses, len(data) / (time.perf_counter() - begun)


def apart(one: list[Any], other: list[Any]) -> float:
    """The largest difference; nan where there is one."""
    return float(np.max([np.max(np.abs(a - b)) for a, b in zip(one, other)]))


def main(argv: list[str] | None = None) -> None:
    args = arguments(argv)
    found = devices(args.devices)
    stream = TextStream(args.file, args.length)
    letters = len(stream.vocabulary)
    model = char_rnn.network(args.cell, letters, args.hidden, 1, args.seed)
    step = TapedBPTT(model, stream)
    tape = step.tape
    data = list(islice(batches(step, args.lanes), args.updates))
    many, one = train(tape, data, args.lr, found), train(tape, data, args.lr, found[:1])
    losses, speed = replayed(tape, data, args.lr)

    table(["device", "lanes"], [[str(d), ", ".join(map(str, lay))] for d, lay in many["shards"]])
    several = f"JAX, {len(found)} devices"
    shown = sorted({round(i * (args.updates - 1) / 6) for i in range(7)})
    table(["update", several, "JAX, one device", "tape"],
          [[i + 1, *(f"{x[i]:.10f}" for x in (many["losses"], one["losses"], losses))]
           for i in shown])  # fmt: skip
    table(["", "compiled in s", "updates a second"],
          [[several, f"{many['compiled']:.2f}", f"{many['speed']:.1f}"],
           ["JAX, one device", f"{one['compiled']:.2f}", f"{one['speed']:.1f}"],
           ["tape (NumPy)", "", f"{speed:.1f}"]])  # fmt: skip
    curves = plots.lines(
        {"loss": many["losses"]},
        title=f"Training over {len(found)} devices",
        x="update",
        y="cross entropy per character",
    )
    plot(curves, args, "scale_out_training.svg")
    if found[0].platform == "cpu":
        print("The devices are pretended: they share this machine's cores, so more are not faster.")
    difference = apart(many["parameters"], one["parameters"])
    print(f"largest difference of the parameters, {len(found)} devices and one: {difference:.1e}; "
          f"tape and one: "
          f"{apart([p.data for p in tape.parameters()], one['parameters']):.1e}")  # fmt: skip
    if not difference <= CLOSE:
        sys.exit(f"error: the two runs lie further apart than {CLOSE:g}")
    for parameter, array in zip(tape.parameters(), many["parameters"]):
        parameter.data = array
    tape.forward(data[0][0])
    tape.sync()
    prompt = next(stream).inputs[:1]
    indices, _ = char_rnn.write(model, prompt, args.write, 0.7, args.seed)
    print(f"\nWritten with what was learnt:\n\n{stream.vocabulary.decode(indices)}")


if __name__ == "__main__":
    run(main)
