"""Branch-and-bound over the phases of neurons, with optimised slopes and multipliers.

A subproblem fixes on which side of a knot some pre-activations lie. Its bounds are inherited, its
multipliers optimised (α, β, λ); what is left open is split at the neuron that promises most.
Source: Wang et al. 2021, β-CROWN.

May import: numpy, bounds, judge, frontier, halves, record, close. Must not know: processes, exact
numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from verifai.bounds.arrays import hosted, placed
from verifai.bounds.compiled import Compiled, on_device
from verifai.bounds.crown import Relaxed, refine, relaxed
from verifai.bounds.dual import DualPoint, DualProblem, Rows
from verifai.bounds.interval import Bounds
from verifai.bounds.optimize import Ascent, Optimized, optimize
from verifai.bounds.relax import slope_entries
from verifai.proof.record import Block, Close, Record, Split
from verifai.search.clauses import Array
from verifai.search.close.columns import is_reducible, units_of
from verifai.search.close.programs import Decision, Programs
from verifai.search.close.proposals import Proposals, multipliers
from verifai.search.close.protocol import Closer
from verifai.search.goals import Goals, codes_bytes, pwl_nodes, tightening
from verifai.search.judge import Indices
from verifai.search.lift import Lift
from verifai.search.loop.frontier import Regions, TreeSearch, batch_size
from verifai.search.rank.measure import measured
from verifai.search.rank.protocol import Rank, Splits
from verifai.search.rank.select import choose
from verifai.search.split.halves import Halves
from verifai.search.split.inherited import Inherited

T = TypeVar("T")
PARALLEL = 64  # subproblems bounded together
MOST_HALVINGS = 12  # of inputs, on one path
SLIGHT = 1e-9  # slope of an input that does not matter
BATCH_WORK = 4e8  # multiplications of one pass of every step over a batch


@dataclass(frozen=True, slots=True)
class BoundEffort:
    """How hard a subproblem is bounded, and on what.

    Attributes:
        steps: of the ascent.
        every: intermediate bounds are tightened anew at depths that this divides; 0: never.
        like: an array where ascents take place, None for the network's own kind.
    """

    steps: int = 20
    every: int = 1
    like: Array | None = None


class PhaseSearch(TreeSearch[Inherited]):
    """A search that splits pre-activations, for several goals at once."""

    def __init__(
        self,
        compiled: Compiled,
        goals: Goals,
        *,
        effort: BoundEffort,
        closer: Closer,
        rank: Rank | None = None,
        lift: Lift | None = None,
    ) -> None:
        """A search without subproblems.

        Args:
            compiled: the network, or a part of it.
            goals: what to refute.
            effort: how hard each subproblem is bounded, and on what.
            closer: decides a subproblem without unstable neurons.
            rank: which value is split; None: the default rule, linear programs where they fit.
            lift: what the part's proofs mean in the whole network.
        """
        work = sum(compiled.work(i) for i in compiled.linear)
        super().__init__(
            compiled, int(np.clip(BATCH_WORK / (effort.steps * max(work, 1.0)), 2, PARALLEL))
        )
        self.effort, self.closer, self.goals, self.lift = effort, closer, goals, lift
        self.rank = rank
        self.fast = compiled if effort.like is None else on_device(compiled, effort.like)
        self.batch = batch_size(self.fast, self.batch)
        self.proposals: Proposals | None = None
        self.plan = (tightening(compiled),)
        self.offsets = np.array(compiled.network.offsets)
        self.pwl = pwl_nodes(compiled)
        self.halves = Halves(compiled, self.fast, goals)

    def roots(self, bounds: Bounds, goals: Indices, *, stale: bool) -> Regions[Inherited]:
        """One subproblem a goal, all with the same bounds; stale: these are to be tightened.

        The bounds are of the whole network.
        """
        bounds = bounds if self.lift is None else self.lift.part.bounds(bounds)
        count, units = len(goals), units_of(self.compiled, bounds)
        if is_reducible(self.compiled, units):
            programs = Programs(self.compiled, self.goals, bounds, units, left=lambda: self.left())
            programs.chooses = self.rank is None
            self.proposals = Proposals(self.compiled, self.goals, programs)
            self.effort = replace(self.effort, every=0)  # programs gain little by it
        sizes, none = self.compiled.sizes, np.zeros(count, dtype=bool)
        start = DualPoint(
            {i: np.full((count, sizes[i]), np.nan) for i in self.pwl},
            {i: np.zeros((count, sizes[i])) for i in self.compiled.preactivations},
            np.full((count, self.goals.constant.shape[1]), np.nan),
        )
        many, unknown = np.zeros(count, dtype=np.int64), np.full(count, np.nan)
        marks = np.zeros((count, int(self.offsets[-1])), dtype=bool)
        state = Inherited(goals, np.full(count, stale), none, many, unknown, marks, start)
        return Regions(many, bounds.take(many), many, np.full(count, -np.inf), state)

    def advance(self) -> Array:
        """Visits a batch of subproblems; points (P, all inputs) that look worth trying."""
        regions = self.pop()
        stale = regions.state.stale
        parts = [self._visit(regions.take(np.flatnonzero(stale == s)), s) for s in (True, False)]
        return np.concatenate(parts)

    def _visit(self, regions: Regions[Inherited], stale: bool) -> Array:
        inputs = self.compiled.width
        if not len(regions):
            return np.zeros((0, inputs))
        relaxation = (self._tightened if stale else self._as_it_is)(regions.bounds)
        before: tuple[Record, ...] = self.plan if stale else ()
        if self.proposals is None or not regions.state.climbed.all():
            return self._climb(regions, relaxation, before)  # may do, and costs less
        left, points = self._decide(self.proposals, regions, relaxation, before)
        if not len(left):
            return points
        more = self._climb(regions.take(left), relaxation.take(left), before)
        return np.concatenate([points, more])

    def _climb(
        self, regions: Regions[Inherited], relaxation: Relaxed, before: tuple[Record, ...]
    ) -> Array:
        """Bounds regions by ascents, and splits those that stay open."""
        inputs = self.compiled.width
        masks = {i: regions.state.marks[:, self._values(i)] for i in self.compiled.preactivations}
        margin = self.goals.margin[regions.state.goal]
        found = optimize(
            self.fast,
            self._put(relaxation),
            self._put(self.goals.rows(regions.state.goal)),
            splits=self._put({i: mask.astype(bool) for i, mask in masks.items() if mask.any()}),
            start=self._put(regions.state.point),
            ascent=self._ascent(regions, float(margin.max())),
        )
        found = hosted(found)
        state = regions.state.after(found.point)
        refuted = found.value > margin
        for m in np.flatnonzero(refuted).tolist():
            self._close(regions, m, (*before, Close(self._block(regions, found, m))))
        alive = np.flatnonzero(~refuted)
        if not len(alive):
            return np.zeros((0, inputs))
        value = np.minimum(np.where(np.isfinite(found.value), found.value, -np.inf), 0.0)
        regions = Regions(regions.nodes, relaxation.bounds, regions.depth, value, state)
        low, high = self.input_ends(regions.bounds.take(alive))
        corners = np.where(found.plane.coefficients[alive] > 0, low, high)
        if self.proposals is not None and not regions.state.climbed.any():
            self.open.append(self._lengthened(regions.take(alive), before))
            self.batch = min(self.batch, self.proposals.programs.parallel)
            return corners
        extra = self._branch(regions, relaxation, found, alive, before)
        return np.concatenate([corners, extra]) if len(extra) else corners

    def _ascent(self, regions: Regions[Inherited], target: float) -> Ascent:
        """Half the steps, and smaller ones at the end, where parents have climbed before."""
        if not regions.depth.all():
            return Ascent(steps=self.effort.steps, target=target, curved=True)
        return Ascent(steps=self.effort.steps // 2, decay=0.85, target=target, curved=True)

    def _lengthened(
        self, regions: Regions[Inherited], records: tuple[Record, ...]
    ) -> Regions[Inherited]:
        """Regions that go on as others after these records, entered in the forest."""
        first = self.forest.grow(len(regions))
        for i, node in enumerate(regions.nodes.tolist()):
            self.forest.lengthen(node, records, first + i)
        nodes = np.arange(first, first + len(regions))
        state = replace(regions.state, climbed=np.ones(len(regions), dtype=bool))
        return Regions(nodes, regions.bounds, regions.depth, regions.value, state)

    def _decide(
        self,
        proposals: Proposals,
        regions: Regions[Inherited],
        relaxation: Relaxed,
        before: tuple[Record, ...],
    ) -> tuple[Indices, Array]:
        """Refutes, splits or tightens regions by programs; which were left, and points to try."""
        goals, values = regions.state.goal, regions.state.before.tolist()
        made = [
            proposals.programs.decide(
                int(goals[m]),
                relaxation.bounds.take(slice(m, m + 1)),
                None if np.isnan(values[m]) else values[m],
            )
            for m in range(len(regions))
        ]
        proofs = [(m, duals) for m, decision in enumerate(made) for duals in decision.proofs]
        blocks = proposals.refutations(relaxation, goals, proofs)
        value = np.minimum(np.array([d.value for d in made]), 0.0)
        regions = Regions(regions.nodes, relaxation.bounds, regions.depth, value, regions.state)
        done, split = set[int](), list[int]()
        for m, decision in enumerate(made):
            block = Block() if decision.is_empty else blocks.get(m)
            if block is not None:
                self._close(regions, m, (*before, Close(block)))
                done.add(m)
            elif decision.hidden and self._tighten(proposals, regions, m, decision, before):
                done.add(m)
            elif decision.neuron >= 0:
                split.append(m)
        if split:
            decisions = [made[m] for m in split]
            self._halve(proposals, regions.take(np.array(split)), decisions, before)
        left = np.setdiff1d(np.arange(len(made)), [*done, *split])
        points = [d.point for m, d in enumerate(made) if d.neuron >= 0 and m not in blocks]
        inputs = self.compiled.width
        return left, np.array(points, dtype=np.float64).reshape(len(points), inputs)

    def _tighten(
        self,
        proposals: Proposals,
        regions: Regions[Inherited],
        m: int,
        decision: Decision,
        before: tuple[Record, ...],
    ) -> bool:
        """Lets region m go on with better bounds of hidden values; whether there are any."""
        one = regions.take(np.array([m]))
        goal = int(one.state.goal[0])
        found = proposals.tightened(one.bounds, goal, list(decision.hidden))
        if found is None:
            return False
        bounds, record = found
        after = self._lengthened(one, self._named((*before, record)))
        state = replace(after.state, before=np.full(1, decision.value))
        self.open.append(Regions(after.nodes, bounds, after.depth, after.value, state))
        return True

    def _halve(
        self,
        proposals: Proposals,
        regions: Regions[Inherited],
        made: list[Decision],
        before: tuple[Record, ...],
    ) -> None:
        """Splits regions as decided; halves that the decision refutes are closed at once."""
        neuron, units = np.array([d.neuron for d in made]), proposals.programs.units
        value = self.offsets[units.source[neuron]] + units.index[neuron]
        halves = self._split(regions, value, np.zeros(len(made)), before)
        proofs = [
            (2 * m + side, duals)
            for m, decision in enumerate(made)
            for side in (0, 1)
            for duals in decision.halves[side]
        ]
        goals = halves.state.goal
        blocks = proposals.refutations(self._as_it_is(halves.bounds), goals, proofs)
        for m, block in blocks.items():
            self._close(halves, m, (Close(block),))
        rest = np.setdiff1d(np.arange(len(halves)), list(blocks))
        if len(rest):
            self.open.append(halves.take(rest))

    @property
    def is_fresh(self) -> bool:
        """Whether an open subproblem has not been bounded by an ascent yet."""
        return any(not group.state.climbed.all() for group in self.open)

    def _as_it_is(self, bounds: Bounds) -> Relaxed:
        """The bounds with their lines."""
        return relaxed(self.compiled, bounds)

    def _tightened(self, bounds: Bounds) -> Relaxed:
        """The bounds tightened anew, as the plan of records says."""
        return hosted(refine(self.fast, self._put(bounds), images=self.compiled.is_curved))

    def _put(self, data: T) -> T:
        """Numpy's arrays put where ascents take place."""
        return placed(data, self.fast.like)

    def _close(self, regions: Regions[Inherited], m: int, records: tuple[Record, ...]) -> None:
        self.forest.outcome[int(regions.nodes[m])] = self._named(records)
        self.leaves += 1
        self.closed += 0.5 ** int(regions.depth[m]) / len(self.goals.margin)

    def _named(self, records: tuple[Record, ...]) -> tuple[Record, ...]:
        """The records in the names of the whole network."""
        return records if self.lift is None else tuple(self.lift.record(r) for r in records)

    def _values(self, node: int) -> slice:
        return slice(int(self.offsets[node]), int(self.offsets[node + 1]))

    def _block(self, regions: Regions[Inherited], found: Optimized, m: int) -> Block:
        """The multipliers and slopes that refute subproblem m, as the kernel names them."""
        place = m, int(regions.state.goal[m])
        block = multipliers(self.compiled, self.goals, found.point, place)
        slopes = slope_entries(self.compiled, found.explicit, m)
        codes = codes_bytes(self.compiled, self.pwl, found.codes, m)
        return block._replace(slopes=slopes, codes=codes)

    def _branch(
        self,
        regions: Regions[Inherited],
        relaxation: Relaxed,
        found: Optimized,
        alive: Indices,
        before: tuple[Record, ...],
    ) -> Array:
        """Splits open subproblems; those without an unstable neuron go to the closer."""
        rows = self._put(self.goals.rows(regions.state.goal))
        problem = DualProblem(self.fast, self._put(relaxation), rows, len(regions), {}, {})
        seen: dict[int, Array] = {}
        used = hosted(problem.plane(self._put(_plain(found.point)), seen)[1])
        seen = hosted(seen)
        gaps, at = measured(self.compiled, used, seen)
        settled = np.isnan(at[alive]).all(axis=1)
        points, rest = self._settle(regions, found, alive[settled], before), alive[~settled]
        if len(rest):
            forces = self.halves.forces(found.point, seen)
            weights = found.point.weights[rest]
            splits = Splits(
                "phases",
                self.compiled,
                regions.bounds.take(rest),
                np.arange(at.shape[1]),
                at[rest],
                found.value[rest],
                self.goals.rows(regions.state.goal[rest]).mix(weights)[0],
                gaps.take(rest),
                self.halves.trial(regions, found, rest, (at, forces)),
                {i: a[rest] for i, a in found.point.multipliers.items()},
            )
            value = choose(self.rank, splits)
            halves = self._split(regions.take(rest), value, at[rest, value], before)
            self.halves.press(halves.state.point.multipliers, value, forces[:, rest, value])
            self.open.append(halves)
        return np.array(points)

    def _settle(
        self,
        regions: Regions[Inherited],
        found: Optimized,
        which: Indices,
        before: tuple[Record, ...],
    ) -> list[Array]:
        """Closes subproblems without unstable neurons, or halves inputs; points to try."""
        points, undecided = [], list[int]()
        for m in which.tolist():
            goal = regions.state.goal[m : m + 1]
            one = self.goals.rows(goal)
            forms = {i: a.reshape(-1, a.shape[-1]) for i, a in one.forms.items()}
            flat = Rows(forms, one.constant.reshape(-1))
            answer = self.closer(regions.bounds.take(slice(m, m + 1)), flat)
            if answer.point is not None:
                points.append(answer.point)
            if answer.block is None:
                undecided.append(m)
            else:
                named = self.goals.named(int(goal[0]), dict(answer.block.rows))
                self._close(regions, m, (*before, Close(answer.block._replace(rows=named))))
        if undecided:
            where = np.array(undecided)
            self._shrink(regions.take(where), found.plane.coefficients[where], before)
        return points

    def _shrink(
        self, regions: Regions[Inherited], slopes: Array, before: tuple[Record, ...]
    ) -> None:
        """Halves the input that matters most of regions that linear programs do not decide.

        A program's duals may be no proof where another solver's are; on a smaller box bounds may
        do without any. Regions halved often enough are hard.

        Args:
            regions: without unstable neurons.
            slopes: of their bounds in the inputs, (M, all inputs).
            before: records that come first.
        """
        low, high = self.input_ends(regions.bounds)
        every, middle = np.arange(len(regions)), low / 2 + high / 2
        can = (low < middle) & (middle < high)
        column = np.where(can, (np.abs(slopes) + SLIGHT) * (high - low), -1.0).argmax(axis=1)
        small = (regions.state.halved >= MOST_HALVINGS) | ~can[every, column]
        if small.any():
            self.hard.append(regions.take(np.flatnonzero(small)))
        rest = np.flatnonzero(~small)
        if not len(rest):
            return
        values = np.array(self.compiled.network.input_values)[column[rest]]
        halves = self._split(regions.take(rest), values, middle[rest, column[rest]], before)
        halves.state.halved[:] += 1
        halves.state.stale[:] = True
        self.open.append(halves)

    def _split(
        self, regions: Regions[Inherited], value: Indices, at: Array, before: tuple[Record, ...]
    ) -> Regions[Inherited]:
        """The halves of regions, in pairs, entered in the forest."""
        count = len(regions)
        first = self.forest.grow(2 * count)
        names = value if self.lift is None else self.lift.values[value]
        for i, node in enumerate(regions.nodes.tolist()):
            self.forest.split(node, before, Split(int(names[i]), float(at[i])), first + 2 * i)
        twice = regions.take(np.repeat(np.arange(count), 2))
        bounds = self.halves.children(twice.bounds, value, at)
        marks = twice.state.marks.copy()
        first_of_pair = 2 * np.arange(count)
        marks[first_of_pair, value] = marks[first_of_pair + 1, value] = True
        depth, every = twice.depth + 1, self.effort.every
        stale = depth % every == 0 if every else np.zeros(len(depth), dtype=bool)
        climbed, before_that = np.ones(2 * count, bool), np.full(2 * count, np.nan)
        state = replace(twice.state, marks=marks, stale=stale, climbed=climbed, before=before_that)
        nodes = np.arange(first, first + 2 * count)
        return Regions(nodes, bounds, depth, twice.value, state)


def _plain(point: DualPoint) -> DualPoint:
    """The choice with default lines of all nodes that are not piecewise linear."""
    return DualPoint(point.slopes, point.multipliers, point.weights)
