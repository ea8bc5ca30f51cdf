"""Exact ranks and solutions of linear systems, for theorems about spaces of functions.

May import: python-flint. Must not know: networks, theorems.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from flint import fmpq, fmpq_mat


def rank(rows: Sequence[Sequence[int | fmpq]]) -> int:
    """The rank over the rational numbers.

    >>> rank([[1, 2], [2, 4]]), rank([])
    (1, 0)
    """
    return int(matrix(rows).rank()) if rows else 0


def matrix(rows: Sequence[Sequence[int | fmpq]]) -> fmpq_mat:
    """The rational matrix of these rows."""
    return fmpq_mat([[fmpq(entry) for entry in row] for row in rows])


def rows_of(whole: fmpq_mat) -> list[list[fmpq]]:
    """The entries, row by row."""
    return [[whole[i, j] for j in range(whole.ncols())] for i in range(whole.nrows())]


def drawn(rows: int, columns: int, source: random.Random, most: int = 9) -> fmpq_mat:
    """A matrix of integers between -most and most."""
    return matrix([[source.randint(-most, most) for _ in range(columns)] for _ in range(rows)])


def identity(size: int) -> fmpq_mat:
    """The identity matrix."""
    return matrix([[int(i == j) for j in range(size)] for i in range(size)])


def squared_norm(whole: fmpq_mat) -> fmpq:
    """The sum of the squared entries."""
    return sum((entry * entry for row in rows_of(whole) for entry in row), fmpq(0))
