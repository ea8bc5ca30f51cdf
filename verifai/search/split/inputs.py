"""Branch-and-bound over input boxes, in batches.

Every box inherits its parent's bounds, tightens them by CROWN, and is refuted, or split in the
middle of the input that a rule picks. Where phases can simply be enumerated, boxes
that a few splits did not refute are left to that: its linear programs see what rows say together.
Source: Bunel et al. 2020, Branch and Bound for Piecewise Linear Neural Network Verification.

The bounds stay where the network is, on a graphics card too; only what decides is brought back.

May import: numpy, kernel, bounds, judge, forest, record. Must not know: processes, exact numbers.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from verifai.bounds.arrays import host, hosted
from verifai.bounds.compiled import Compiled
from verifai.bounds.crown import Plane, Relaxed, backward, pairs, refine
from verifai.bounds.interval import Bounds
from verifai.bounds.kinds.pieces import span
from verifai.bounds.maps import Mask
from verifai.bounds.optimize import Ascent
from verifai.kernel.network import Affine, Input, Pwl
from verifai.proof.record import Block, Close, Point, Record, Split
from verifai.search.clauses import Array, Clause
from verifai.search.goals import Climber, tightening
from verifai.search.judge import Indices, Judge
from verifai.search.loop.frontier import Regions, Stateless, TreeSearch
from verifai.search.rank.protocol import Gaps, Rank, Splits, Trial
from verifai.search.rank.select import choose

BATCH = 512
MAX_DEPTH = 400
FEW_UNSTABLE = 12  # neurons, so few that enumerating their phases beats splitting inputs
FEW_CONJUNCTIONS = 64  # of the formula, each of which an enumeration decides by itself
FIRST_SPLITS = 3  # of inputs before an enumeration
FLAT = 1e-12  # coefficients of inputs that count as none
ASCENT = Ascent(steps=4, rate=0.5, target=1e-6, curved=True)


class BoxSearch(TreeSearch[Stateless]):
    """A search that splits inputs."""

    def __init__(
        self,
        compiled: Compiled,
        judge: Judge,
        *,
        integers: Indices,
        climber: Climber | None,
        rank: Rank | None = None,
    ) -> None:
        """A search without boxes; the climber tries what single forms do not refute.

        Args:
            compiled: the network.
            judge: of the clause to refute.
            integers: the columns of points that are integers.
            climber: None where single forms are all that is tried.
            rank: which input is split; None: the default rule.
        """
        super().__init__(compiled, BATCH)
        self.judge, self.integers, self.climber = judge, integers, climber
        self.rank = rank
        self.plan = (tightening(compiled),)
        linear = all(isinstance(n, Input | Affine | Pwl) for n in compiled.network.nodes)
        few = _conjunctions(judge.clause) <= FEW_CONJUNCTIONS
        self.may_enumerate = linear and few and not len(integers)
        self.max_depth = MAX_DEPTH

    def advance(self) -> Array:
        """Visits a batch of boxes; points (P, all inputs) of them, where the network is."""
        boxes = self.pop()
        count, forms = len(boxes.nodes), self.judge.directed
        relaxation = refine(self.compiled, boxes.bounds, images=self.compiled.is_curved)
        if self.may_enumerate and not boxes.depth.any():
            unstable = sum(int(m.sum()) for _, m in pairs(self.compiled, relaxation.bounds))
            self.max_depth = FIRST_SPLITS if unstable <= FEW_UNSTABLE else MAX_DEPTH
        plane, size = self._planes(relaxation, count), len(forms.constant)
        bounds = self._bounds(plane)
        sharp = np.broadcast_to(self._is_linear(relaxation.bounds), (count, size))
        if forms.caution == 1:
            low, high = self.input_ends(relaxation.bounds)
            is_point = host((low == high).all(axis=1))[:, None]
            sharp = sharp | self._is_flat(plane).reshape(count, size) & ~is_point
        tight = (bounds > -2 * forms.margin) & forms.strict & sharp
        bounds = np.where(tight, np.maximum(bounds, forms.margin), bounds)
        value, which = self.judge.value(bounds)
        for i in np.flatnonzero(value > 0).tolist():
            self.forest.outcome[boxes.nodes[i]] = (*self.plan, *self.judge.records(bounds[i]))
        alive = np.flatnonzero(~(value > 0))
        if self.climber is not None and len(alive):
            near = relaxation.take(self.compiled.place(alive))
            tried = self.climber.climb(near, bounds[alive], ASCENT)
            for k, records in tried.items():
                self.forest.outcome[boxes.nodes[alive[k]]] = (*self.plan, *records)
            alive = np.delete(alive, sorted(tried))
        done = np.delete(boxes.depth, alive)
        self.leaves += len(done)
        self.closed += float(np.sum(0.5**done))
        if not len(alive):
            return np.zeros((0, plane.coefficients.shape[1]))
        slopes = plane.coefficients.reshape(count, size, -1)[alive, which[alive]]
        kept = relaxation.bounds.take(self.compiled.place(alive))
        rest = Regions(boxes.nodes[alive], kept, boxes.depth[alive], value[alive], boxes.state)
        low, high = self.input_ends(rest.bounds)
        self._branch(rest, which[alive], slopes)
        corner = np.where(slopes > 0, low, high)
        return np.concatenate([corner, (low + high) / 2])

    def _bounds(self, plane: Plane) -> Array:
        """Lower bounds of all forms less their margins, (B, D)."""
        margin = self.judge.directed.margin
        bounds = host(plane.value).reshape(-1, len(margin))
        return np.where(np.isfinite(bounds), bounds, -np.inf) - margin

    def _is_flat(self, plane: Plane) -> npt.NDArray[np.bool_]:
        """Planes that do not depend on the inputs, so that what bounds them may be a number met.

        It is a guess that the kernel judges, made once, and not at points, which are evaluated.
        """
        steepest: Array = np.abs(host(plane.coefficients)).max(axis=1, initial=0.0)
        return np.asarray(steepest < FLAT)

    def _is_linear(self, bounds: Bounds) -> npt.NDArray[np.bool_]:
        """Boxes on which every piecewise-linear node has one piece: bounds are sharp; (B, 1)."""
        result = np.ones(len(bounds), dtype=bool)
        for i, pieces in self.compiled.pieces.items():
            ends = bounds.lower[pieces.source], bounds.upper[pieces.source]
            result &= host(~span(self.compiled.pieces[i], *ends).is_split.any(axis=1))
        return result[:, None]

    def _planes(self, relaxation: Relaxed, count: int) -> Plane:
        forms = self.judge.directed
        size, inputs = (
            len(forms.constant),
            self.compiled.width,
        )
        if not forms.forms:
            zeros = np.zeros((count * size, inputs))
            return Plane(np.tile(forms.constant, count), zeros, np.tile(forms.constant, count))
        place = self.compiled.place
        tiled = {node: place(np.tile(a, (count, 1))) for node, a in forms.forms.items()}
        where = place(np.repeat(np.arange(count), size))
        constant = place(np.tile(forms.constant, count))
        return backward(self.compiled, relaxation, tiled, boxes=where, constant=constant)

    def _branch(self, boxes: Regions[Stateless], which: Indices, slopes: Array) -> None:
        """Splits every box in two; those that cannot be split count as hard.

        The ends of an integer's range need not be integers: one of its parts may be empty.

        Args:
            boxes: that are not refuted.
            which: the form that decides in each.
            slopes: of its bound in the inputs, (B, all inputs).
        """
        low, high = (host(side) for side in self.input_ends(boxes.bounds))
        every = np.arange(len(low))
        at = low / 2 + high / 2
        whole = np.isin(np.arange(low.shape[1]), self.integers)
        at = np.where(whole, np.floor(at), at)
        right = np.where(whole, at + 1, at)
        fine = np.where(whole, low < high, (low < at) & (at < high))
        forms = {i: self.compiled.place(a[which]) for i, a in self.judge.directed.forms.items()}
        none, place = np.broadcast_to(0.0, low.shape), np.where(fine, at, np.nan)
        gaps = Gaps(host(slopes), none, none)
        splits = Splits(
            "inputs",
            self.compiled,
            boxes.bounds,
            self._values(),
            place,
            boxes.value,
            forms,
            gaps,
            halves=self._trial(boxes.bounds, (at, right)),
        )
        column = choose(self.rank, splits)
        can = fine[every, column] & (boxes.depth < self.max_depth)
        self._points(boxes.take(np.flatnonzero((low == high).all(axis=1))))
        small = ~can & (low < high).any(axis=1)
        if small.any():
            self.hard.append(hosted(boxes.take(np.flatnonzero(small))))
        chosen = np.flatnonzero(can)
        if len(chosen):
            picked = column[chosen]
            ends = at[chosen, picked], right[chosen, picked]
            self._split(boxes.take(chosen), picked, *ends)

    def _trial(self, bounds: Bounds, splits: tuple[Array, Array]) -> Trial:
        """What the halves of boxes are bounded by, as `Splits.halves` says.

        Args:
            bounds: of the boxes.
            splits: where the lower halves would end and the upper ones begin, (B, all inputs).
        """

        def pair(which: Indices, columns: Indices) -> Array:
            twice = bounds.take(self.compiled.place(np.repeat(which, 2)))
            ends = splits[0][which, columns], splits[1][which, columns]
            halves, empty = self._children(twice, columns, *ends)
            relaxation = refine(self.compiled, halves, images=self.compiled.is_curved)
            value = self.judge.value(self._bounds(self._planes(relaxation, 2 * len(which))))[0]
            return np.where(empty, np.inf, value).reshape(-1, 2)

        return pair

    def _points(self, boxes: Regions[Stateless]) -> None:
        """Boxes of a single point are refuted by evaluation, if at all."""
        for node, depth in zip(boxes.nodes.tolist(), boxes.depth.tolist(), strict=True):
            self._leaf(node, depth, Point())

    def _leaf(self, node: int, depth: int, record: Record) -> None:
        self.forest.outcome[node] = (record,)
        self.leaves += 1
        self.closed += 0.5**depth

    def _split(self, boxes: Regions[Stateless], column: Indices, at: Array, right: Array) -> None:
        count = len(column)
        first = self.forest.grow(2 * count)
        values = self._values()[column]
        for i, node in enumerate(boxes.nodes.tolist()):
            self.forest.split(node, self.plan, Split(int(values[i]), float(at[i])), first + 2 * i)
        twice = np.repeat(np.arange(count), 2)
        children = boxes.take(twice)
        nodes = np.arange(first, first + 2 * count)
        depth = children.depth + 1
        bounds, empty = self._children(children.bounds, column, at, right)
        for i in np.flatnonzero(empty).tolist():
            self._leaf(int(nodes[i]), int(depth[i]), Close(Block()))
        whole = Regions(nodes, bounds, depth, children.value, boxes.state)
        if not empty.all():
            self.open.append(whole.take(np.flatnonzero(~empty)))

    def _children(
        self, bounds: Bounds, column: Indices, at: Array, right: Array
    ) -> tuple[Bounds, Mask]:
        """Doubled bounds cut at an input, the lower half of each pair first; which are empty."""
        lower, upper = list(bounds.lower), list(bounds.upper)
        low, high = self.input_ends(bounds)
        every = np.arange(len(column))
        high[2 * every, column] = at
        low[2 * every + 1, column] = right
        for node, part in self.compiled.split(low).items():
            lower[node] = part
        for node, part in self.compiled.split(high).items():
            upper[node] = part
        return Bounds(tuple(lower), tuple(upper)), host((low > high).any(axis=1))

    def _values(self) -> Indices:
        return np.array(self.compiled.network.input_values)


def _conjunctions(clause: Clause) -> int:
    """How many conjunctions the clause's disjunctive normal form has."""
    return math.prod(sum(_conjunctions(part) for part in parts) for parts in clause.ors)
