"""Deciding subproblems by their linear programs: refuted, or split where the programs gain most.

A neuron's promise is what its splits have gained so far, for each unit of the gap that the program
leaves at it; neurons tried seldom are tried anew, by solving both halves.
Source: Achterberg, Koch, Martin 2005, Branching Rules Revisited (reliability branching).

May import: numpy, bounds, budget, goals, premises, reduced. Must not know: trees, certificates,
processes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from verifai.bounds.compiled import Compiled
from verifai.bounds.crown import Relaxed
from verifai.bounds.dual import DualPoint, Rows
from verifai.bounds.interval import Bounds
from verifai.bounds.maps import Array
from verifai.search.budget import unhurried
from verifai.search.close.premises import Hidden, Patience, Premises
from verifai.search.close.reduced import Duals, Reduced, Substituted, Units, substitute
from verifai.search.goals import Goals

RELIABLE = 4  # tries of a neuron's halves after which its average is believed
PATIENCE = 8  # neurons tried in vain before the best so far is taken
MOST_ITERATIONS = 5000  # of a region's program
TRIAL_ITERATIONS = 200  # of a half that is only tried
BATCH_ENTRIES = 1e5  # of the programs of a batch
TINY = 1e-7  # gaps that do not count
LEAST = 1e-6  # gain that counts as none
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


@dataclass(slots=True, eq=False)
class _Half:
    """One half tried: how much it gained, up to what refutes it, and what does."""

    gain: float
    proofs: tuple[Duals, ...] = ()


@dataclass(slots=True, eq=False)
class _Promise:
    """What splits of each neuron have gained, (m, 2) for the inactive and the active half."""

    total: Array
    count: Array = field(init=False)

    def __post_init__(self) -> None:
        self.count = np.zeros_like(self.total)

    def note(self, neuron: int, side: int, gain: float) -> None:
        self.total[neuron, side] += gain
        self.count[neuron, side] += 1

    def expected(self, gaps: Array) -> Array:
        """Gains (m, 2) at these gaps; those never tried promise the average."""
        known = self.count > 0
        each = np.where(known, self.total / np.maximum(self.count, 1), 0)
        average = each.sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        fallback = np.where(known.any(axis=0), average, 1.0)
        return np.asarray(np.where(known, each, fallback) * gaps[:, None])

    def is_reliable(self, neuron: int) -> bool:
        return bool(self.count[neuron].min() >= RELIABLE)


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
        self.substituted: Substituted | None = None
        self.chooses = True
        self.programs: dict[int, Reduced] = {}
        self.promises: dict[int, _Promise] = {}
        self.premises = Premises(lambda: left() <= 0)
        self.patience: dict[int, Patience] = {}
        self.paces: dict[int, _Pace] = {}

    def decide(self, goal: int, bounds: Bounds, before: float | None = None) -> Decision:
        """What to do with a subproblem of a goal.

        Args:
            goal: which.
            bounds: of the subproblem.
            before: its value before its hidden values were bounded anew, if they just were.
        """
        program = self._program(goal)
        start, pace = program.simplex.iterations, self.paces[goal]
        ends = program.enter(bounds)
        if ends is None:
            return Decision(np.inf, is_empty=True)
        margin = float(self.goals.margin[goal])
        solved = program.simplex.solve(MOST_ITERATIONS)
        if solved.value == np.inf:
            return Decision(np.inf, _of_ray(program, solved.ray))
        if not solved.is_optimal:
            return Decision(-np.inf)
        if solved.value > margin:
            return Decision(solved.value, (program.duals(),))
        if before is not None:
            pace.note_gain(solved.value - before)
        optimum = program.simplex.optimum()
        inputs, is_open = optimum.point[: program.inputs], (ends[0] < 0) & (ends[1] > 0)
        if not self.chooses:
            return Decision(solved.value, point=inputs)
        gaps = np.where(is_open, program.gaps(optimum.point), 0)
        if (gaps > TINY).any():
            weighed = gaps * program.pulls(optimum)
            gaps = np.maximum(weighed, LEAST * gaps)
        else:  # the optimum is a point of the network
            gaps = np.where(is_open, np.minimum(-ends[0], ends[1]), 0)
        neuron, halves, gain = self._choose(goal, gaps, ends, solved.value)
        pace.visit = _mixed(pace.visit, program.simplex.iterations - start)
        missing, hidden = margin - solved.value, list[Hidden]()
        if not any(halves) and pace.prefers_round(missing, gain, int(is_open.sum())):
            hidden = self._round(goal, ends)
        return Decision(solved.value, (), False, inputs, neuron, halves, tuple(hidden))

    def _round(self, goal: int, ends: tuple[Array, Array]) -> list[Hidden]:
        """Bounds of hidden values of the region that the goal's program is set to."""
        program, pace = self.programs[goal], self.paces[goal]
        start = program.simplex.iterations
        hidden = self.premises.round(program, ends, self.patience[goal])
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
        forces = np.stack([d.multipliers for d in proofs])
        low, high = units.ends(base.bounds)
        usable = ~np.isnan(given) & (low < 0) & (high > 0)
        for node in slopes:
            here = np.flatnonzero(units.node == node)
            at, source = units.index[here], int(units.source[here[0]])
            slopes[node][:, at] = np.where(usable[:, here], given[:, here], slopes[node][:, at])
            force = multipliers.setdefault(source, np.zeros_like(base.bounds.lower[source]))
            force[:, at] = forces[:, here]
        return DualPoint(slopes, multipliers, np.stack([d.weights for d in proofs]))

    def _program(self, goal: int) -> Reduced:
        if goal not in self.programs:
            rows = self.goals.rows(np.array([goal]))
            forms = {i: a.reshape(-1, a.shape[-1]) for i, a in rows.forms.items()}
            flat = Rows(forms, rows.constant.reshape(-1))
            if self.substituted is None:
                self.substituted = substitute(
                    self.compiled, self.bounds, self.units, self.goals.forms
                )
            self.programs[goal] = Reduced(self.compiled, self.substituted, flat, self.left)
            self.promises[goal] = _Promise(np.zeros((len(self.units), 2)))
            self.patience[goal], self.paces[goal] = Patience.of(len(self.units)), _Pace()
        return self.programs[goal]

    @property
    def parallel(self) -> int:
        """How many subproblems are decided between two looks at the clock."""
        entries = len(self.units) * self.compiled.width
        return int(np.clip(BATCH_ENTRIES / max(entries, 1), 1, 16))

    def _choose(
        self, goal: int, gaps: Array, ends: tuple[Array, Array], value: float
    ) -> tuple[int, tuple[tuple[Duals, ...], tuple[Duals, ...]], float]:
        """The neuron that promises most, what is known to refute its halves, and its promise."""
        program, promise = self.programs[goal], self.promises[goal]
        missing = float(self.goals.margin[goal]) - value
        expected = np.minimum(promise.expected(gaps), missing)
        scores = np.where(gaps > 0, np.maximum(expected, LEAST).prod(axis=1), 0)
        best, best_score = -1, 0.0
        halves: tuple[tuple[Duals, ...], tuple[Duals, ...]] = ((), ())
        basis, vain = program.simplex.basis, 0
        for neuron in np.argsort(-scores).tolist():
            if not scores[neuron] > 0 or vain > PATIENCE:
                break
            tried: tuple[_Half, ...] = ()
            score = float(scores[neuron])
            if not promise.is_reliable(neuron):
                tried = self._try(goal, neuron, (ends[0][neuron], ends[1][neuron]), value)
                program.simplex.resume(basis)
                for side, half in enumerate(tried):
                    promise.note(neuron, side, half.gain / max(float(gaps[neuron]), TINY))
                score = max(tried[0].gain, LEAST) * max(tried[1].gain, LEAST)
            vain += 1
            if score > best_score:
                best, best_score, vain = neuron, score, 0
                halves = (tried[0].proofs, tried[1].proofs) if tried else ((), ())
            if tried and all(half.proofs for half in tried):
                break
        return best, halves, float(np.sqrt(best_score))

    def _try(
        self, goal: int, neuron: int, ends: tuple[float, float], value: float
    ) -> tuple[_Half, ...]:
        """Solves the programs of both halves."""
        program, margin, found = self.programs[goal], float(self.goals.margin[goal]), []
        for active in (False, True):
            program.fix(neuron, *ends, active=active)
            solved = program.simplex.solve(TRIAL_ITERATIONS)
            gain = max(0.0, min(solved.value, margin) - value)
            if solved.value == np.inf:
                found.append(_Half(gain, _of_ray(program, solved.ray)))
            elif solved.is_optimal and solved.value > margin:
                found.append(_Half(gain, (program.duals(),)))
            else:
                found.append(_Half(gain))
            program.loosen(neuron, *ends)
        return tuple(found)


def _of_ray(program: Reduced, ray: Array | None) -> tuple[Duals, ...]:
    return () if ray is None else tuple(program.duals_of(ray))
