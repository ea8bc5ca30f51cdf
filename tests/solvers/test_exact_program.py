"""Exact duals of small programs, against HiGHS and by what they must fulfil."""

import numpy as np
import pytest

from verifai.solvers.exact_program import Array, exact_duals
from verifai.solvers.linear_program import LinearProgram, Optimum


def in_floats(planes: tuple[Array, Array], goals: int, box: tuple[Array, Array]) -> Optimum | None:
    """The least greatest goal, by HiGHS; None where no point obeys the rest."""
    (factors, constants), n = planes, planes[0].shape[1]
    cost = np.append(np.zeros(n), 1.0)
    program = LinearProgram(cost, np.append(box[0], -1e6), np.append(box[1], np.inf))
    for d, (row, constant) in enumerate(zip(factors, constants, strict=True)):
        a = np.append(row, -1.0 if d < goals else 0.0)
        program.add_row(np.arange(n + 1), a, -np.inf, -float(constant))
    return program.solve(10.0)


@pytest.mark.parametrize("seed", range(60))
def test_the_duals_attain_the_optimum_or_exclude_every_point(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, goals, cuts = rng.integers(1, 6), int(rng.integers(1, 4)), rng.integers(0, 5)
    factors, constants = (
        rng.integers(-4, 5, (goals + cuts, n)) / 4,
        rng.integers(-4, 5, goals + cuts),
    )
    low = -rng.integers(0, 3, n).astype(float)
    box = low, low + rng.integers(0, 4, n)
    planes = factors, constants / 4
    duals = exact_duals(planes, goals, box)
    assert duals is not None and (duals >= 0).all()
    slope, weight = duals @ planes[0], duals[:goals].sum()
    bound = duals @ planes[1] + np.minimum(slope * box[0], slope * box[1]).sum()
    found = in_floats(planes, goals, box)
    if found is None:
        assert weight == 0 and bound > 0
    else:
        assert weight > 0 and bound / weight == pytest.approx(found.value, abs=1e-9)


def test_multipliers_with_a_small_denominator_are_integers() -> None:
    """x ≤ 1/4 where 3x is at least 3/4: only the exact proportion shows 0."""
    planes = np.array([[1.0], [-3.0]]), np.array([-0.25, 0.75])
    duals = exact_duals(planes, 2, (np.zeros(1), np.ones(1)))
    assert duals is not None and duals.tolist() == [3.0, 1.0]


def test_what_is_too_large_or_too_late_has_no_duals() -> None:
    large = np.ones((200, 200)), np.ones(200)
    assert exact_duals(large, 1, (np.zeros(200), np.ones(200))) is None
    small = np.ones((1, 1)), np.ones(1)
    assert exact_duals(small, 1, (np.zeros(1), np.ones(1)), expired=lambda: True) is None
