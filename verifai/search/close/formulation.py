"""A subproblem's linear program: the least that the greatest unsafe row can be there.

Whichever values have columns, the rows are the same: definitions, the lines of nonlinear values,
the unsafe rows. The duals of an optimum above zero refute the subproblem: they are weights of
rows, multipliers of intervals, slopes of lines.
Source: Ehlers 2017, Formal Verification of Piece-Wise Linear Feed-Forward Neural Networks.

May import: numpy, bounds, solvers, columns, heads. Must not know: trees, records, processes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from verifai.bounds.dual import Rows
from verifai.bounds.interval import Bounds
from verifai.bounds.maps import Array, Indices
from verifai.search.close.columns import SparseEntries, Substituted, joined
from verifai.search.close.heads import CHORD, LEFT, RIGHT, Heads
from verifai.solvers.linear_program import Array as Doubles
from verifai.solvers.linear_program import Simplex, SparseRows

SMALL = 1e-12
Ends = Callable[[int], tuple[Array, Array]]
Maker = Callable[[Doubles, SparseRows], Simplex]


@dataclass(frozen=True, slots=True, eq=False)
class Duals:
    """What refutes a subproblem, or bounds it.

    Attributes:
        value: the bound, as far as the solver can be believed.
        weights: of the rows, (K,).
        multipliers: of the intervals of columns, as `DualPoint` has them, (columns,).
        slopes: of heads with two lines on a side, there; NaN where they do not matter, (m,).
    """

    value: float
    weights: Array
    multipliers: Array
    slopes: Array


class Formulation:
    """The program of one conjunction of rows, set to one region after the other.

    Columns: those of the substitution, and the program's value. Rows: definitions; for each head a
    right line and a chord, or a lower and an upper line; left lines; each unsafe row ≤ the value.
    """

    def __init__(
        self,
        substituted: Substituted,
        rows: Rows,
        make: Maker,
        *,
        is_elastic: bool = False,
    ) -> None:
        """A program without ends.

        Args:
            substituted: a network in terms of columns, for regions inside one box; slopes are this
                box's first.
            rows: K rows, alike for all boxes, on nodes that are substituted.
            make: the solver of a cost and rows.
            is_elastic: whether the intervals of hidden values give way as the unsafe rows do.
        """
        self.substituted, self.columns = substituted, substituted.columns
        self.compiled, self.heads = self.columns.compiled, Heads(self.columns)
        self.steep = np.flatnonzero(self.heads.has_left)
        self.known, self.is_elastic = self._known(), is_elastic
        goals, self.constant = substituted.rows(rows)
        self.lines, self.seen = self.heads.lines(substituted.bounds), substituted.bounds
        self.value = len(self.columns)  # the column of the program's value
        cost = np.zeros(self.value + 1)
        cost[self.value] = 1
        self.simplex = make(cost, self._sparse(goals))

    def _known(self) -> Indices:
        """The columns of hidden values that have intervals of their own."""
        offsets, found = self.compiled.network.offsets, list[Indices]()
        for node in sorted({*self.compiled.preactivations} - {*self.compiled.inputs}):
            found.append(self.columns.at[offsets[node] : offsets[node + 1]])
        columns = np.concatenate([np.zeros(0, dtype=np.int64), *found])
        return np.asarray(columns[columns >= 0])

    def _line(self, line: int) -> tuple[Indices, Indices]:
        """The rows of a line, and the heads that these are of."""
        which = self.steep if line == LEFT else np.arange(self.heads.count)
        first = len(self.substituted.constants) + line * self.heads.count
        return first + np.arange(len(which)), which

    @property
    def _goals(self) -> int:
        """The first unsafe row."""
        return len(self.substituted.constants) + 2 * self.heads.count + len(self.steep)

    def _sparse(self, goals: SparseEntries) -> SparseRows:
        """All rows, with the slopes of the region that the program is made for."""
        parts, reads = [self.substituted.definitions], self.heads.reads
        for line in (RIGHT, CHORD, LEFT):
            row, which = self._line(line)
            parts.append(SparseEntries(row, self.heads.first + which, np.ones(len(row))))
            for k in (0, 1):
                here = np.flatnonzero(reads[k, which] >= 0)
                slopes = self.lines.slopes[line, k, which[here]]
                parts.append(SparseEntries(row[here], reads[k, which[here]], -slopes))
        parts.append(SparseEntries(self._goals + goals.row, goals.column, goals.factor))
        ends = [(len(self.constant), -1.0)]
        if self.is_elastic:
            ends += [(len(self.known), 1.0), (len(self.known), -1.0)]
        height = self._goals
        for place, (count, sign) in enumerate(ends):
            row = height + np.arange(count)
            if place:
                parts.append(SparseEntries(row, self.known, np.ones(count)))
            parts.append(SparseEntries(row, np.full(count, self.value), np.full(count, sign)))
            height += count
        every = joined(parts)
        order = np.argsort(every.row, kind="stable")
        start = np.searchsorted(every.row[order], np.arange(height + 1))
        return SparseRows(start, every.column[order], every.factor[order].astype(np.float64))

    def enter(self, bounds: Bounds, ends: Ends | None = None) -> None:
        """Sets lines and ends to one region's.

        Args:
            bounds: of all values there.
            ends: those that a node's values have in the program; None: all that are known.
        """
        self._bend(bounds)
        lower, upper = self._ends(bounds, ends)
        low, high = (
            [self.substituted.constants, side[RIGHT], side[CHORD], side[LEFT, self.steep]]
            for side in (self.lines.low, self.lines.high)
        )
        low.append(np.full(len(self.constant), -math.inf))
        high.append(-self.constant)
        if self.is_elastic:
            far = np.full(len(self.known), math.inf)
            low += [lower[self.known], -far]
            high += [far, upper[self.known]]
            lower[self.known], upper[self.known] = -far, far
        self.simplex.set_rows(np.concatenate(low), np.concatenate(high))
        self.simplex.set_columns(lower, upper)

    def _bend(self, bounds: Bounds) -> None:
        """Sets lines to a region's, slopes only of those that say something there."""
        if bounds is self.seen:
            return
        lines, before, self.seen = self.heads.lines(bounds), self.lines.slopes, bounds
        kept = ~lines.is_used()[:, None, :]
        np.copyto(lines.slopes, before, where=kept)
        self.lines = lines
        for line in (RIGHT, CHORD, LEFT):
            row, which = self._line(line)
            for k, j in np.argwhere(lines.slopes[line][:, which] != before[line][:, which]):
                column, slope = self.heads.reads[k, which[j]], lines.slopes[line, k, which[j]]
                self.simplex.set_factor(int(row[j]), int(column), -float(slope))

    def _ends(self, bounds: Bounds, ends: Ends | None) -> tuple[Doubles, Doubles]:
        """The ends of all columns in a region."""
        upper = np.full(self.value + 1, math.inf)
        lower, offsets = -upper, self.compiled.network.offsets
        flat = np.flatnonzero(self.heads.is_flat)
        lower[self.heads.first + flat] = self.lines.low[LEFT, flat]
        upper[self.heads.first + flat] = self.lines.high[LEFT, flat]
        for node in {*self.compiled.inputs, *self.compiled.preactivations}:
            sides = (bounds.lower[node][0], bounds.upper[node][0]) if ends is None else ends(node)
            at = self.columns.at[offsets[node] : offsets[node + 1]]
            here = at >= 0
            lower[at[here]], upper[at[here]] = sides[0][here], sides[1][here]
        return lower, np.maximum(lower, upper)

    def floor(self, least: float) -> None:
        """The least that the program's value may be."""
        self.simplex.set_column(self.value, least, math.inf)

    def duals(self) -> Duals:
        """Of the optimum just found."""
        found = self.simplex.optimum()
        return self.read(found.value, found.row_duals, found.reduced)

    def read(self, value: float, rows: Array, reduced: Array) -> Duals:
        """What multipliers of rows, and what they leave of columns' costs, mean."""
        goals = rows[self._goals :]
        count, known = len(self.constant), len(self.known)
        multipliers = np.zeros(self.value)
        multipliers[self.known] = -reduced[self.known]
        if self.is_elastic:
            multipliers[self.known] -= goals[count : count + known] + goals[count + known :]
        multipliers[np.abs(multipliers) <= SMALL] = 0.0
        weights = np.maximum(-goals[:count], 0)
        return Duals(value, weights, multipliers, self._slopes(rows, reduced))

    def _slopes(self, rows: Array, reduced: Array) -> Array:
        """The mean of the two lines on a side, weighed by their multipliers."""
        heads, lines, left = self.heads, self.lines, np.zeros(self.heads.count)
        left[self.steep] = rows[self._line(LEFT)[0]]
        flat = np.flatnonzero(heads.is_flat)
        left[flat] = reduced[heads.first + flat]
        sign = np.where(lines.is_concave, -1.0, 1.0)
        left, right = (np.maximum(sign * a, 0) for a in (left, rows[self._line(RIGHT)[0]]))
        total = left + right
        mixed = left * lines.slopes[LEFT, 0] + right * lines.slopes[RIGHT, 0]
        usable = lines.is_open & (total > SMALL)
        return np.asarray(np.where(usable, mixed / np.where(usable, total, 1), np.nan))
