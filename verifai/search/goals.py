"""Conjunctions to refute by optimised bounds, several side by side.

May import: numpy, bounds, clauses, judge, record. Must not know: trees, processes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from verifai.bounds.arrays import hosted, placed
from verifai.bounds.compiled import Compiled
from verifai.bounds.crown import Relaxed
from verifai.bounds.dual import Rows
from verifai.bounds.kinds.codes import DEFAULT_CODE
from verifai.bounds.optimize import Ascent, Optimized, optimize
from verifai.bounds.relax import slope_entries
from verifai.kernel.network import Input, Pwl
from verifai.proof.record import Block, Choose, Close, Derive, Record, Step
from verifai.search.clauses import Array, Clause, Problem
from verifai.search.judge import Indices, Judge, directed
from verifai.search.quiet import Resting


@dataclass(frozen=True, slots=True, eq=False)
class Goals:
    """Several conjunctions to refute, each padded with repetitions to the same number of rows.

    Attributes:
        forms: coefficients by node, (G, K, n).
        constant: (G, K).
        margin: what a bound must exceed, (G,).
        names: of every goal's rows: how a close record names them, and the sign of their weight.
    """

    forms: dict[int, Array]
    constant: Array
    margin: Array
    names: tuple[tuple[tuple[int, float], ...], ...]

    def rows(self, goals: Indices) -> Rows:
        """The rows of subproblems with these goals."""
        if len(self.constant) == 1:
            return Rows({i: a[0] for i, a in self.forms.items()}, self.constant[0])
        return Rows({i: a[goals] for i, a in self.forms.items()}, self.constant[goals])

    def named(self, goal: int, weights: Mapping[int, float]) -> tuple[tuple[int, float], ...]:
        """The weighted rows of a goal as the kernel names them, each row once."""
        total: dict[int, float] = {}
        for k, weight in weights.items():
            row, sign = self.names[goal][k]
            total[row] = total.get(row, 0.0) + sign * weight
        return tuple(total.items())


def goals_of(judges: list[Judge]) -> Goals:
    """The goals of refuting each judge's clause, all plain conjunctions of at least one atom."""
    most = max(len(j.directed.constant) for j in judges)
    picks = [np.minimum(np.arange(most), len(j.directed.constant) - 1) for j in judges]
    nodes = sorted({node for j in judges for node in j.directed.forms})
    pairs = list(zip(judges, picks, strict=True))
    forms = {}
    for node in nodes:
        size = max(j.directed.forms[node].shape[1] for j in judges if node in j.directed.forms)
        empty = np.zeros((most, size))
        parts = [j.directed.forms[node][p] if node in j.directed.forms else empty for j, p in pairs]
        forms[node] = np.stack(parts)
    names = []
    for j, pick in pairs:
        each = zip(j.directed.atom[pick].tolist(), j.directed.sign[pick].tolist(), strict=True)
        names.append(tuple((j.rows[atom], sign) for atom, sign in each))
    constant = np.stack([j.directed.constant[p] for j, p in pairs])
    margin = np.array([j.directed.margin.max() for j in judges])
    return Goals(forms, constant, margin, tuple(names))


def pwl_nodes(compiled: Compiled) -> list[int]:
    """The piecewise-linear nodes, in the order in which codes name their values."""
    return [i for i, n in enumerate(compiled.network.nodes) if isinstance(n, Pwl | Resting)]


def image_steps(compiled: Compiled, after: int, last: int) -> list[Step]:
    """The images of the nodes behind one up to another, in networks with curved nodes."""
    if not compiled.is_curved:
        return []
    nodes = compiled.network.nodes
    chosen = [i for i in range(after + 1, last + 1) if not isinstance(nodes[i], Input)]
    return [Step(i, is_image=True) for i in chosen]


def tightening(compiled: Compiled) -> Derive:
    """The record of what `refine` finds: every pre-activation anew, with images before it."""
    steps: list[Step] = []
    for before, node in zip((-1, *compiled.preactivations), compiled.preactivations, strict=False):
        steps += [*image_steps(compiled, before, node), Step(node)]
    return Derive(tuple(steps))


def codes_bytes(
    compiled: Compiled, pwl: list[int], codes: Mapping[int, npt.NDArray[np.uint8]], m: int
) -> bytes:
    """One byte for every piecewise-linear value, from row m of codes; nothing if all default."""
    parts = []
    for node in pwl:
        default = np.full(compiled.sizes[node], DEFAULT_CODE, dtype=np.uint8)
        parts.append(codes[node][m] if node in codes else default)
    row = np.concatenate(parts) if parts else np.zeros(0, dtype=np.uint8)
    return b"" if (row == DEFAULT_CODE).all() else row.tobytes()


class Climber:
    """Refutes boxes of a clause with optimised slopes and weights of rows.

    The clause is a conjunction, or a conjunction with one disjunction of conjunctions.
    """

    def __init__(self, compiled: Compiled, problem: Problem, judge: Judge, caution: float) -> None:
        """Prepares a goal for every alternative.

        Raises:
            ValueError: `can_climb` says no to the clause.
        """
        clause = judge.clause
        if not can_climb(clause):
            raise ValueError("a clause with several or nested disjunctions")
        self.compiled, self.pwl = compiled, pwl_nodes(compiled)
        judges = []
        for part in clause.ors[0] if clause.ors else (Clause((), ()),):
            ends = {atom: i - len(part.atoms) for i, atom in enumerate(part.atoms)}
            joined = Clause(clause.atoms + part.atoms, ())
            judges.append(Judge(joined, directed(problem, joined, caution), judge.rows | ends))
        self.goals, self.is_choice = goals_of(judges), bool(clause.ors)
        columns = {(int(a), float(s)): d for d, (a, s) in enumerate(self._forms(judge))}
        self.columns = [np.array([columns[form] for form in self._forms(j)]) for j in judges]
        parts = clause.ors[0] if clause.ors else ()
        self.closed = {
            goal: judge.closing(part, part.closing)
            for goal, part in enumerate(parts)
            if part.closing is not None
        }

    def _forms(self, judge: Judge) -> list[tuple[int, float]]:
        forms = judge.directed
        return list(zip(forms.atom.tolist(), forms.sign.tolist(), strict=True))

    def climb(
        self, relaxation: Relaxed, bounds: Array, ascent: Ascent
    ) -> dict[int, tuple[Record, ...]]:
        """The records that refute boxes, by box.

        Args:
            relaxation: of B boxes.
            bounds: of the judge's single forms less their margins, (B, D).
            ascent: how to climb.
        """
        singles = np.stack([bounds[:, c].max(axis=1) for c in self.columns], axis=1)
        singles[:, list(self.closed)] = np.inf
        box, goal = np.nonzero(~(singles > 0))
        rows = placed(self.goals.rows(goal), self.compiled.like)
        base = relaxation.take(self.compiled.place(box))
        found = hosted(optimize(self.compiled, base, rows, ascent=ascent))
        good = found.value > self.goals.margin[goal]
        lost = set(box[~good].tolist())
        blocks = {
            (int(box[p]), int(goal[p])): self._block(found, p, int(goal[p]))
            for p in np.flatnonzero(good).tolist()
            if int(box[p]) not in lost
        }
        result = {}
        for b in sorted({b for b, _ in blocks}):
            closes = [
                blocks.get((b, g)) or self._single(bounds[b], g) for g in range(len(self.columns))
            ]
            records: list[Record] = [Close(block) for block in closes]
            result[b] = tuple([Choose(0, len(closes)), *records] if self.is_choice else records)
        return result

    def _single(self, bounds: Array, goal: int) -> Block:
        if goal in self.closed:
            return self.closed[goal]
        k = int(bounds[self.columns[goal]].argmax())
        return Block(self.goals.named(goal, {k: 1.0}))

    def _block(self, found: Optimized, p: int, goal: int) -> Block:
        weights = found.point.weights[p]
        used = {int(k): float(weights[k]) for k in np.flatnonzero(weights > 0)}
        codes = codes_bytes(self.compiled, self.pwl, found.codes, p)
        slopes = slope_entries(self.compiled, found.explicit, p)
        return Block(self.goals.named(goal, used), (), slopes, codes)


def can_climb(clause: Clause) -> bool:
    """Whether there is at most one disjunction, none nested, and an atom in every conjunction."""
    if len(clause.ors) > 1 or any(part.ors for parts in clause.ors for part in parts):
        return False
    parts = clause.ors[0] if clause.ors else (Clause((), ()),)
    return all(clause.atoms + part.atoms for part in parts)
