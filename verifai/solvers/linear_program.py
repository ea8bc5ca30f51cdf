"""Linear programs, solved in floats by HiGHS, with their duals.

May import: numpy, highspy. Must not know: networks.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]


@dataclass(slots=True)
class LinearProgram:
    """Minimise cost·x subject to lower ≤ x ≤ upper and sparse rows between two ends.

    Attributes:
        cost, lower, upper: one entry a variable.
    """

    cost: Array
    lower: Array
    upper: Array
    _columns: list[Indices] = field(default_factory=list)
    _factors: list[Array] = field(default_factory=list)
    _row_lower: list[float] = field(default_factory=list)
    _row_upper: list[float] = field(default_factory=list)

    def add_row(self, columns: Indices, factors: Array, low: float, high: float) -> int:
        """Adds low ≤ factors·x[columns] ≤ high; its number."""
        self._columns.append(columns)
        self._factors.append(factors)
        self._row_lower.append(low)
        self._row_upper.append(high)
        return len(self._columns) - 1

    def solve(self, seconds: float) -> Optimum | None:
        """The optimum, or None if there is none or time ran out."""
        import highspy

        lp, counts = highspy.HighsLp(), [len(c) for c in self._columns]
        lp.num_col_, lp.num_row_ = len(self.cost), len(counts)
        lp.col_cost_, lp.col_lower_, lp.col_upper_ = self.cost, self.lower, self.upper
        lp.row_lower_, lp.row_upper_ = np.array(self._row_lower), np.array(self._row_upper)
        lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        lp.a_matrix_.start_ = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
        lp.a_matrix_.index_ = np.concatenate(self._columns).astype(np.int32)
        lp.a_matrix_.value_ = np.concatenate(self._factors)
        solver = highspy.Highs()
        solver.setOptionValue("output_flag", False)
        solver.setOptionValue("threads", 1)
        solver.setOptionValue("time_limit", max(seconds, 1e-3))
        solver.passModel(lp)
        solver.run()
        if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return None
        found = solver.getSolution()
        return Optimum(
            float(solver.getObjectiveValue()),
            np.array(found.col_value),
            np.array(found.col_dual),
            np.array(found.row_dual),
        )


@dataclass(frozen=True, slots=True)
class Optimum:
    """A minimum with its duals: reduced costs of variables (≥ 0 at the lower end), and of rows."""

    value: float
    point: Array
    reduced: Array
    row_duals: Array
