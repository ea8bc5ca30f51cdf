"""Linear programs, solved in floats by HiGHS, with their duals.

May import: numpy, highspy, alarm, streams. Must not know: networks.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from verifai.alarm import undisturbed
from verifai.streams import hushed

Array = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
LEAST_SECONDS = 1e-3  # of a solve, however late it is
MOST_ITERATIONS = 2**31 - 1  # that the solver can be told


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

    def solve(self, seconds: float, *, presolve: bool = True) -> Optimum | None:
        """The optimum, or None if there is none, time ran out or the solver's answer is no answer.

        Args:
            seconds: after which to give up.
            presolve: whether the solver may first simplify the program; without, its duals may
                differ.
        """
        start = np.concatenate([[0], np.cumsum([len(c) for c in self._columns])])
        rows = SparseRows(start, np.concatenate(self._columns), np.concatenate(self._factors))
        once = Simplex(self.cost, rows, lambda: seconds, presolve=presolve)
        once.set_columns(self.lower, self.upper)
        once.set_rows(np.array(self._row_lower), np.array(self._row_upper))
        return once.optimum() if once.solve(MOST_ITERATIONS).is_optimal else None


@dataclass(frozen=True, slots=True)
class Optimum:
    """A minimum with its duals: reduced costs of variables (≥ 0 at the lower end), and of rows."""

    value: float
    point: Array
    reduced: Array
    row_duals: Array


def highs() -> Any:
    """The package highspy.

    Raises:
        ImportError: it is not installed.
    """
    with undisturbed():
        import highspy

    return highspy


def silent_solver() -> Any:
    """HiGHS on one thread, printing nothing: version 1.16 says its name before it can be told."""
    with hushed():
        solver = highs().Highs()
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("threads", 1)
    return solver


def _optimum(solver: Any, columns: int, rows: int) -> Optimum | None:
    """What the last solve found, or None where it is not a finite number for everything."""
    found, value = solver.getSolution(), float(solver.getInfo().objective_function_value)
    arrays = [np.array(a, np.float64) for a in (found.col_value, found.col_dual, found.row_dual)]
    sizes = [len(a) for a in arrays]
    if sizes != [columns, columns, rows] or not all(np.isfinite(a).all() for a in arrays):
        return None
    return Optimum(value, *arrays) if math.isfinite(value) else None


@dataclass(frozen=True, slots=True)
class SparseRows:
    """Rows in a row: their entries, and where each row starts and the last one ends."""

    start: Indices
    columns: Indices
    factors: Array


class Simplex:
    """A linear program whose ends and entries change, solved from the last basis on, or just once.

    Columns and rows are numbered in the order given.

    Attributes:
        iterations: of all solves so far.
        left: how many seconds a solve may take.
    """

    def __init__(
        self,
        cost: Array,
        rows: SparseRows,
        left: Callable[[], float],
        *,
        presolve: bool | None = None,
    ) -> None:
        """Minimise cost·x; every variable and row is free until it is given ends.

        Args:
            cost: one entry a variable.
            rows: on variables.
            left: how many seconds a solve may take.
            presolve: of a program that is solved once, whether the solver may first simplify it;
                without, its duals may differ. None: it is solved again and again.
        """
        highspy = highs()
        count, height = len(cost), len(rows.start) - 1
        self._sizes = count, height
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = count, height
        lp.col_cost_ = cost
        lp.col_lower_, lp.col_upper_ = np.full(count, -np.inf), np.full(count, np.inf)
        lp.row_lower_, lp.row_upper_ = np.full(height, -np.inf), np.full(height, np.inf)
        lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        lp.a_matrix_.start_ = rows.start.astype(np.int32)
        lp.a_matrix_.index_ = rows.columns.astype(np.int32)
        lp.a_matrix_.value_ = rows.factors
        self._statuses = highspy.HighsModelStatus
        self._solver, self._is_kept = silent_solver(), presolve is None
        if not presolve:
            self._solver.setOptionValue("presolve", "off")
        if self._is_kept:
            self._solver.setOptionValue("simplex_strategy", 1)  # the dual method
            self._solver.setOptionValue("simplex_scale_strategy", 0)
        self._solver.passModel(lp)
        self._matrix = SparseRows(rows.start, rows.columns, rows.factors.copy())
        self.iterations, self._is_primal, self.left = 0, False, left
        self._columns = np.arange(count, dtype=np.int32)
        self._rows = np.arange(height, dtype=np.int32)

    def set_columns(self, lower: Array, upper: Array) -> None:
        """New ends of all variables."""
        self._solver.changeColsBounds(len(lower), self._columns, lower, upper)

    def set_rows(self, lower: Array, upper: Array) -> None:
        """New ends of all rows."""
        self._solver.changeRowsBounds(len(lower), self._rows, lower, upper)

    def set_column(self, column: int, lower: float, upper: float) -> None:
        """New ends of one variable."""
        self._solver.changeColBounds(column, lower, upper)

    def set_row(self, row: int, lower: float, upper: float) -> None:
        """New ends of one row."""
        self._solver.changeRowBounds(row, lower, upper)

    def set_factor(self, row: int, column: int, factor: float) -> None:
        """A new entry in the place of one."""
        self._solver.changeCoeff(row, column, factor)
        first, end = self._matrix.start[row : row + 2]
        here = first + np.flatnonzero(self._matrix.columns[first:end] == column)
        self._matrix.factors[here] = factor

    def set_cost(self, column: int, cost: float) -> None:
        """A new cost of one variable."""
        self._solver.changeColCost(column, cost)

    @property
    def basis(self) -> object:
        """Where the last solve ended, for `resume`."""
        return self._solver.getBasis()

    def resume(self, basis: object) -> None:
        """Lets the next solve start there."""
        self._solver.setBasis(basis)

    def left_by(self, multipliers: Array) -> Array:
        """What these multiples of the rows leave of a cost of zero, for every column."""
        rows = np.repeat(multipliers, np.diff(self._matrix.start))
        pulled = np.bincount(self._matrix.columns, rows * self._matrix.factors, self._sizes[0])
        return np.asarray(-pulled)

    def solve(self, iterations: int, *, is_primal: bool = False) -> Solved:
        """Solves from the last basis on, in at most so many iterations.

        The dual method suits changes of ends, the primal one changes of costs.
        """
        solver, statuses = self._solver, self._statuses
        solver.setOptionValue("simplex_iteration_limit", iterations)
        limit = solver.getRunTime() + max(self.left(), LEAST_SECONDS)  # it adds up all solves
        solver.setOptionValue("time_limit", limit)
        if is_primal != self._is_primal:
            solver.setOptionValue("simplex_strategy", 4 if is_primal else 1)
            self._is_primal = is_primal
        solver.run()
        self.iterations += max(0, int(solver.getInfo().simplex_iteration_count))
        status = solver.getModelStatus()
        if status == statuses.kInfeasible and self._is_kept:
            _, is_known, ray = solver.getDualRay()
            is_known = is_known and len(ray) == self._sizes[1]
            return Solved(np.inf, is_optimal=False, ray=np.array(ray) if is_known else None)
        value = float(solver.getInfo().objective_function_value)
        if status == statuses.kOptimal:
            return Solved(value, is_optimal=True)
        if status == statuses.kIterationLimit:
            return Solved(value, is_optimal=False)
        return Solved(-np.inf, is_optimal=False)

    def point(self) -> Array:
        """The variables at the optimum that the last solve found."""
        return self.optimum().point

    def optimum(self) -> Optimum:
        """The optimum that the last solve found, with its duals; zeros where it gave none."""
        columns, rows = self._sizes
        found = _optimum(self._solver, columns, rows)
        zeros = np.zeros(columns), np.zeros(columns), np.zeros(rows)
        return Optimum(-math.inf, *zeros) if found is None else found


@dataclass(frozen=True, slots=True)
class Solved:
    """How a solve ended.

    Attributes:
        value: the optimum; infinite where no point obeys all rows; else a guess (-∞: none).
        is_optimal: whether it is the optimum.
        ray: multipliers of the rows that show that no point obeys all, of unknown sign.
    """

    value: float
    is_optimal: bool
    ray: Array | None = None
