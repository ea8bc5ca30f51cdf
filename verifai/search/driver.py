"""From a query to the records of a proof: choices at the top, then branch-and-bound.

May import: numpy, kernel, bounds, search. Must not know: verdicts, files.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from verifai.bounds.compiled import Compiled
from verifai.bounds.crown import pairs, refine
from verifai.bounds.interval import Bounds
from verifai.kernel.bound import Root
from verifai.search.boxes import BoxSearch
from verifai.search.budget import Meter, Points, Stopped
from verifai.search.clauses import Array, Clause, Problem
from verifai.search.forest import Forest, preorder
from verifai.search.frontier import TreeSearch, root_region
from verifai.search.judge import Judge, directed
from verifai.search.leaf import LeafSolver
from verifai.search.phases import Effort, PhaseSearch, goals_of
from verifai.search.record import Block, Choose, Close, Derive, Record, Step
from verifai.search.team import Team
from verifai.search.witness import Witnesses

FEW_INPUTS = 12  # so many are split; beyond, phases are
MAX_GOALS = 4096
ATTACK_SHARE = 0.1  # of the time goes into attacks beyond the first
ATTACK_SECONDS = 0.25  # of one attack


class Driver:
    """The refutation of one query's unsafe set."""

    def __init__(
        self, root: Root, problem: Problem, compiled: Compiled, meter: Meter, witnesses: Witnesses
    ) -> None:
        """Nothing is searched yet."""
        self.root, self.problem, self.compiled = root, problem, compiled
        self.meter, self.witnesses = meter, witnesses
        query = root.query
        wholes = [v in query.integers for v in query.input_values]
        self.integers = np.flatnonzero(wholes)

    def refute(self) -> list[Record]:
        """Records in preorder of a proof that no point of the domain is unsafe.

        Raises:
            Found: a counterexample was confirmed.
            Stopped: a budget is spent, or the search cannot decide what is left.
        """
        top = self.problem.top
        rows = {atom: i for i, atom in enumerate(top.atoms)}
        return self._refute(top, self.root.low, self.root.high, rows)

    def _refute(
        self, clause: Clause, low: Array, high: Array, rows: dict[int, int]
    ) -> list[Record]:
        low, high = low.copy(), high.copy()
        for value, new_low, new_high in self.problem.cuts(clause):
            low[value], high[value] = max(low[value], new_low), min(high[value], new_high)
        if (low > high).any():
            return [Close(Block())]
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
        ends = list(pairwise(self.compiled.network.offsets))
        lower, upper = (tuple(side[None, a:b] for a, b in ends) for side in (low, high))
        bounds = Bounds(lower, upper)
        values = np.array(self.root.query.input_values, dtype=np.int64)
        if int((low[values] < high[values]).sum()) > FEW_INPUTS and not len(self.integers):
            relaxation = refine(self.compiled, bounds)
            plan = tuple(Step(node) for node in self.compiled.preactivations)
            return [Derive(plan), *self._phases(clause, relaxation.bounds, rows, len(rows))]
        judge = Judge(clause, directed(self.problem, clause), rows)
        search = BoxSearch(self.compiled, judge, integers=self.integers)
        first = search.add(root_region(bounds))
        forests = self._run(search)
        for group in search.hard:
            for i, node in enumerate(group.nodes.tolist()):
                count = len(rows) + int(group.depth[i])
                part = group.bounds.take(slice(i, i + 1))
                plan = search.plan
                records = self._phases(clause, part, rows, count)
                search.forest.outcome[node] = (*plan, *records)
        return preorder(forests, 0, first)

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
        skeleton = self._skeleton(clause, rows, count)
        judges = [part for part in skeleton if isinstance(part, Judge)]
        if not all(len(judge.directed.constant) for judge in judges):
            raise Stopped("every point of the domain is unsafe, yet none was confirmed")
        closer = LeafSolver(self.compiled, lambda: self.meter.deadline)
        goals = goals_of(judges)
        search = PhaseSearch(self.compiled, goals, effort=self._effort(bounds), closer=closer)
        first = search.add(search.roots(bounds, np.arange(len(judges)), stale=False))
        forests = self._run(search)
        if search.hard:
            raise Stopped("the linear program of a subproblem without unstable neurons is no proof")
        records, goal = list[Record](), 0
        for part in skeleton:
            if isinstance(part, Judge):
                records += preorder(forests, 0, first + goal)
                goal += 1
            else:
                records.append(part)
        return records

    def _effort(self, bounds: Bounds) -> Effort:
        """Anew tightened bounds at every split where that costs little more than optimising."""
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
                found.append(Judge(clause, directed(self.problem, clause), rows))
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
        """Tries points; now and then, attacks anew."""
        self.witnesses.try_points(points)
        if self.witnesses.spent < ATTACK_SHARE * self.meter.seconds:
            self.witnesses.attack(ATTACK_SECONDS, self.meter)

    def _promising(self, points: Points) -> Points:
        if not len(points):
            return points
        margins = self.witnesses.unsafe.margins(self.compiled.forward(points))
        return points[margins >= -1e-9]


def _with_rows(rows: dict[int, int], part: Clause, count: int) -> dict[int, int]:
    """The names of rows after the atoms of an alternative have joined a path of `count` rows."""
    return rows | {atom: count + i for i, atom in enumerate(part.atoms)}
