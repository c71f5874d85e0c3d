"""Graphs and parameters on disk: what comes back, what is refused, and no half-written file."""

import io
import json
import math
import os
import random
import subprocess
import sys

import numpy as np
import pytest

from microgrid import Value, nn, no_grad, scope
from microgrid import functional as F
from microgrid.ops import ACOSH, OPS, Op
from microgrid.saving import document, load_graph, load_parameters, save_graph, save_parameters
from microgrid.value import creation_order, record


def a_graph():
    a, b = Value(0.3, label="a"), Value(0.6, label="b")
    with scope("t=1/cell"):
        nodes = [record(op, (a,) if op.arity == 1 else (a, b)) for op in OPS if op is not ACOSH]
        nodes += [record(ACOSH, (a + 1.0,))]  # its domain begins at 1
        nodes += [2.0 - a, F.dot([a, 1.0], [b, 3.0])]
    loss = F.sum(nodes)
    loss.label = "loss"
    return loss


def gradients(root):
    root.backward()
    return [node.grad for node in creation_order(root)]


# What comes back


def test_a_graph_with_every_op_comes_back_to_the_last_bit(tmp_path):
    before = a_graph()
    path = save_graph(before, tmp_path / "graph.json")
    after = load_graph(path)
    for old, new in zip(creation_order(before), creation_order(after), strict=True):
        for name in ("data", "op", "label", "scope", "consts"):
            assert getattr(new, name) == getattr(old, name)
        assert tuple(new.partials) == tuple(old.partials)
    assert gradients(before) == gradients(after)
    assert save_graph(after, tmp_path / "again.json").read_text() == path.read_text()


def test_several_roots_share_their_nodes(tmp_path):
    a = Value(3.0)
    square = a * a
    loss, leaf, again = load_graph(save_graph([square + a, a, a], tmp_path / "g.json"))
    assert leaf is again
    assert loss.parents[1] is leaf
    assert load_graph(save_graph([], tmp_path / "none.json")) == []


def test_a_deep_graph(tmp_path):
    y = a = Value(1.0)
    for _ in range(20_000):
        y = y * 0.9999 + a
    after = load_graph(save_graph(y, tmp_path / "deep.json"))
    assert gradients(after) == gradients(y)


def test_the_callers_scope_and_no_grad_take_no_part(tmp_path):
    path = save_graph(a_graph(), tmp_path / "g.json")
    with no_grad(), scope("here"):
        root = load_graph(path)
    assert root.parents
    assert root.scope == ""


def test_parameters_come_back(tmp_path):
    cell = nn.RNNCell(2, 3, seed=0)
    state = load_parameters(save_parameters(cell, tmp_path / "cell.json"))
    assert state == cell.state_dict()
    other = nn.RNNCell(2, 3, seed=1)
    other.load_state_dict(state)
    assert other.state_dict() == cell.state_dict()
    arrays = {"w": np.arange(6.0).reshape(2, 3), "b": np.float32(0.5), "n": 3}
    found = load_parameters(save_parameters(arrays, tmp_path / "arrays.json"))
    assert found == {"w": [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]], "b": 0.5, "n": 3.0}


# What is refused when writing


def test_what_cannot_be_saved_is_named_and_nothing_is_written(tmp_path):
    odd = Op("odd", "?", lambda xp, a: a, lambda xp, out, a: (1.0,))
    fake = Op("tanh", "?", lambda xp, a: a, lambda xp, out, a: (1.0,))
    for root, error, message in (
        (Value(math.nan, label="x") * 2.0, ValueError, r"Value\(nan, label='x'\) .* no nan"),
        (Value(2.0) * math.inf, ValueError, "cannot be saved: JSON has no inf"),
        (record(odd, [Value(1.0)]), ValueError, "unknown operation 'odd'"),
        (record(fake, [Value(1.0)]), ValueError, "its op is not the tanh of the table"),
        (3.0, TypeError, "'float' object is not iterable"),
        ([3.0], TypeError, r"save_graph takes a Value or a list of Values, got 3\.0"),
    ):
        with pytest.raises(error, match=message):
            save_graph(root, tmp_path / "g.json")
    with pytest.raises(ValueError, match=r"w cannot be saved: JSON has no -inf"):
        save_parameters({"w": [[1.0], [-math.inf]]}, tmp_path / "p.json")
    with pytest.raises(TypeError, match=r"takes a Module or a state_dict, got \[1\.0\]"):
        save_parameters([1.0], tmp_path / "p.json")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(FileNotFoundError, match="cannot write into"):
        save_graph(Value(1.0), tmp_path / "none" / "g.json")


def test_a_crash_while_writing_leaves_the_old_file(tmp_path, monkeypatch):
    path = save_graph(Value(1.0), tmp_path / "g.json")
    old = path.read_text()

    def crash(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", crash)
    with pytest.raises(KeyboardInterrupt):
        save_graph(Value(2.0), path)
    assert path.read_text() == old
    assert list(tmp_path.iterdir()) == [path]


def test_a_process_that_dies_while_writing_leaves_the_old_file(tmp_path):
    path = save_graph(Value(1.0), tmp_path / "g.json")
    old = path.read_text()
    code = (
        "import os, sys; os.replace = lambda *_: os._exit(9)\n"
        "from microgrid import Value; from microgrid.saving import save_graph\n"
        "save_graph(Value(2.0), sys.argv[1])"
    )
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run([sys.executable, "-c", code, str(path)], env=environment, check=False)
    assert run.returncode == 9
    assert path.read_text() == old


# What is refused when reading

LEAF = {"data": 1.0}
GRAPH = {"format": "microgrid graph", "version": 1, "roots": 1}


def graph(*nodes, roots=0, **changes):
    return json.dumps(GRAPH | {"roots": roots, "nodes": list(nodes)} | changes)


def made(op, *operands):
    return {"op": op, "operands": list(operands)}


HOSTILE = {
    "empty": ("", "is not a microgrid graph, or was cut short"),
    "no JSON": ("hello", "is not a microgrid graph, or was cut short"),
    "another JSON": ("[1, 2]", "is not a microgrid graph: its format is a list"),
    "parameters": ('{"format": "microgrid parameters"}', "its format is 'microgrid parameters'"),
    "no version": ('{"format": "microgrid graph"}', "has version None, this microgrid"),
    "a later version": (graph(LEAF, version=2), "has version 2, this microgrid reads version 1"),
    "version true": (graph(LEAF, version=True), "has version True"),
    "a twin name": (graph(LEAF)[:-1] + ', "roots": 0}', "a name stands twice in one object"),
    "nothing else": ('{"format": "microgrid graph", "version": 1}', "the file has no 'nodes'"),
    "more": (graph(LEAF, run="rm"), "the file has an unknown field 'run'"),
    "nodes are a number": (graph(LEAF, nodes=3), "nodes must be a list, got 3"),
    "node is a number": (graph(3), "node 0 must be an object, got 3"),
    "node is empty": (graph({}), "node 0 has no 'op'"),
    "leaf and op": (graph(LEAF | made("exp", 0)), "node 0 has an unknown field 'op'"),
    "unknown op": (graph(LEAF, made("system", 0)), "node 1 has the unknown operation 'system'"),
    "op is a list": (graph(LEAF, made([], 0)), "node 1 has the unknown operation a list"),
    "a cycle": (graph(LEAF, made("exp", 1)), "the number of a node before it, 0..0, got 1"),
    "a later parent": (graph(LEAF, made("exp", 2), LEAF), "a node before it, 0..0, got 2"),
    "a negative parent": (graph(LEAF, made("exp", -1)), "a node before it, 0..0, got -1"),
    "true as a parent": (graph(LEAF, LEAF, made("exp", True)), "a node before it, 0..1, got True"),
    "half a parent": (graph(LEAF, made("exp", 0.5)), "a node before it, 0..0, got 0.5"),
    "operands are a string": (graph(LEAF, {"op": "exp", "operands": "00"}), "a list, got '00'"),
    "too many operands": (graph(LEAF, made("exp", 0, 0)), "1 has 2 operands, which exp does not"),
    "too few": (graph(LEAF, made("mul", 0)), "node 1 has 1 operands, which mul does not take"),
    "an odd dot": (graph(LEAF, made("dot", 0, 0, 0)), "node 1 has 3 operands, which dot does not"),
    "an empty sum": (graph(LEAF, made("sum")), "node 1 has 0 operands, which sum does not take"),
    "numbers only": (graph(made("exp", {"number": 1})), "node 0 has no node among its operands"),
    "an odd operand": (graph(LEAF, made("mul", 0, {"n": 1})), "of node 1 has no 'number'"),
    "nan": (graph({"data": math.nan}), "NaN is not a number of JSON"),
    "infinity": (graph({"data": -math.inf}), "-Infinity is not a number of JSON"),
    "a float too large": (graph(LEAF).replace("1.0", "1e999"), "of node 0 does not fit a float"),
    "an int too large": (graph({"data": 10**400}), "of node 0 does not fit a float"),
    "an int of 5000 digits": (graph(LEAF).replace("1.0", "9" * 5000), "Exceeds the limit"),
    "data is text": (graph({"data": "1.0"}), "data of node 0 must be a number, got '1.0'"),
    "data is true": (graph({"data": True}), "data of node 0 must be a number, got True"),
    "label is a number": (graph(LEAF | {"label": 3}), "label of node 0 must be a string, got 3"),
    "root is not there": (graph(LEAF, roots=1), "roots must be the number of a node before it"),
    "roots are text": (graph(LEAF, roots="0"), "roots must be the number of a node before it"),
    "a root of a list": (graph(LEAF, roots=[0, [0]]), "0..0, got a list"),
    "deep nesting": ("[" * 100_000, "nested too deeply|cut short"),
    "deep objects": ('{"a":' * 100_000, "nested too deeply|cut short"),
    "a long string": (graph(LEAF, made("x" * 1000, 0)), r"unknown operation 'xxx.*\.\.\.$"),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_graphs_are_refused_in_one_sentence(tmp_path, case):
    text, message = HOSTILE[case]
    path = tmp_path / "g.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=message) as caught:
        load_graph(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 300 + len(str(path))


PARAMETERS = '{"format": "microgrid parameters", "version": 1, "parameters": %s}'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1]", "parameters must be an object, got a list"),
        ('{"w": "1"}', "'w' must be a number, got '1'"),
        ('{"w": [[true]]}', "'w' must be a number, got True"),
        ('{"w": NaN}', "NaN is not a number of JSON"),
        ('{"w": 1e999}', "'w' does not fit a float"),
        ('{"w": ' + "[" * 50 + "1" + "]" * 50 + "}", "'w' is nested too deeply for a parameter"),
        ('{"w": null}', "'w' must be a number, got None"),
        ('{"w": 1, "w": 2}', "a name stands twice"),
    ],
)
def test_hostile_parameters_are_refused(tmp_path, text, message):
    path = tmp_path / "p.json"
    path.write_text(PARAMETERS % text)
    with pytest.raises(ValueError, match=message):
        load_parameters(path)


def test_a_file_larger_than_allowed_is_not_read(tmp_path):
    path = save_graph(a_graph(), tmp_path / "g.json")
    with pytest.raises(ValueError, match="is larger than 100 bytes, which is the limit"):
        load_graph(path, max_bytes=100)
    huge = tmp_path / "huge.json"
    with open(huge, "wb") as file:  # a gigabyte that takes no room on the disk
        file.truncate(1 << 30)
    with pytest.raises(ValueError, match="is larger than 1000000 bytes"):
        load_graph(huge, max_bytes=1_000_000)


def test_every_truncation_is_refused(tmp_path):
    whole = save_graph((Value(0.5, label="é") * 2.0).tanh(), tmp_path / "g.json").read_bytes()
    path = tmp_path / "cut.json"
    for length in range(len(whole) - 2):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="is not a microgrid graph, or was cut short"):
            load_graph(path)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.json"):
        load_graph(tmp_path / "none.json")


# Fuzz


def noise(rng):
    return rng.randbytes(rng.randrange(200))


def mutated(rng, whole):
    data = bytearray(whole)
    for _ in range(rng.randrange(1, 4)):
        start = rng.randrange(len(data))
        stop = min(len(data), start + rng.randrange(20))
        other = rng.randrange(len(data))
        data[start:stop] = rng.choice(
            [b"", rng.randbytes(2), bytes(data[other : other + 15]), b"NaN", b"-1", b"[[", b"1e400"]
        )
    return bytes(data)


@pytest.mark.parametrize("kind", ["graph", "parameters"])
def test_five_thousand_broken_files_each(tmp_path, monkeypatch, kind):
    rng, path = random.Random(kind), tmp_path / "g.json"
    if kind == "graph":
        load, whole = load_graph, save_graph(a_graph(), path).read_bytes()
    else:
        load, whole = load_parameters, save_parameters(nn.RNNCell(2, 2, seed=0), path).read_bytes()
    refusals = []
    for i in range(5_000):
        data = noise(rng) if i % 2 else mutated(rng, whole)
        monkeypatch.setattr(document, "open", lambda *_, data=data: io.BytesIO(data), raising=False)
        try:
            load(path)  # some mutations only change a number or a label
        except ValueError as error:
            refusals.append(str(error))
    assert len(refusals) > 4_000
    assert all(message.startswith(f"{path}: ") for message in refusals)
    assert {len(message.splitlines()) for message in refusals} == {1}
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == whole
