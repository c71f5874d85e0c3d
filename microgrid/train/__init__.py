"""Training: steps, runs that can be resumed, and text as a stream of letters."""

from .interrupt import CtrlC
from .steps import Recorded, Replayed, Step, TapedBPTT, TruncatedBPTT
from .text import Chunk, TextStream, Vocabulary, words
from .training import Diverged, Stateful, Training

__all__ = [
    "Chunk",
    "CtrlC",
    "Diverged",
    "Recorded",
    "Replayed",
    "Stateful",
    "Step",
    "TapedBPTT",
    "TextStream",
    "Training",
    "TruncatedBPTT",
    "Vocabulary",
    "words",
]
