"""Attention and normalisation: what transformer blocks are made of, beside linear."""

from collections.abc import Sequence

from .. import ops
from ..value import Operand, Value, record
from .elementwise import rsqrt
from .sums import dot, linear, mean, softmax
from .vectors import Vector, not_empty, same_length, vector

__all__ = ["attention_weights", "layer_norm", "rms_norm", "scaled_dot_product_attention"]


def attention_weights(
    query: Sequence[Vector],
    key: Sequence[Vector],
    is_causal: bool = False,
    scale: float | None = None,
) -> list[list[Value]]:
    """softmax over the keys of scale q . k: a row of shares per query, each adding up to 1.

    query is L rows of E, key S rows of E. is_causal: query i sees keys 0..i only, and its row
    is that much shorter. scale: 1 / sqrt(E) unless given (Vaswani et al., 2017).

    >>> [[round(a.data, 6) for a in row] for row in
    ...  attention_weights([[1.0], [3.0]], [[0.0], [2.0]], is_causal=True)]
    [[1.0], [0.002473, 0.997527]]
    """
    if not key:
        raise ValueError("attention_weights needs at least one key, got none")
    found = []
    for i, q in enumerate(query):
        seen = key[: i + 1] if is_causal else key
        factor = len(q) ** -0.5 if scale is None else scale
        scores = linear(q, seen)
        found.append(softmax([s * factor for s in scores] if factor != 1.0 else scores))
    return found


def scaled_dot_product_attention(
    query: Sequence[Vector],
    key: Sequence[Vector],
    value: Sequence[Vector],
    is_causal: bool = False,
    scale: float | None = None,
) -> list[list[Value]]:
    """For each query the values, mixed by its attention weights (PyTorch's name for it).

    query is L rows of E, key S rows of E, value S rows of V; the result L rows of V.

    >>> [[y.data] for (y,) in scaled_dot_product_attention([[0.0]], [[1.0], [5.0]], [[2.0], [4.0]])]
    [[3.0]]
    """
    same_length("scaled_dot_product_attention: key and value", key, value)
    rows = attention_weights(query, key, is_causal, scale)
    return [_mixed(weights, value) for weights in rows]


def _mixed(weights: Vector, rows: Sequence[Vector]) -> list[Value]:
    """Rows times their weights, added up; what has no weight is left out."""
    return linear(weights, list(zip(*rows[: len(weights)])))


def layer_norm(
    x: Vector, weight: Vector | None = None, bias: Vector | None = None, eps: float = 1e-5
) -> list[Value]:
    """(x - mean) / sqrt(variance + eps), times weight, plus bias (Ba et al., 2016).

    The variance is that of the entries of x, divided by n as in PyTorch.

    >>> [round(y.data, 6) for y in layer_norm([1.0, 3.0], eps=0.0)]
    [-1.0, 1.0]
    """
    xs = not_empty("layer_norm", vector(x, "layer_norm"))
    centre = mean(xs)
    centred = [record(ops.SUB, (value, centre)) for value in xs]
    return _scaled("layer_norm", centred, weight, bias, eps)


def rms_norm(x: Vector, weight: Vector | None = None, eps: float = 2.0**-52) -> list[Value]:
    """x / sqrt(mean of x**2 + eps), times weight (Zhang and Sennrich, 2019).

    >>> [round(y.data, 6) for y in rms_norm([3.0, 4.0], [1.0, 2.0])]
    [0.848528, 2.262742]
    """
    xs = not_empty("rms_norm", vector(x, "rms_norm"))
    return _scaled("rms_norm", xs, weight, None, eps)


def _scaled(
    what: str, xs: Sequence[Operand], weight: Vector | None, bias: Vector | None, eps: float
) -> list[Value]:
    scale = rsqrt(dot(xs, xs) / float(len(xs)) + eps)
    found = [scale * x for x in xs]
    if weight is not None:
        same_length(f"{what}: x and weight", xs, weight)
        found = [y * w for y, w in zip(found, weight)]
    if bias is not None:
        same_length(f"{what}: x and bias", xs, bias)
        found = [y + b for y, b in zip(found, bias)]
    return found
