"""Whether a leaf's multipliers refute it, and exact ones where a solver in floats proposes none.

A leaf without unstable neurons is a small linear program over its inputs: planes of the unsafe
rows, and of the values that were split.

May import: numpy, kernel, bounds, solvers, record. Must not know: trees, solvers in floats.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from verifai.bounds.compiled import Compiled
from verifai.bounds.crown import Plane, Relaxed, backward
from verifai.bounds.dual import DualPoint, DualProblem, Rows
from verifai.bounds.interval import affine_interval
from verifai.bounds.maps import Array, Mask
from verifai.kernel.hints import SHY
from verifai.proof.record import Block
from verifai.solvers.exact_program import exact_duals

SURE = 1e-9  # a bound for each unit of the rows' weights, beyond which rounding cannot matter
TIGHT = 1e-8
MOST_WORK = 4e6  # entries of the planes of all pre-activations
MOST_CUTS = 200


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """A subproblem: what is known of its values, and rows that hold where it is violated."""

    compiled: Compiled
    base: Relaxed
    rows: Rows

    def own_ends(self, node: int) -> tuple[Array, Array]:
        """A node's ends, infinite where those of the inputs imply them, so that no split is due.

        Such ends tell a program nothing, yet its duals may name them; the kernel derives bounds
        only of values that are not settled, so that what it knows of them may be less.
        """
        bounds = self.base.bounds
        low, high = bounds.lower[node][0], bounds.upper[node][0]
        if node not in self.compiled.direct or node in self.compiled.inputs:
            return low, high
        known = affine_interval(self.compiled, node, bounds.lower, bounds.upper, rows=1)
        spare = SHY * (known[1][0] - known[0][0])
        is_cut = low > known[0][0] + spare, high < known[1][0] - spare
        return np.where(is_cut[0], low, -math.inf), np.where(is_cut[1], high, math.inf)

    def bound(self, block: Block) -> float:
        """The bound that a block gives, for each unit of its weights, as far as floats say."""
        network, multipliers = self.compiled.network, dict[int, Array]()
        for value, factor in block.ends:
            node, index = network.owner(value)
            forces = multipliers.setdefault(node, np.zeros((1, network.sizes[node])))
            forces[0, index] -= factor
        slopes = dict[int, Array]()
        for value, place, slope in block.slopes:
            node, index = network.owner(value)
            if place == 0:
                lines = self.base.lines[node].lower[0]
                slopes.setdefault(node, lines.copy())[0, index] = slope
        weights = np.zeros((1, self.rows.count))
        for number, weight in block.rows:
            weights[0, number] = weight
        size = float(weights.sum()) or sum(abs(factor) for _, factor in block.ends) or 1.0
        point = DualPoint(slopes, multipliers, weights)
        problem = DualProblem(self.compiled, self.base, self.rows, 1, {}, {})
        found = float(problem.plane(point)[0].value[0] / size)
        return found if math.isfinite(found) else -math.inf

    def is_sure(self, block: Block) -> bool:
        """Whether a block refutes the leaf even if rounding takes a little off."""
        return self.bound(block) > SURE * self._scale

    def is_near(self, block: Block) -> bool:
        """Whether a block may refute the leaf: with a bound of 0 it must weigh a row."""
        return bool(block.rows) and self.bound(block) >= -TIGHT * self._scale

    @property
    def _scale(self) -> float:
        return 1.0 + float(np.abs(self.rows.constant).max(initial=0.0))

    def exact_block(self, expired: Callable[[], bool]) -> Block | None:
        """A block that refutes the leaf, or may, from a program solved in exact arithmetic.

        First ends that splits have set, which the kernel knows exactly; then all others.
        """
        inputs = self.compiled.width
        values = sum(self.compiled.sizes[i] for i in self.compiled.preactivations)
        if inputs * (values + self.rows.count) > MOST_WORK:
            return None
        goals, cuts = self._goals(), self._cuts()
        for only_knots in (True, False):
            chosen = [c for c in cuts if c.is_knot] if only_knots else cuts
            if len(chosen) > MOST_CUTS or (not only_knots and all(c.is_knot for c in cuts)):
                continue
            block = self._solved(goals, chosen, expired)
            if block is not None and (self.is_sure(block) or self.is_near(block)):
                return block
        return None

    def _goals(self) -> Plane:
        forms = {node: a for node, a in self.rows.forms.items() if a.any()}
        if not forms:
            inputs = self.compiled.width
            constant = self.rows.constant
            return Plane(constant, np.zeros((len(constant), inputs)), constant)
        return backward(self.compiled, self.base, forms, constant=self.rows.constant)

    def _cuts(self) -> list[_Cut]:
        """The ends of pre-activations that the inputs alone do not imply."""
        found = list[_Cut]()
        for node in self.compiled.preactivations:
            if node in self.compiled.inputs:
                continue
            ends, unit = self.own_ends(node), np.eye(self.compiled.sizes[node])
            for side, (sign, end) in enumerate(zip((1.0, -1.0), ends, strict=True)):
                plane = backward(self.compiled, self.base, {node: -sign * unit})
                least = backward(self.compiled, self.base, {node: sign * unit}).value
                knots = self._is_knot(node, end)
                for k in np.flatnonzero(np.isfinite(end) & (least < sign * end)).tolist():
                    value = int(self.compiled.network.offsets[node]) + k
                    constant = float(plane.constant[k] + sign * end[k])
                    cut = plane.coefficients[k], constant
                    found.append(_Cut(value, side, *cut, is_knot=bool(knots[k])))
        return found

    def _is_knot(self, node: int, end: Array) -> Mask:
        """Which ends of a node's values are knots of what reads them."""
        result = np.zeros(len(end), dtype=bool)
        for user in self.compiled.users[node]:
            pieces = self.compiled.pieces.get(user)
            for knot in () if pieces is None else pieces.knots:
                result |= end == knot
        return result

    def _solved(self, goals: Plane, cuts: list[_Cut], expired: Callable[[], bool]) -> Block | None:
        factors = np.concatenate([goals.coefficients, *(c.factors[None] for c in cuts)])
        constants = np.append(goals.constant, [c.constant for c in cuts])
        bounds = self.base.bounds
        box = tuple(
            np.concatenate([side[i][0] for i in self.compiled.inputs])
            for side in (bounds.lower, bounds.upper)
        )
        if not all(np.isfinite(a).all() for a in (factors, constants, *box)):
            return None
        count = len(goals.constant)
        duals = exact_duals((factors, constants), count, (box[0], box[1]), expired=expired)
        if duals is None:
            return None
        ends = dict[int, float]()
        for cut, dual in zip(cuts, duals[count:].tolist(), strict=True):
            ends[cut.value] = ends.get(cut.value, 0.0) + (dual if cut.side == 0 else -dual)
        rows = tuple((k, w) for k, w in enumerate(duals[:count].tolist()) if w > 0)
        return Block(rows, tuple((v, f) for v, f in ends.items() if f))


@dataclass(frozen=True, slots=True, eq=False)
class _Cut:
    """An end of a value, as a plane that is ≤ 0 where it holds; side 0 is the lower end."""

    value: int
    side: int
    factors: Array
    constant: float
    is_knot: bool
