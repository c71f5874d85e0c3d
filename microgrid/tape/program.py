"""A straight line of NumPy calls, written down once and made again for every replay.

The first time, a call is made as usual, and the array that it returns is kept: from then on
the call writes into that array. What is left of running it is NumPy's own time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from math import prod
from typing import Any, TypeAlias

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]
Call: TypeAlias = Callable[[], Any]

# NumPy wants the result of these by keyword, which costs a fifth of a microsecond.
RESULT_BY_KEYWORD = {np.maximum, np.minimum}


class Program:
    """Calls in the order in which they are made.

    >>> program, x = Program(), np.array([1.0, 2.0])
    >>> doubled = program.call(np.multiply, x, 2.0)
    >>> x[:] = [3.0, 4.0]
    >>> for call in program.calls():
    ...     _ = call()
    >>> doubled.tolist()
    [6.0, 8.0]
    """

    def __init__(self) -> None:
        self._steps: list[tuple[Any, tuple[Any, ...], dict[str, Any]]] = []
        self._made: dict[int, tuple[int, Array]] = {}  # arrays of ours, and the step they are from

    def call(self, function: Any, *operands: Any, **options: Any) -> Array:
        """Append a call with a result; returns the array in which it will be."""
        operands = tuple([np.asarray(x) if isinstance(x, float) else x for x in operands])
        made: Array = function(*operands, **options)
        self._made[id(made)] = len(self._steps), made
        if isinstance(function, np.ufunc) and function not in RESULT_BY_KEYWORD and not options:
            self.append(function, *operands, made)
        else:
            self.append(function, *operands, out=made, **options)
        return made

    def append(self, function: Any, *operands: Any, **options: Any) -> None:
        """Append a call of which all is given, its result too if it has one."""
        self._steps.append((function, operands, options))

    def buffer(self, array: Array) -> Array:
        """Take note of an array that the calls from here on fill."""
        self._made[id(array)] = len(self._steps), array
        return array

    def store(self, array: Array, target: Array) -> None:
        """Have `array` in `target`: made there if these calls make it, copied otherwise."""
        if id(array) not in self._made or array.shape != target.shape:
            self.append(np.copyto, target, array)
            return
        first, _ = self._made.pop(id(array))

        def renamed(x: Any) -> Any:
            return target if x is array else x

        for i in range(first, len(self._steps)):
            function, operands, options = self._steps[i]
            self._steps[i] = (
                function,
                tuple(map(renamed, operands)),
                {name: renamed(x) for name, x in options.items()},
            )

    def calls(self) -> Iterator[Call]:
        """What is to be called, one after the other."""
        for function, operands, options in self._steps:
            if function is np.matmul:
                yield _product(*operands)
            else:
                yield partial(function, *operands, **options)


def zeros(*shape: int) -> Array:
    """An array that begins where a cache line does: BLAS reads such a matrix faster by a fifth.

    >>> zeros(3, 2).ctypes.data % 64
    0
    """
    size = prod(shape)
    room = np.zeros(size + 8)
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


class _Tracing:
    """The namespace `xp` for rows of the op table whose operands are Traced."""

    sum = np.add.reduce
    max = np.maximum.reduce

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    @staticmethod
    def each(function: Callable[[Any], Any], xs: Traced) -> Any:
        return function(xs)

    @staticmethod
    def where(condition: Traced, a: Any, b: Any) -> Traced:
        program, (test, x, y) = condition.program, map(_array, (condition, a, b))
        made = program.buffer(np.where(test, x, y))
        program.append(np.copyto, made, y)
        program.append(np.copyto, made, x, where=test)
        return Traced(program, made)

    @staticmethod
    def concatenate(parts: tuple[Traced, Traced]) -> Traced:
        program, arrays = parts[0].program, [part.array for part in parts]
        return Traced(program, program.call(np.concatenate, arrays))


TRACING = _Tracing()


def _product(a: Array, b: Array, out: Array) -> Call:
    """out = a @ b by the method that hands it to BLAS with the least ado."""
    if a.ndim + b.ndim <= 4:
        if out.flags.c_contiguous:
            return partial(a.dot, b, out)
        if out.T.flags.c_contiguous:
            return partial(b.T.dot, a.T, out.T)
    return partial(np.matmul, a, b, out)


def _array(x: Any) -> Any:
    return x.array if isinstance(x, Traced) else x
