"""From a query to the records of a proof: choices at the top, then branch-and-bound.

May import: numpy, kernel, bounds, search. Must not know: verdicts, files.
"""

from __future__ import annotations

import time
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from verifai.bounds.arrays import host, is_placed
from verifai.bounds.compiled import Compiled
from verifai.bounds.crown import pairs
from verifai.bounds.interval import Bounds
from verifai.kernel.bound import Root
from verifai.kernel.checker import OpenLeaf
from verifai.proof.record import Block, Choose, Close, Record
from verifai.search.attack.witness import TRIED, Witnesses
from verifai.search.budget import Meter, Points, Stopped, Stuck
from verifai.search.clauses import Array, Clause, Problem, problem_at
from verifai.search.close.rows import closed, contradiction
from verifai.search.goals import Climber, can_climb, goals_of
from verifai.search.judge import Judge, directed
from verifai.search.loop.forest import preorder
from verifai.search.loop.frontier import TreeSearch, root_region
from verifai.search.loop.team import Team
from verifai.search.quiet import silenced
from verifai.search.rank.select import rank_of
from verifai.search.skeleton import Skeleton, closed_by, filled, skeleton_of, with_rows
from verifai.search.split.inputs import BoxSearch
from verifai.search.wide import Wide

if TYPE_CHECKING:
    from verifai.search.split.phases import BoundEffort, PhaseSearch

FEW_INPUTS = 12  # so many are split; beyond, phases are, unless few of the inputs matter
CAUTION = 1000.0  # times the usual margin where the kernel once said no
ATTACK_SHARE = 0.2  # of the time goes into attacks beyond the first
ATTACK_SECONDS = 0.25  # of one attack
FIRST_LOOK = 0.05  # seconds of search without an attack
PASSES = 4.0  # over the network in one step of an ascent: back, forth, and lines of both
LARGE_WORK = 5e5  # multiplications of one pass, beyond which an attack costs less than a bound


class Driver:
    """The refutation of one query's unsafe set."""

    def __init__(
        self,
        root: Root,
        problem: Problem,
        compiled: tuple[Compiled, Compiled],
        meter: Meter,
        witnesses: Witnesses,
    ) -> None:
        """Nothing is searched yet; the network is numpy's, and where large batches are bounded."""
        self.root, self.problem = root, problem
        self.compiled, self.fast = compiled
        self.caution = 1.0
        self.meter, self.witnesses = meter, witnesses
        chosen = meter.options.rank
        self.rank = None if chosen is None else rank_of(chosen)
        self.started = time.perf_counter()
        query = root.query
        wholes = [v in query.integers for v in query.input_values]
        self.integers = np.flatnonzero(wholes)
        self.inputs = frozenset(query.input_values)

    def refute(self) -> list[Record]:
        """Records in preorder of a proof that no point of the domain is unsafe.

        Raises:
            Found: a counterexample was confirmed.
            Stopped: a budget is spent, or the search cannot decide what is left.
        """
        if sum(self.compiled.work(i) for i in self.compiled.linear) > LARGE_WORK:
            self.witnesses.attack(2 * ATTACK_SECONDS, self.meter)
        top = self.problem.top
        rows = {atom: i for i, atom in enumerate(top.atoms)}
        return self._refute(top, self.root.low, self.root.high, rows)

    def mend(self, leaf: OpenLeaf) -> list[Record]:
        """Records that refute a leaf whose own the kernel did not accept, by going on there.

        Raises:
            Found, Stopped: as `refute`.
        """
        self.witnesses.attack(ATTACK_SECONDS, self.meter)  # what is no proof may be no theorem
        place = leaf.context
        problem = problem_at(self.compiled.network, leaf.rows, place.ors)
        compiled = self.compiled, self.fast
        onward = Driver(self.root, problem, compiled, self.meter, self.witnesses)
        onward.caution = CAUTION
        rows = {number: number for number in range(len(leaf.rows))}
        return onward._refute(problem.top, place.low, place.high, rows)

    def _refute(
        self, clause: Clause, low: Array, high: Array, rows: dict[int, int]
    ) -> list[Record]:
        low, high = low.copy(), high.copy()
        for value, new_low, new_high in self.problem.cuts(clause):
            low[value], high[value] = max(low[value], new_low), min(high[value], new_high)
        if (low > high).any():
            return [Close(Block())]
        if not clause.atoms and not clause.ors:  # any point will do
            self.witnesses.confirm((low / 2 + high / 2)[list(self.root.query.input_values)])
            raise Stopped("every point of the domain is unsafe, yet none was confirmed")
        done, clause = self._contradictory(clause, low, high, rows)
        if done is not None:
            return done
        which = next((k for k, parts in enumerate(clause.ors) if self._cuts_inputs(parts)), None)
        if which is None:
            return self._search(clause, low, high, rows)
        rest = clause.ors[:which] + clause.ors[which + 1 :]
        records: list[Record] = [Choose(which, len(clause.ors[which]))]
        for part in clause.ors[which]:
            inner = with_rows(rows, part, len(rows))
            if part.closing is not None:
                records.append(closed_by(part.closing, inner))
                continue
            joined = Clause(clause.atoms + part.atoms, rest + part.ors)
            records += self._refute(joined, low, high, inner)
        return records

    def _contradictory(
        self, clause: Clause, low: Array, high: Array, rows: dict[int, int]
    ) -> tuple[list[Record] | None, Clause]:
        """Records of a clause of contradictory rows; the clause with its alternatives marked."""
        pause, numbered = self.compiled.pause, [(n, self.problem.rows[n]) for n in clause.atoms]
        block = contradiction(numbered, low, high, pause)
        if block is not None:
            return [closed_by(block, rows)], clause
        marked = closed(self.problem, clause, (low, high), pause)
        if marked is clause:
            return None, clause
        try:
            skeleton = skeleton_of(self.problem, marked, rows, len(rows), self.caution)
        except Stuck:  # too many to be written out
            return None, marked
        records: list[Record] = [part for part in skeleton if not isinstance(part, Judge)]
        return records if len(records) == len(skeleton) else None, marked

    def _cuts_inputs(self, alternatives: tuple[Clause, ...]) -> bool:
        """Whether an alternative bounds an input, so that choosing it shrinks the box."""
        return any(self.problem.is_cut(part, self.inputs) for part in alternatives)

    def _search(
        self, clause: Clause, low: Array, high: Array, rows: dict[int, int]
    ) -> list[Record]:
        silenced(self.root.query.network, self.compiled.network, low, high)
        ends = list(pairwise(self.compiled.network.offsets))
        lower, upper = (tuple(side[None, a:b] for a, b in ends) for side in (low, high))
        bounds = Bounds(lower, upper)
        values = np.array(self.root.query.input_values, dtype=np.int64)
        if int((low[values] < high[values]).sum()) > FEW_INPUTS and not len(self.integers):
            return Wide(self, clause, bounds, rows).refute()
        search = self.box_search(clause, rows)
        search.add(root_region(bounds))
        boxes = self.boxes(search, clause, rows)
        boxes.run()
        return boxes.records()

    def box_search(self, clause: Clause, rows: dict[int, int]) -> BoxSearch:
        """A search that splits inputs to refute a clause, without boxes."""
        judge = Judge(clause, directed(self.problem, clause, self.caution), rows)
        climber = None
        if can_climb(clause):
            climber = Climber(self.fast, self.problem, judge, self.caution)
        return BoxSearch(self.fast, judge, integers=self.integers, climber=climber, rank=self.rank)

    def boxes(self, search: BoxSearch, clause: Clause, rows: dict[int, int]) -> Boxes:
        """A search that splits inputs, begun with one box, to be brought to its end."""
        return Boxes(self, search, clause, rows)

    def phases(
        self,
        clause: Clause,
        bounds: Bounds,
        rows: dict[int, int],
        count: int,
        *,
        is_first: bool = False,
        before: list[Record] | None = None,
    ) -> Phases:
        """A search that branches over phases to refute a clause.

        Args:
            clause: what to refute.
            bounds: of one region, tightened.
            rows: how close records name the atoms of the clause that are rows already.
            count: rows on the path so far.
            is_first: whether it only looks.
            before: records that precede the tree's.
        """
        search, skeleton = self._phase_search(clause, bounds, rows, count, is_first=is_first)
        first = search.add(search.roots(bounds, np.arange(len(search.goals.margin)), stale=False))
        return Phases(self, search, skeleton, first, before or [])

    def team(self, search: TreeSearch[Any]) -> Team:
        """The processes of a search."""
        search.filter_points = self._promising
        return Team(search, self.meter, self.attempt)

    def _phase_search(
        self,
        clause: Clause,
        bounds: Bounds,
        rows: dict[int, int],
        count: int,
        *,
        is_first: bool = False,
    ) -> tuple[PhaseSearch, Skeleton]:
        """A search for all conjunctions of a clause, and the choices that lead to them.

        A first look is not worth singling out the part of the network that matters.
        """
        skeleton = skeleton_of(self.problem, clause, rows, count, self.caution)
        judges = [part for part in skeleton if isinstance(part, Judge)]
        if not all(len(judge.directed.constant) for judge in judges):
            raise Stopped("every point of the domain is unsafe, yet none was confirmed")
        from verifai.search.close.leaf import LeafSolver  # boxes alone do without linear programs
        from verifai.search.lift import lift_of
        from verifai.search.split.phases import PhaseSearch

        goals, compiled = goals_of(judges), self.compiled
        lift = None if is_first else lift_of(compiled, goals, bounds)
        if lift is not None:
            goals, compiled = lift.goals(goals), lift.part.compiled
        closer = LeafSolver(compiled, lambda: self.meter.deadline)
        effort = self._effort(bounds)
        search = PhaseSearch(
            compiled, goals, effort=effort, closer=closer, rank=self.rank, lift=lift
        )
        return search, skeleton

    def _effort(self, bounds: Bounds) -> BoundEffort:
        """Anew tightened bounds at every split where that costs little more than optimising."""
        from verifai.search.split.phases import BoundEffort

        count = sum(int(mask.sum()) for _, mask in pairs(self.compiled, bounds))
        every = 1 if count <= 200 else 3 if count <= 600 else 0
        return BoundEffort(steps=20, every=every, like=self.fast.like)

    def attempt(self, points: Points) -> None:
        """Tries points; now and then, attacks anew, but not where a first look may be enough."""
        self.witnesses.try_points(self._brought(points))
        may = self.witnesses.spent < ATTACK_SHARE * self.meter.seconds
        if may and len(points) and time.perf_counter() - self.started > FIRST_LOOK:
            self.witnesses.attack(ATTACK_SECONDS, self.meter)

    def _brought(self, points: Points) -> Points:
        """The points; of those on a device the best few, brought back."""
        if not is_placed(points):
            return points
        values, unsafe = self.fast.forward(points), self.witnesses.unsafe
        for node in unsafe.forms:
            values[node] = host(values[node])
        return host(points[np.argsort(-unsafe.margins(values))[:TRIED]])

    def _promising(self, points: Points) -> Points:
        if not len(points):
            return points
        margins = self.witnesses.unsafe.margins(self.compiled.forward(points))
        return points[margins >= -1e-9]


class Boxes:
    """A search that splits inputs, with what its records need."""

    def __init__(
        self, driver: Driver, search: BoxSearch, clause: Clause, rows: dict[int, int]
    ) -> None:
        """The search has one box, or has gone on from one."""
        self.driver, self.search, self.clause, self.rows = driver, search, clause, rows
        self.team = driver.team(search)

    def run(self, most: int | None = None) -> bool:
        """Visits about so many boxes at most (None: all); whether none is open."""
        return self.team.run(most)

    def records(self) -> list[Record]:
        """Records of the whole tree; boxes that are too hard for it are refuted by phases."""
        driver, search = self.driver, self.search
        driver.meter.leaves += search.leaves
        for group in search.hard:
            for i, node in enumerate(group.nodes.tolist()):
                count = len(self.rows) + int(group.depth[i])
                part = group.bounds.take(slice(i, i + 1))
                phases = driver.phases(self.clause, part, self.rows, count)
                phases.run()
                search.forest.outcome[node] = (*search.plan, *phases.records())
        return preorder(self.team.forests, 0, 0)


class Phases:
    """A search that branches over phases, with what its records need.

    Attributes:
        work: multiplications of one subproblem's ascent.
        is_tightening: whether most subproblems are bounded anew besides.
    """

    def __init__(
        self,
        driver: Driver,
        search: PhaseSearch,
        skeleton: Skeleton,
        first: int,
        before: list[Record],
    ) -> None:
        """The search has one subproblem for every conjunction of the skeleton."""
        self.driver, self.search, self.skeleton = driver, search, skeleton
        self.begin, self.before = first, before
        self.team = driver.team(search)
        passes = sum(search.compiled.work(i) for i in search.compiled.linear)
        self.work = PASSES * search.effort.steps * max(passes, 1.0)
        self.is_tightening = bool(search.effort.every)

    def first(self) -> bool:
        """Bounds every conjunction once; whether that refutes all."""
        while self.search.is_fresh:
            self.driver.attempt(self.search.advance())
        return not self.search.open and not self.search.hard

    def run(self, most: int | None = None) -> bool:
        """Visits about so many subproblems at most (None: all); whether none is open."""
        return self.team.run(most)

    def records(self) -> list[Record]:
        """Records of all trees, with the choices that lead to them.

        Raises:
            Stuck: a subproblem could not be decided.
        """
        if self.search.hard:
            raise Stuck("the linear program of a subproblem without unstable neurons is no proof")
        self.driver.meter.leaves += self.search.leaves
        return [*self.before, *filled(self.skeleton, self.team.forests, self.begin)]
