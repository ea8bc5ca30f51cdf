"""Exact decisions that a rational symmetric matrix is positive semidefinite.

May import: python-flint. Must not know: networks, theorems.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flint import fmpq

Vector = list[fmpq]
Matrix = list[Vector]


@dataclass(frozen=True, slots=True)
class Elimination:
    """What elimination found about a matrix M.

    Attributes:
        pivots: the diagonal D of M = L D Lᵀ, zeros included, as far as it got.
        witness: x with xᵀ M x < 0, or None: there is none, M is positive semidefinite.
    """

    pivots: tuple[fmpq, ...]
    witness: tuple[fmpq, ...] | None


def decide_semidefinite(matrix: Matrix) -> Elimination:
    """Whether the symmetric matrix is positive semidefinite, by exact LDLᵀ.

    A zero pivot is fine if the rest of its row is zero; if not, and if a pivot is negative, a
    vector shows that the matrix is not positive semidefinite.

    >>> one = fmpq(1)
    >>> decide_semidefinite([[one, one], [one, one]]).witness is None
    True
    >>> decide_semidefinite([[fmpq(0), one], [one, one]]).witness
    (-1, 1)
    """
    n = len(matrix)
    rest = [list(row) for row in matrix]  # basis_i · M · basis_j, for what is not yet eliminated
    basis = [[fmpq(i == j) for j in range(n)] for i in range(n)]
    pivots: Vector = []
    for k in range(n):
        pivot = rest[k][k]
        pivots.append(pivot)
        if pivot < 0:
            return Elimination(tuple(pivots), tuple(basis[k]))
        if pivot == 0:
            bad = next((j for j in range(k + 1, n) if rest[k][j] != 0), None)
            if bad is not None:
                t = -(rest[bad][bad] + 1) / (2 * rest[k][bad])
                pairs = zip(basis[k], basis[bad], strict=True)
                return Elimination(tuple(pivots), tuple(t * a + b for a, b in pairs))
            continue
        for j in range(k + 1, n):
            factor = rest[j][k] / pivot
            if factor != 0:
                rest[j] = [a - factor * b for a, b in zip(rest[j], rest[k], strict=True)]
                basis[j] = [a - factor * b for a, b in zip(basis[j], basis[k], strict=True)]
    return Elimination(tuple(pivots), None)


def norm_gap(weight: Sequence[Sequence[fmpq]], bound: fmpq) -> Matrix:
    """bound²·I - WᵀW, positive semidefinite if and only if |Wx| ≤ bound·|x| for all x.

    Of W and Wᵀ, whose norms are equal, the one with the smaller product is taken.
    """
    rows = [list(row) for row in weight]
    columns = [list(column) for column in zip(*rows, strict=True)]
    short = columns if len(columns) <= len(rows) else rows
    return [
        [
            (bound * bound if i == j else fmpq(0)) - dot(short[i], short[j])
            for j in range(len(short))
        ]
        for i in range(len(short))
    ]


def dot(left: Sequence[fmpq], right: Sequence[fmpq]) -> fmpq:
    """The scalar product."""
    return sum((a * b for a, b in zip(left, right, strict=True)), fmpq(0))


def quadratic(matrix: Matrix, x: Sequence[fmpq]) -> fmpq:
    """xᵀ M x."""
    return dot(x, [dot(row, x) for row in matrix])
