"""Value: one number that remembers how it was made, and how to send gradients back.

Arithmetic on Values records a graph; `backward()` walks it in reverse order of creation
and leaves d(root)/d(node) in every node's `grad`. What happens in `c = a * b`:

1. The row MUL of the op table (ops.py) gives the value a.data * b.data ...
2. ... and the local derivatives: b.data towards a, a.data towards b.
3. A new Value holds both: its operands `_a`, `_b`, and dc/da, dc/db in `_da`, `_db`.
4. `c.backward()` puts 1 on c, goes through the nodes from the youngest to the oldest,
5. and adds upstream x local derivative to the gradient of each operand.
6. `record`, below the class, is steps 1 to 3 for any row of the table; recorders.py writes it
   out for the operators, bundle.py does it for all rows of a matrix product at once.
"""

from __future__ import annotations

import numbers
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import Any, SupportsFloat, SupportsIndex, TypeAlias, cast

from . import ops
from .bundle import Many, Pending, bundled, changes
from .made import Consts, Made
from .ops import FLOAT, Op
from .order import creation_order, operations
from .reals import as_float
from .recording import MODE, TESTS, Mode, comparisons, current_watch

__all__ = [
    "Consts", "Number", "Operand", "Value", "compare", "creation_order",
    "next_serial", "record", "record_pair", "record_rows", "serials",
]  # fmt: skip

Number: TypeAlias = float  # Python and NumPy real numbers

serials = count()
next_serial = serials.__next__


def _method(op: Op, reflected: bool = False) -> Callable[..., Value]:
    """Value's method that records `op`, for all its names. Its first call has it written out."""
    written: Callable[..., Value] | None = None

    def method(self: Value, *others: Operand) -> Value:
        nonlocal written
        if written is None:
            from .recorders import recorder

            written = recorder(op, reflected)
            for name in [name for name, found in vars(Value).items() if found is method]:
                setattr(Value, name, written)
        return written(self, *others)

    return method


# Each way of writing an operation has a function of its own, for a type checker's sake.
def _unary(op: Op) -> Callable[[Value], Value]:
    return _method(op)


def _infix(op: Op) -> Callable[[Value, Operand], Value]:
    return _method(op)


def _reflected(op: Op) -> Callable[[Value, Number], Value]:
    return _method(op, reflected=True)


class Value(Made):
    """A scalar node of the graph.

    Attributes
    ----------
    data : float
        The number. A leaf's may be changed; `recompute(root)` then refreshes what
        depends on it.
    grad : float
        d(root)/d(this) after a sweep; 0.0 until a sweep has reached the node.
        Leaves accumulate over sweeps, other nodes keep the latest (as in PyTorch).
        Assigning 0 or None resets it.
    op : Op or None
        The operation that made it; None for a leaf.
    parents : tuple of Value
        The operands that are Values. A plain number is a constant without gradient
        and stands in `operands` only.
    partials : sequence of float
        The local derivative towards each parent, stored when the node was made.
    label, scope : str
        Its name, and where it was made: "t=2/cell".

    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> loss = (a * b + 10.0) ** 2
    >>> loss.backward()
    >>> loss.data, a.grad, b.grad
    (16.0, -24.0, 16.0)

    `math.sin(a)` goes through `float(a)` and so loses the gradient: write `a.sin()` or
    `F.sin(a)`. `np.sin(a)` is right as well, because NumPy calls the method.
    """

    __slots__ = (
        "__weakref__",
        "_data",
        "_grad",
        "label",
        "scope",
        "serial",
    )

    _data: float
    _grad: float | None  # None until a sweep has reached the node
    label: str
    scope: str
    serial: int  # order of creation: a node is always younger than its parents

    def __init__(self, data: SupportsFloat, label: str = "") -> None:
        self._data = data if data.__class__ is float else as_float(data)
        self._grad = self.op = self._a = self._b = None
        self.label = label
        self.scope = MODE.get().scope
        self.serial = next_serial()

    @property
    def data(self) -> float:
        """The number."""
        return self._data

    @data.setter
    def data(self, data: SupportsFloat) -> None:
        self._data = data if data.__class__ is float else as_float(data)
        changes[0] = next_serial()

    @property
    def grad(self) -> float:
        """d(root)/d(this), 0.0 before a sweep has come (`graph.gradient_of` tells the two apart).

        >>> a = Value(3.0)
        >>> a.grad
        0.0
        """
        return 0.0 if self._grad is None else self._grad

    @grad.setter
    def grad(self, grad: SupportsFloat | None) -> None:
        # An assigned 0 is no message that came: as micrograd's programs reset a gradient.
        self._grad = None if grad is None else as_float(grad, "grad") or None

    def backward(self, gradient: float = 1.0) -> None:
        """Sweep from here: every node gets d(self)/d(node) times `gradient`.

        A node's gradient is the sum of the messages (upstream gradient x local
        derivative) that reach it. Leaves add to what they hold, so set their `grad`
        to 0 (or call `zero_grad`) between steps.

        >>> a = Value(3.0)
        >>> b = a * a * a
        >>> b.backward(); b.backward(); a.grad
        54.0
        """
        watch = current_watch()
        if watch is not None:
            watch.sweep(self, gradient)
            return
        zero = float("0")  # its identity marks the nodes that this sweep has met
        order = operations(self, zero)
        pending: Pending = {}
        self._grad += as_float(gradient, "gradient")  # type: ignore[operator]
        turns = reversed(order)
        for node in turns:
            upstream: Any = node._grad
            a, b = node._a, node._b
            if a is not None:
                a._grad += upstream * node._da
            if b is not None:
                b._grad += upstream * node._db
            elif a is None:
                node._da.send(node, turns, order, pending)
        for weights, uses in pending.items():
            weights.receive(uses)

    def detach(self) -> Value:
        """A new leaf with the same number: gradients stop here."""
        return Value(self.data, label=self.label)

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        from .saving.copies import reduced  # copies graphs of any depth

        return reduced(self)

    def __repr__(self) -> str:
        details = [repr(self.data)]
        details += [f"label={self.label!r}"] if self.label else []
        details += [f"op={self.op.name}"] if self.op else []
        details += [f"grad={self._grad!r}"] if self._grad is not None else []
        return f"Value({', '.join(details)})"

    def item(self) -> float:
        """The number itself, `data`: PyTorch's name for it, as in `loss.item()`."""
        return float(self.data)

    __float__ = item

    def __int__(self) -> int:
        return int(self.data)

    def __bool__(self) -> bool:
        return compare("not_equal", self, 0.0)

    def __format__(self, spec: str) -> str:
        return format(self.data, spec)

    # Arithmetic. Every method records one row of the op table.

    __add__, _radd = _infix(ops.ADD), _reflected(ops.ADD)
    __sub__, __rsub__ = _infix(ops.SUB), _reflected(ops.SUB)
    __mul__, __rmul__ = _infix(ops.MUL), _reflected(ops.MUL)
    __truediv__, __rtruediv__ = _infix(ops.DIV), _reflected(ops.DIV)
    __pow__, __rpow__ = _infix(ops.POW), _reflected(ops.POW)
    __neg__, __abs__ = _unary(ops.NEG), _unary(ops.ABS)

    def __radd__(self, other: Number) -> Value:
        if other.__class__ is int and other == 0:  # sum(values) starts with 0: no addend
            return self
        return self._radd(other)

    def __pos__(self) -> Value:
        return self

    # The functions of one number, under PyTorch's names and, where they differ, NumPy's:
    # np.arcsin(value) calls value.arcsin().
    exp, exp2, expm1 = _unary(ops.EXP), _unary(ops.EXP2), _unary(ops.EXPM1)
    log, log2, log10 = _unary(ops.LOG), _unary(ops.LOG2), _unary(ops.LOG10)
    log1p, sqrt, abs = _unary(ops.LOG1P), _unary(ops.SQRT), _unary(ops.ABS)
    sin, cos, tan = _unary(ops.SIN), _unary(ops.COS), _unary(ops.TAN)
    sinh, cosh, tanh = _unary(ops.SINH), _unary(ops.COSH), _unary(ops.TANH)
    asin = arcsin = _unary(ops.ASIN)
    acos = arccos = _unary(ops.ACOS)
    atan = arctan = _unary(ops.ATAN)
    asinh = arcsinh = _unary(ops.ASINH)
    acosh = arccosh = _unary(ops.ACOSH)
    atanh = arctanh = _unary(ops.ATANH)
    erf, sigmoid, relu = _unary(ops.ERF), _unary(ops.SIGMOID), _unary(ops.RELU)
    gelu, silu, softplus = _unary(ops.GELU), _unary(ops.SILU), _unary(ops.SOFTPLUS)

    def leaky_relu(self, negative_slope: Operand = 0.01) -> Value:
        """x above 0, negative_slope x below (torch.nn.functional.leaky_relu)."""
        return record_pair(ops.LEAKY_RELU, self, negative_slope)

    def elu(self, alpha: Operand = 1.0) -> Value:
        """x above 0, alpha (e**x - 1) below (torch.nn.functional.elu)."""
        return record_pair(ops.ELU, self, alpha)

    # Comparisons look at the data, and are remembered for a Tape, whose replay must take the
    # same branch; == and hash stay identity, so that Values can be keys.

    def __lt__(self, other: Operand) -> bool:
        return compare("less", self, other)

    def __le__(self, other: Operand) -> bool:
        return compare("less_equal", self, other)

    def __gt__(self, other: Operand) -> bool:
        return compare("greater", self, other)

    def __ge__(self, other: Operand) -> bool:
        return compare("greater_equal", self, other)


Operand: TypeAlias = Value | Number


def record(op: Op, operands: Sequence[Operand]) -> Value:
    """Apply `op` to Values and plain numbers, and record the result as a node.

    >>> record(ops.DOT, [Value(2.0), Value(3.0), 10.0, 100.0])
    Value(320.0, op=dot)
    """
    # All that a node needs: the numbers, the row's value, and its local derivatives there.
    taken = tuple([x if isinstance(x, Value) else as_float(x, op.name) for x in operands])
    numbers = [x if x.__class__ is float else x._data for x in taken]  # type: ignore[union-attr]
    out = op.evaluate(FLOAT, numbers)
    return _node(op, taken, out, op.local_derivatives(FLOAT, out, numbers))


def _node(
    op: Op, operands: tuple[Operand, ...], data: float, derivatives: Sequence[float]
) -> Value:
    mode = MODE.get()
    node = _new_node(data, mode)
    has_values = operands[:1] and operands[0].__class__ is not float  # nearly always at once
    if mode.recording and (has_values or any(x.__class__ is not float for x in operands)):
        node.op = op
        node._take(operands, derivatives)
    if mode.watch is not None:
        mode.watch.made(node, op, operands)
    return node


def _new_node(data: float, mode: Mode) -> Value:
    node = object.__new__(Value)
    node._data = data
    node._grad = node.op = node._a = node._b = None
    node.label = ""
    node.scope = mode.scope
    node.serial = next_serial()
    return node


def record_pair(op: Op, a: Operand, b: Operand) -> Value:
    """`record` for an operator: what is no number is left to the other operand's class."""
    for x in (a, b):
        if not isinstance(x, Value | numbers.Real):
            return cast(Value, NotImplemented)
    return record(op, (a, b))


def record_rows(
    op: Op, rows: Iterable[Sequence[Operand]], column: Sequence[Operand]
) -> list[Value]:
    """`record(op, (*row, *column))` for every row: a product with a matrix is one Bundle.

    >>> record_rows(ops.DOT, [[Value(2.0), Value(3.0)], [1.0, 1.0]], [Value(10.0), 100.0])
    [Value(320.0, op=dot), Value(110.0, op=dot)]
    """
    rows, mode = list(rows), MODE.get()
    below = tuple([x if isinstance(x, Value) else as_float(x, op.name) for x in column])
    bundle = bundled(rows, below) if op is ops.DOT and mode.plain else None
    if bundle is None:
        return _rows_apart(op, rows, below, mode)
    nodes = []
    for row, data in enumerate((bundle.matrix @ bundle.numbers).tolist()):
        node = _new_node(data, mode)
        node.op, node._da, node._db = op, bundle, row
        nodes.append(node)
    return nodes


def _rows_apart(
    op: Op, rows: Sequence[Sequence[Operand]], column: tuple[Operand, ...], mode: Mode
) -> list[Value]:
    """The rows as single nodes; the numbers of the column are looked up once."""
    below = [x if x.__class__ is float else x._data for x in column]  # type: ignore[union-attr]
    nodes = []
    for row in rows:
        numbers = [x._data for x in row if x.__class__ is Value]
        if len(numbers) < len(below) or not mode.plain:
            nodes.append(record(op, (*row, *column)))
            continue
        numbers += below
        out = op.evaluate(FLOAT, numbers)
        node = _new_node(out, mode)
        node.op, node._db = op, None
        node._da = Many((*row, *column), op.local_derivatives(FLOAT, out, numbers))
        nodes.append(node)
    return nodes


def compare(name: str, left: Value, right: Operand) -> bool:
    """The outcome of a comparison by NumPy's name, remembered in `comparisons`.

    >>> compare("less", Value(1.0), 2.0)
    True
    """
    if not isinstance(right, Value | numbers.Real):
        return cast(bool, NotImplemented)
    if not isinstance(right, Value):
        right = as_float(right)
    outcome = TESTS[name](left.data, float(right))
    comparisons.add(name, left, right, outcome, next_serial())
    return outcome
