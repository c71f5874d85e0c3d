"""Programs written for micrograd run unchanged: a gradient is 0 before a sweep has come.

The engine still tells 0 from not reached, so that a picture drawn too early says so.
"""

import numpy as np
import pytest

import viz
from microgrid import Value, optim
from microgrid.graph import gradient_of, put_gradient, recompute
from viz.picture.build import picture_of


def test_an_update_by_hand_works_on_a_parameter_that_the_loss_does_not_reach():
    used, unused = Value(2.0), Value(5.0)
    (used * used).backward()
    for p in (used, unused):
        p.data -= 0.5 * p.grad  # micrograd's own line
    assert (used.data, unused.data) == (0.0, 5.0)


def test_adams_moments_can_be_kept_as_in_a_plain_program():
    moments, p = 0.0, Value(1.0)
    moments = 0.9 * moments + 0.1 * p.grad
    assert moments == 0.0


@pytest.mark.parametrize("nothing", [0, 0.0, None, np.float64(0.0), False])
def test_assigning_0_or_none_resets_a_gradient(nothing):
    a = Value(3.0)
    square = a * a
    square.backward()
    a.grad = nothing
    assert (a.grad, gradient_of(a)) == (0.0, None)
    square.backward()
    assert a.grad == 6.0


def test_a_gradient_of_0_that_a_sweep_left_is_another_thing_than_none():
    a, b = Value(3.0, label="a"), Value(0.0, label="b")
    (a * b).backward()
    assert (gradient_of(a), gradient_of(b)) == (0.0, 3.0)
    assert repr(a) == "Value(3.0, label='a', grad=0.0)"
    assert repr(Value(3.0)) == "Value(3.0)"
    put_gradient(b, 0.0)
    assert gradient_of(b) == 0.0


def test_an_assigned_gradient_is_added_to_and_is_a_float():
    a = Value(3.0)
    a.grad = np.float32(1.5)
    assert type(a.grad) is float
    (2.0 * a).backward()
    assert a.grad == 3.5
    a.grad += 1
    assert a.grad == 4.5
    with pytest.raises(TypeError, match="grad needs a real number, got 'x'"):
        a.grad = "x"


def test_pictures_still_say_that_backward_has_not_run():
    a, b = Value(2.0, label="a"), Value(3.0, label="b")
    product, aside = a * b, b * 4.0
    assert "has not run" in picture_of(product).subtitle
    assert "–" in viz.text(product)
    product.backward()
    rows = {card.name: card.rows[0].grad for card in picture_of([product, aside]).cards}
    assert rows == {"a": 3.0, "b": 2.0, "×": 1.0, "× 4": None}


def test_an_optimizer_leaves_alone_what_no_sweep_has_reached():
    used, unused = Value(1.0), Value(1.0)
    adam = optim.Adam([used, unused], lr=0.1)
    (used * used).backward()
    adam.step()
    assert (round(used.data, 6), unused.data) == (0.9, 1.0)
    adam.zero_grad(set_to_none=False)
    assert (gradient_of(used), gradient_of(unused)) == (0.0, 0.0)
    adam.zero_grad()
    assert gradient_of(used) is None


def test_clipping_keeps_a_zero_gradient_reached():
    a, b = Value(0.0), Value(3.0)
    (a * b).backward()
    optim.clip_grad_norm_([a, b], 1.0)
    optim.clip_grad_value_([a, b], 0.5)
    assert (gradient_of(a), gradient_of(b)) == (0.5, 0.0)


@pytest.mark.parametrize("number", [3, True, np.float32(0.5), np.int64(7)])
def test_data_is_a_float_whatever_is_assigned(number):
    a = Value(1.0)
    square = a * a
    a.data = number
    assert (type(a.data), a.data) == (float, float(number))
    assert type(recompute(square)) is float
    with pytest.raises(TypeError, match="data needs a real number, got Value"):
        a.data = Value(1.0)
