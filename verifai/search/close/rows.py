"""Conjunctions whose rows contradict each other, whatever the network computes.

Rows of one conjunction, and the intervals of the values that they name, may add up to 0 < 0: two
outputs each above the other, say, or a domain that its own rows make empty. Exact multipliers say
so before any search, which such ties would keep busy for ever.

May import: numpy, kernel, solvers, clauses, record. Must not know: bounds, how boxes are split.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from flint import fmpq

from verifai.kernel.arithmetic import Pause, never
from verifai.kernel.context import Row
from verifai.kernel.number import exact, nearest
from verifai.proof.record import Block
from verifai.search.clauses import Array, Clause, Problem
from verifai.solvers.exact_program import Plane, duals

MOST_ENTRIES = 4000  # of a program
MOST_CONJUNCTIONS = 256  # of a formula that are looked at
STEPS = 30  # towards a point that fulfils all rows
OVER = 1.2  # how far a step goes, in units of what the worst row misses
ROOM = 1e-6  # and how far beyond, relative to its constant


def contradiction(
    rows: Sequence[tuple[int, Row]], low: Array, high: Array, pause: Pause = never
) -> Block | None:
    """Multipliers of rows and of interval ends whose sum is above 0, or 0 with a strict row in it.

    Args:
        rows: what holds together, by number.
        low: lower ends of all values, finite.
        high: upper ends.
        pause: called now and then.

    Returns:
        The multipliers; None: the rows agree, or are too many.
    """
    if not rows or _agree([row for _, row in rows], low, high):
        return None
    order = sorted(rows, key=lambda pair: not pair[1].strict)
    planes, owners = list[Plane](), list[tuple[int, int]]()
    for number, row in order:
        for sign in (1, -1) if row.free else (1,):
            terms = zip(row.values, row.factors, strict=True)
            planes.append(({v: sign * factor for v, factor in terms}, sign * row.constant))
            owners.append((number, sign))
    named = sorted({value for _, row in rows for value in row.values})
    ends = {v: (exact(float(low[v])), exact(float(high[v]))) for v in named}
    goals = sum(row.strict for _, row in order)
    if (len(planes) + len(named)) * (len(named) + 1) > MOST_ENTRIES:
        return None

    def look() -> bool:
        pause()
        return False

    found = duals(planes, goals, ends, expired=look)
    if found is None:
        return None
    total, sums, weights = fmpq(0), dict[int, fmpq](), dict[int, float]()
    for dual, (number, sign), (factors, constant) in zip(found, owners, planes, strict=True):
        total += exact(dual) * constant
        weights[number] = weights.get(number, 0.0) + sign * dual
        for value, factor in factors.items():
            sums[value] = sums.get(value, fmpq(0)) + exact(dual) * factor
    pushed = [(value, nearest(factor)) for value, factor in sums.items() if factor]
    total += sum((f * ends[v][0 if f > 0 else 1] for v, f in sums.items()), fmpq(0))
    is_exact = all(exact(factor) == sums[value] for value, factor in pushed)
    if total > 0 or (total == 0 and any(dual > 0 for dual in found[:goals]) and is_exact):
        return Block(tuple((n, w) for n, w in weights.items() if w), tuple(pushed))
    return None


def _agree(rows: Sequence[Row], low: Array, high: Array) -> bool:
    """Whether a point of the intervals is found that fulfils all rows with room; in floats."""
    if any(row.free for row in rows):
        return False
    named = sorted({value for row in rows for value in row.values})
    place = {value: i for i, value in enumerate(named)}
    matrix, constant = np.zeros((len(rows), len(named))), np.zeros(len(rows))
    for i, row in enumerate(rows):
        constant[i] = nearest(row.constant)
        for value, factor in zip(row.values, row.factors, strict=True):
            matrix[i, place[value]] = nearest(factor)
    l, u = low[named], high[named]
    scaled, point = matrix * (u - l), (l + u) / 2
    for _ in range(STEPS):
        excess = matrix @ point + constant
        worst = int(excess.argmax())
        if excess[worst] < 0:
            return True
        steep = float(scaled[worst] @ scaled[worst])
        if not 0 < steep < np.inf:
            return False
        gap = OVER * float(excess[worst]) + ROOM * (1 + abs(float(constant[worst])))
        point = np.clip(point - gap / steep * scaled[worst] * (u - l), l, u)
    return False


def closed(
    problem: Problem, clause: Clause, ends: tuple[Array, Array], pause: Pause = never
) -> Clause:
    """The clause with blocks in those of its alternatives that contradict themselves.

    Args:
        problem: whose rows the clauses name.
        clause: a conjunction, with disjunctions.
        ends: lower and upper ends of all values where the clause holds.
        pause: called now and then.
    """
    return _Marker(problem, clause.atoms, ends, pause).marked(clause)


class _Marker:
    """Looks at alternatives, up to a number."""

    def __init__(
        self, problem: Problem, top: tuple[int, ...], ends: tuple[Array, Array], pause: Pause
    ) -> None:
        self.problem, self.top, self.ends, self.pause = problem, top, ends, pause
        self.left = MOST_CONJUNCTIONS

    def marked(self, clause: Clause) -> Clause:
        """The clause with its disjunctions marked; one without is left as it is."""
        ors = tuple(tuple(self._part(part) for part in parts) for parts in clause.ors)
        return replace(clause, ors=ors) if ors != clause.ors else clause

    def _part(self, part: Clause) -> Clause:
        self.left -= 1
        if self.left < 0:
            return part
        numbers = dict.fromkeys((*self.top, *part.atoms))
        rows = [(n, self.problem.rows[n]) for n in numbers]
        found = contradiction(rows, *self.ends, self.pause)
        return self.marked(part) if found is None else replace(part, closing=found)
