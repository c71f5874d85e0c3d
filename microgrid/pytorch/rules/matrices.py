"""Matrix products, convolutions, pooling, attention."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...arrays import Array, by_line, dot, filled, matmul, mean, softmax, windows
from .indexing import masked_fill
from .marks import chooses
from .pointwise import add, mul, scaled

__all__ = ["RULES"]


def _addmm(c: Any, a: Any, b: Any, beta: float = 1.0, alpha: float = 1.0) -> Array:
    """beta c + alpha a b. A bias joins the dot of its unit, as one term more."""
    if beta == 1 and alpha == 1 and np.ndim(c) == 1 and np.shape(c)[0] == np.shape(b)[1]:
        return matmul(a, b, c)
    return add(scaled(matmul(a, b), alpha), scaled(c, beta))


def _bmm(a: Any, b: Any) -> Array:
    return np.stack([matmul(x, y) for x, y in zip(np.asarray(a), np.asarray(b))])


def _baddbmm(c: Any, a: Any, b: Any, beta: float = 1.0, alpha: float = 1.0) -> Array:
    return add(scaled(_bmm(a, b), alpha), scaled(c, beta))


def _mv(a: Any, b: Any) -> Array:
    return matmul(a, np.asarray(b)[:, None])[:, 0]


def _linear(x: Any, weight: Any, bias: Any = None) -> Array:
    given = np.asarray(x)
    rows = given.reshape(-1, given.shape[-1])
    return matmul(rows, np.asarray(weight).T, bias).reshape(*given.shape[:-1], -1)


def _tuple(given: Any, n: int) -> list[int]:
    values = [given] if isinstance(given, int) else list(given)
    return values * n if len(values) == 1 else values


def _convolution(
    x: Any,
    weight: Any,
    bias: Any,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
) -> Array:
    """Every place of the output is a dot of a window of x with a filter, and its bias."""
    if transposed:
        raise NotImplementedError("a transposed convolution")
    given, filters = np.asarray(x), np.asarray(weight)
    n = filters.ndim - 2
    seen = windows(given, filters.shape[2:], _tuple(stride, n), _tuple(padding, n),
                   _tuple(dilation, n))  # fmt: skip
    batch, channels, places = given.shape[0], given.shape[1] // groups, seen.shape[2 : 2 + n]
    each = filters.shape[0] // groups
    parts = []
    for g in range(groups):
        inner = np.moveaxis(seen[:, g * channels : (g + 1) * channels], 1, 1 + n)
        rows = inner.reshape(batch * math.prod(places), -1)
        part = slice(g * each, (g + 1) * each)
        columns = filters[part].reshape(each, -1).T
        found = matmul(rows, columns, None if bias is None else np.asarray(bias)[part])
        parts.append(np.moveaxis(found.reshape(batch, *places, each), -1, 1))
    return np.concatenate(parts, axis=1)


@chooses
def _max_pool(made: list[np.ndarray], a: Any, *_: Any, **__: Any) -> list[Any]:
    """The entries at the places that PyTorch found to be largest, flat over the pooled axes."""
    given, places = np.asarray(a), made[1].astype(int)
    pooled = 2 if given.ndim > 3 or (given.ndim == 3 and _is_plane(__, _)) else 1
    lead = given.shape[: given.ndim - pooled]
    flat = given.reshape(*lead, -1)
    chosen = np.take_along_axis(flat, places.reshape(*lead, -1), -1)
    return [chosen.reshape(places.shape), None]


def _is_plane(named: dict[str, Any], options: Sequence[Any]) -> bool:
    """Whether a pooling call without a batch works on two axes."""
    return bool(options) and not isinstance(options[0], int) and len(options[0]) == 2


def _avg_pool(n: int) -> Callable[..., Array]:
    def rule(
        a: Any,
        size: Any,
        stride: Any = (),
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Array:
        if ceil_mode or divisor_override or (not count_include_pad and any(_tuple(padding, n))):
            raise NotImplementedError("an average pooling with these options")
        sizes = _tuple(size, n)
        seen = windows(
            a, sizes, _tuple(stride, n) if stride else sizes, _tuple(padding, n), [1] * n
        )
        lines = seen.reshape(*seen.shape[: seen.ndim - n], -1)
        flat = lines.reshape(-1, lines.shape[-1]).tolist()
        return filled(lines.shape[:-1], [mean(xs) for xs in flat])

    return rule


def _adaptive_avg_pool(a: Any, size: Sequence[int]) -> Array:
    """The mean of each of `size` stretches of nearly equal length, per axis."""
    given, n = np.asarray(a), len(size)
    places = []
    for axis, parts in zip(given.shape[-n:], size):
        cuts = [(i * axis // parts, -(-(i + 1) * axis // parts)) for i in range(parts)]
        places.append([slice(*cut) for cut in cuts])
    lead = given.shape[:-n]
    out = np.empty((*lead, *size), dtype=object)
    for place in np.ndindex(*size):
        part = given[(..., *[places[k][i] for k, i in enumerate(place)])].reshape(*lead, -1)
        lines = part.reshape(-1, part.shape[-1]).tolist()
        out[(..., *place)] = filled(lead, [mean(xs) for xs in lines])
    return out


def _attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
    **_: Any,
) -> Array:
    """softmax(Q K^T / sqrt(d)) V over the last two axes (torch's scaled_dot_product_attention)."""
    q, k, v = np.asarray(query), np.asarray(key), np.asarray(value)
    if enable_gqa:
        k, v = (np.repeat(x, q.shape[-3] // x.shape[-3], axis=-3) for x in (k, v))
    lead = q.shape[:-2]
    sharpness = 1.0 / math.sqrt(q.shape[-1]) if scale is None else scale
    scores = np.empty((*lead, q.shape[-2], k.shape[-2]), dtype=object)
    for place in np.ndindex(*lead):
        scores[place] = matmul(mul(q[place], sharpness), k[place].T)
    if is_causal:
        seen = np.tril(np.ones(scores.shape[-2:], dtype=bool))
        scores = masked_fill(scores, ~seen, -math.inf)
    if attn_mask is not None:
        mask = np.asarray(attn_mask)
        scores = masked_fill(scores, ~mask, -math.inf) if mask.dtype == bool else add(scores, mask)
    weights = by_line(scores, -1, _weights)
    out = np.empty((*lead, q.shape[-2], v.shape[-1]), dtype=object)
    for place in np.ndindex(*lead):
        out[place] = matmul(weights[place], v[place])
    return out


def _weights(xs: list[Any]) -> Sequence[Any]:
    masked = all(x.__class__ is float and x == -math.inf for x in xs)
    return [0.0] * len(xs) if masked else softmax(xs)


def _fused_attention(
    q: Any, k: Any, v: Any, mask: Any, rate: float, causal: bool, scale: float | None
) -> list[Any]:
    if rate:
        raise NotImplementedError("attention whose dropout stays within one kernel")
    out = _attention(q, k, v, mask, 0.0, causal, scale)
    return [out]


def _flash(
    q: Any, k: Any, v: Any, dropout_p: float = 0.0, is_causal: bool = False, *_: Any,
    attn_mask: Any = None, scale: float | None = None,
) -> list[Any]:  # fmt: skip
    return _fused_attention(q, k, v, attn_mask, dropout_p, is_causal, scale)


def _efficient(
    q: Any, k: Any, v: Any, attn_bias: Any, compute_log_sumexp: bool, dropout_p: float = 0.0,
    is_causal: bool = False, *, scale: float | None = None,
) -> list[Any]:  # fmt: skip
    return _fused_attention(q, k, v, attn_bias, dropout_p, is_causal, scale)


def _outer(a: Any, b: Any) -> Array:
    """The outer product of two vectors."""
    return matmul(np.asarray(a)[:, None], np.asarray(b)[None, :])


def _addmv(c: Any, a: Any, b: Any, beta: float = 1.0, alpha: float = 1.0) -> Array:
    return add(scaled(_mv(a, b), alpha), scaled(c, beta))


RULES: dict[str, Callable[..., Any]] = {
    "mm": matmul,
    "addmm": _addmm,
    "bmm": _bmm,
    "baddbmm": _baddbmm,
    "mv": _mv,
    "addmv": _addmv,
    "dot": lambda a, b: filled((), [dot(np.asarray(a).tolist(), np.asarray(b).tolist())]),
    "linear": _linear,
    "ger": _outer,
    "convolution": _convolution,
    "max_pool1d_with_indices": _max_pool,
    "max_pool2d_with_indices": _max_pool,
    "avg_pool1d": _avg_pool(1),
    "avg_pool2d": _avg_pool(2),
    "_adaptive_avg_pool2d": _adaptive_avg_pool,
    "_scaled_dot_product_flash_attention_for_cpu": _flash,
    "_scaled_dot_product_flash_attention": _flash,
    "_scaled_dot_product_efficient_attention": _efficient,
}
