"""Matrix products, convolutions, pooling, attention."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...arrays import Array, by_line, data, dot, filled, matmul, reduced, softmax, total, windows
from .indexing import masked_fill
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
    given, filters = np.asarray(x), np.asarray(weight)
    n = filters.ndim - 2
    if transposed:
        axes = [_tuple(option, n) for option in (stride, padding, dilation, output_padding)]
        return _transposed_convolution(given, filters, bias, list(zip(*axes)), groups)
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


def _transposed_convolution(
    x: Array, filters: Array, bias: Any, axes: Sequence[Sequence[int]], groups: int
) -> Array:
    """Entry i of x meets entry k of a filter at place i stride - padding + k dilation.

    axes: stride, padding, dilation and output padding of each axis.
    """
    met = [
        _meetings(size, k, *options)
        for size, k, options in zip(x.shape[2:], filters.shape[2:], axes)
    ]
    each, channels = filters.shape[1], x.shape[1] // groups
    out = np.empty((len(x), each * groups, *map(len, met)), dtype=object)
    for place in np.ndindex(*out.shape[2:]):
        pairs = [met[axis][i] for axis, i in enumerate(place)]
        taken = np.ix_(*[[i for i, _ in found] for found in pairs])
        entries = np.ix_(*[[k for _, k in found] for found in pairs])
        for g in range(groups):
            own, to = (slice(g * n, (g + 1) * n) for n in (channels, each))
            rows = x[(slice(None), own, *taken)].reshape(len(x), -1)
            columns = filters[(own, slice(None), *entries)].swapaxes(1, 0).reshape(each, -1).T
            share = None if bias is None else np.asarray(bias)[to]
            out[(slice(None), to, *place)] = matmul(rows, columns, share)
    return out


def _meetings(
    size: int, k: int, stride: int, padding: int, dilation: int, more: int
) -> list[list[tuple[int, int]]]:
    """For each place of the output the entries of x and of the filter that meet there."""
    found: list[list[tuple[int, int]]] = [
        [] for _ in range((size - 1) * stride - 2 * padding + dilation * (k - 1) + more + 1)
    ]
    for i in range(size):
        for j in range(k):
            place = i * stride - padding + j * dilation
            if 0 <= place < len(found):
                found[place].append((i, j))
    return found


def _trilinear(
    a: Any, b: Any, c: Any, expand_a: Any, expand_b: Any, expand_c: Any, gone: Any, *_: Any
) -> Array:
    """The sum over some axes of a b c, each of which is first given axes of length 1."""
    given = zip((a, b, c), (expand_a, expand_b, expand_c))
    x, y, z = (np.expand_dims(np.asarray(one), tuple(axes)) for one, axes in given)
    return reduced(mul(mul(x, y), z), list(gone), False, total)


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
    masked = all(data(x) == -math.inf for x in xs)
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
    "_trilinear": _trilinear,
    "vdot": lambda a, b: filled((), [dot(np.asarray(a).tolist(), np.asarray(b).tolist())]),
    "addbmm": lambda c, a, b, beta=1.0, alpha=1.0: add(
        scaled(c, beta), scaled(reduced(_bmm(a, b), 0, False, total), alpha)
    ),
    "addr": lambda c, a, b, beta=1.0, alpha=1.0: add(scaled(c, beta), scaled(_outer(a, b), alpha)),
    "_scaled_dot_product_flash_attention_for_cpu": _flash,
    "_scaled_dot_product_flash_attention": _flash,
    "_scaled_dot_product_efficient_attention": _efficient,
}
