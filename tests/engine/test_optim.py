"""Optimizers, clipping and schedules: PyTorch's numbers, on floats and on arrays."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from golden_cases import cases

from microgrid import Value, nn, optim
from microgrid.graph import gradient_of

MAKERS = {
    "SGD": lambda ps: optim.SGD(ps, lr=0.1),
    "momentum": lambda ps: optim.SGD(ps, lr=0.1, momentum=0.9),
    "Adagrad": lambda ps: optim.Adagrad(ps, lr=0.5),
    "RMSprop": lambda ps: optim.RMSprop(ps, lr=0.05),
    "Adam": lambda ps: optim.Adam(ps, lr=0.2),
}

# (x, y) after 5 steps from (1, -2) on f = (x - 3)^2 + 10 x y, computed once with torch.optim
# 2.13.0 in float64.
AFTER_FIVE = {
    "SGD": [43.747840000000004, -47.7408],
    "momentum": [110.39104000000002, -122.70810000000002],
    "Adagrad": [2.7575475478780276, -3.8948555234597273],
    "RMSprop": [2.7637743972786515, -3.900462503047261],
    "Adam": [2.0037034054244973, -3.0034895503462624],
}


@cases("torch_optim")
@pytest.mark.parametrize("as_array", [False, True])
def test_every_option_moves_as_pytorch_does(case, as_array):
    values, array = value_and_array()
    params = [array] if as_array else values
    optimizer = getattr(optim, case["kind"])(params, **case["options"])
    for expected in case["path"]:
        descend(optimizer, params, steps=1)
        found = array.data.tolist() if as_array else [v.data for v in values]
        assert found == pytest.approx(expected, rel=1e-12)


def test_nesterov_needs_a_momentum_and_decay_is_not_negative():
    with pytest.raises(ValueError, match="SGD: nesterov needs a momentum above 0"):
        optim.SGD([Value(1.0)], lr=0.1, nesterov=True)
    with pytest.raises(ValueError, match="AdamW: weight_decay must be a number of 0 or more"):
        optim.AdamW([Value(1.0)], lr=0.1, weight_decay=-1.0)


def value_and_array():
    """The same two parameters as two Values, and as one array."""
    return [Value(1.0), Value(-2.0)], SimpleNamespace(data=np.array([1.0, -2.0]), grad=None)


def slope(x, y):
    """The gradient of (x - 3)^2 + 10 x y."""
    return 2.0 * (x - 3.0) + 10.0 * y, 10.0 * x


def descend(optimizer, params, steps=5):
    for _ in range(steps):
        numbers = [p.data for p in params]
        if len(params) == 2:
            for p, g in zip(params, slope(*numbers)):
                p.grad = g
        else:
            params[0].grad = np.array(slope(*numbers[0]))
        optimizer.step()


@pytest.mark.parametrize("name", MAKERS)
def test_five_steps_are_pytorch_s(name):
    values, array = value_and_array()
    descend(MAKERS[name](values), values)
    assert [v.data for v in values] == pytest.approx(AFTER_FIVE[name], rel=1e-12)
    assert all(type(v.data) is float for v in values)
    descend(MAKERS[name]([array]), [array])
    assert array.data.tolist() == pytest.approx(AFTER_FIVE[name], rel=1e-12)


@pytest.mark.parametrize("name", MAKERS)
def test_state_goes_through_json_and_carries_on(name):
    """3 steps, saved and loaded, 2 more: to the last bit what 5 steps give."""
    whole, _ = value_and_array()
    descend(MAKERS[name](whole), whole)
    for params in ([Value(1.0), Value(-2.0)], [value_and_array()[1]]):
        first = MAKERS[name](params)
        descend(first, params, 3)
        state = json.loads(json.dumps(first.state_dict()))
        second = MAKERS[name](params)
        second.load_state_dict(state)
        descend(second, params, 2)
        flat = np.ravel([p.data for p in params]).tolist()
        assert flat == pytest.approx([v.data for v in whole], rel=1e-15)


def test_parameters_without_gradient_stay():
    used, unused = Value(1.0), Value(2.0)
    (used * used).backward()
    optim.SGD([used, unused], lr=0.5, momentum=0.9).step()
    assert (used.data, unused.data) == (0.0, 2.0)


def test_zero_grad_forgets():
    w = Value(1.0)
    (w * w).backward()
    optim.SGD([w], lr=0.1).zero_grad()
    assert gradient_of(w) is None


def test_zero_grad_to_zero_lets_a_momentum_go_on():
    values, array = value_and_array()
    for params in (values, [array]):
        optimizer = optim.SGD(params, lr=1.0, momentum=0.5)
        start = np.ravel([p.data for p in params])
        for p in params:
            p.grad = p.data * 0.0 + 4.0
        optimizer.step()
        optimizer.zero_grad(set_to_none=False)
        assert not np.any([p.grad for p in params])
        optimizer.step()
        assert (start - np.ravel([p.data for p in params])).tolist() == [6.0, 6.0]


def test_clipping_by_norm_keeps_the_direction():
    values, array = value_and_array()
    values[0].grad, values[1].grad, array.grad = 6.0, -8.0, np.array([6.0, -8.0])
    for params in (values, [array]):
        assert optim.clip_grad_norm_(params, 5.0) == 10.0
        found = np.ravel([p.grad for p in params]).tolist()
        assert found == pytest.approx([3.0, -4.0], rel=1e-6)
        assert optim.clip_grad_norm_(params, 50.0) == pytest.approx(5.0)
        assert np.ravel([p.grad for p in params]).tolist() == found


def test_clipping_by_value():
    values, array = value_and_array()
    values[0].grad, values[1].grad, array.grad = 0.25, -8.0, np.array([0.25, -8.0])
    for params in (values, [array]):
        optim.clip_grad_value_(params, 0.5)
        assert np.ravel([p.grad for p in params]).tolist() == [0.25, -0.5]


# The learning rate before steps 0..6, from torch.optim.lr_scheduler 2.13.0, lr = 0.8.
SCHEDULES = {
    "StepLR": (
        lambda o: optim.StepLR(o, step_size=2, gamma=0.5),
        [0.8, 0.8, 0.4, 0.4, 0.2, 0.2, 0.1],
    ),
    "ExponentialLR": (
        lambda o: optim.ExponentialLR(o, gamma=0.9),
        [
            0.8,
            0.7200000000000001,
            0.6480000000000001,
            0.5832000000000002,
            0.5248800000000001,
            0.47239200000000015,
            0.42515280000000016,
        ],
    ),
    "LinearLR": (
        lambda o: optim.LinearLR(o, start_factor=0.25, total_iters=4),
        [
            0.2,
            0.35000000000000003,
            0.5000000000000001,
            0.6500000000000001,
            0.8000000000000002,
            0.8000000000000002,
            0.8000000000000002,
        ],
    ),
    "CosineAnnealingLR": (
        lambda o: optim.CosineAnnealingLR(o, T_max=6, eta_min=0.05),
        [0.8, 0.7497595264191645, 0.6125, 0.425, 0.2375000000000001, 0.10024047358083549, 0.05],
    ),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_are_pytorch_s(name):
    make, expected = SCHEDULES[name]
    optimizer = optim.SGD([Value(0.0)], lr=0.8)
    schedule = make(optimizer)
    rates = []
    for _ in range(7):
        rates.append(optimizer.lr)
        schedule.step()
    assert rates == pytest.approx(expected, rel=1e-9)

    resumed = make(optim.SGD([Value(0.0)], lr=0.8))
    resumed.load_state_dict(json.loads(json.dumps(schedule.state_dict())))
    assert resumed.optimizer.lr == optimizer.lr


@pytest.mark.parametrize("kind", [optim.SGD, optim.Adagrad, optim.RMSprop, optim.Adam])
@pytest.mark.parametrize("lr", [-0.1, float("nan"), float("inf")])
def test_a_learning_rate_is_a_number_of_0_or_more(kind, lr):
    message = f"{kind.__name__}: lr must be a number of 0 or more, got {lr!r}"
    with pytest.raises(ValueError, match=message):
        kind([Value(1.0)], lr=lr)


@pytest.mark.parametrize(
    ("message", "wrong"),
    [
        ("SGD needs at least one parameter, got none", lambda w: optim.SGD([], lr=0.1)),
        ("SGD: momentum must be", lambda w: optim.SGD([w], lr=0.1, momentum=-1.0)),
        ("RMSprop: alpha must lie in 0..1", lambda w: optim.RMSprop([w], lr=0.1, alpha=1.5)),
        ("Adam: betas.1. must lie in 0..1", lambda w: optim.Adam([w], lr=0.1, betas=(0.9, 1.0))),
        ("clip_grad_norm_: max_norm must be", lambda w: optim.clip_grad_norm_([w], -1.0)),
        ("clip_grad_value_: clip_value must be", lambda w: optim.clip_grad_value_([w], -1.0)),
        ("step_size must be 1 or more", lambda w: optim.StepLR(optim.SGD([w], lr=0.1), 0)),
        ("T_max must be 1 or more", lambda w: optim.CosineAnnealingLR(optim.SGD([w], lr=0.1), 0)),
        ("this optimizer is SGD, the state is of Adam",
         lambda w: optim.SGD([w], lr=0.1).load_state_dict(optim.Adam([w], lr=0.1).state_dict())),
        ("SGD has 1 parameters, the state 2",
         lambda w: optim.SGD([w], lr=1).load_state_dict(
             optim.SGD([w, Value(2.0)], lr=1).state_dict())),
    ],
)  # fmt: skip
def test_bad_settings_are_named(message, wrong):
    with pytest.raises(ValueError, match=message):
        wrong(Value(1.0))


def test_what_is_no_parameter_is_refused_by_name():
    with pytest.raises(TypeError, match="SGD: a parameter has data and grad, got 3"):
        optim.SGD([3], lr=0.1)
    with pytest.raises(TypeError, match=r"SGD takes a list of parameters: write model.parameters"):
        optim.SGD(nn.Linear(1, 1), lr=0.1)
    (alone,) = optim.SGD(Value(1.0), lr=0.1).params
    assert alone.data == 1.0
