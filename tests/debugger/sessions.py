"""Sessions of the debugger that tests type in."""

import io

from demos.quiz import quiz
from microgrid import nn
from microgrid.debugger import debug


def session(*lines, x=None):
    """What a session over the quiz prints, without the greeting."""
    out = io.StringIO()
    debug(quiz() if x is None else x, io.StringIO("\n".join(lines) + "\n"), out)
    return out.getvalue().splitlines()[1:]


def replies(*lines, x=None):
    """What the last of the commands prints."""
    printed = session(*lines, x=x)
    prompts = [i for i, line in enumerate(printed) if line.startswith("(bptt)")]
    return printed[prompts[-2] + 1 : prompts[-1]]


def lstm(hidden=2):
    model = nn.SequenceModel(nn.LSTMCell(1, hidden, seed=0), nn.Linear(hidden, 1, seed=1))
    return model.unroll([0.5, -1.0, 2.0], [0.0, 0.0, 1.0], loss="mse")
