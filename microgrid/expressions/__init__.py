"""A row of the op table as an expression: traced once, printed in other languages.

`trace(op)` calls the row's own `forward` and `partials` with symbols and writes down what
they do, so that C, JavaScript, LaTeX and plain text hold the formulas of ops.py and none of
their own. `to_c`, `to_javascript`, `to_latex` and `to_text` print an expression; `c_functions`
and `javascript_table` print whole rows as code that runs.
"""

from .c import c_functions, to_c
from .javascript import javascript_table, to_javascript
from .latex import to_latex, to_text
from .python import to_python
from .rewrite import evaluate, substitute, unrolled
from .simplify import simplified
from .trace import Row, trace
from .tree import Expression, UntraceableError, number, symbol

__all__ = [
    "Expression",
    "Row",
    "UntraceableError",
    "c_functions",
    "evaluate",
    "javascript_table",
    "number",
    "simplified",
    "substitute",
    "symbol",
    "to_c",
    "to_javascript",
    "to_latex",
    "to_python",
    "to_text",
    "trace",
    "unrolled",
]
