"""The engine of the page under node: every number of the graph, before and after moves."""

import json
import math
import random
import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_graphs import graphs

from demos.quiz import quiz
from microgrid import Value, nn, recompute
from microgrid import quantity as q
from microgrid.sweep import Sweep, gradients
from microgrid.value import creation_order
from viz.page.graph import Graph, number_data
from viz.page.player import _asset

node = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")

ASK = """
const said = (x) => (x === null || Number.isFinite(x) ? x : String(x));
const engine = makeEngine(INPUT.graph);
const answers = INPUT.moves.map((move) => {
  for (const [i, x] of move) engine.value[i] = toNumber(x);
  engine.compute();
  return {
    values: [...engine.value.slice(0, engine.n)].map(said),
    local: [...engine.local].map(said),
    gradients: INPUT.steps.map((k) =>
      [...Array(engine.n).keys()].map((i) => said(engine.gradientAt(i, k)))),
    messages: INPUT.steps.map((k) =>
      [...engine.local.keys()].map((e) => said(engine.messageAt(e, k)))),
    crossed: engine.crossed(INPUT.guards),
  };
});
console.log(JSON.stringify(answers));
"""


def ask(graph, moves, steps=(0,), guards=()):
    """What the engine computes after each of the moves: [[place, number], ...]."""
    given = {"graph": graph.data(), "moves": moves, "steps": list(steps), "guards": list(guards)}
    program = f"const INPUT = {json.dumps(given)};\n{graph.script()}{_asset('engine.js')}{ASK}"
    run = subprocess.run(["node", "-"], input=program, capture_output=True, text=True, timeout=600)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def number(x):
    return {"Infinity": math.inf, "-Infinity": -math.inf, "NaN": math.nan}.get(x, x)


def close(found, expected):
    """Equal to 1e-12, or to 1e-13 of the largest one, since a sum of messages may cancel."""
    assert len(found) == len(expected)
    size = max((abs(x) for x in expected if x is not None and math.isfinite(x)), default=0.0)
    for a, b in zip(map(number, found), expected):
        if a is None or b is None:
            assert a is b
        else:
            assert a == pytest.approx(b, rel=1e-12, abs=1e-13 * size, nan_ok=True)


def check(root, moves, seed=1.0):
    """Values, local derivatives, gradients and messages equal those of Python, move by move."""
    order = creation_order(root)
    graph = Graph([root], Sweep(root, seed))
    last = len(Sweep(root, seed))
    steps = sorted({0, 1, last // 2, last})
    data = [[[graph.index[leaf], number_data(x)] for leaf, x in move] for move in moves]
    for move, answer in zip(moves, ask(graph, data, steps)):
        for leaf, x in move:
            leaf.data = x
        if root.op is not None:
            recompute(root)
        sweep = Sweep(root, seed)
        close(answer["values"], [x.data for x in order])
        for (x, position), e in graph.edge.items():
            close([answer["local"][e]], [x.partials[position]])
            for k, sent in zip(steps, answer["messages"]):
                close([sent[e]], [sweep.message(x, position, after=k)])
        for k, found in zip(steps, answer["gradients"]):
            close(found, [sweep.gradient(x, after=k) for x in order])


@node
def test_the_quiz_before_and_after_h_0_moves():
    run = quiz("oc")
    check(run.loss, [[], [(run.states[0][0], 1.0)], [(run.states[0][0], math.inf)]])


@node
@pytest.mark.parametrize("cell", [nn.RNNCell, nn.LSTMCell, nn.GRUCell])
def test_cells_over_many_moves(cell):
    model = nn.SequenceModel(cell(2, 2, seed=0), nn.Linear(2, 3, seed=1))
    run = model.unroll([[0.5, -1.0], [2.0, 0.25], [1.0, 1.0]], [0, 2, 1])
    draw = random.Random(0)
    leaves = [x for x in creation_order(run.loss) if not x.parents]
    moves = [[(draw.choice(leaves), draw.uniform(-2.0, 2.0))] for _ in range(20)]
    check(run.loss, [[], *moves], seed=-0.5)


@node
@given(graphs(), st.randoms(use_true_random=False))
@settings(max_examples=25)
def test_random_graphs_of_every_op(root, draw):
    leaves = [x for x in creation_order(root) if not x.parents]
    moves = [[(draw.choice(leaves), draw.uniform(-2.0, 2.0))] for _ in range(3)]
    check(root, [[], *moves])


@node
def test_leaves_that_hold_earlier_sweeps_start_from_them():
    a = Value(3.0, label="a")
    root = a * a
    sweep = Sweep(root, held={a: 1.0})
    (answer,) = ask(Graph([root], sweep), [[]], [0, 1, 2])
    assert [gradients[0] for gradients in answer["gradients"]] == [1.0, 4.0, 7.0]


@node
def test_the_forward_pass_comes_before_step_0():
    a, b = Value(2.0), Value(3.0)
    root = (a * b).tanh()
    graph = Graph([root], Sweep(root))
    program = f"""{graph.script()}{_asset("engine.js")}
        const engine = makeEngine({json.dumps(graph.data())});
        const values = [-2, -1, 0].map((k) => [0, 2, 3].map((i) => engine.valueAt(i, k)));
        const gradients = [engine.gradientAt(3, -1), engine.gradientAt(3, 0)];
        console.log(JSON.stringify([...values, gradients]));"""
    run = subprocess.run(["node", "-"], input=program, capture_output=True, text=True, timeout=600)
    assert json.loads(run.stdout) == [
        [2, None, None], [2, 6, None], [2, 6, math.tanh(6.0)], [None, 1],
    ]  # fmt: skip


@node
def test_a_crossed_comparison_is_named():
    from microgrid.tape.guards import guards_of

    x = Value(1.0, label="x")
    y = x * 2.0
    loss = y * 3.0 if y > 0.5 else y
    guards = guards_of(loss, [x])
    graph = Graph([loss, *(v for g in guards for v in g.values)], Sweep(loss))
    moves = [[], [[0, 0.3]], [[0, 0.2]]]
    answers = ask(graph, moves, guards=graph.guards(guards))
    assert [answer["crossed"] for answer in answers] == [None, None, "mul > 0.5"]


@node
def test_quantities_are_those_of_python_before_and_after_a_move():
    run = quiz("oc")
    root, sweep = run.loss, Sweep(run.loss)
    h0, h1, h2 = (state[0] for state in run.states)
    sent = [q.message(sweep, h2, h2.parents.index(h1)), q.message(sweep, root, 0)]
    made = [
        q.value(h1), q.gradient(sweep, h1), q.local(h2, 0), sent[0], q.norm(sent), q.total(sent),
        sent[0] / sent[1], -sent[0] * 2.0, abs(sent[0]), q.largest(sent), q.smallest(sent),
        q.gradient_from(h2, h0, gradients(h2), q.value(h1)), q.product([q.value(h1), math.inf]),
    ]  # fmt: skip
    graph = Graph([root], sweep)
    steps, place = [0, 2, len(sweep)], graph.index[h0]
    program = f"""{graph.script()}{_asset("engine.js")}{_asset("quantity.js")}
        const engine = makeEngine({json.dumps(graph.data())});
        const sources = {json.dumps([graph.source(x) for x in made])};
        const said = (x) => (x === null || Number.isFinite(x) ? x : String(x));
        const all = () => {json.dumps(steps)}.map((k) =>
          sources.map((source) => said(evaluate(engine, source, k))));
        const before = all();
        engine.value[{place}] = 1;
        engine.compute();
        console.log(JSON.stringify([before, all()]));"""
    ran = subprocess.run(["node", "-"], input=program, capture_output=True, text=True, timeout=600)
    assert ran.returncode == 0, ran.stderr
    for found, number_of_h0 in zip(json.loads(ran.stdout), (0.0, 1.0)):
        h0.data = number_of_h0
        recompute(root)
        now = Sweep(root)
        for k, numbers in zip(steps, found):
            close(numbers, [q.evaluate(x.source, now, k) for x in made])
