"""Matrices of expressions, written out entry by entry.

May import: python-flint, kernel errors, term. Must not know: text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain

from flint import fmpq

from verifai.claim.term import ONE, ZERO, Applied, Expression, Rational
from verifai.kernel.errors import InputError

MAX_SIDE = 8
MAX_DETERMINANT = 4


def plus(left: Expression, right: Expression) -> Expression:
    """Their sum; 0 is left out."""
    if _is(left, 0) or _is(right, 0):
        return right if _is(left, 0) else left
    return Applied("+", (left, right))


def times(left: Expression, right: Expression) -> Expression:
    """Their product; 0 and 1 are carried out, but 0 times what may be undefined is kept."""
    for one, other in ((left, right), (right, left)):
        if _is(one, 0) and not isinstance(other, Applied):
            return ZERO
    if _is(left, 1) or _is(right, 1):
        return right if _is(left, 1) else left
    return Applied("*", (left, right))


def minus(part: Expression) -> Expression:
    """Its negative."""
    if isinstance(part, Rational):
        return Rational(-part.value)
    return Applied("neg", (part,))


def total(parts: Iterable[Expression]) -> Expression:
    """The sum."""
    found: Expression = ZERO
    for part in parts:
        found = plus(found, part)
    return found


def _is(part: Expression, value: int) -> bool:
    return isinstance(part, Rational) and part.value == value


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """A matrix, row by row."""

    rows: tuple[tuple[Expression, ...], ...]

    @staticmethod
    def of(height: int, width: int, entry: Callable[[int, int], Expression]) -> Grid:
        """The matrix with these entries, counted from 0."""
        return Grid(tuple(tuple(entry(i, j) for j in range(width)) for i in range(height)))

    @staticmethod
    def identity(size: int) -> Grid:
        """Ones on the diagonal."""
        return Grid.of(size, size, lambda i, j: ONE if i == j else ZERO)

    @property
    def height(self) -> int:
        """The number of rows."""
        return len(self.rows)

    @property
    def width(self) -> int:
        """The number of columns."""
        return len(self.rows[0])

    @property
    def shape(self) -> str:
        """Rows x columns, in words."""
        return f"{self.height}x{self.width}"

    @property
    def entries(self) -> tuple[Expression, ...]:
        """All entries, row by row."""
        return tuple(chain.from_iterable(self.rows))

    def mapped(self, function: Callable[[Expression], Expression]) -> Grid:
        """The function of every entry."""
        return Grid(tuple(tuple(map(function, row)) for row in self.rows))

    def paired(self, other: Grid, function: Callable[[Expression, Expression], Expression]) -> Grid:
        """The function of every entry and the one in its place.

        Raises:
            InputError: the shapes differ.
        """
        self.require_shape(other)
        return Grid.of(
            self.height, self.width, lambda i, j: function(self.rows[i][j], other.rows[i][j])
        )

    @property
    def transposed(self) -> Grid:
        """Rows as columns."""
        return Grid.of(self.width, self.height, lambda i, j: self.rows[j][i])

    def times(self, other: Grid) -> Grid:
        """The matrix product.

        Raises:
            InputError: the shapes do not fit.
        """
        if self.width != other.height:
            raise InputError(f"{self.shape} times {other.shape}: the inner sizes differ")
        return Grid.of(
            self.height,
            other.width,
            lambda i, j: total(times(self.rows[i][k], other.rows[k][j]) for k in range(self.width)),
        )

    @property
    def trace(self) -> Expression:
        """The sum of the diagonal.

        Raises:
            InputError: it is not square.
        """
        self.require_square("trace")
        return total(self.rows[i][i] for i in range(self.height))

    def inner(self, other: Grid) -> Expression:
        """The sum of the products of entries in one place (Frobenius).

        Raises:
            InputError: the shapes differ.
        """
        return total(self.paired(other, times).entries)

    @property
    def determinant(self) -> Expression:
        """By the first row.

        Raises:
            InputError: it is not square, or has more than four rows.
        """
        self.require_square("det")
        if self.height > MAX_DETERMINANT:
            raise InputError(f"det of {self.shape} (at most {MAX_DETERMINANT} rows)")
        return _determinant(self.rows)

    def require_shape(self, other: Grid) -> None:
        """Return if both are of one shape.

        Raises:
            InputError: they are not.
        """
        if self.shape != other.shape:
            raise InputError(f"matrices of {self.shape} and {other.shape} do not fit")

    def require_square(self, what: str) -> None:
        """Return if it is square.

        Raises:
            InputError: it is not.
        """
        if self.height != self.width:
            raise InputError(f"{what} of a matrix that is not square ({self.shape})")


def _determinant(rows: tuple[tuple[Expression, ...], ...]) -> Expression:
    if len(rows) == 1:
        return rows[0][0]
    parts = []
    for k, entry in enumerate(rows[0]):
        rest = tuple(row[:k] + row[k + 1 :] for row in rows[1:])
        sign = Rational(fmpq((-1) ** k))
        parts.append(times(sign, times(entry, _determinant(rest))))
    return total(parts)
