"""Every kind of module in torch.nn, and calls of torch, each with small inputs.

A module is (module, shapes of its inputs); where an input is no random float tensor it is given
itself. A call is (function, shapes).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

__all__ = ["ABSTRACT", "CALLS", "LAZY", "MODULES"]

Given = tuple[Callable[..., Any], list[Any]]
FLAT, PLANE, BOX = (2, 6), (1, 4, 4, 4), (1, 4, 2, 4, 4)
CLASSES, SIGNS = torch.tensor([0, 2]), torch.tensor([1.0, -1.0])
BITS = torch.tensor([[1.0, 0, 1, 0, 0, 1], [0, 1, 1, 1, 0, 0]])
TARGET = torch.linspace(0.1, 0.9, 12).reshape(2, 6)


def _after(first: nn.Module, last: nn.Module) -> nn.Sequential:
    return nn.Sequential(first, last)


class _There(nn.Module):
    """Pools, and puts back where the entries were."""

    def __init__(self, pool: nn.Module, back: nn.Module) -> None:
        super().__init__()
        self.pool, self.back = pool, back

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.back(*self.pool(x))


def _modules() -> dict[str, Callable[[], Given]]:
    found: dict[str, Callable[[], Given]] = {}

    def add(name: str, shapes: list[Any], *args: Any, **named: Any) -> None:
        found[name] = lambda: (getattr(nn, name.partition(",")[0])(*args, **named), shapes)

    names = (
        "CELU ELU GELU GLU Hardshrink Hardswish Hardtanh Identity LeakyReLU LogSigmoid Mish PReLU "
        "RReLU ReLU ReLU6 SELU SiLU Sigmoid Softplus Softshrink Softsign Tanh Tanhshrink Flatten "
        "Dropout AlphaDropout"
    )
    for name in names.split():
        add(name, [FLAT])
    add("Threshold", [FLAT], 0.1, 20.0)
    for name in ("LogSoftmax", "Softmax", "Softmin"):
        add(name, [FLAT], -1)
    add("Softmax2d", [PLANE])
    for n, shape in ((1, PLANE[:3]), (2, PLANE), (3, BOX)):
        add(f"Conv{n}d", [shape], 4, 2, 2, padding=1, dilation=1, groups=2)
        add(f"ConvTranspose{n}d", [shape], 4, 2, 2, stride=2, padding=1, groups=2)
        add(f"MaxPool{n}d", [shape], 2, stride=1, padding=1)
        add(f"AvgPool{n}d", [shape], 2, padding=1, ceil_mode=True, count_include_pad=False)
        add(f"LPPool{n}d", [shape], 2.0, 2)
        add(f"AdaptiveAvgPool{n}d", [shape], 2)
        add(f"AdaptiveMaxPool{n}d", [shape], 2)
        add(f"BatchNorm{n}d", [shape], 4)
        add(f"InstanceNorm{n}d", [shape], 4, affine=True)
        add(f"Dropout{n}d", [shape])
        for kind in ("Zero", "Reflection", "Replication", "Circular"):
            add(f"{kind}Pad{n}d", [shape], 1)
        add(f"ConstantPad{n}d", [shape], 1, 0.5)
        pool = getattr(nn, f"MaxPool{n}d")
        found[f"MaxUnpool{n}d"] = lambda pool=pool, n=n, shape=shape: (
            _There(pool(2, return_indices=True), getattr(nn, f"MaxUnpool{n}d")(2)), [shape],
        )  # fmt: skip
    add("FractionalMaxPool2d", [PLANE], 2, output_size=3)
    add("FractionalMaxPool3d", [(1, 1, 3, 5, 5)], 2, output_size=(1, 3, 3))
    add("FeatureAlphaDropout", [PLANE])
    add("LocalResponseNorm", [PLANE], 2)
    add("ChannelShuffle", [PLANE], 2)
    add("PixelShuffle", [PLANE], 2)
    add("PixelUnshuffle", [PLANE], 2)
    add("Upsample", [PLANE], scale_factor=2, mode="bicubic")
    add("UpsamplingBilinear2d", [PLANE], scale_factor=2)
    add("UpsamplingNearest2d", [PLANE], scale_factor=2)
    add("Unfold", [PLANE], 2)
    add("Fold", [(1, 8, 9)], (4, 4), 2)
    add("Unflatten", [FLAT], 1, (2, 3))
    add("GroupNorm", [PLANE], 2, 4)
    add("LayerNorm", [FLAT], 6)
    add("RMSNorm", [FLAT], 6)
    add("Linear", [FLAT], 6, 2)
    add("Bilinear", [FLAT, (2, 3)], 6, 3, 2)
    add("Embedding", [torch.tensor([1, 0, 1])], 3, 2)
    add("EmbeddingBag", [torch.tensor([[1, 0], [2, 2]])], 3, 2)
    for kind in ("RNN", "LSTM", "GRU"):
        add(kind, [(2, 1, 2)], 2, 2)
        add(f"{kind}Cell", [(2, 2)], 2, 2)
    add("MultiheadAttention", [(3, 4), (3, 4), (3, 4)], 4, 2, dropout=0.2)
    add("MultiheadAttention, inference", [(3, 4), (3, 4), (3, 4)], 4, 2)
    for kind in ("Encoder", "Decoder"):
        inputs = [(2, 1, 4)] * (1 if kind == "Encoder" else 2)
        add(f"Transformer{kind}Layer", inputs, 4, 2, 4)
        layer = getattr(nn, f"Transformer{kind}Layer")
        found[f"Transformer{kind}"] = lambda kind=kind, layer=layer, inputs=inputs: (
            getattr(nn, f"Transformer{kind}")(layer(4, 2, 4, batch_first=True), 1), inputs,
        )  # fmt: skip
    add("Transformer", [(1, 2, 4)] * 2, 4, 2, 1, 1, 4, batch_first=True)
    add("CosineSimilarity", [FLAT, FLAT])
    add("PairwiseDistance", [FLAT, FLAT])
    for name in ("L1Loss", "MSELoss", "SmoothL1Loss", "HuberLoss", "PoissonNLLLoss"):
        add(name, [FLAT, TARGET])
    add("KLDivLoss", [FLAT, TARGET], reduction="batchmean")
    add("BCEWithLogitsLoss", [FLAT, BITS])
    found["BCELoss"] = lambda: (
        lambda x, y: nn.BCELoss()(x.sigmoid(), y), [FLAT, BITS],
    )  # fmt: skip
    add("CrossEntropyLoss", [FLAT, CLASSES])
    found["NLLLoss"] = lambda: (
        lambda x, y: nn.NLLLoss()(x.log_softmax(1), y), [FLAT, CLASSES],
    )  # fmt: skip
    found["NLLLoss2d"] = lambda: (
        lambda x: nn.NLLLoss()(x.log_softmax(1), torch.zeros(1, 4, 4, dtype=torch.int64)), [PLANE],
    )  # fmt: skip
    add("GaussianNLLLoss", [FLAT, TARGET, BITS + 0.5])
    add("HingeEmbeddingLoss", [(2,), SIGNS])
    add("SoftMarginLoss", [(2,), SIGNS])
    add("CosineEmbeddingLoss", [FLAT, FLAT, SIGNS])
    add("MarginRankingLoss", [(2,), (2,), SIGNS])
    add("MultiMarginLoss", [FLAT, CLASSES])
    add("MultiLabelMarginLoss", [FLAT, torch.tensor([[3, 0, -1, 1, 2, 4], [1, -1, 0, 0, 0, 0]])])
    add("MultiLabelSoftMarginLoss", [FLAT, BITS])
    add("TripletMarginLoss", [FLAT, FLAT, FLAT])
    add("TripletMarginWithDistanceLoss", [FLAT, FLAT, FLAT])
    add("AdaptiveLogSoftmaxWithLoss", [FLAT, CLASSES], 6, 5, [2])
    if hasattr(nn, "LinearCrossEntropyLoss"):
        add("LinearCrossEntropyLoss", [FLAT, CLASSES], 6, 3)
    return found


MODULES = _modules()
# Classes that hold others, or have no forward of their own.
ABSTRACT = {
    "Container", "DataParallel", "Module", "ModuleDict", "ModuleList", "ParameterDict",
    "ParameterList", "RNNBase", "RNNCellBase", "Sequential", "SyncBatchNorm",
}  # fmt: skip
# Their parameters have no shape before a first call; afterwards they are modules listed above.
LAZY = {name for name in dir(nn) if name.startswith("Lazy")}

SQUARE, PAIR = (3, 3), (2, 3)


def _calls() -> dict[str, Given]:
    found: dict[str, Given] = {}
    names = (
        "erf erfc exp2 expm1 frac sinc softplus asinh atan cosh sinh deg2rad rad2deg square "
        "special_entr relu6 trace logit"
    )
    for name in names.split():
        f = getattr(torch, name, None) or getattr(F, name, None) or torch.special.entr
        safe = (lambda x, f=f: f(x.sigmoid())) if name in ("logit", "special_entr") else f
        found[name] = (safe, [SQUARE])
    for name in [
        "atan2",
        "hypot",
        "logaddexp",
        "logaddexp2",
        "fmod",
        "remainder",
        "fmax",
        "fmin",
        "copysign",
        "dist",
    ]:
        found[name] = (getattr(torch, name), [SQUARE, SQUARE])
    places = torch.tensor([[0, 1, 0], [1, 1, 0]])
    found |= {
        "clamp by tensors": (lambda a, b: torch.clamp(a, b - 0.5, b + 0.5), [SQUARE, SQUARE]),
        "linalg.norm, p = 3": (lambda a: torch.linalg.norm(a, 3, 1), [PAIR]),
        "vector_norm of zeros": (lambda a: torch.linalg.vector_norm(a * 0) + a.sum(), [PAIR]),
        "linalg.matrix_norm": (lambda a: torch.linalg.matrix_norm(a), [SQUARE]),
        "linalg.det": (torch.linalg.det, [SQUARE]),
        "linalg.det, 5 x 5": (torch.linalg.det, [(5, 5)]),
        "linalg.slogdet": (lambda a: torch.linalg.slogdet(a)[1], [(2, 4, 4)]),
        "linalg.inv": (torch.linalg.inv, [(2, 3, 3)]),
        "linalg.solve": (torch.linalg.solve, [SQUARE, (3, 2)]),
        "linalg.solve, from the right": (
            lambda a, b: torch.linalg.solve(a, b, left=False), [SQUARE, PAIR],
        ),
        "linalg.solve_triangular": (
            lambda a, b: torch.linalg.solve_triangular(a.triu() + 3 * torch.eye(3), b, upper=True),
            [SQUARE, (3, 2)],
        ),
        "linalg.cholesky": (
            lambda a: torch.linalg.cholesky(a @ a.mT + torch.eye(3)), [SQUARE],
        ),
        "cholesky_solve": (
            lambda a, b: torch.cholesky_solve(b, torch.linalg.cholesky(a @ a.mT + torch.eye(3)))
            + torch.cholesky_inverse((a @ a.mT + torch.eye(3)).triu(), upper=True)[:, :2],
            [SQUARE, (3, 2)],
        ),
        "lu_factor and lu_solve": (_by_factors, [(2, 3, 3), (2, 3, 2)]),
        "linalg.lu": (lambda a: sum(torch.linalg.lu(a)[1:]), [(2, 3, 3)]),
        "matrix_exp": (
            lambda a: torch.linalg.matrix_exp(torch.stack([a, 3 * a, a - a.mT])), [SQUARE],
        ),
        "lgamma and digamma": (
            lambda a: torch.lgamma(3 * a) + torch.digamma(3 * a) + torch.lgamma(a.exp() * 1e3),
            [SQUARE],
        ),
        "polygamma": (lambda a: torch.polygamma(3, a.exp()), [SQUARE]),
        "mvlgamma": (lambda a: torch.mvlgamma(a.abs() + 2, 3), [SQUARE]),
        "special.ndtr": (torch.special.ndtr, [SQUARE]),
        "linalg.qr": (lambda a: sum(torch.linalg.qr(a)), [SQUARE]),
        "linalg.cross": (torch.linalg.cross, [PAIR, PAIR]),
        "linalg.matrix_power": (lambda a: torch.linalg.matrix_power(a, -2), [SQUARE]),
        "cumsum and cumprod": (lambda a: a.cumsum(0) + a.cumprod(1), [PAIR]),
        "cummax and cummin": (lambda a: a.cummax(0).values + a.cummin(1).values, [PAIR]),
        "logcumsumexp": (lambda a: a.logcumsumexp(1), [PAIR]),
        "median": (lambda a: a.median(), [PAIR]),
        "std_mean": (lambda a: sum(torch.std_mean(a, 0)), [PAIR]),
        "aminmax": (lambda a: sum(torch.aminmax(a)), [PAIR]),
        "nansum": (lambda a: torch.nansum(torch.where(a > 0, a, torch.nan), 1), [PAIR]),
        "scatter_reduce": (
            lambda a, b: sum(
                a.scatter_reduce(1, places, b, how) for how in ("sum", "prod", "mean", "amax")
            ),
            [SQUARE, PAIR],
        ),
        "index_fill": (lambda a: a.index_fill(0, torch.tensor([1]), 2.0), [PAIR]),
        "masked_scatter": (lambda a, b: a.masked_scatter(places > 0, b), [PAIR, PAIR]),
        "put": (lambda a, b: a.put(torch.tensor([0, 4]), b), [PAIR, (2,)]),
        "take_along_dim": (lambda a: torch.take_along_dim(a, places, 1), [PAIR]),
        "diagonals": (
            lambda a: a.diagonal_scatter(torch.diag_embed(a[0], 1)[0, :3]) + a.diag(), [SQUARE],
        ),
        "block_diag": (torch.block_diag, [PAIR, SQUARE]),
        "rot90": (torch.rot90, [PAIR]),
        "cdist": (torch.cdist, [PAIR, SQUARE]),
        "cdist, p = 1": (lambda a, b: torch.cdist(a, b, 1.0), [PAIR, SQUARE]),
        "pdist": (F.pdist, [SQUARE]),
        "cosine_similarity": (lambda a, b: F.cosine_similarity(a, b, dim=0), [PAIR, PAIR]),
        "normalize": (lambda a: F.normalize(a, dim=1), [PAIR]),
        "addbmm and addr": (
            lambda a, b, c: torch.addbmm(a, b, b) + torch.addr(a, c, c), [SQUARE, (2, 3, 3), (3,)],
        ),
        "embedding_bag, largest": (
            lambda w: F.embedding_bag(places, w, mode="max"), [PAIR],
        ),
        "interpolate, nearest": (lambda a: F.interpolate(a, scale_factor=1.5), [PLANE]),
        "interpolate, trilinear": (
            lambda a: F.interpolate(a, size=(3, 3, 3), mode="trilinear"), [BOX],
        ),
        "grid_sample": (
            lambda a, g: F.grid_sample(a, g.tanh(), align_corners=True), [PLANE, (1, 2, 2, 2)],
        ),
        "pad, reflected and cut": (lambda a: F.pad(a, (-1, 2), mode="reflect"), [PLANE[:3]]),
        "conv_transpose2d, dilated": (
            lambda x, w: F.conv_transpose2d(x, w, stride=2, dilation=2, output_padding=1),
            [PLANE, (4, 1, 2, 2)],
        ),
        "avg_pool2d, divisor": (
            lambda a: F.avg_pool2d(a, 3, 2, 1, True, divisor_override=5), [PLANE],
        ),
        "attention whose dropout is in one kernel": (
            lambda q, k: F.scaled_dot_product_attention(q, k, k, dropout_p=0.3), [(1, 2, 3, 4)] * 2,
        ),
        "numbers changed behind autograd's back": (_behind, [PAIR]),
    }  # fmt: skip
    return found


def _by_factors(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    lu, pivots = torch.linalg.lu_factor(a)
    found = torch.linalg.lu_solve(lu, pivots, b)
    found = found + torch.linalg.lu_solve(lu, pivots, b, adjoint=True)
    for adjoint in (False, True):
        right = torch.linalg.lu_solve(lu, pivots, b.mT, left=False, adjoint=adjoint)
        found = found + right.mT
    return found


def _behind(a: torch.Tensor) -> torch.Tensor:
    """What is written under no_grad, or through detach, changes numbers and no gradient."""
    b = a * 2
    with torch.no_grad():
        b.clamp_(min=0.1)
    b.detach()[0] *= 3
    return b * b


CALLS = _calls()
