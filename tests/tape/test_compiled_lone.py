"""Compiled kernels of nodes that stand alone: they have a tanh of their own."""

import math
import random
import shutil

import pytest

from microgrid import Value
from microgrid.tape import Tape

pytestmark = pytest.mark.skipif(
    not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="no C compiler"
)


@pytest.fixture(autouse=True)
def engine(monkeypatch):
    """The tests here say which engine they want."""
    monkeypatch.delenv("MICROGRID_ENGINE", raising=False)


class TestTanh:
    @pytest.fixture
    def tanh(self):
        """tanh of a number, by a tape on which its node stands alone."""
        x = Value(0.5)
        y = x.tanh()
        tape = Tape((y + 2.0) * y, inputs=[x], engine="compiled")
        assert tape.engine == "compiled"

        def found(number):
            tape.forward([number])
            return tape.value(y)

        return found

    def numbers(self):
        dice = random.Random(5)
        places = [k / 128 for k in range(0, 2600, 7)]
        yield from places + [math.nextafter(x, 0.0) for x in places]
        for _ in range(2000):
            yield dice.uniform(0.0, 21.0) * 10.0 ** dice.choice([0, -1, -2, -5, -15, -300])

    def test_it_is_the_library_s_to_the_last_digits_and_odd(self, tanh):
        for x in self.numbers():
            assert tanh(x) == pytest.approx(math.tanh(x), rel=1e-15, abs=0.0), x
            assert tanh(-x) == -tanh(x), x

    @pytest.mark.parametrize(
        "x", [0.0, -0.0, 5e-324, -1e-310, 19.999, 20.0, -20.0, 1e300, math.inf, -math.inf]
    )  # fmt: skip
    def test_at_the_ends_it_is_exact(self, tanh, x):
        assert math.copysign(1.0, tanh(x)) == math.copysign(1.0, x)
        assert tanh(x) == math.tanh(x)

    def test_nan_stays_nan(self, tanh):
        assert math.isnan(tanh(math.nan))
