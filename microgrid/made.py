"""How a node was made: its op, its operands, and the local derivative towards each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from .bundle import Bundle, Many
from .ops import Op

if TYPE_CHECKING:
    from .value import Operand, Value

__all__ = ["Consts", "Made"]

Consts: TypeAlias = tuple[float | None, ...]


class Made:
    """The half of a Value that remembers where it comes from."""

    # Of one or two operands those that are Values stand in `_a` and `_b`, the local derivatives
    # towards them in `_da` and `_db`. A plain number has None for a Value and stands in the slot
    # of the derivative. More operands are kept by a Many or a Bundle, in `_da`; which row of its
    # product the node is, in `_db`.
    __slots__ = ("_a", "_b", "_da", "_db", "op")

    _a: Value | None
    _b: Value | None
    _da: Any
    _db: Any
    op: Op | None

    @property
    def operands(self) -> tuple[Operand, ...]:
        """Parents and plain numbers, in the order in which the op takes them.

        >>> from microgrid import Value
        >>> (2.0 - Value(5.0, label="a")).operands
        (2.0, Value(5.0, label='a'))
        """
        if self.op is None:
            return ()
        a, b = self._a, self._b
        if a is None and b is None:
            return self._da.operands_of(self._db)  # type: ignore[no-any-return]
        first = self._da if a is None else a
        return (first,) if self.op.arity == 1 else (first, self._db if b is None else b)

    @property
    def parents(self) -> tuple[Value, ...]:
        """The operands that are Values."""
        a, b = self._a, self._b
        if a is not None:
            return (a,) if b is None else (a, b)
        if b is not None:
            return (b,)
        return tuple([x for x in self.operands if x.__class__ is not float])  # type: ignore[misc]

    @property
    def partials(self) -> Sequence[float]:
        """The local derivative towards each parent."""
        a, b = self._a, self._b
        if a is not None:
            return (self._da,) if b is None else (self._da, self._db)
        if b is not None:
            return (self._db,)
        if self.op is None:
            return ()
        pairs = zip(self._da.operands_of(self._db), self._da.derivatives_of(self._db))
        return tuple([local for x, local in pairs if x.__class__ is not float])

    @partials.setter
    def partials(self, partials: Sequence[float]) -> None:
        if isinstance(self._da, Bundle):
            self._da.is_whole = False
        self._take_partials(self.operands, partials)

    @property
    def consts(self) -> Consts | None:
        """The operands that are plain numbers, None where a parent stands; None without any."""
        operands = self.operands
        if float not in map(type, operands):
            return None
        return tuple([x if x.__class__ is float else None for x in operands])

    def _take_partials(self, operands: tuple[Operand, ...], partials: Sequence[float]) -> None:
        """`_take`, where only the operands that are Values come with a local derivative."""
        given = iter(partials)
        self._take(operands, [0.0 if x.__class__ is float else next(given) for x in operands])

    def _take(self, operands: tuple[Operand, ...], derivatives: Sequence[float]) -> None:
        """Remember how the node was made: Values and floats, and a local derivative for each."""
        self._a = self._b = self._da = self._db = None
        if self.op is None or self.op.variadic or len(operands) > 2:
            self._da = Many(operands, derivatives)
            return
        first, *second = operands
        if first.__class__ is float:
            self._da = first
        else:
            self._a, self._da = cast("Value", first), derivatives[0]
        for x in second:
            if x.__class__ is float:
                self._db = x
            else:
                self._b, self._db = cast("Value", x), derivatives[1]
