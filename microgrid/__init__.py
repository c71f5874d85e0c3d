"""microgrid: a scalar autograd engine, and its computational graph made visible.

>>> from microgrid import Value
>>> w, x = Value(0.5, label="w"), Value(2.0, label="x")
>>> y = (w * x).tanh()
>>> y.backward()
>>> round(w.grad, 6)
0.839949

The rooms behind it are there as soon as they are named, and not imported before:

>>> import microgrid
>>> microgrid.nn.Linear(2, 1)(x=[1.0, 2.0])[0].parents != ()
True
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from . import functional
from .anomaly import detect_anomaly
from .derivatives import grad
from .graph import recompute
from .recording import no_grad, scope
from .value import Value

if _TYPE_CHECKING:
    from . import bptt, gradcheck, nn, optim, stepper, tape, train

__version__ = "0.2.0"

_ROOMS = ("bptt", "gradcheck", "nn", "optim", "stepper", "tape", "train")

__all__ = [
    "Value",
    "__version__",
    "bptt",
    "detect_anomaly",
    "functional",
    "grad",
    "gradcheck",
    "nn",
    "no_grad",
    "optim",
    "recompute",
    "scope",
    "stepper",
    "tape",
    "train",
]


def __getattr__(name: str) -> _Any:
    """Import a room when it is first asked for, so that `import microgrid` stays quick."""
    if name in _ROOMS:
        return _import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
