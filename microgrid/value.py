"""Value: one number that remembers how it was made, and how to send gradients back.

Arithmetic on Values records a graph; `backward()` walks it in reverse order of creation
and leaves d(root)/d(node) in every node's `grad`.
"""

from __future__ import annotations

import numbers
import reprlib
from collections.abc import Callable, Iterable, Sequence
from itertools import compress, count
from operator import attrgetter, itemgetter
from typing import Any, SupportsFloat, SupportsIndex, TypeAlias, cast

from . import ops
from .ops import FLOAT, Op
from .recording import MODE, TESTS, comparisons, current_watch

Number: TypeAlias = float  # Python and NumPy real numbers
Consts: TypeAlias = tuple[float | None, ...]

_serials = count()


def as_float(number: SupportsFloat, what: str = "data") -> float:
    """`number` as a float; TypeError for what is no real number, naming what was given.

    >>> as_float("2")
    Traceback (most recent call last):
    ...
    TypeError: data needs a real number, got '2' (str)
    """
    if number.__class__ is float:
        return number
    if isinstance(number, numbers.Real):
        try:
            return float(number)
        except OverflowError:
            given = reprlib.repr(number)
            raise TypeError(f"{what} needs a number that fits a float, got {given}") from None
    kind = type(number).__name__
    hint = "; use .detach() or .data" if isinstance(number, Value) else ""
    raise TypeError(f"{what} needs a real number, got {reprlib.repr(number)} ({kind}){hint}")


def _method(op: Op) -> Callable[[Value], Value]:
    """Value's method that records `op`."""

    def method(self: Value) -> Value:
        return _unary(op, self)

    method.__name__, method.__qualname__ = op.name, f"Value.{op.name}"
    return method


class Value:
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
        "consts",
        "label",
        "op",
        "parents",
        "partials",
        "scope",
        "serial",
    )

    _data: float
    _grad: float | None  # None until a sweep has reached the node
    op: Op | None
    parents: tuple[Value, ...]
    partials: Sequence[float]
    consts: Consts | None  # plain-number operands, None where a parent stands
    label: str
    scope: str
    serial: int  # order of creation: a node is always younger than its parents

    def __init__(self, data: SupportsFloat, label: str = "") -> None:
        self._data = data if data.__class__ is float else as_float(data)
        self._grad = None
        self.op = None
        self.parents = self.partials = ()
        self.consts = None
        self.label = label
        self.scope = MODE.get().scope
        self.serial = next(_serials)

    @property
    def data(self) -> float:
        """The number."""
        return self._data

    @data.setter
    def data(self, data: SupportsFloat) -> None:
        self._data = data if data.__class__ is float else as_float(data)

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
        self._grad = as_float(grad, "grad") or None if grad is not None else None

    @property
    def operands(self) -> tuple[Operand, ...]:
        """Parents and plain numbers, in the order in which the op takes them.

        >>> (2.0 - Value(5.0, label="a")).operands
        (2.0, Value(5.0, label='a'))
        """
        return _interleave(self.parents, self.consts)

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
        order = creation_order(self)
        for node in order:
            if node.parents or node._grad is None:
                node._grad = 0.0
        self._grad += as_float(gradient, "gradient")  # type: ignore[operator]
        for node in reversed(order):
            upstream = node._grad
            for parent, partial in zip(node.parents, node.partials):
                parent._grad += upstream * partial  # type: ignore[operator]

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

    def __float__(self) -> float:
        return float(self.data)

    def __int__(self) -> int:
        return int(self.data)

    def __bool__(self) -> bool:
        return compare("not_equal", self, 0.0)

    def __format__(self, spec: str) -> str:
        return format(self.data, spec)

    # Arithmetic. Every method records one row of the op table.

    def __add__(self, other: Operand) -> Value:
        return _binary(ops.ADD, self, other)

    def __sub__(self, other: Operand) -> Value:
        return _binary(ops.SUB, self, other)

    def __mul__(self, other: Operand) -> Value:
        return _binary(ops.MUL, self, other)

    def __truediv__(self, other: Operand) -> Value:
        return _binary(ops.DIV, self, other)

    def __pow__(self, other: Operand) -> Value:
        return _binary(ops.POW, self, other)

    def __radd__(self, other: Number) -> Value:
        if other.__class__ is int and other == 0:  # sum(values) starts with 0: no addend
            return self
        return _reflected(ops.ADD, other, self)

    def __rsub__(self, other: Number) -> Value:
        return _reflected(ops.SUB, other, self)

    def __rmul__(self, other: Number) -> Value:
        return _reflected(ops.MUL, other, self)

    def __rtruediv__(self, other: Number) -> Value:
        return _reflected(ops.DIV, other, self)

    def __rpow__(self, other: Number) -> Value:
        return _reflected(ops.POW, other, self)

    def __neg__(self) -> Value:
        return _unary(ops.NEG, self)

    def __pos__(self) -> Value:
        return self

    def __abs__(self) -> Value:
        return _unary(ops.ABS, self)

    # The functions of one number, under PyTorch's names and, where they differ, NumPy's:
    # np.arcsin(value) calls value.arcsin().
    exp, exp2, expm1 = _method(ops.EXP), _method(ops.EXP2), _method(ops.EXPM1)
    log, log2, log10 = _method(ops.LOG), _method(ops.LOG2), _method(ops.LOG10)
    log1p, sqrt, abs = _method(ops.LOG1P), _method(ops.SQRT), _method(ops.ABS)
    sin, cos, tan = _method(ops.SIN), _method(ops.COS), _method(ops.TAN)
    sinh, cosh, tanh = _method(ops.SINH), _method(ops.COSH), _method(ops.TANH)
    asin = arcsin = _method(ops.ASIN)
    acos = arccos = _method(ops.ACOS)
    atan = arctan = _method(ops.ATAN)
    asinh = arcsinh = _method(ops.ASINH)
    acosh = arccosh = _method(ops.ACOSH)
    atanh = arctanh = _method(ops.ATANH)
    erf, sigmoid, relu = _method(ops.ERF), _method(ops.SIGMOID), _method(ops.RELU)
    gelu, silu, softplus = _method(ops.GELU), _method(ops.SILU), _method(ops.SOFTPLUS)

    def leaky_relu(self, negative_slope: Operand = 0.01) -> Value:
        return _binary(ops.LEAKY_RELU, self, negative_slope)

    def elu(self, alpha: Operand = 1.0) -> Value:
        return _binary(ops.ELU, self, alpha)

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
    comparisons.add(name, left, right, outcome, next(_serials))
    return outcome


def creation_order(*roots: Value) -> list[Value]:
    """Every node the roots depend on, themselves included, oldest first.

    Parents are older than their children, so this is a topological order, and it is
    the same in every process. It costs one visit per edge and no recursion.

    >>> a = Value(2.0, label="a")
    >>> [str(node.op) for node in creation_order((a + 1.0).tanh())]
    ['None', 'add', 'tanh']
    """
    for root in roots:
        if not isinstance(root, Value):
            raise TypeError(f"a graph is read from a Value, got {root!r}")
    seen = set(roots)
    found = list(seen)
    for node in found:  # grows while it is read
        for parent in node.parents:
            if parent not in seen:
                seen.add(parent)
                found.append(parent)
    found.sort(key=attrgetter("serial"))
    return found


def record(op: Op, operands: Sequence[Operand]) -> Value:
    """Apply `op` to Values and plain numbers, and record the result as a node.

    >>> record(ops.DOT, [Value(2.0), Value(3.0), 10.0, 100.0])
    Value(320.0, op=dot)
    """
    numbers = [x._data if isinstance(x, Value) else as_float(x, op.name) for x in operands]
    parents = tuple([x for x in operands if isinstance(x, Value)])
    out = op.evaluate(FLOAT, numbers)
    slopes = op.slopes(FLOAT, out, numbers)
    if len(parents) == len(numbers):
        return _node(out, op, parents, slopes, None)
    keep = [isinstance(x, Value) for x in operands]
    consts = tuple([None if kept else x for x, kept in zip(numbers, keep)])
    return _node(out, op, parents, tuple(compress(slopes, keep)), consts)


def record_rows(
    op: Op, rows: Iterable[Sequence[Operand]], column: Sequence[Operand]
) -> list[Value]:
    """`record(op, (*row, *column))` for every row. What all rows share is worked out once.

    >>> record_rows(ops.DOT, [[Value(2.0), Value(3.0)], [1.0, 1.0]], [Value(10.0), 100.0])
    [Value(320.0, op=dot), Value(110.0, op=dot)]
    """
    size = len(column)
    below = [x._data if isinstance(x, Value) else as_float(x, op.name) for x in column]
    keep = [True] * size + [isinstance(x, Value) for x in column]
    parents = tuple([x for x in column if isinstance(x, Value)])
    consts = None
    if len(parents) < size:
        consts = tuple([None if kept else x for x, kept in zip(below + below, keep)])
    select = itemgetter(*compress(count(), keep))
    nodes = []
    for row in rows:
        numbers = [x._data for x in row if isinstance(x, Value)]
        if (
            size < 2 or len(numbers) < size
        ):  # itemgetter gives no tuple for one index, and fits rows of Values only
            nodes.append(record(op, (*row, *column)))
            continue
        numbers += below
        out = op.evaluate(FLOAT, numbers)
        slopes = select(op.slopes(FLOAT, out, numbers))
        nodes.append(_node(out, op, (*cast("Sequence[Value]", row), *parents), slopes, consts))
    return nodes


def _node(
    data: float,
    op: Op,
    parents: tuple[Value, ...],
    partials: Sequence[float],
    consts: Consts | None,
) -> Value:
    mode = MODE.get()
    node = _new(Value)
    node._data = data
    node._grad = None
    if parents and mode.recording:
        node.op = op
        node.parents = parents
        node.partials = partials
        node.consts = consts
    else:
        node.op = node.consts = None
        node.parents = node.partials = ()
    node.label = ""
    node.scope = mode.scope
    node.serial = next(_serials)
    if mode.watch is not None:
        mode.watch.made(node, op, _interleave(parents, consts))
    return node


def _interleave(
    parents: tuple[Value, ...], consts: tuple[float | None, ...] | None
) -> tuple[Operand, ...]:
    if consts is None:
        return parents
    values = iter(parents)
    return tuple(next(values) if const is None else const for const in consts)


_new: Callable[[type[Value]], Value] = object.__new__


def _unary(op: Op, a: Value) -> Value:
    x = a._data
    out = op.forward(FLOAT, x)
    return _node(out, op, (a,), op.partials(FLOAT, out, x), None)


def _binary(op: Op, a: Value, b: Operand) -> Value:
    x = a._data
    if isinstance(b, Value):
        y = b._data
        out = op.forward(FLOAT, x, y)
        return _node(out, op, (a, b), op.partials(FLOAT, out, x, y), None)
    if b.__class__ is not float:
        if not isinstance(b, numbers.Real):
            return cast(Value, NotImplemented)
        b = as_float(b, op.name)
    out = op.forward(FLOAT, x, b)
    return _node(out, op, (a,), op.partials(FLOAT, out, x, b)[:1], (None, b))


def _reflected(op: Op, a: Number, b: Value) -> Value:
    if not isinstance(a, numbers.Real):
        return cast(Value, NotImplemented)
    return record(op, (a, b))
