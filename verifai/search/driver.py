"""From a query to the records of a proof: choices at the top, then branch-and-bound.

May import: numpy, kernel, bounds, search. Must not know: verdicts, files.
"""

from __future__ import annotations

import time
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from verifai.bounds.arrays import host, hosted, is_placed, placed
from verifai.bounds.compiled import Compiled
from verifai.bounds.crown import pairs, refine, unstable
from verifai.bounds.curved import slope_entries
from verifai.bounds.interval import Bounds
from verifai.bounds.optimize import Ascent
from verifai.bounds.tighten import Tightened, tighten
from verifai.kernel.bound import Root
from verifai.kernel.checker import OpenLeaf
from verifai.kernel.network import Affine
from verifai.search.boxes import BoxSearch
from verifai.search.budget import Meter, Points, Stopped
from verifai.search.clauses import Array, Clause, Problem, problem_at
from verifai.search.forecast import Forecast
from verifai.search.forest import Forest, preorder
from verifai.search.frontier import TreeSearch, root_region
from verifai.search.goals import (
    Climber,
    can_climb,
    codes_bytes,
    goals_of,
    image_steps,
    pwl_nodes,
    tightening,
)
from verifai.search.judge import Judge, directed
from verifai.search.quiet import silenced
from verifai.search.record import Block, Choose, Close, Derive, Form, Record, Step
from verifai.search.team import Team
from verifai.search.witness import TRIED, Witnesses

if TYPE_CHECKING:
    from verifai.search.phases import Effort, PhaseSearch

FEW_INPUTS = 12  # so many are split; beyond, phases are, unless few of the inputs matter
MAX_GOALS = 4096
TIGHTEN_SHARE = 0.25  # of the time left may go into the root's bounds
CAUTION = 1000.0  # times the usual margin where the kernel once said no
ASCENT_WORK = 4e10  # multiplications that optimising the root's bounds may take in a minute
BOX_WORK = 4e9  # multiplications that splitting more inputs than a few may be expected to take
LEAST_WORK = 1e5  # of one box, however small the network
FEW_BOXES = 16  # no tree that splits this many inputs is so small
ATTACK_SHARE = 0.2  # of the time goes into attacks beyond the first
ATTACK_SECONDS = 0.25  # of one attack
FIRST_LOOK = 0.05  # seconds of search without an attack
LARGE_WORK = 5e5  # multiplications of one pass, beyond which an attack costs less than a bound
PATIENT_SECONDS = 1.5  # of the attack before the root's bounds are optimised


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
        self.started = time.perf_counter()
        query = root.query
        wholes = [v in query.integers for v in query.input_values]
        self.integers = np.flatnonzero(wholes)

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
        place = leaf.place
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
        which = next((k for k, parts in enumerate(clause.ors) if self._cuts_inputs(parts)), None)
        if which is None:
            return self._search(clause, low, high, rows)
        rest = clause.ors[:which] + clause.ors[which + 1 :]
        records: list[Record] = [Choose(which, len(clause.ors[which]))]
        for part in clause.ors[which]:
            inner = _with_rows(rows, part, len(rows))
            joined = Clause(clause.atoms + part.atoms, rest + part.ors)
            records += self._refute(joined, low, high, inner)
        return records

    def _cuts_inputs(self, alternatives: tuple[Clause, ...]) -> bool:
        """Whether an alternative bounds an input, so that choosing it shrinks the box."""
        inputs = set(self.root.query.input_values)
        cuts = [cut for part in alternatives for cut in self.problem.cuts(part)]
        return any(value in inputs for value, _, _ in cuts)

    def _search(
        self, clause: Clause, low: Array, high: Array, rows: dict[int, int]
    ) -> list[Record]:
        silenced(self.root.query.network, self.compiled.network, low, high)
        ends = list(pairwise(self.compiled.network.offsets))
        lower, upper = (tuple(side[None, a:b] for a, b in ends) for side in (low, high))
        bounds = Bounds(lower, upper)
        values = np.array(self.root.query.input_values, dtype=np.int64)
        if int((low[values] < high[values]).sum()) > FEW_INPUTS and not len(self.integers):
            return self._wide(clause, bounds, rows)
        search = self._box_search(clause, rows)
        search.add(root_region(bounds))
        return self._boxes(search, clause, rows)

    def _box_search(self, clause: Clause, rows: dict[int, int]) -> BoxSearch:
        judge = Judge(clause, directed(self.problem, clause, self.caution), rows)
        climber = None
        if can_climb(clause):
            climber = Climber(self.fast, self.problem, judge, self.caution)
        return BoxSearch(self.fast, judge, integers=self.integers, climber=climber)

    def _boxes(self, search: BoxSearch, clause: Clause, rows: dict[int, int]) -> list[Record]:
        """Records of a search that splits inputs, begun with one box, brought to its end."""
        forests = self._run(search)
        for group in search.hard:
            for i, node in enumerate(group.nodes.tolist()):
                count = len(rows) + int(group.depth[i])
                part = group.bounds.take(slice(i, i + 1))
                plan = search.plan
                records = self._phases(clause, part, rows, count)
                search.forest.outcome[node] = (*plan, *records)
        return preorder(forests, 0, 0)

    def _by_inputs(
        self, clause: Clause, bounds: Bounds, rows: dict[int, int], most: float
    ) -> list[Record] | None:
        """Records that refute a clause by splitting inputs; None once too many boxes loom."""
        search, forecast, next_look = self._box_search(clause, rows), Forecast(), 1
        search.add(root_region(bounds))
        while search.open and not forecast.is_half_done(search):
            self._attempt(search.advance())
            if search.hard:
                return None
            if search.visited >= next_look:
                expected, next_look = forecast.boxes(search), 2 * search.visited + 1
                if search.visited > 1 and expected > most:
                    return None
        return self._boxes(search, clause, rows)

    def _wide(self, clause: Clause, bounds: Bounds, rows: dict[int, int]) -> list[Record]:
        """Many inputs: bounds once at the root, optimised if the default ones do not do."""
        curved, plan = self.compiled.is_curved, tightening(self.compiled)
        plain = refine(self.compiled, bounds, images=curved).bounds
        search, skeleton = self._phase_search(clause, plain, rows, len(rows), is_first=True)
        first = search.add(search.roots(plain, np.arange(len(search.goals.margin)), stale=False))
        while search.is_fresh:
            self._attempt(search.advance())
        if not search.open and not search.hard:
            return [plan, *_fill(skeleton, {0: search.forest}, first)]
        most = BOX_WORK * self._patience / max(self._tightening_work(plain), LEAST_WORK)
        by_inputs = None if most < FEW_BOXES else self._by_inputs(clause, bounds, rows, most)
        if by_inputs is not None:
            return by_inputs
        steps = self._ascent_steps(plain)
        if not steps:
            return [plan, *self._phases(clause, plain, rows, len(rows))]
        self.witnesses.attack(PATIENT_SECONDS, self.meter)
        left = max(0.0, self.meter.deadline - time.perf_counter())
        until = time.perf_counter() + TIGHTEN_SHARE * left
        ascent = Ascent(steps=steps, curved=True)
        box = placed(bounds, self.fast.like)
        tight = tighten(self.fast, box, ascent=ascent, deadline=until, images=curved)
        relaxation, found = hosted(tight)
        records, count = self._derived(found)
        return [*records, *self._phases(clause, relaxation.bounds, rows, len(rows) + count)]

    def _ascent_steps(self, bounds: Bounds) -> int:
        """How many steps of optimising every unstable value the time allows; 0: none."""
        cost = 2 * self._tightening_work(bounds)
        steps = int(ASCENT_WORK * self._patience / max(cost, 1.0)) - 2
        return min(10, steps) if steps >= 2 else 0

    @property
    def _patience(self) -> float:
        """The time limit in minutes, at most one."""
        return min(1.0, (self.meter.options.timeout or 60.0) / 60.0)

    def _tightening_work(self, bounds: Bounds) -> float:
        """Multiplications of bounding every unstable value of one box once."""
        work, total = 0.0, 0.0
        for i, node in enumerate(self.compiled.network.nodes):
            if isinstance(node, Affine):
                work += self.compiled.work(i)
            if i in self.compiled.preactivations:
                total += 2 * work * float(unstable(self.compiled, bounds, i).sum())
        return total

    def _derived(self, found: list[Tightened]) -> tuple[list[Record], int]:
        """Records of optimised bounds, a plan a node, and how many rows they add to the path."""
        offsets, pwl = self.compiled.network.offsets, pwl_nodes(self.compiled)
        plans: dict[int, list[Step]] = {}
        for node in self.compiled.preactivations:
            if node in self.compiled.direct:
                plans[node] = [Step(node)]
        for part in found:
            steps = plans.setdefault(part.node, [])
            for i, neuron in enumerate(part.neurons.tolist()):
                value = (int(offsets[part.node]) + neuron,)
                for factor, codes, explicit in (
                    (1.0, part.lower_codes, part.lower_slopes),
                    (-1.0, part.upper_codes, part.upper_slopes),
                ):
                    slopes = slope_entries(self.compiled, explicit, i)
                    block = Block((), (), slopes, codes_bytes(self.compiled, pwl, codes, i))
                    steps.append(Step(Form(value, (factor,)), block))
        rows = sum(isinstance(step.target, Form) for steps in plans.values() for step in steps)
        records, before = list[Record](), -1
        for node in sorted(plans):
            images = image_steps(self.compiled, before, node)
            records.append(Derive((*images, *plans[node])))
            before = node
        return records, rows

    def _run(self, search: TreeSearch) -> dict[int, Forest]:
        search.filter_points = self._promising
        forests = Team(search, self.meter, self._attempt).run()
        self.meter.leaves += search.leaves
        return forests

    def _phases(
        self, clause: Clause, bounds: Bounds, rows: dict[int, int], count: int
    ) -> list[Record]:
        """Records that refute a clause by branching over phases.

        Args:
            clause: what to refute.
            bounds: of one region, tightened.
            rows: how close records name the atoms of the clause that are rows already.
            count: rows on the path so far.
        """
        search, skeleton = self._phase_search(clause, bounds, rows, count)
        first = search.add(search.roots(bounds, np.arange(len(search.goals.margin)), stale=False))
        forests = self._run(search)
        if search.hard:
            raise Stopped("the linear program of a subproblem without unstable neurons is no proof")
        return _fill(skeleton, forests, first)

    def _phase_search(
        self,
        clause: Clause,
        bounds: Bounds,
        rows: dict[int, int],
        count: int,
        *,
        is_first: bool = False,
    ) -> tuple[PhaseSearch, list[Judge | Choose]]:
        """A search for all conjunctions of a clause, and the choices that lead to them.

        A first look is not worth singling out the part of the network that matters.
        """
        skeleton = self._skeleton(clause, rows, count)
        judges = [part for part in skeleton if isinstance(part, Judge)]
        if not all(len(judge.directed.constant) for judge in judges):
            raise Stopped("every point of the domain is unsafe, yet none was confirmed")
        from verifai.search.leaf import LeafSolver  # boxes alone do without linear programs
        from verifai.search.lift import lift_of
        from verifai.search.phases import PhaseSearch

        goals, compiled = goals_of(judges), self.compiled
        lift = None if is_first else lift_of(compiled, goals, bounds)
        if lift is not None:
            goals, compiled = lift.goals(goals), lift.part.compiled
        closer = LeafSolver(compiled, lambda: self.meter.deadline)
        effort, like = self._effort(bounds), self.fast.like
        search = PhaseSearch(compiled, goals, effort=effort, closer=closer, like=like, lift=lift)
        return search, skeleton

    def _effort(self, bounds: Bounds) -> Effort:
        """Anew tightened bounds at every split where that costs little more than optimising."""
        from verifai.search.phases import Effort

        count = sum(int(mask.sum()) for _, mask in pairs(self.compiled, bounds))
        every = 1 if count <= 200 else 3 if count <= 600 else 0
        return Effort(steps=20, every=every)

    def _skeleton(self, clause: Clause, rows: dict[int, int], count: int) -> list[Judge | Choose]:
        """Choices of all disjunctions in preorder, with a judge for every conjunction left."""
        found: list[Judge | Choose] = []
        todo = [(clause, rows, count)]
        while todo:
            clause, rows, count = todo.pop()
            if len(found) > MAX_GOALS:
                raise Stopped(f"the formula has more than {MAX_GOALS} alternatives")
            if not clause.ors:
                found.append(Judge(clause, directed(self.problem, clause, self.caution), rows))
                continue
            found.append(Choose(0, len(clause.ors[0])))
            todo += [
                (
                    Clause(clause.atoms + part.atoms, clause.ors[1:] + part.ors),
                    _with_rows(rows, part, count),
                    count + len(part.atoms),
                )
                for part in reversed(clause.ors[0])
            ]
        return found

    def _attempt(self, points: Points) -> None:
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


def _with_rows(rows: dict[int, int], part: Clause, count: int) -> dict[int, int]:
    """The names of rows after the atoms of an alternative have joined a path of `count` rows."""
    return rows | {atom: count + i for i, atom in enumerate(part.atoms)}


def _fill(skeleton: list[Judge | Choose], forests: dict[int, Forest], first: int) -> list[Record]:
    """The skeleton's choices with the tree of every goal in its place."""
    records, goal = list[Record](), 0
    for part in skeleton:
        if isinstance(part, Judge):
            records += preorder(forests, 0, first + goal)
            goal += 1
        else:
            records.append(part)
    return records
