"""The figures of SPEC.md's table of error terms are those of the code, row by row."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import verifai.kernel
from verifai.graph.nodes import affine
from verifai.kernel.arithmetic import LARGEST, SLACK, TINY, UNIT, Exact, Rounded, exactly
from verifai.kernel.forward import depth
from verifai.kernel.operator import Conv, Dense, Gather

SPEC = Path(verifai.kernel.__file__).parent / "SPEC.md"
U, S, T = 2.0**-53, 1 + 2.0**-10, 2.0**-600
M = np.array([3.0, 0.0, 1e-300, 2.0**200])
AR = Rounded()


def bound_of(row: str) -> str:
    """The second column of a row of the table."""
    table = SPEC.read_text("utf-8").split("## 8. Rounding")[1].split("**Zeros.**")[0]
    (line,) = [line for line in table.splitlines() if line.startswith(f"| `{row}` |")]
    return re.split(r"(?<!\\)\|", line)[2].replace("\\|", "|").strip()


def test_the_constants_are_those_of_the_page() -> None:
    assert (UNIT, SLACK, TINY, LARGEST) == (U, S, T, 2.0**300)
    assert bound_of("underflow") == "TINY = 2^-600"
    assert bound_of("fits") == "|v| ≤ 2^300"


def test_every_term_is_as_large_as_its_row_says() -> None:
    a, b = np.array([[2.0, -3.0]]), np.array([5.0, -7.0, 0.0])
    assert bound_of("slip") == "k·u·SLACK·M + `underflow`"
    assert AR.slip(7, M).tolist() == (M * (7 * U * S) + T).tolist()
    assert bound_of("forward") == "slip(2·depth + 64, M)"
    assert AR.forward(5, M).tolist() == AR.slip(74, M).tolist()
    assert bound_of("radius") == "radius·M·SLACK, times |a| in LB"
    assert AR.radius(np.array(0.5), M).tolist() == (0.5 * M * S).tolist()
    assert bound_of("line") == "slip(16, ·)"
    assert AR.line(M).tolist() == AR.slip(16, M).tolist()
    for row, operations in (("curve", 8), ("derivative", 8), ("tangent", 32)):
        assert bound_of(row) == f"slip({operations}, ·)"
        assert getattr(AR, row)(M).tolist() == AR.slip(operations, M).tolist()
    assert bound_of("scaled") == "4u·|a|·V"
    assert AR.scaled() == 4 * U
    assert bound_of("merged") == "2u·|sum|·V"
    assert AR.merged() == 2 * U
    assert bound_of("pulled") == "(depth + 16)·u·SLACK·M·|a|"
    assert AR.pulled(5, M).tolist() == (M * (21 * U * S)).tolist()
    assert bound_of("bias") == "n·u·SLACK·|b|·|a|"
    assert AR.bias(b).tolist() == (abs(b) * (3 * U * S)).tolist()
    assert bound_of("products") == "(n + 4)·u·Σ|products|"
    assert AR.products(6, M).tolist() == (M * (10 * U)).tolist()
    assert bound_of("summed") == "u·|total|"
    assert AR.summed(a).tolist() == (abs(a) * U).tolist()
    assert bound_of("form") == "(entries + 8)·u·SLACK·size"
    assert AR.form(np.array([2, 4]), np.array([3.0, 5.0])).tolist() == [
        3.0 * (10 * (U * S)),
        5.0 * (12 * (U * S)),
    ]
    assert bound_of("end") == "error·SLACK + `underflow`, then the next double below"
    assert AR.end(np.array([1.0]), np.array([0.25])) == np.nextafter(1 - 0.25 * S, -np.inf)
    assert AR.end(np.array([0.0]), np.array([0.0])) == np.nextafter(-T, -np.inf)


@pytest.mark.parametrize("value", [2.0**300, -(2.0**300), 0.0, 1e-320])
def test_values_up_to_the_limit_fit(value: float) -> None:
    assert AR.fits(np.array([0.0, value]))


@pytest.mark.parametrize("value", [np.nextafter(2.0**300, np.inf), -(2.0**301), np.inf, np.nan])
def test_values_beyond_the_limit_do_not_fit(value: float) -> None:
    assert not AR.fits(np.array([0.0, value]))
    assert not AR.fits(np.array([0.0, -value]))


def test_what_arithmetic_collects_is_at_least_its_parts() -> None:
    """Sizes of forms and of products are sums of absolute values, whatever the signs."""
    rows, numbers = np.array([0, 0, 1]), np.array([2.0, -2.0, 1.0])
    got = AR.formed(rows, numbers, np.array([1.0, 3.0, 5.0]), np.zeros(2))
    assert got.tolist() == AR.form(np.array([2, 1]), np.array([8.0, 5.0])).tolist()
    positive, negative = np.array([[1.0, 0.0, 2.0]]), np.array([[0.0, -3.0, 0.0]])
    for low, high in (
        ([-1.0, -2.0, -3.0], [1.0, 2.0, 3.0]),
        ([1.0, -2.0, -3.0], [1.0, 2.0, 3.0]),
        ([-1.0, -2.0, -3.0], [1.0, -2.0, 3.0]),
        ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]),
        ([-3.0, -2.0, -1.0], [-1.0, -1.0, -1.0]),
    ):
        ends = np.array([low]), np.array([high])
        total, error = AR.dot((positive, negative), ends, lambda end: end)
        parts = np.concatenate([positive * ends[0], negative * ends[1]], axis=1)
        assert total == parts.sum()
        assert error == AR.products(3, abs(parts).sum())


def test_the_depth_of_a_node_counts_every_term() -> None:
    """One more for every term, and one for the bias."""
    dense, conv = Dense.of(np.ones((2, 5))), Conv.of(np.ones((2, 1, 3)), (4,))
    assert (dense.depth(), Dense.of(np.ones((7, 5))).depth()) == (5, 7)
    assert (conv.depth(), Conv.of(np.ones((4, 1, 3)), (4,), groups=2).depth()) == (6, 6)
    assert Conv.of(np.ones((1, 3, 2)), (4,)).depth() == 6
    assert (Gather.of(4).depth(), Gather.of(4, [1, 1, 1, -1, -1]).depth()) == (1, 3)
    node = affine("y", (2,), ((0, dense), (1, Gather.of(2, [1, 1])), (2, dense)))
    assert depth(node) == 6 + 3 + 6 + 1
    assert depth(affine("y", (2,), ())) == 1


def test_exact_arithmetic_owes_nothing_but_the_radius() -> None:
    ar = Exact()
    m = exactly(np.array([3.0, 0.5]))
    assert not any(ar.slip(9, m)) and not any(ar.summed(m))
    assert (ar.scaled(), ar.merged()) == (0, 0)
    assert ar.radius(m, m).tolist() == [9, exactly(np.array([0.25]))[0]]
