"""A Plan run by kernels in C.

`kernels` and `reductions` write C (`text`) from the traced rows of the op table, `scalars` for
nodes that stand alone; `runtime.h` and `fixed.c` hold what no op is needed for. `lower` makes
rows of words of a plan, on the `slots` of an Arena (`program`), for each kind of block:
`elementwise`, `matmul`. `build` compiles and keeps kernels, and `replay` runs the words.
"""

__all__: list[str] = []
