"""Optimizers, clipping and schedules against numbers worked out elsewhere."""

import pytest

from microgrid import Value, optim


def test_sgd_follows_the_gradient():
    w = Value(1.0)
    (w * 3.0).backward()
    optim.SGD([w], lr=0.1).step()
    assert w.data == 0.7


def test_parameters_without_gradient_stay():
    used, unused = Value(1.0), Value(2.0)
    (used * used).backward()
    optim.SGD([used, unused], lr=0.5, momentum=0.9).step()
    assert (used.data, unused.data) == (0.0, 2.0)


def test_zero_grad_forgets():
    w = Value(1.0)
    (w * w).backward()
    optim.SGD([w], lr=0.1).zero_grad()
    assert w.grad is None


@pytest.mark.parametrize("lr", [-0.1, float("nan"), float("inf")])
def test_a_learning_rate_is_a_number_of_0_or_more(lr):
    with pytest.raises(ValueError, match="SGD: lr must be a number of 0 or more, got"):
        optim.SGD([Value(1.0)], lr=lr)


def test_no_parameters():
    with pytest.raises(ValueError, match="SGD needs at least one parameter, got none"):
        optim.SGD([], lr=0.1)
