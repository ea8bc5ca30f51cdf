"""Deciding subproblems by their linear programs: refuted, or split where the programs gain most.

May import: numpy, bounds, budget, goals, columns, kept, premises, reliable. Must not know: trees,
certificates, processes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from verifai.bounds.compiled import Compiled
from verifai.bounds.crown import Relaxed
from verifai.bounds.dual import DualPoint, Rows
from verifai.bounds.interval import Bounds
from verifai.bounds.maps import Array
from verifai.search.budget import unhurried
from verifai.search.close.columns import Substituted, Units, substitute, unstable_values
from verifai.search.close.formulation import Duals
from verifai.search.close.kept import KeptFormulation
from verifai.search.close.premises import Hidden, Patience, Premises
from verifai.search.goals import Goals
from verifai.search.rank.reliable import TINY, Reliable

MOST_ITERATIONS = 5000  # of a region's program
BATCH_ENTRIES = 1e5  # of the programs of a batch
FIRST_ROUND = 100.0  # iterations for each open neuron that a first round may take
ROUNDS = 4.0  # expected before the first was tried
FADING = 2.0  # times as many splits are needed as the gain of the first one suggests
RECENT = 0.5  # weight of the last visit in averages


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """What a subproblem's program says.

    Attributes:
        value: a lower bound of the worst row, -∞ where the program was not solved.
        proofs: multipliers that should refute the subproblem, any of them.
        is_empty: whether its intervals exclude each other.
        point: the inputs of the optimum.
        neuron: which of the units to split, or -1.
        halves: multipliers that should refute the inactive and the active half.
        hidden: bounds of hidden values that promise more than the split.
    """

    value: float
    proofs: tuple[Duals, ...] = ()
    is_empty: bool = False
    point: Array | None = None
    neuron: int = -1
    halves: tuple[tuple[Duals, ...], tuple[Duals, ...]] = ((), ())
    hidden: tuple[Hidden, ...] = ()


@dataclass(slots=True)
class _Pace:
    """What visits and rounds of one goal's hidden bounds have cost and gained, of late.

    Attributes:
        visit: iterations of a visit.
        round: iterations of a round, None before the first.
        gain: by how much a round raised the program's value, None before the first.
    """

    visit: float = 1.0
    round: float | None = None
    gain: float | None = None

    def note_gain(self, gain: float) -> None:
        self.gain = gain if self.gain is None else _mixed(self.gain, gain)

    def prefers_round(self, missing: float, split: float, count: int) -> bool:
        """Whether rounds are expected to refute a region with less work than splits alone.

        Args:
            missing: from refuting it.
            split: what a split gains.
            count: open neurons.
        """
        cost = FIRST_ROUND * count if self.round is None else self.round
        rounds = ROUNDS if self.gain is None else missing / max(self.gain, TINY)
        depth = FADING * missing / max(split, TINY)
        return bool(cost * max(rounds, 1.0) < self.visit * 2.0 ** min(depth, 100.0))


def _mixed(before: float, now: float) -> float:
    return before + RECENT * (now - before)


@dataclass(frozen=True, slots=True, eq=False)
class _Known:
    """One goal's program, and what is known of it: its choices, its hidden ends, their costs."""

    program: KeptFormulation
    reliable: Reliable
    patience: Patience
    pace: _Pace


class Programs:
    """The programs of all goals of one search, built when first needed.

    Attributes:
        chooses: whether what is not refuted is split where programs gain most, or left to others.
    """

    def __init__(
        self,
        compiled: Compiled,
        goals: Goals,
        bounds: Bounds,
        units: Units,
        *,
        left: Callable[[], float] = unhurried,
    ) -> None:
        """Nothing is built yet.

        Args:
            compiled: a network for which `is_reducible` holds.
            goals: what to refute.
            bounds: of one box that all subproblems lie in.
            units: its unstable neurons.
            left: how many seconds are left for the search.
        """
        self.compiled, self.goals, self.left = compiled, goals, left
        self.bounds, self.units = bounds, units
        self.columns = unstable_values(compiled, units)
        self.substituted: Substituted | None = None
        self.chooses = True
        self.premises = Premises(lambda: left() <= 0)
        self.known: dict[int, _Known] = {}

    def decide(self, goal: int, bounds: Bounds, before: float | None = None) -> Decision:
        """What to do with a subproblem of a goal.

        Args:
            goal: which.
            bounds: of the subproblem.
            before: its value before its hidden values were bounded anew, if they just were.
        """
        known = self._of(goal)
        program, margin = known.program, known.reliable.margin
        start = program.simplex.iterations
        ends = program.visit(bounds)
        if ends is None:
            return Decision(np.inf, is_empty=True)
        solved = program.simplex.solve(MOST_ITERATIONS)
        if solved.value == np.inf:
            return Decision(np.inf, program.proofs_of(solved.ray))
        if not solved.is_optimal:
            return Decision(-np.inf)
        if solved.value > margin:
            return Decision(solved.value, (program.duals(),))
        if before is not None:
            known.pace.note_gain(solved.value - before)
        optimum = program.simplex.optimum()
        inputs = optimum.point[: program.inputs]
        if not self.chooses:
            return Decision(solved.value, point=inputs)
        choice = known.reliable.choose(optimum, ends)
        known.pace.visit = _mixed(known.pace.visit, program.simplex.iterations - start)
        missing, open_count = margin - solved.value, int(((ends[0] < 0) & (ends[1] > 0)).sum())
        hidden = list[Hidden]()
        if not any(choice.halves) and known.pace.prefers_round(missing, choice.gain, open_count):
            hidden = self._round(known, ends)
        split = choice.neuron, choice.halves
        return Decision(solved.value, (), False, inputs, *split, tuple(hidden))

    def _round(self, known: _Known, ends: tuple[Array, Array]) -> list[Hidden]:
        """Bounds of hidden values of the region that the goal's program is set to."""
        program, pace = known.program, known.pace
        start = program.simplex.iterations
        hidden = self.premises.round(program, ends, known.patience)
        cost = float(program.simplex.iterations - start)
        pace.round = cost if pace.round is None else _mixed(pace.round, cost)
        if not hidden:
            pace.note_gain(0.0)
        return hidden

    def point(self, base: Relaxed, proofs: list[Duals]) -> DualPoint:
        """Multipliers over boxes as the dual problem takes them, default slopes where free."""
        units, multipliers = self.units, dict[int, Array]()
        slopes = {i: base.lines[i].lower[0].copy() for i in np.unique(units.node).tolist()}
        given = np.stack([d.slopes for d in proofs])
        reads = self.columns.at[np.array(self.compiled.network.offsets)[units.source] + units.index]
        forces = np.stack([d.multipliers for d in proofs])[:, reads]
        low, high = units.ends(base.bounds)
        usable = ~np.isnan(given) & (low < 0) & (high > 0)
        for node in slopes:
            here = np.flatnonzero(units.node == node)
            at, source = units.index[here], int(units.source[here[0]])
            slopes[node][:, at] = np.where(usable[:, here], given[:, here], slopes[node][:, at])
            force = multipliers.setdefault(source, np.zeros_like(base.bounds.lower[source]))
            force[:, at] = forces[:, here]
        return DualPoint(slopes, multipliers, np.stack([d.weights for d in proofs]))

    def _of(self, goal: int) -> _Known:
        if goal not in self.known:
            rows = self.goals.rows(np.array([goal]))
            forms = {i: a.reshape(-1, a.shape[-1]) for i, a in rows.forms.items()}
            flat = Rows(forms, rows.constant.reshape(-1))
            if self.substituted is None:
                self.substituted = substitute(self.columns, self.bounds, self.goals.forms)
            program = KeptFormulation(self.substituted, self.units, flat, self.left)
            reliable = Reliable(program, float(self.goals.margin[goal]))
            self.known[goal] = _Known(program, reliable, Patience.of(len(self.units)), _Pace())
        return self.known[goal]

    @property
    def parallel(self) -> int:
        """How many subproblems are decided between two looks at the clock."""
        entries = len(self.units) * self.compiled.width
        return int(np.clip(BATCH_ENTRIES / max(entries, 1), 1, 16))
