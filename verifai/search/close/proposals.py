"""What linear programs propose, tried by backward elimination and put into the kernel's words.

May import: numpy, bounds, goals, programs, record. Must not know: trees, how programs are solved.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from verifai.bounds.compiled import Compiled
from verifai.bounds.crown import Relaxed, relaxed
from verifai.bounds.dual import DualPoint, DualProblem, Rows
from verifai.bounds.interval import Bounds
from verifai.bounds.maps import Array
from verifai.proof.record import Block, Derive, Form, Step
from verifai.search.close.formulation import Duals
from verifai.search.close.premises import Hidden
from verifai.search.close.programs import Programs
from verifai.search.goals import Goals
from verifai.search.judge import Indices


@dataclass(frozen=True, slots=True, eq=False)
class Proposals:
    """The proposals of a search's programs."""

    compiled: Compiled
    goals: Goals
    programs: Programs

    def refutations(
        self, relaxation: Relaxed, goals: Indices, proofs: list[tuple[int, Duals]]
    ) -> dict[int, Block]:
        """The blocks of those proposed multipliers that refute their regions indeed.

        Args:
            relaxation: of the regions.
            goals: of the regions.
            proofs: multipliers, and which region they are for.
        """
        if not proofs:
            return {}
        which = np.array([m for m, _ in proofs])
        base, goals = relaxation.take(which), goals[which]
        point = self.programs.point(base, [duals for _, duals in proofs])
        problem = DualProblem(self.compiled, base, self.goals.rows(goals), len(which), {}, {})
        seen: dict[int, Array] = {}
        plane, _ = problem.plane(point, seen)
        good = np.flatnonzero(plane.value > self.goals.margin[goals]).tolist()
        blocks = {k: self._block(base, point, seen, (k, int(goals[k]))) for k in good}
        return {int(which[k]): block for k, block in blocks.items()}

    def tightened(
        self, bounds: Bounds, goal: int, hidden: list[Hidden]
    ) -> tuple[Bounds, Derive] | None:
        """One region's bounds met with those proposed, and their record; None: none is better."""
        if not hidden:
            return None
        count, units = len(hidden), self.programs.units
        neurons, sides = (np.array([h[k] for h in hidden]) for k in (0, 1))
        factors = np.where(sides == 0, 1.0, -1.0)
        base = relaxed(self.compiled, bounds).take(np.zeros(count, dtype=np.int64))
        point = self.programs.point(base, [h.duals for h in hidden])
        rows = self._with_forms(goal, units.source[neurons], units.index[neurons], factors)
        point.weights = np.concatenate([np.ones((count, 1)), point.weights], axis=1)
        seen: dict[int, Array] = {}
        problem = DualProblem(self.compiled, base, rows, count, {}, {})
        ends = factors * problem.plane(point, seen)[0].value
        point.weights = point.weights[:, 1:]
        (low,), (high,) = units.ends(bounds)
        better = np.where(sides == 0, ends > low[neurons], ends < high[neurons])
        kept = np.flatnonzero(better & np.isfinite(ends)).tolist()
        lower, upper = list(bounds.lower), list(bounds.upper)
        steps, offsets = list[Step](), self.compiled.network.offsets
        for k in kept:
            node, index = int(units.source[neurons[k]]), int(units.index[neurons[k]])
            side = lower if sides[k] == 0 else upper
            side[node] = side[node].copy()
            side[node][0, index] = ends[k]
            form = Form((offsets[node] + index,), (float(factors[k]),))
            steps.append(Step(form, self._block(base, point, seen, (k, goal))))
        return (Bounds(tuple(lower), tuple(upper)), Derive(tuple(steps))) if steps else None

    def _with_forms(self, goal: int, nodes: Indices, columns: Indices, factors: Array) -> Rows:
        """For every single value, its form and a goal's rows."""
        count, rows = len(nodes), self.goals.rows(np.array([goal]))
        forms = {}
        for node in {*rows.forms, *nodes.tolist()}:
            a = np.zeros((count, 1 + rows.count, self.compiled.sizes[node]))
            if node in rows.forms:
                a[:, 1:] = rows.forms[node]
            here = np.flatnonzero(nodes == node)
            a[here, 0, columns[here]] = factors[here]
            forms[node] = a
        constant = np.zeros((count, 1 + rows.count))
        constant[:, 1:] = rows.constant
        return Rows(forms, constant)

    def _block(
        self, base: Relaxed, point: DualPoint, seen: dict[int, Array], place: tuple[int, int]
    ) -> Block:
        """The multipliers and slopes of a point's row, for a goal, where `place` is both."""
        k = place[0]
        slopes, offsets = [], self.compiled.network.offsets
        for node, given in point.slopes.items():
            moved = given[k] != base.lines[node].lower[0][k]
            for index in np.flatnonzero(moved & (seen[node][k] > 0) if node in seen else []):
                slopes.append((offsets[node] + int(index), 0, float(given[k, index])))
        return multipliers(self.compiled, self.goals, point, place)._replace(slopes=tuple(slopes))


def multipliers(
    compiled: Compiled, goals: Goals, point: DualPoint, place: tuple[int, int]
) -> Block:
    """The weights and multipliers of a point's row, for a goal, as the kernel names them."""
    k, goal = place
    weights = point.weights[k]
    used = {j: float(weights[j]) for j in np.flatnonzero(weights > 0).tolist()}
    ends = []
    for node, factors in point.multipliers.items():
        for index in np.flatnonzero(factors[k]).tolist():
            value = compiled.network.offsets[node] + index
            ends.append((value, -float(factors[k, index])))
    return Block(goals.named(goal, used), tuple(ends))
