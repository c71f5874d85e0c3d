"""Optimizers, clipping and learning-rate schedules. Names and update rules are PyTorch's.

They work on anything with `data` and `grad`, floats or NumPy arrays: on Values, and on the
array-backed parameters of a Tape. PyTorch keeps the schedules in `optim.lr_scheduler` and
clipping in `nn.utils`; here all of it stands in one place.
"""

from .clipping import clip_grad_norm_, clip_grad_value_, grad_norm
from .optimizers import SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop
from .schedules import CosineAnnealingLR, ExponentialLR, LambdaLR, LinearLR, StepLR

__all__ = [
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "CosineAnnealingLR",
    "ExponentialLR",
    "LambdaLR",
    "LinearLR",
    "Optimizer",
    "RMSprop",
    "StepLR",
    "clip_grad_norm_",
    "clip_grad_value_",
    "grad_norm",
]
