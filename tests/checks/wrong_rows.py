"""An operation whose row is wrong, for checks to find."""

from microgrid.ops import Op
from microgrid.value import record

# A wrong row of one's own: the cube, its derivative without the factor 3
WRONG_CUBE = Op("cube", "³", lambda xp, a: a * a * a, lambda xp, out, a: (a * a,))


def cube(a):
    return record(WRONG_CUBE, (a,))
