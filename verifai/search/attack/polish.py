"""From points near the unsafe set to exact points in it, where equalities leave no room.

A float point hardly ever fulfils an equality exactly. Near it a piecewise-linear network is linear,
so Newton steps find the equality in floats, and one with exact slopes lands on it.

May import: numpy, python-flint, kernel, bounds, unsafe. Must not know: branching, certificates.
"""

from __future__ import annotations

import numpy as np
from flint import fmpq, fmpq_mat

from verifai.bounds.compiled import Compiled
from verifai.bounds.maps import Array, Indices, Mask
from verifai.kernel.query import Atom, Query, Relation
from verifai.kernel.replay import evaluate
from verifai.search.attack.unsafe import Unsafe

ROUNDS = 10  # Newton steps in floats
EXACT_ROUNDS = 4
STEP = fmpq(1, 1 << 64)  # what an exact slope is measured with, in widths of the box
MAX_VALUES = 20_000  # networks with more values are not evaluated exactly so often


class Polish:
    """Newton steps for one query."""

    def __init__(self, query: Query, compiled: Compiled, unsafe: Unsafe) -> None:
        """Reads off which inputs may move."""
        self.query, self.compiled, self.unsafe = query, compiled, unsafe
        whole = [v in query.integers for v in query.input_values]
        ends = zip(query.lower, query.upper, strict=True)
        self.movable: Mask = np.array([low < high for low, high in ends]) & ~np.array(whole)
        self.is_possible = query.network.offsets[-1] <= MAX_VALUES and bool(self.movable.any())

    def _slopes(self, point: Array) -> tuple[Array, Array, Mask]:
        """All atoms' forms at a point (A,), their gradients (A, inputs), and which must hold."""
        count = len(self.unsafe.constant)
        values = self.compiled.forward(np.tile(point, (count, 1)))
        total = self.unsafe.constant.copy()
        for node, a in self.unsafe.forms.items():
            total += values[node][0] @ a.T
        gradient = self.compiled.gradient(values, self.unsafe.forms)
        active = self.unsafe.judge(self.unsafe.scores([v[:1] for v in values]))[1][0]
        return total, gradient, active

    def approach(self, point: Array, lower: Array, upper: Array) -> Array:
        """The point (inputs,) after Newton steps in floats towards all atoms that must hold."""
        point, stuck = point.copy(), np.zeros(len(point), dtype=bool)
        for _ in range(ROUNDS):
            total, gradient, active = self._slopes(point)
            failing = active & (self.unsafe.equal | (total > 0))
            usable = np.flatnonzero(self.movable & ~stuck)
            if not failing.any() or not len(usable):
                break
            try:
                step = np.linalg.pinv(gradient[failing][:, usable]) @ total[failing]
            except np.linalg.LinAlgError:
                break
            moved = point[usable] - step
            point[usable] = np.clip(moved, lower[usable], upper[usable])
            stuck[usable] |= moved != point[usable]
        return point

    def land(self, point: list[fmpq]) -> list[fmpq]:
        """The point moved by exact Newton steps onto every equality that must hold near it.

        Inequalities that fail on the way, by rounding for instance, are made equalities.
        """
        near = np.array([float(q.p) / float(q.q) for q in point])
        _, gradient, active = self._slopes(near)
        bound = active & self.unsafe.equal
        for _ in range(EXACT_ROUNDS):
            total = self._totals(point)
            atoms = self.unsafe.atoms
            failing = active & [_fails(a, t) for a, t in zip(atoms, total, strict=True)]
            if not failing.any():
                return point
            bound |= failing
            flat = np.array([t == 0 for t in total]) & ~gradient[:, self.movable].any(axis=1)
            bound &= ~flat  # holds, and goes on to hold nearby
            moved = self._step(point, [total[k] for k in np.flatnonzero(bound)], gradient, bound)
            if moved is None:
                return point
            point = moved
        return point

    def _totals(self, point: list[fmpq]) -> list[fmpq]:
        """All atoms' forms at an exact point."""
        low, _ = evaluate(self.query.network, point, self.compiled.pause)
        return [sum((c * low[v] for v, c in a.terms), a.constant) for a in self.unsafe.atoms]

    def _step(
        self, point: list[fmpq], total: list[fmpq], gradient: Array, bound: Mask
    ) -> list[fmpq] | None:
        """One exact Newton step in as many inputs as there are equations; None if they depend."""
        rows = np.flatnonzero(bound)
        ends = list(zip(self.query.lower, self.query.upper, strict=True))
        inside = [low < x < high for x, (low, high) in zip(point, ends, strict=True)]
        columns = _pivots(gradient[rows], np.flatnonzero(self.movable & inside))
        if columns is None:
            return None
        matrix = fmpq_mat(len(rows), len(rows))
        for j, column in enumerate(columns.tolist()):
            low, high = ends[column]
            size, shifted = (high - low) * STEP, list(point)
            shifted[column] += size
            after = self._totals(shifted)
            for i, row in enumerate(rows.tolist()):
                matrix[i, j] = (after[row] - total[i]) / size
        try:
            step = matrix.solve(fmpq_mat(len(rows), 1, total))
        except ZeroDivisionError:
            return None
        moved = list(point)
        for j, column in enumerate(columns.tolist()):
            moved[column] -= step[j, 0]
        return moved


def _fails(atom: Atom, total: fmpq) -> bool:
    """Whether moving the form to zero would help the atom."""
    return bool(total != 0 if atom.relation is Relation.EQUAL else total > 0)


def _pivots(gradient: Array, columns: Indices) -> Indices | None:
    """As many columns as rows, chosen so that the rows differ on them; None if there are none."""
    left, chosen = gradient[:, columns].copy(), list[int]()
    for row in range(len(left)):
        if not len(columns):
            return None
        best = int(np.abs(left[row]).argmax())
        pivot = left[row, best]
        if not abs(pivot) > 1e-9:
            return None
        chosen.append(best)
        below = left[row + 1 :]
        below -= np.outer(below[:, best] / pivot, left[row])
    return np.asarray(columns[chosen])
