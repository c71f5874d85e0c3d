"""Backpropagation through time, taken apart: where does this gradient come from?

    contributions  what each use of a shared weight adds to its gradient
    terms          dE_t/dW = sum over k, each (t, k) on its own
    jacobian       dh_t/dh_k, and the norms of all of them
    flow           how large the gradient is at every step, and a verdict
    paths          every product of the chain rule
    explain        the same as text and as LaTeX
    truncated      truncated BPTT against the full gradient

No `.grad` is touched: these functions sweep on their own.
"""

from .contributions import Contributions, Use, contributions, terms
from .explain import Explanation, explain
from .jacobian import Flow, flow, jacobian, jacobian_norms
from .paths import Path, Paths, paths
from .truncated import Truncated, chunks, truncated

__all__ = [
    "Contributions",
    "Explanation",
    "Flow",
    "Path",
    "Paths",
    "Truncated",
    "Use",
    "chunks",
    "contributions",
    "explain",
    "flow",
    "jacobian",
    "jacobian_norms",
    "paths",
    "terms",
    "truncated",
]
