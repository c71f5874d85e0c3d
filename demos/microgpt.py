"""A GPT in scalars: it learns names letter by letter, and every number in it is a Value.

Embeddings of letter and place, RMS norm, attention with four heads and a cache of keys and
values, a hidden layer, Adam and sampling: the shape of GPT-2 at a size that can be read. A graph
is recorded for each length of name, with the letters as inputs, and replayed as a tape for all
others of that length; --eager records every name anew. The picture is the loss of one short name,
its thousands of nodes folded, and microgpt.html plays it; the heat map is what each letter looked
at.

Exercise: leave the 1 / sqrt(d) of `attend` out. What does the training lose, and which gradients
does the saturated softmax make small? Then take the residual additions out of `Block`.
"""

import argparse
from collections.abc import Sequence
from itertools import pairwise
from math import log

import numpy as np

import viz
from microgrid import Value, nn, no_grad, optim, scope
from microgrid import functional as F
from microgrid.tape import Index, lookup
from microgrid.train import Step, Training, Vocabulary
from microgrid.value import creation_order
from viz.plots import charts as plots

from ._common import at_least_one, not_negative, parser, pictures, plot, run, table
from ._speeds import Run, eager_option, speeds, steps

_NAMES = """
ada adam alan albert alice amelia amir amy andrea andrew angela anita anna anton aria arthur astrid
barbara ben bella boris bruno carla carlos cecilia chloe clara claire daniel david diana dora edith
eduardo edwin elena eli elias elisa ella emil emily emma enzo erik ethan eva felix finn fiona flora
frank frida gabriel gina grace greta hanna harold harry hector helen henry hugo ida igor ines irene
iris isaac isabel ivan jack jacob james jana jane jasper jenny joel john jonas joseph judith julia
julian karen karim karl kate kevin kim lara laura lea lena leo leon lila linda lisa louis lucas lucy
luis luna lydia magda marco maria marie mark marta martin mary matteo maya mia michael milan mina
miriam mona nadia naomi nathan nell nico nina noah nora oliver olivia omar oscar otto pablo paul
paula pedro peter petra philip rachel raj rebecca rita robert robin rosa rose ruth sam samira sandra
sara sarah simon sofia sonia stella susan tara theo thomas tina tom ugo uma ursula vera victor viola
walter wanda wendy will xenia yara yasmin yusuf zara zoe
"""
NAMES = _NAMES.split()
LETTERS = Vocabulary(".abcdefghijklmnopqrstuvwxyz")  # the dot stands before and after a name
PLACES = 16  # letters that it can look back on, the dot included
Cache = list[tuple[list[Value], list[Value]]]  # key and value of every letter so far


class Block(nn.Module):
    """Attention and a hidden layer, each added to what it is given."""

    def __init__(self, width: int, heads: int, rng: np.random.Generator) -> None:
        def linear(inputs: int, outputs: int, label: str) -> nn.Linear:
            layer = nn.Linear(inputs, outputs, bias=False, label=label)
            nn.init.normal_(layer.weight, std=0.08, seed=rng)
            return layer

        self.heads = heads
        self.query, self.key, self.value, self.out = (
            linear(width, width, f"W_{name}") for name in "qkvo"
        )
        self.up, self.down = linear(width, 4 * width, "W_1"), linear(4 * width, width, "W_2")

    def __call__(self, x: list[Value], cache: Cache) -> list[Value]:
        with scope("attention"):
            x = added(x, self.attend(F.rms_norm(x, eps=1e-5), cache))
        with scope("mlp"):
            hidden = [h.relu() for h in self.up(F.rms_norm(x, eps=1e-5), "u")]
            return added(x, self.down(hidden, "m"))

    def attend(self, x: list[Value], cache: Cache) -> list[Value]:
        """What this letter takes over from those before it and itself."""
        query = self.query(x, "q")
        cache.append((self.key(x, "k"), self.value(x, "v")))
        size = len(x) // self.heads
        mixed = []
        for head in range(self.heads):
            part = slice(head * size, (head + 1) * size)
            with scope(f"head={head + 1}"):
                keys, values = zip(*[(key[part], value[part]) for key, value in cache])
                scores = [s * size**-0.5 for s in F.linear(query[part], keys)]
                weights = F.softmax(scores)
                for j, weight in enumerate(weights):
                    weight.label = f"a[{j}]"
                mixed += F.linear(weights, list(zip(*values)))
        return self.out(mixed, "o")


class GPT(nn.Module):
    """Letters and their places in, logits of the next letter out."""

    def __init__(
        self, letters: int, width: int = 16, heads: int = 4, layers: int = 1, places: int = PLACES,
        seed: int = 0,
    ) -> None:  # fmt: skip
        rng = np.random.default_rng(seed)
        self.letters, self.places = nn.Embedding(letters, width), nn.Embedding(places, width)
        for value in self.places.parameters():
            value.label = value.label.replace("E", "P", 1)
        self.blocks = [Block(width, heads, rng) for _ in range(layers)]
        self.head = nn.Linear(width, letters, bias=False, label="W_y")
        for weight in (self.letters.weight, self.places.weight, self.head.weight):
            nn.init.normal_(weight, std=0.08, seed=rng)

    def __call__(self, letter: int | Index, place: int, caches: Sequence[Cache]) -> list[Value]:
        """Logits after one more letter."""
        with scope(f"t={place + 1}"):
            with scope("embedding"):
                x = F.rms_norm(added(self.letters(letter), self.places(place)), eps=1e-5)
            for n, (block, cache) in enumerate(zip(self.blocks, caches), start=1):
                with scope(f"block={n}"):
                    x = block(x, cache)
            with scope("readout"):
                return self.head(x)

    def caches(self) -> list[Cache]:
        """Empty ones, for the start of a name."""
        return [[] for _ in self.blocks]

    def loss(self, letters: Sequence[int | Index], targets: Sequence[int | Index]) -> Value:
        """The mean cross entropy over a name. Where they are an Index a tape can be fed others."""
        caches, losses = self.caches(), []
        for place, (letter, target) in enumerate(zip(letters, targets)):
            logits = self(letter, place, caches)
            with scope(f"t={place + 1}"), scope("loss"):
                losses.append(F.logsumexp(logits) - lookup(logits, target))
        return F.mean(losses)


def added(a: Sequence[Value], b: Sequence[Value]) -> list[Value]:
    """The residual connection: a + b."""
    return [x + y for x, y in zip(a, b)]


def spelled(name: str) -> tuple[list[int], list[int]]:
    """The letters of a name with its first dot, and those with its last: inputs and targets."""
    numbers = LETTERS.encode(f".{name}.")
    return numbers[:-1], numbers[1:]


def example(name: str) -> tuple[list[Index], list[Index]]:
    """The same as inputs of a graph that is to be replayed for other names."""
    inputs, targets = spelled(name)
    return [Index(i, len(LETTERS)) for i in inputs], [Index(i, len(LETTERS)) for i in targets]


def generate(model: GPT, temperature: float, draw: np.random.Generator) -> str:
    """A new name, letter by letter, until the dot or as long as there are places."""
    caches, written = model.caches(), "."
    sample = nn.sampler(temperature, draw)
    with no_grad():
        while len(written) <= model.places.num_embeddings:
            logits = model(LETTERS.index(written[-1]), len(written) - 1, caches)
            letter = LETTERS.items[sample(logits)]
            if letter == ".":
                break
            written += letter
    return written[1:]


def attention(model: GPT, name: str, head: int) -> list[list[float]]:
    """A row per letter, with its dot: the weights of a head of the first block, from the graph."""
    size = len(name) + 1
    rows = [[0.0] * size for _ in range(size)]
    for node in creation_order(model.loss(*spelled(name))):
        place, _, inside = node.scope.partition("/")
        if inside == f"block=1/attention/head={head}" and node.label.startswith("a["):
            rows[int(place[2:]) - 1][int(node.label[2:-1])] = node.data
    return rows


def train(args: argparse.Namespace) -> Run:
    """Adam on one name after the other, with a learning rate that falls to 0."""
    shuffled = np.random.default_rng(args.seed).permutation(NAMES).tolist()

    def make(eager: bool) -> tuple[Training, Step]:
        model = GPT(len(LETTERS), args.width, args.heads, args.layers, seed=args.seed)
        step = steps(eager)(
            model, lambda xs, ys: (model.loss(xs, ys), []), [example(name) for name in shuffled]
        )
        adam = optim.Adam(step.parameters(), args.lr, betas=(0.85, 0.99))
        falling = optim.LambdaLR(adam, lambda n: 1.0 - n / args.updates)
        return Training(model, adam, schedule=falling), step

    made = Run(make, args.eager)
    made.to(args.updates)
    return made


def arguments(argv: list[str] | None) -> argparse.Namespace:
    made = parser("microgpt", __doc__)
    made.add_argument("--updates", type=int, default=1000, help="names to learn (default: 1000)")
    made.add_argument("--width", type=int, default=16, help="entries of a vector (default: 16)")
    made.add_argument("--heads", type=int, default=4, help="of attention (default: 4)")
    made.add_argument("--layers", type=int, default=1, help="blocks (default: 1)")
    made.add_argument("--lr", type=float, default=0.01, help="of Adam, at first (default: 0.01)")
    made.add_argument("--seed", type=int, default=0, help="(default: 0)")
    made.add_argument("--write", type=int, default=12, help="names to write (default: 12)")
    made.add_argument("--temperature", type=float, default=0.7, help="of sampling (default: 0.7)")
    made.add_argument("--name", default="nora", help="the name that is drawn (default: nora)")
    eager_option(made)
    args = made.parse_args(argv)
    at_least_one(made, args, "updates", "width", "heads", "layers", "write")
    not_negative(made, args, "lr")
    if args.width % args.heads:
        made.error(f"argument --heads: {args.heads} is no divisor of --width {args.width}")
    nn.sampler(args.temperature)  # a bad temperature is told before the training
    if not 0 < len(LETTERS.encode(args.name)) < PLACES:
        made.error(f"argument --name: expected 1 to {PLACES - 1} letters, got {args.name!r}")
    return args


def main(argv: list[str] | None = None) -> None:
    args = arguments(argv)
    done = train(args)
    model, losses = done.training.model, done.training.losses
    nodes = len(creation_order(model.loss(*spelled("abigail"))))
    print(f"{len(NAMES)} names; {len(model.parameters())} parameters; a name of seven letters is "
          f"a graph of {nodes:,} nodes\n")  # fmt: skip
    means = [float(np.mean(losses[max(0, i - 49) : i + 1])) for i in range(len(losses))]
    shown = sorted({round(i * (len(losses) - 1) / 8) for i in range(9)})
    table(["update", "loss", "mean of 50"],
          [[i + 1, f"{losses[i]:.4f}", f"{means[i]:.4f}"] for i in shown])  # fmt: skip
    print(f"ln {len(LETTERS)} = {log(len(LETTERS)):.4f} is the loss of an even guess")
    print(f"{speeds(done)}\n")
    draw = np.random.default_rng(args.seed)
    written = [generate(model, args.temperature, draw) for _ in range(args.write)]
    print("New names:", ", ".join(w + ("*" if w in NAMES else "") for w in written))
    print("(* is among those learnt)\n")
    curves = {"loss": losses, "mean of the last 50": means}
    curve = plots.lines(curves, title="microgpt", x="update", y="cross entropy per letter")
    plot(curve, args, "microgpt_training.svg")
    letters = [f"{i} {c}" for i, c in enumerate(f".{args.name}", start=1)]
    maps = [
        plots.heat(
            attention(model, args.name, head), rows_named=letters, columns_named=letters,
            title=f"head {head}: what each letter looks at", limit=1.0,
        )
        for head in range(1, args.heads + 1)
    ]  # fmt: skip
    plot(plots.beside(maps, title=f"microgpt reads {args.name!r}"), args, "microgpt_attention.svg")
    loss = model.loss(*spelled(args.name))
    loss.label = "L"
    loss.backward()
    title = f"microgpt reads {args.name!r}"
    captions = [f"{a} → {b}" for a, b in pairwise(f".{args.name}.")]
    pictures(loss, args, "microgpt", title=title, captions=captions)
    page = viz.player(loss, args.out / "microgpt.html", title=title, captions=captions)
    print(f"wrote {page}")


if __name__ == "__main__":
    run(main)
