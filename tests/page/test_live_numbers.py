"""After any move the page shows what Python would write: every number, text and colour."""

import json
import random
import shutil
import subprocess

import pytest
from viz_graphs import mlp

from microgrid import Value, nn, recompute
from microgrid import functional as F
from microgrid.quantity import Quantity
from microgrid.value import creation_order
from viz.page.data import _pictures, playback
from viz.page.player import _asset
from viz.picture.build import Options, Pictures, roots_of
from viz.picture.sentence import Said
from viz.style.typography import number

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")

ASK = """
const engine = makeEngine(INPUT.data.graph);
const told = (source) => {
  const x = source === null ? null : evaluate(engine, source, engine.last);
  return x === null || Number.isFinite(x) ? x : String(x);
};
const sentence = ({ about, cases }) => {
  const x = about === null ? null : evaluate(engine, about, engine.last);
  const holds = cases.find(([low, high]) =>
    about === null || (x !== null && toNumber(low) <= x && x < toNumber(high)));
  return (holds ? holds[2] : [])
    .map((w) => (typeof w === "string" ? w : written(evaluate(engine, w[0], engine.last), w[1])))
    .join("");
};
console.log(JSON.stringify(INPUT.moves.map((move) => {
  engine.forwardWith(new Map(move));
  const { levels, panels, shared, title, finding, subtitle } = INPUT.data;
  return {
    levels: levels.map(({ cards, wires }) => [
      cards.flatMap((card) => card.rows.flatMap((row) => [told(row.value), told(row.grad)])),
      wires.flatMap((wire) => [told(wire.local), told(wire.message), told(wire.upstream)]),
    ]),
    texts: levels.map(({ cards }) => cards.flatMap((card) =>
      card.rows.map((row) => format(evaluate(engine, row.value, engine.last))))),
    panels: panels.map(({ rows }) => rows.flatMap((row) => row.map((cell) => told(cell.number)))),
    sums: shared.map(({ sum }) => told(sum)),
    said: [title, finding, subtitle].map(sentence),
  };
})));
"""


def in_node(data, table, moves):
    program = f"const INPUT = {json.dumps({'data': data, 'moves': moves})};\n{table}"
    program += "".join(_asset(f"{name}.js") for name in ("engine", "quantity", "numbers")) + ASK
    run = subprocess.run(["node", "-"], input=program, capture_output=True, text=True, timeout=600)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def numbers_of(picture):
    cards = [x for card in picture.cards for row in card.rows for x in (row.value, row.grad)]
    wires = [x for wire in picture.wires for x in (wire.local, wire.message, wire.upstream)]
    return [cards, wires]


def close(found, expected):
    size = max((abs(x) for x in expected if x is not None and abs(x) < 1e300), default=0.0)
    assert len(found) == len(expected)
    for a, b in zip(found, expected):
        a = {"Infinity": float("inf"), "-Infinity": -float("inf"), "NaN": float("nan")}.get(a, a)
        if b is None:
            assert a is None
            continue
        assert a == pytest.approx(b, rel=1e-12, abs=1e-13 * size, nan_ok=True)


def check(x, count=20, seed=0):
    """So many moves of single leaves; what node computes against what Python would write."""
    order = creation_order(*roots_of(x))
    for node in order:
        node.grad = None  # the leaves hold nothing from earlier sweeps
    data, table = playback(x, None, None)
    leaves = [i for i, node in enumerate(order) if node.op is None]
    draw = random.Random(seed)
    moves = [[[draw.choice(leaves), round(draw.uniform(-2.0, 2.0), 3)]] for _ in range(count)]
    for move, answer in zip(moves, in_node(data, table, moves)):
        for i, number_ in move:
            order[i].data = number_
        for root in roots_of(x):
            recompute(root)
        scalar = Pictures(x, Options(None, None, "scalar"))
        pictures = list(_pictures(x, scalar, data["opening"], None, None).values())
        assert len(pictures) == len(data["levels"])
        for picture, found, texts in zip(pictures, answer["levels"], answer["texts"]):
            for a, b in zip(found, numbers_of(picture)):
                close(a, b)
            expected = [number(row.value) for card in picture.cards for row in card.rows]
            assert sum(a != b for a, b in zip(texts, expected)) <= len(expected) // 50 + 1
        last = pictures[-1]
        assert answer["said"] == [last.title, last.finding, last.subtitle]
        panels = [p for p in last.panels if not (data["shared"] and p.kind == "shared")]
        for found, panel in zip(answer["panels"], panels):
            close(found, [cell.number for row in panel.rows for cell in row])


def recurrent(cell, hidden=2):
    model = nn.SequenceModel(cell(1, hidden, seed=0), nn.Linear(hidden, 1, seed=1))
    return model.unroll([0.5, -1.0, 0.8], [0.2, 0.1, 1.0], loss="mse")


@pytest.mark.parametrize("cell", [nn.RNNCell, nn.LSTMCell, nn.GRUCell])
def test_recurrent_networks(cell):
    check(recurrent(cell))


def test_one_unit_and_a_loss_at_the_end():
    model = nn.SequenceModel(nn.RNNCell(1, 1, seed=0), nn.Linear(1, 1, seed=1))
    check(model.unroll([0.5, -1.0, 0.8, 0.1], [0.0] * 4, loss="mse", at="last"))


def test_a_network_of_neurons():
    check(mlp())


def test_attention():
    q, *keys = ([Value(v, label=f"{n}[{i}]") for i, v in enumerate(row)] for n, row in (
        ("q", [1.0, 0.5]), ("k_1", [1.0, 0.0]), ("k_2", [0.0, 1.0]), ("k_3", [0.7, 0.7]),
    ))  # fmt: skip
    weights = F.softmax([F.dot(q, key) for key in keys])
    check(F.dot(weights, [Value(v, label=f"v_{i}") for i, v in enumerate((1.0, -1.0, 0.5))]))


def test_random_expressions():
    for seed in range(15):
        draw = random.Random(seed)
        nodes = [Value(draw.uniform(-2.0, 2.0), label=f"x{i}") for i in range(3)]
        for _ in range(12):
            a, b = draw.choice(nodes), draw.choice(nodes)
            step = draw.randrange(6)
            nodes.append([a + b, a * b, a - b, a.tanh(), (a * a + 1.0).log(), a.sigmoid()][step])
        check(nodes[-1] * nodes[-2] + nodes[-3], count=4, seed=seed)


def plain(source):
    """Whether a source is a number that no move can change."""
    return not isinstance(source, list)


@pytest.mark.parametrize("cell", [nn.RNNCell, nn.LSTMCell, nn.GRUCell])
def test_no_number_on_a_page_is_frozen(cell):
    data, _ = playback(recurrent(cell), None, None)
    for level in data["levels"]:
        for card in level["cards"]:
            for row in card["rows"]:
                assert not plain(row["value"]), (level["name"], card["name"])
                assert row["grad"] is None or not plain(row["grad"]), (level["name"], card["name"])
        for wire in level["wires"]:
            for key in ("local", "message", "upstream"):
                assert wire[key] is None or not plain(wire[key]), (level["name"], wire[key])
    for panel in data["panels"]:
        for row in panel["rows"]:
            assert all(cell["number"] is None or not plain(cell["number"]) for cell in row)


def test_sentences_hold_quantities():
    picture = Pictures(recurrent(nn.RNNCell, 1), Options(None, None, "scalar")).played()
    for sentence in (picture.finding, picture.subtitle):
        said = [w for case in sentence.cases for w in case.words if isinstance(w, Said)]
        assert said
        assert all(isinstance(word.number, Quantity) for word in said)
