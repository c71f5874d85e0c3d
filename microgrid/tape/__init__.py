"""Record once, replay many times at matrix speed: the Tape.

Planning: `reading` turns the graph into numbers, `schedule` finds matrices and what runs
together, `layout` gives every number a place; together they are a `plan`. Running it on
NumPy: `program` writes down calls, on the `slots` of flat arrays, for each kind of block
(`products`, `maps`, `scalars`); a `sweep` is the backward pass, and `replay` holds both. Or on
JAX: `xla`.
"""

from .guards import GuardError
from .parameters import Parameter
from .tape import Tape
from .tapes import Tapes

__all__ = ["GuardError", "Parameter", "Tape", "Tapes"]
