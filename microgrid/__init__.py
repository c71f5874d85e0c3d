"""microgrid: a scalar autograd engine, and its computational graph made visible.

>>> from microgrid import Value
>>> w, x = Value(0.5, label="w"), Value(2.0, label="x")
>>> y = (w * x).tanh()
>>> y.backward()
>>> round(w.grad, 6)
0.839949
"""

from . import copying as _copying  # noqa: F401, teaches copy and pickle
from . import functional
from .anomaly import detect_anomaly
from .graph import grad, recompute
from .recording import no_grad, scope
from .value import Value

__all__ = ["Value", "detect_anomaly", "functional", "grad", "no_grad", "recompute", "scope"]
