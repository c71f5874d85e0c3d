"""Calls that work on every entry by itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ... import ops
from ...arrays import Array, apply, atan2, data, filled, logsumexp, pointwise
from ...ops import Op, by_name
from ...value import Operand, Value
from .marks import chooses

__all__ = ["RULES", "add", "div", "mul", "scaled", "sub"]

_TANH_GELU = math.sqrt(2.0 / math.pi)
_SELU = 1.6732632423543772, 1.0507009873554805  # alpha and scale of torch.nn.SELU


def add(a: Any, b: Any, alpha: float = 1.0) -> Array:
    """a + alpha b."""
    return pointwise(ops.ADD, a, scaled(b, alpha))


def sub(a: Any, b: Any, alpha: float = 1.0) -> Array:
    """a - alpha b."""
    return pointwise(ops.SUB, a, scaled(b, alpha))


def mul(a: Any, b: Any) -> Array:
    """a b, entry by entry."""
    return pointwise(ops.MUL, a, b)


def div(a: Any, b: Any) -> Array:
    """a / b, entry by entry."""
    return pointwise(ops.DIV, a, b)


def scaled(a: Any, factor: float) -> Any:
    """a times a number; a itself where that is 1."""
    return a if factor == 1.0 else mul(a, float(factor))


def _power(a: Any, b: Any) -> Array:
    return pointwise(ops.POW, a, np.asarray(b, dtype=None if _holds_values(b) else float))


def _holds_values(a: Any) -> bool:
    return np.asarray(a).dtype == object


def _each(formula: Callable[..., Any]) -> Callable[..., Array]:
    """A rule from a formula in one entry and plain numbers."""

    def rule(a: Any, *options: Any, **named: Any) -> Array:
        given = np.asarray(a)
        flat = [formula(_value(x), *options, **named) for x in given.ravel().tolist()]
        return filled(given.shape, flat)

    return rule


def _value(x: Operand) -> Value:
    """An entry as a Value, so that a formula may use its methods; a number becomes a leaf."""
    return x if isinstance(x, Value) else Value(x)


def _op(row: Op) -> Callable[..., Array]:
    return lambda a, **_: pointwise(row, a)


def _named(name: str) -> Callable[..., Array]:
    return _op(by_name(name))


def _clamp(a: Any, min: Any = None, max: Any = None) -> Array:
    """Entries held between bounds. At a bound itself the whole gradient passes, as in torch."""
    out = np.asarray(a, dtype=object)
    if min is not None:
        out = _bounded(ops.MAXIMUM, out, min)
    if max is not None:
        out = _bounded(ops.MINIMUM, out, max)
    return out


def _bounded(op: Op, a: Array, bound: Any) -> Array:
    a, limits = np.broadcast_arrays(a, np.asarray(bound))
    pairs = zip(a.ravel().tolist(), limits.ravel().tolist())
    # A tie would share the gradient half and half, as torch.maximum does and clamp does not.
    kept = [x if data(x) == data(limit) else apply(op, [x, limit]) for x, limit in pairs]
    return filled(a.shape, kept)


def _hardtanh(a: Any, low: float = -1.0, high: float = 1.0) -> Array:
    """As clamp, but flat at the bounds themselves."""
    return _each(lambda x: x if low < x.data < high else min(max(x.data, low), high))(a)


def _leaky_relu(a: Any, slope: float = 0.01) -> Array:
    return pointwise(by_name("leaky_relu"), a, float(slope))


def _prelu(a: Any, weight: Any) -> Array:
    """w x + (1 - w) relu(x), the weight one number or one for each channel (axis 1)."""
    given, w = np.asarray(a), np.asarray(weight)
    if w.size > 1 and given.ndim > 1:
        w = w.reshape(-1, *[1] * (given.ndim - 2))
    positive = pointwise(ops.RELU, given)
    return add(mul(w, given), mul(sub(1.0, w), positive))


def _elu(a: Any, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> Array:
    """scale (relu(x) + alpha (exp(min(x, 0)) - 1)), where min(x, 0) is x - relu(x)."""
    positive = pointwise(ops.RELU, a)
    below = scaled(sub(a, positive), input_scale)
    return scaled(add(positive, scaled(pointwise(ops.EXPM1, below), alpha)), scale)


def _gelu(a: Any, approximate: str = "none") -> Array:
    if approximate == "none":
        return pointwise(by_name("gelu"), a)
    return _each(lambda x: 0.5 * x * (1.0 + (_TANH_GELU * (x + 0.044715 * x**3)).tanh()))(a)


def _softplus(a: Any, beta: float = 1.0, threshold: float = 20.0) -> Array:
    def formula(x: Value) -> Value:
        scaled_up = x * float(beta) if beta != 1 else x
        if scaled_up.data > threshold:
            return x
        return scaled_up.softplus() / float(beta) if beta != 1 else x.softplus()

    return _each(formula)(a)


def _where(condition: Any, a: Any, b: Any) -> Array:
    taken, a, b = np.broadcast_arrays(condition, a, b)
    triples = zip(taken.ravel().tolist(), a.ravel().tolist(), b.ravel().tolist())
    return filled(taken.shape, [x if yes else y for yes, x, y in triples])


@chooses
def _dropout(made: list[np.ndarray], a: Any, p: float, train: bool) -> list[Any]:
    """The entries that PyTorch's mask keeps, scaled up; the mask is a constant."""
    keep = made[1] if train else np.ones(np.shape(a), dtype=bool)
    factor = 1.0 / (1.0 - p) if train and p < 1.0 else 1.0
    return [mul(a, np.where(keep, factor, 0.0)), None]


def _xlogy(a: Any, b: Any) -> Array:
    """a ln b, and 0 where a is 0."""
    a, b = np.broadcast_arrays(np.asarray(a), np.asarray(b))
    zero = np.equal(_data_of(a), 0.0)
    return _where(zero, 0.0, mul(a, pointwise(ops.LOG, _where(zero, 1.0, b))))


def _data_of(a: Any) -> np.ndarray:
    flat = [data(x) for x in np.asarray(a).ravel().tolist()]
    return np.array(flat, dtype=float).reshape(np.shape(a))


@chooses
def _rounded(made: list[np.ndarray], *_: Any, **__: Any) -> np.ndarray:
    """What is flat everywhere has no gradient: rounding, signs. PyTorch's numbers are constants."""
    return made[0]


@chooses
def _quotient(
    made: list[np.ndarray], a: Any, b: Any, *, rounding_mode: str | None = None
) -> np.ndarray:
    return div(a, b) if rounding_mode is None else made[0]


def _remainder(whole: Callable[..., Any]) -> Callable[..., Array]:
    """A rule for a - b whole(a / b), the whole number a constant."""
    return lambda a, b: sub(a, mul(b, whole(_data_of(a) / _data_of(b))))


def _hypot(a: Any, b: Any) -> Array:
    return pointwise(ops.SQRT, add(_power(a, 2.0), _power(b, 2.0)))


def _picked(op: Op) -> Callable[..., Array]:
    """fmax and fmin: as maximum and minimum, but a nan loses."""

    def rule(a: Any, b: Any) -> Array:
        a, b = np.broadcast_arrays(np.asarray(a), np.asarray(b))
        x, y = _data_of(a), _data_of(b)
        one = np.isnan(x) | np.isnan(y)
        return _where(one, _where(np.isnan(x), b, a), pointwise(op, a, b))

    return rule


def _logaddexp2(a: Any, b: Any) -> Array:
    """log2(2**a + 2**b)."""
    scaled_up = [mul(x, math.log(2.0)) for x in (a, b)]
    return div(_logaddexp(*scaled_up), math.log(2.0))


def _logaddexp(a: Any, b: Any) -> Array:
    a, b = np.broadcast_arrays(np.asarray(a), np.asarray(b))
    pairs = zip(a.ravel().tolist(), b.ravel().tolist())
    return filled(a.shape, [logsumexp(pair) for pair in pairs])


def _logit(a: Any, eps: float | None = None) -> Array:
    """ln(a / (1 - a))."""
    p = a if eps is None else _clamp(a, eps, 1.0 - eps)
    return pointwise(ops.LOG, div(p, sub(1.0, p)))


def _sinc(a: Any) -> Array:
    """sin(pi a) / (pi a), 1 and flat at 0."""
    zero = _data_of(a) == 0.0
    angle = mul(_where(zero, 1.0, a), math.pi)
    return _where(zero, 1.0, div(pointwise(ops.SIN, angle), angle))


def _xlog1py(a: Any, b: Any) -> Array:
    """a ln(1 + b), and 0 where a is 0."""
    a, b = np.broadcast_arrays(np.asarray(a), np.asarray(b))
    zero = np.equal(_data_of(a), 0.0)
    return _where(zero, 0.0, mul(a, pointwise(ops.LOG1P, _where(zero, 1.0, b))))


def _entropy(a: Any) -> Array:
    """-a ln a, 0 at 0."""
    zero = _data_of(a) == 0.0
    logs = pointwise(ops.LOG, _where(zero, 1.0, a))
    return _where(zero, 0.0, sub(0.0, mul(a, logs)))


@chooses
def _rrelu(made: list[np.ndarray], a: Any, *_: Any, **__: Any) -> Array:
    """x above 0, below it x times the slope that PyTorch has drawn."""
    known = _data_of(a)
    below = known < 0.0
    return mul(a, np.where(below, made[0] / np.where(below, known, 1.0), 1.0))


def _glu(a: Any, dim: int = -1) -> Array:
    """The first half of an axis times the sigmoid of the second."""
    first, second = np.split(np.asarray(a), 2, axis=dim)
    return mul(first, pointwise(ops.SIGMOID, second))


def _lerp(a: Any, b: Any, weight: Any) -> Array:
    """a + w (b - a)."""
    return add(a, mul(sub(b, a), weight))


RULES: dict[str, Callable[..., Any]] = {
    "add": add,
    "sub": sub,
    "rsub": lambda a, b, alpha=1.0: sub(b, scaled(a, alpha)),
    "mul": mul,
    "div": div,
    "div.Tensor_mode": _quotient,
    "div.Scalar_mode": _quotient,
    "remainder": _remainder(np.floor),
    "fmod": _remainder(np.trunc),
    "frac": lambda a: sub(a, np.trunc(_data_of(a))),
    "atan2": atan2,
    "hypot": _hypot,
    "fmax": _picked(ops.MAXIMUM),
    "fmin": _picked(ops.MINIMUM),
    "copysign": lambda a, b: mul(a, np.sign(_data_of(a)) * np.copysign(1.0, _data_of(b))),
    "deg2rad": lambda a: mul(a, math.pi / 180.0),
    "rad2deg": lambda a: mul(a, 180.0 / math.pi),
    "ldexp": lambda a, b: mul(a, _power(2.0, b)),
    "logaddexp": _logaddexp,
    "logaddexp2": _logaddexp2,
    "logit": _logit,
    "sinc": _sinc,
    "special_xlog1py": _xlog1py,
    "special_entr": _entropy,
    "erfc": lambda a: sub(1.0, pointwise(by_name("erf"), a)),
    "rrelu_with_noise": _rrelu,
    "true_divide": div,
    "pow": _power,
    "pow.Scalar": _power,
    "float_power": _power,
    "square": lambda a: _power(a, 2.0),
    "maximum": lambda a, b: pointwise(ops.MAXIMUM, a, b),
    "minimum": lambda a, b: pointwise(ops.MINIMUM, a, b),
    "max.other": lambda a, b: pointwise(ops.MAXIMUM, a, b),
    "min.other": lambda a, b: pointwise(ops.MINIMUM, a, b),
    "neg": _op(ops.NEG),
    "positive": lambda a: np.asarray(a).copy(),
    "abs": _op(ops.ABS),
    "exp": _op(ops.EXP),
    "expm1": _op(ops.EXPM1),
    "log": _op(ops.LOG),
    "log1p": _op(ops.LOG1P),
    "sqrt": _op(ops.SQRT),
    "rsqrt": lambda a: div(1.0, pointwise(ops.SQRT, a)),
    "reciprocal": lambda a: div(1.0, a),
    "tanh": _op(ops.TANH),
    "sigmoid": _op(ops.SIGMOID),
    "relu": _op(ops.RELU),
    "relu6": lambda a: _hardtanh(a, 0.0, 6.0),
    "sin": _op(ops.SIN),
    "cos": _op(ops.COS),
    **{
        name: _named(name)
        for name in (
            "exp2",
            "log2",
            "log10",
            "tan",
            "sinh",
            "cosh",
            "asin",
            "acos",
            "atan",
            "asinh",
            "acosh",
            "atanh",
            "erf",
            "silu",
        )
        if name in ops.BY_NAME
    },
    "addcmul": lambda a, b, c, value=1.0: add(a, mul(b, c), value),
    "addcdiv": lambda a, b, c, value=1.0: add(a, div(b, c), value),
    "lerp": _lerp,
    "clamp": _clamp,
    "clamp_min": lambda a, min: _clamp(a, min=min),
    "clamp_max": lambda a, max: _clamp(a, max=max),
    "hardtanh": _hardtanh,
    "leaky_relu": _leaky_relu,
    "_prelu_kernel": _prelu,
    "elu": _elu,
    "selu": lambda a: _elu(a, *_SELU),
    "celu": lambda a, alpha=1.0: _elu(a, alpha, 1.0, 1.0 / alpha),
    "gelu": _gelu,
    "softplus": _softplus,
    "mish": _each(lambda x: x * x.softplus().tanh()),
    "log_sigmoid_forward": lambda a: [_each(lambda x: -((-x).softplus()))(a), None],
    "glu": _glu,
    "hardshrink": lambda a, limit=0.5: _where(np.abs(_data_of(a)) > limit, a, 0.0),
    "softshrink": lambda a, limit=0.5: _where(
        np.abs(_data_of(a)) > limit, sub(a, np.sign(_data_of(a)) * limit), 0.0
    ),
    "hardsigmoid": lambda a: _hardtanh(add(div(a, 6.0), 0.5), 0.0, 1.0),
    "hardswish": lambda a: mul(a, _hardtanh(add(div(a, 6.0), 0.5), 0.0, 1.0)),
    "threshold": lambda a, limit, value: _where(_data_of(a) > limit, a, float(value)),
    "where": _where,
    "native_dropout": _dropout,
    "xlogy": _xlogy,
    "nan_to_num": lambda a, nan=0.0, posinf=None, neginf=None: _where(
        np.isfinite(_data_of(a)), a, np.nan_to_num(_data_of(a), nan=nan or 0.0)
    ),
    **dict.fromkeys(
        [
            "sign",
            "sgn",
            "floor",
            "ceil",
            "round",
            "trunc",
            "floor_divide",
            "heaviside",
            "normal",
            "bernoulli",
        ],
        _rounded,
    ),
}
