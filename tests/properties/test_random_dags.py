"""Properties that hold for every graph of every op."""

import copy
import pickle

import pytest
from dags import build, leaves, naive, recipes, resolve, size
from hypothesis import given, settings
from hypothesis import strategies as st

from microgrid import Value, grad, recompute
from microgrid.graph import messages, uses
from microgrid.ops import by_name
from microgrid.saving import load_graph, save_graph
from microgrid.value import creation_order, record

thorough = settings(max_examples=100)


def swept(nodes, seed=1.0):
    nodes[-1].backward(seed)
    return [node.grad for node in nodes]


def close(expected, scale=1.0):
    return pytest.approx(expected, rel=1e-9, abs=1e-11 * scale)


@thorough
@given(recipes, leaves)
def test_gradients_are_those_of_a_naive_forward_mode(recipe, numbers):
    steps = resolve(recipe, numbers)
    nodes = build(steps, numbers)
    swept(nodes)
    for i, leaf in enumerate(nodes[: len(numbers)]):
        value, slope = naive(steps, numbers, towards=i)
        assert nodes[-1].data == close(value)
        assert (leaf.grad or 0.0) == close(slope, size(nodes))


@thorough
@given(recipes, leaves)
def test_replaying_the_recorded_order_gives_the_same_bits(recipe, numbers):
    order = creation_order(build(resolve(recipe, numbers), numbers)[-1])
    twins = {}
    for node in order:
        operands = [twins.get(x, x) for x in node.operands]
        twins[node] = record(node.op, operands) if node.op else Value(node.data)
    assert swept(order) == swept(list(twins.values()))
    assert [node.data for node in order] == [twin.data for twin in twins.values()]


@thorough
@given(recipes, leaves, st.floats(-8.0, 8.0))
def test_the_sweep_is_linear_in_its_seed(recipe, numbers, seed):
    steps = resolve(recipe, numbers)
    once, seeded, doubled = (
        swept(build(steps, numbers), gradient) for gradient in (1.0, seed, 2.0)
    )
    assert doubled == [g if g is None else 2.0 * g for g in once]
    expected = [g if g is None else seed * g for g in once]
    for found, wanted in zip(seeded, expected):
        assert found == (wanted if wanted is None else pytest.approx(wanted, rel=1e-9, abs=1e-9))


@thorough
@given(recipes, leaves)
def test_the_messages_at_a_node_sum_to_its_gradient(recipe, numbers):
    nodes = build(resolve(recipe, numbers), numbers)
    swept(nodes)
    for node, children in uses(nodes[-1]).items():
        if children:
            received = sum(messages(child)[position] for child, position in children)
            assert node.grad == close(received, size(nodes))


@thorough
@given(recipes, leaves, st.randoms(use_true_random=False))
def test_the_order_of_unrelated_operations_does_not_matter(recipe, numbers, rng):
    steps = resolve(recipe, numbers)
    nodes, shuffled = build(steps, numbers), [Value(x) for x in numbers]
    made = dict(enumerate(shuffled))
    waiting = dict(enumerate(steps, start=len(numbers)))
    while waiting:
        ready = [i for i, (_, operands) in waiting.items() if all(j in made for j in operands)]
        i = rng.choice(ready)
        op, operands = waiting.pop(i)
        made[i] = record(by_name(op), [made[j] for j in operands])
    other = [made[i] for i in range(len(nodes))]
    assert [node.data for node in nodes] == [node.data for node in other]
    for before, after in zip(swept(nodes), swept(other)):
        assert after == (before if before is None else close(before, size(nodes)))


@thorough
@given(recipes, leaves)
def test_grad_and_backward_agree(recipe, numbers):
    nodes = build(resolve(recipe, numbers), numbers)
    found = grad(nodes[-1], nodes)
    recorded = grad(nodes[-1], nodes, create_graph=True)
    gradients = swept(nodes)
    for g, h, expected in zip(found, recorded, gradients):
        assert g.data == h.data == close(expected or 0.0, size(nodes))


@thorough
@given(recipes, leaves)
def test_second_derivatives_are_symmetric(recipe, numbers):
    nodes = build(resolve(recipe[:8], numbers), numbers)
    inputs = nodes[: len(numbers)]
    rows = [grad(g, inputs) for g in grad(nodes[-1], inputs, create_graph=True)]
    scale = max(1.0, *(abs(x.data) for row in rows for x in row))
    for i in range(len(inputs)):
        for j in range(i):
            assert rows[i][j].data == close(rows[j][i].data, 1e3 * scale)


@thorough
@given(recipes, leaves, leaves)
def test_recompute_is_building_anew(recipe, numbers, others):
    steps = resolve(recipe, numbers)
    others = (others * len(numbers))[: len(numbers)]
    nodes, fresh = build(steps, numbers), build(steps, others)
    for leaf, number in zip(nodes, others):
        leaf.data = number
    assert recompute(nodes[-1]) == pytest.approx(fresh[-1].data, nan_ok=True)
    for before, after in zip(swept(fresh), swept(nodes)):
        assert after == (before if before is None else pytest.approx(before, nan_ok=True))


@thorough
@given(recipes, leaves)
def test_copies_have_the_same_gradients(tmp_path_factory, recipe, numbers):
    root = build(resolve(recipe, numbers), numbers)[-1]
    path = tmp_path_factory.getbasetemp() / "dag.json"
    twins = [
        copy.deepcopy(root),
        pickle.loads(pickle.dumps(root)),
        load_graph(save_graph(root, path)),
    ]
    expected = swept(creation_order(root))
    for twin in twins:
        assert swept(creation_order(twin)) == expected
