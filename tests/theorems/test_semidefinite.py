"""Exact LDLᵀ: what is semidefinite has no witness, what is not has one that checks."""

from __future__ import annotations

import pytest
from flint import fmpq
from hypothesis import given
from hypothesis import strategies as st

from verifai.theorems.semidefinite import decide_semidefinite, norm_gap, quadratic

Rows = list[list[int]]


def exact(rows: Rows) -> list[list[fmpq]]:
    return [[fmpq(entry) for entry in row] for row in rows]


@pytest.mark.parametrize(
    "rows",
    [
        [[0, 0], [0, 0]],
        [[0, 0], [0, 3]],
        [[1, 2], [2, 4]],
        [[1, 1, 0], [1, 1, 0], [0, 0, 2]],
    ],
)
def test_zero_pivots_are_fine(rows: Rows) -> None:
    assert decide_semidefinite(exact(rows)).witness is None


@pytest.mark.parametrize(
    "rows",
    [
        [[-1]],
        [[0, 1], [1, 0]],
        [[0, 1], [1, 9]],
        [[1, 2], [2, 3]],
        [[1, 1, 1], [1, 1, 2], [1, 2, 1]],
        [[1, 0, 0], [0, 0, -2], [0, -2, -7]],
    ],
)
def test_what_is_not_semidefinite_has_a_witness(rows: Rows) -> None:
    witness = decide_semidefinite(exact(rows)).witness
    assert witness is not None
    assert quadratic(exact(rows), witness) < 0


@given(st.lists(st.lists(st.integers(-3, 3), min_size=3, max_size=3), min_size=3, max_size=3))
def test_random_matrices(rows: Rows) -> None:
    matrix = [[fmpq(rows[i][j] + rows[j][i]) for j in range(3)] for i in range(3)]
    witness = decide_semidefinite(matrix).witness
    if witness is not None:
        assert quadratic(matrix, witness) < 0
        return
    grid = [fmpq(k, 2) for k in range(-3, 4)]
    assert all(quadratic(matrix, [a, b, c]) >= 0 for a in grid for b in grid for c in grid)


@given(st.lists(st.lists(st.integers(-5, 5), min_size=2, max_size=2), min_size=1, max_size=5))
def test_gram_matrices_are_semidefinite(rows: Rows) -> None:
    gram = [[fmpq(sum(r[i] * r[j] for r in rows)) for j in range(2)] for i in range(2)]
    assert decide_semidefinite(gram).witness is None


def test_norms_of_either_shape() -> None:
    wide = exact([[3, 4, 0]])
    tall = exact([[3], [4], [0]])
    for weight in (wide, tall):
        assert decide_semidefinite(norm_gap(weight, fmpq(5))).witness is None
        assert decide_semidefinite(norm_gap(weight, fmpq(499, 100))).witness is not None
