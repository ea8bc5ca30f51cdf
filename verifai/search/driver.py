"""From a query to the records of a proof: choices at the top, then branch-and-bound.

May import: numpy, kernel, bounds, search. Must not know: verdicts, files.
"""

from __future__ import annotations

import numpy as np

from verifai.bounds.compiled import Compiled
from verifai.bounds.interval import Bounds
from verifai.kernel.bound import Root
from verifai.search.boxes import BoxSearch
from verifai.search.budget import Meter, Points, Stopped
from verifai.search.clauses import Array, Clause, Problem
from verifai.search.forest import preorder
from verifai.search.frontier import root_region
from verifai.search.judge import Judge, directed
from verifai.search.record import Block, Choose, Close, Record
from verifai.search.team import Team
from verifai.search.witness import Witnesses


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
            inner = {a: i for a, i in rows.items()}
            start = len(rows)
            inner |= {atom: start + i for i, atom in enumerate(part.atoms)}
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
        offsets = self.compiled.network.offsets
        ends = list(zip(offsets, offsets[1:], strict=False))
        bounds = Bounds(
            tuple(low[None, a:b] for a, b in ends), tuple(high[None, a:b] for a, b in ends)
        )
        judge = Judge(clause, directed(self.problem, clause), rows)
        search = BoxSearch(self.compiled, judge, integers=self.integers)
        search.filter_points = self._promising
        first = search.add(root_region(bounds))
        forests = Team(search, self.meter, self.witnesses.try_points).run()
        self.meter.leaves += search.leaves
        if search.hard:
            raise Stopped("boxes became too small to split")
        return preorder(forests, 0, first)

    def _promising(self, points: Points) -> Points:
        if not len(points):
            return points
        margins = self.witnesses.unsafe.margins(self.compiled.forward(points))
        return points[margins >= -1e-9]
