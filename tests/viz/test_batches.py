"""Batches: the same network applied to several samples, which share its weights."""

import math
from collections import Counter
from contextlib import nullcontext

import pytest

from microgrid import functional as F
from microgrid import nn, scope
from microgrid.graph import creation_order
from viz.picture.build import picture_of


def batch(samples, scoped=False):
    """A perceptron applied to several samples, which share its weights."""
    model = nn.MLP(2, [4, 2], nonlinearity="tanh", seed=0)
    losses = []
    for i in range(samples):
        with scope(f"sample={i}") if scoped else nullcontext():
            losses.append(F.cross_entropy(model([0.1 * i, 0.3]), i % 2))
    root = F.mean(losses)
    root.label = "L"
    root.backward()
    return root, model


@pytest.mark.parametrize("scoped", [False, True])
def test_the_samples_of_a_batch_have_a_card_each_and_share_those_of_the_weights(scoped):
    root, model = batch(4, scoped)
    picture = picture_of(root)
    names = Counter(card.name for card in picture.cards)
    assert (names["a₁"], names["y"], names["W₁"], names["W₂"]) == (4, 4, 1, 1)
    (weights,) = (card for card in picture.cards if card.name == "b₁")
    assert [row.grad for row in weights.rows] == [b.grad for b in model.layers[0].bias]
    sent = [wire.message for wire in picture.wires if wire.source == weights.id]
    assert len(sent) == 4
    assert math.hypot(*(row.grad for row in weights.rows)) <= math.fsum(sent)


def test_every_sample_has_its_own_numbers():
    root, _ = batch(3)
    rows = [[row.value for row in c.rows] for c in picture_of(root).cards if c.name == "a₁"]
    wanted = [node.data for node in creation_order(root) if node.label.startswith("a_1[")]
    assert sorted(number for row in rows for number in row) == sorted(wanted)
    assert all(len(row) == 4 for row in rows)


def test_a_large_batch_stands_on_one_card_for_each_vector():
    names = Counter(card.name for card in picture_of(batch(20)[0]).cards)
    assert (names["a₁"], names["y"]) == (1, 1)
