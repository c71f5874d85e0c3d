"""Our tape on NumPy, as it runs where there is no C compiler."""

from __future__ import annotations

from functools import partial

from . import ours

char_rnn = lstm = microgpt = partial(ours.char_rnn, engine="numpy")
moons = partial(ours.moons, engine="numpy")
expression = partial(ours.expression, engine="numpy")
