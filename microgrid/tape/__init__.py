"""Record once, replay many times at matrix speed: the Tape.

The compiler turns a recording into a Plan, pass by pass: `read` makes integers of Values
(`ir`), `fuse` finds sums and dots, `schedule` finds matrices and what runs together as
`blocks`, `memory` gives every number a place, `guards` hold the branches that were taken; a
`plan` prints itself. A `session` runs it, on what `engines` has chosen: on NumPy (`numpy`),
where `program` writes down calls, on the `slots` of flat arrays, for each kind of block; or by
kernels in C (`compiled`). Or it becomes a function of JAX: `jax`.
"""

from ..index import Index, lookup
from .guards import GuardError
from .parameters import Parameter
from .tape import Tape
from .tapes import Tapes

__all__ = ["GuardError", "Index", "Parameter", "Tape", "Tapes", "lookup"]
