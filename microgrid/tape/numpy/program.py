"""A straight line of NumPy calls, written down once and made again for every replay.

The first time, a call is made as usual, and the array that it returns is kept: from then on
the call writes into that array. What is left of running it is NumPy's own time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, partial, reduce
from math import prod
from operator import add, mul
from typing import Any, TypeAlias

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray

from ...namespaces import lack, used
from .arrays import erf

__all__ = ["TRACING", "Array", "Call", "Halves", "Program", "Traced", "check_rows", "zeros"]

Array: TypeAlias = NDArray[np.float64]
Call: TypeAlias = Callable[[], Any]

_ROOM = 64  # entries behind an array, which compiled kernels may read but never write

# NumPy wants the result of these by keyword, which costs a fifth of a microsecond.
_RESULT_BY_KEYWORD = {np.maximum, np.minimum}


@dataclass(slots=True)
class _Step:
    """A call; `made` is the array of the program's own that it fills, if it is one of those."""

    function: Any
    operands: tuple[Any, ...]
    options: dict[str, Any]
    made: Array | None = None

    def rename(self, array: Array, target: Array) -> None:
        self.operands = tuple([target if x is array else x for x in self.operands])
        self.options = {k: target if x is array else x for k, x in self.options.items()}
        if self.made is array:
            self.made = None

    def call(self) -> Call:
        """The call, with all its operands, as a function of nothing."""
        if self.function is np.matmul:
            return _product(*self.operands)
        if self.function is np.take:  # the method has less ado
            array, *others = self.operands
            return partial(array.take, *others, **self.options)
        return partial(self.function, *self.operands, **self.options)


class Program:
    """Calls in the order in which they are made.

    >>> program, x, y = Program(), np.array([1.0, 2.0]), np.zeros(2)
    >>> program.store(program.call(np.multiply, x, 2.0), y)
    >>> x[:] = [3.0, 4.0]
    >>> for call in program.calls():
    ...     _ = call()
    >>> y.tolist()
    [6.0, 8.0]
    """

    def __init__(self) -> None:
        self._steps: list[_Step] = []
        self._made: dict[int, tuple[Array, int]] = {}  # by id: an array, and its first step

    def call(self, function: Any, *operands: Any, **options: Any) -> Array:
        """Append a call with a result; returns the array in which it will be."""
        operands = tuple([np.asarray(x) if x.__class__ is float else x for x in operands])
        made: Array = np.asarray(function(*operands, **options))
        self._made[id(made)] = made, len(self._steps)
        if isinstance(function, np.ufunc) and function not in _RESULT_BY_KEYWORD and not options:
            operands += (made,)
        else:
            options["out"] = made
        self._steps.append(_Step(function, operands, options, made))
        return made

    def append(self, function: Any, *operands: Any, **options: Any) -> None:
        """Append a call of which all is given, its result too if it has one."""
        self._steps.append(_Step(function, operands, options))

    def store(self, array: Array, target: Array) -> None:
        """Have `array` in `target`: made there if these calls make it, copied otherwise.

        What is made there is nowhere else: later calls must read `target`.
        """
        if id(array) not in self._made or array.shape != target.shape:
            self.append(np.copyto, target, array)
            return
        _, first = self._made.pop(id(array))
        for step in self._steps[first:]:
            step.rename(array, target)

    def keep(self, array: Array) -> Array:
        """Have `array` stay where it is: `store` copies it, for others read it afterwards."""
        self._made.pop(id(array), None)
        return array

    def calls(self) -> list[Call]:
        """What is to be called, without the calls whose result nothing reads."""
        found: list[Call] = []
        read: set[int] = set()  # the ids of the arrays that hold the numbers of later operands
        for step in reversed(self._steps):
            if step.made is None or id(step.made) in read:
                for x in step.operands:
                    if x.__class__ is np.ndarray:
                        read.add(id(x if x.base is None else x.base))
                if step.options:
                    out = step.options.get("out")
                    if out is not None:
                        read.add(id(out if out.base is None else out.base))
                found.append(step.call())
        found.reverse()
        return found


def zeros(*shape: int) -> Array:
    """An array that begins where a cache line does: BLAS reads such a matrix faster by a fifth.

    >>> zeros(3, 2).ctypes.data % 64
    0
    """
    size = prod(shape)
    room = np.zeros(size + 8 + _ROOM)
    start = -(room.ctypes.data // 8) % 8
    return room[start : start + size].reshape(shape)


class Traced(NDArrayOperatorsMixin):
    """Stands for an array in a row of the op table: what the row does with it is appended."""

    def __init__(self, program: Program, array: Array) -> None:
        self.program = program
        self.array = array

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Traced:
        function = ufunc if method == "__call__" else getattr(ufunc, method)
        return Traced(self.program, self.program.call(function, *map(_array, inputs), **options))

    def __len__(self) -> int:
        return len(self.array)

    def __getitem__(self, key: slice) -> Traced:
        return Traced(self.program, self.array[key])


class Halves:
    """The operands of a dot as two arrays: all first factors, and all second ones."""

    def __init__(self, firsts: Traced, seconds: Traced) -> None:
        self.parts = (firsts, seconds)

    def __len__(self) -> int:
        return 2 * len(self.parts[0])

    def __getitem__(self, key: slice) -> Traced:
        return self.parts[0 if key.start is None else 1]


class _Tracing:
    """The namespace `xp` for rows of the op table whose operands are Traced.

    A variadic row's operands are one array whose leading axis counts them, or two of them for
    a dot, or a list of arrays.
    """

    def __getattr__(self, name: str) -> Any:
        if not hasattr(np, name):
            raise lack("the namespace of a tape's calls", "microgrid/tape/numpy/program.py", name)
        return getattr(np, name)

    @staticmethod
    def sum(xs: Any, axis: int) -> Any:
        return reduce(add, xs) if isinstance(xs, list) else np.add.reduce(xs, axis=axis)

    @staticmethod
    def max(xs: Any, axis: int) -> Any:
        if isinstance(xs, list):
            return reduce(lambda a, b: np.maximum(a, b), xs)
        return np.maximum.reduce(xs, axis=axis)

    @staticmethod
    def vecdot(xs: Any, ys: Any, axis: int) -> Any:
        if isinstance(xs, list):
            return reduce(add, map(mul, xs, ys))
        product: Any = np.vecdot  # whose stub knows no axis
        return product(xs, ys, axis=axis)

    @staticmethod
    def each(function: Callable[[Any], Any], xs: Any) -> Any:
        return [function(x) for x in xs] if isinstance(xs, list) else function(xs)

    @staticmethod
    def where(condition: Traced, a: Any, b: Any) -> Traced:
        program, (test, x, y) = condition.program, map(_array, (condition, a, b))
        return Traced(program, program.call(_where, test, x, y))

    @staticmethod
    def erf(x: Traced) -> Traced:
        return Traced(x.program, x.program.call(erf, x.array))

    @staticmethod
    def concatenate(parts: tuple[Any, Any]) -> Any:
        return [*parts[0], *parts[1]] if isinstance(parts[0], list) else Halves(*parts)


TRACING = _Tracing()


def check_rows(ops: Iterable[Any]) -> None:
    """MissingFunctionError if a row asks for a function that the calls of a tape lack."""
    for op in {*ops} - {None}:
        _check_row(op)


@cache
def _check_row(op: Any) -> None:
    for name in frozenset().union(*used(op)):
        getattr(TRACING, name)


def _product(a: Array, b: Array, out: Array) -> Call:
    """out = a @ b by the method that hands it to BLAS with the least ado.

    To scale by a single number BLAS passes over a zero, so that 0 * inf would be 0.
    """
    if a.ndim + b.ndim <= 4 and min(a.size, b.size) > 1:
        if out.flags.c_contiguous:
            return partial(a.dot, b, out)
        if out.T.flags.c_contiguous:
            return partial(b.T.dot, a.T, out.T)
    return partial(np.matmul, a, b, out)


def _where(test: Any, x: Any, y: Any, out: Array | None = None) -> Array:
    """np.where with an `out`: a copy more, and still faster than copying where a mask says so."""
    chosen: Array = np.where(test, x, y)
    if out is None:
        return chosen
    out[...] = chosen
    return out


def _array(x: Any) -> Any:
    return x.array if isinstance(x, Traced) else x
