"""Small linear programs solved in rational arithmetic, whose duals are exact.

The dual simplex method with Bland's rule needs no tolerances and always ends; it is for what a
solver in floats gets wrong, or cannot say precisely enough.
Source: Chvátal 1983, Linear Programming, chapters 3 and 10.

May import: numpy, python-flint. Must not know: networks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from flint import fmpq, fmpz

Array = npt.NDArray[np.float64]
Plane = tuple[Mapping[int, fmpq], fmpq]  # coefficients by variable, and a constant
MOST_ENTRIES = 20_000  # of the tableau
MOST_PIVOTS = 2_000
EXACT_BITS = 53  # of integers that doubles hold


def exact_duals(
    planes: tuple[Array, Array],
    goals: int,
    box: tuple[Array, Array],
    *,
    expired: Callable[[], bool] = lambda: False,
) -> Array | None:
    """Multipliers of planes whose sum is as great as can be wherever it is least on the box.

    The first planes are goals, whose multipliers have a positive sum if any point of the box
    makes all others ≤ 0, and are all zero if none does. Multipliers that have a small common
    denominator are multiplied by it, so that they are exact as doubles.

    Args:
        planes: coefficients (D, n) and constants (D,), finite, taken as exact.
        goals: how many planes are goals.
        box: lower and upper ends of the n variables, finite.
        expired: whether time is up.

    Returns:
        Non-negative multipliers (D,), or None: too large, or out of time.
    """
    factors, constants = planes
    ends = {j: (_exact(low), _exact(high)) for j, (low, high) in enumerate(zip(*box, strict=True))}
    rows = [
        ({j: _exact(row[j]) for j in np.flatnonzero(row).tolist()}, _exact(constant))
        for row, constant in zip(factors, constants.tolist(), strict=True)
    ]
    found = duals(rows, goals, ends, expired=expired)
    return None if found is None else np.array(found)


def duals(
    planes: Sequence[Plane],
    goals: int,
    ends: Mapping[int, tuple[fmpq, fmpq]],
    *,
    expired: Callable[[], bool] = lambda: False,
) -> list[float] | None:
    """As `exact_duals`, of rational planes by variable.

    Args:
        planes: coefficients and a constant each.
        goals: how many planes are goals, the first ones.
        ends: lower and upper end of every variable that a plane names.
        expired: whether time is up.
    """
    named = sorted({j for factors, _ in planes for j, factor in factors.items() if factor})
    kept = [j for j in named if ends[j][0] < ends[j][1]]
    rows, columns = len(planes) + len(kept), len(kept) + 1
    if rows * columns > MOST_ENTRIES:
        return None
    tableau = _Tableau(_entries(planes, goals, ends, kept), len(kept))
    for _ in range(MOST_PIVOTS):
        if expired():
            return None
        row = tableau.leaving()
        column = None if row is None else tableau.entering(row)
        if row is None or column is None:
            return _doubles(tableau.duals(row, len(planes)))
        tableau.pivot(row, column)
    return None


def _entries(
    planes: Sequence[Plane], goals: int, ends: Mapping[int, tuple[fmpq, fmpq]], kept: list[int]
) -> list[list[fmpq]]:
    """Rows slack = b - Σ a·v as [a…, b]: of all planes, then of the variables' upper ends.

    The variables v are those kept, from their lower ends on, and by how much the program's value
    exceeds a number that no point of the box reaches.
    """
    made, floor = list[list[fmpq]](), None
    for d, (a, constant) in enumerate(planes):
        start = constant + sum((x * ends[j][0] for j, x in a.items()), fmpq(0))
        if d < goals:
            widths = {j: ends[j][1] - ends[j][0] for j in a}
            least = start + sum((x * widths[j] for j, x in a.items() if x < 0), fmpq(0))
            floor = least - 1 if floor is None else max(floor, least - 1)
        made.append([a.get(j, fmpq(0)) for j in kept] + [fmpq(0), -start])
    for row in made[:goals]:
        row[-2], row[-1] = fmpq(-1), row[-1] + (floor or 0)
    for place, j in enumerate(kept):
        unit = [fmpq(int(k == place)) for k in range(len(kept))]
        made.append([*unit, fmpq(0), ends[j][1] - ends[j][0]])
    return made


class _Tableau:
    """Slacks, variables and costs while a program is solved.

    Variables are numbered from 0, slacks from `first` on.
    """

    def __init__(self, rows: list[list[fmpq]], count: int) -> None:
        self.rows, self.first = rows, count + 1
        self.basic = list(range(self.first, self.first + len(rows)))
        self.free = list(range(self.first))
        self.costs = [fmpq(0)] * count + [fmpq(1)]

    def leaving(self) -> int | None:
        """The first row whose basic variable is negative; None: this is the optimum."""
        bad = [i for i, row in enumerate(self.rows) if row[-1] < 0]
        return min(bad, key=lambda i: self.basic[i], default=None)

    def entering(self, row: int) -> int | None:
        """The column to exchange; None: no point obeys the row."""
        usable = [j for j, a in enumerate(self.rows[row][:-1]) if a < 0]
        ratios = [(self.costs[j] / -self.rows[row][j], self.free[j], j) for j in usable]
        return min(ratios)[2] if ratios else None

    def pivot(self, row: int, column: int) -> None:
        """Exchanges a basic variable for a free one."""
        pivot = self.rows[row]
        scale = 1 / pivot[column]
        pivot[column] = fmpq(1)
        self.rows[row] = pivot = [a * scale for a in pivot]
        for i, other in enumerate(self.rows):
            if i != row and other[column]:
                self.rows[i] = _less(other, pivot, column)
        self.costs = _less([*self.costs, fmpq(0)], pivot, column)[:-1]
        self.basic[row], self.free[column] = self.free[column], self.basic[row]

    def duals(self, row: int | None, count: int) -> list[fmpq]:
        """The multipliers of the first rows: of the optimum, or of a row that no point obeys."""
        factors = self.costs if row is None else self.rows[row][:-1]
        found = dict(zip(self.free, factors, strict=True))
        if row is not None:
            found[self.basic[row]] = fmpq(1)
        return [found.get(self.first + i, fmpq(0)) for i in range(count)]


def _less(row: list[fmpq], pivot: list[fmpq], column: int) -> list[fmpq]:
    """The row without the variable that the pivot's row stands for."""
    factor = row[column]
    result = [a - factor * p for a, p in zip(row, pivot, strict=True)]
    result[column] = -factor * pivot[column]
    return result


def _exact(value: float) -> fmpq:
    return fmpq(*value.as_integer_ratio())


def _doubles(values: list[fmpq]) -> list[float]:
    """The values, or common multiples of them that are integers, as doubles."""
    common = fmpz(1)
    for value in values:
        common = common * value.q // common.gcd(value.q)
    scaled = [value * common for value in values]
    if all(int(value.p).bit_length() <= EXACT_BITS for value in scaled):
        values = scaled
    return [int(v.p) / int(v.q) for v in values]
