"""Rows that contradict each other by a sum: multiples of them, of their products and of squares.

HiGHS proposes the multipliers; they are made exact, and count if the sum is exactly 0 while a
positive part of it is not (Farkas, Motzkin, Positivstellensatz).

May import: numpy, python-flint, algebra, solvers. Must not know: branches, statements.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, combinations_with_replacement

import numpy as np
from flint import fmpq, fmpq_mat

from verifai.claim.algebra import Poly, SignFact
from verifai.kernel.number import nearest
from verifai.solvers.linear_program import Simplex, SparseRows

MOST_PARTS = 700
MOST_MONOMIALS = 500
MOST_BASIS = 9
TINY = 1e-9
ITERATIONS = 5000
SECONDS = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """A polynomial that is ≥ 0, > 0 (strict) or = 0 (free: any multiple counts)."""

    poly: Poly
    strict: bool = False
    free: bool = False


def is_refuted_by_sum(rows: Sequence[SignFact]) -> bool:
    """Whether a sum with positive multipliers shows that not all rows can hold."""
    linear = list(_parts(rows, is_small=True))
    return _is_zero_sum(linear) or _is_zero_sum(list(_parts(rows, is_small=False)))


def _parts(rows: Sequence[SignFact], *, is_small: bool) -> Iterator[_Part]:
    one = rows[0].poly.context().constant(1)
    facts = [_Part(row.poly, row.relation == ">") for row in rows if row.relation in (">", ">=")]
    facts += [_Part(row.poly * row.poly, True) for row in rows if row.relation == "!="]
    equal = [row.poly for row in rows if row.relation == "="]
    yield _Part(one, True)
    yield from facts
    yield from (_Part(poly, free=True) for poly in equal)
    if is_small:
        return
    basis = _basis([*(fact.poly for fact in facts), *equal], one)
    for a, b in combinations_with_replacement(facts[:12], 2):
        yield _Part(a.poly * b.poly, a.strict and b.strict)
    for monomial in basis:
        yield _Part(monomial * monomial)
        yield from (_Part(fact.poly * monomial * monomial) for fact in facts[:8])
        yield from (_Part(poly * monomial, free=True) for poly in equal)
    for m, n in combinations(basis, 2):
        yield _Part((m - n) * (m - n))
        yield _Part((m + n) * (m + n))
        if m.total_degree() + n.total_degree() == 2:
            yield from (_Part(fact.poly * (m - n) * (m - n)) for fact in facts[:4])


def _basis(polys: Sequence[Poly], one: Poly) -> list[Poly]:
    """1, the variables, and where degrees are four or more, their products."""
    used = sorted(
        {i for poly in polys for m in poly.monoms() for i, power in enumerate(m) if power}
    )
    gens = [one.context().gens()[i] for i in used]
    found = [one, *gens]
    if max((int(poly.total_degree()) for poly in polys), default=0) >= 4:
        found += [a * b for a, b in combinations_with_replacement(gens, 2)]
    return found[: 2 * MOST_BASIS]


def _is_zero_sum(parts: list[_Part]) -> bool:
    parts = [part for part in parts if not part.poly.is_zero() or part.strict][:MOST_PARTS]
    places: dict[object, int] = {}
    for part in parts:
        for monomial in part.poly.monoms():
            places.setdefault(monomial, len(places))
    if len(places) > MOST_MONOMIALS:
        return False
    columns = []
    for part in parts:
        entries = {places[m]: fmpq(c) for m, c in part.poly.terms()}
        if part.strict:
            entries[len(places)] = fmpq(1)
        columns.append(entries)
    chosen = _proposed(parts, columns, len(places) + 1)
    return chosen is not None and _is_exact(parts, columns, chosen, len(places) + 1)


def _proposed(
    parts: Sequence[_Part], columns: Sequence[dict[int, fmpq]], height: int
) -> list[int] | None:
    """The columns that HiGHS uses to make (0, ..., 0, 1)."""
    rows: list[list[int]] = [[] for _ in range(height)]
    for j, column in enumerate(columns):
        for i in column:
            rows[i].append(j)
    starts = np.cumsum([0, *map(len, rows)])
    index = np.array([j for row in rows for j in row])
    factors = np.array([nearest(columns[j][i]) for i, row in enumerate(rows) for j in row])
    cost = np.ones(len(columns))
    for j, part in enumerate(parts):
        if part.free:
            cost[j] = 0.0
    program = Simplex(cost, SparseRows(starts, index, factors), lambda: SECONDS)
    ends = np.array([0.0] * (height - 1) + [1.0])
    program.set_rows(ends, ends)
    lower = np.array([-np.inf if part.free else 0.0 for part in parts])
    program.set_columns(lower, np.full(len(parts), np.inf))
    if not program.solve(ITERATIONS).is_optimal:
        return None
    return [j for j, value in enumerate(program.point()) if abs(value) > TINY]


def _is_exact(
    parts: Sequence[_Part],
    columns: Sequence[dict[int, fmpq]],
    chosen: Sequence[int],
    height: int,
) -> bool:
    """Whether exact multipliers of these columns, of the right signs, make (0, ..., 0, 1)."""
    matrix = fmpq_mat(height, len(chosen) + 1)
    for k, j in enumerate(chosen):
        for i, value in columns[j].items():
            matrix[i, k] = value
    matrix[height - 1, len(chosen)] = fmpq(1)
    reduced, rank = matrix.rref()
    if rank != len(chosen) or any(reduced[k, k] != 1 for k in range(rank)):
        return False
    values = [reduced[k, len(chosen)] for k in range(rank)]
    return all(value >= 0 or parts[j].free for value, j in zip(values, chosen, strict=True))
