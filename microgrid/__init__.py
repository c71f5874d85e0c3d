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

if _TYPE_CHECKING:
    from . import bptt, functional, gradcheck, nn, optim, stepper, tape, train
    from .anomaly import detect_anomaly
    from .derivatives import grad
    from .graph import recompute
    from .recording import no_grad, scope
    from .value import Value

__version__ = "0.2.0"

_ROOMS = ("bptt", "functional", "gradcheck", "nn", "optim", "stepper", "tape", "train")
_HOMES = {
    "Value": "value",
    "detect_anomaly": "anomaly",
    "grad": "derivatives",
    "no_grad": "recording",
    "recompute": "graph",
    "scope": "recording",
}

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
    """Import what is asked for when it is first asked for.

    So `import microgrid` costs nothing, which a run of pytest that only has the plugin
    installed is glad of.
    """
    if name in _ROOMS:
        return _import_module(f"{__name__}.{name}")
    if name in _HOMES:
        found = getattr(_import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = found
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
