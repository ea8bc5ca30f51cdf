"""Signs of polynomials that follow from signs of others, exactly.

May import: python-flint, algebra. Must not know: branches, statements.
"""

from __future__ import annotations

from collections.abc import Sequence

from flint import fmpq, fmpq_mat

from verifai.claim.algebra import Poly, SignFact

MOST_QUADRATIC = 12  # variables of a quadratic form


class Signs:
    """What rows say of other polynomials."""

    def __init__(self, rows: Sequence[SignFact]) -> None:
        self.rows = rows

    def known(self, poly: Poly, strict: bool) -> bool:
        """Whether the rows make it positive (strict), or at least 0, by simple rules."""
        if poly.is_zero():
            return not strict
        if self._simple(poly, strict):
            return True
        lead, factors = poly.factor()
        sign = 1 if lead > 0 else -1
        for factor, power in factors:
            if int(power) % 2 == 0:
                if strict and not self._nonzero(factor):
                    return False
            elif self._simple(factor, strict):
                continue
            elif self._simple(-factor, strict):
                sign = -sign
            else:
                return False
        return sign > 0

    def _nonzero(self, poly: Poly) -> bool:
        if self._simple(poly, True) or self._simple(-poly, True):
            return True
        return any(_ratio(row.poly, poly) for row in self.rows if row.relation == "!=")

    def _simple(self, poly: Poly, strict: bool) -> bool:
        """By itself, not by its factors."""
        if self._said(poly, strict) or self._by_terms(poly, strict):
            return True
        return is_nonnegative_quadratic(poly, strict=strict)

    def _said(self, poly: Poly, strict: bool) -> bool:
        """Whether a row says it, up to a positive factor."""
        wanted = (">",) if strict else (">", ">=")
        for row in self.rows:
            ratio = _ratio(poly, row.poly) if row.relation in wanted else None
            if ratio is not None and ratio > 0:
                return True
        if strict and self._said(poly, False):
            return any(_ratio(row.poly, poly) for row in self.rows if row.relation == "!=")
        return False

    def _by_terms(self, poly: Poly, strict: bool) -> bool:
        """Every term is at least 0, and one positive where that is asked."""
        is_positive = False
        gens = poly.context().gens()
        for monomial, coefficient in poly.terms():
            if coefficient < 0:
                return False
            used = [(gens[i], int(power)) for i, power in enumerate(monomial) if power]
            if not all(power % 2 == 0 or self._said(gen, False) for gen, power in used):
                return False
            is_positive = is_positive or all(self._is_nonzero(gen) for gen, _ in used)
        return is_positive or not strict

    def _is_nonzero(self, gen: Poly) -> bool:
        if self._said(gen, True) or self._said(-gen, True):
            return True
        return any(_ratio(row.poly, gen) for row in self.rows if row.relation == "!=")


def _ratio(a: Poly, b: Poly) -> fmpq | None:
    """c with a = c b, if there is one."""
    if a.is_zero() or b.is_zero() or len(a) != len(b):
        return None
    ratio = a.leading_coefficient() / b.leading_coefficient()
    return ratio if a == b * ratio else None


def is_nonnegative_quadratic(poly: Poly, *, strict: bool) -> bool:
    """Whether a polynomial of degree 2 is ≥ 0 (> 0) for all real values: by an exact L D Lᵀ."""
    if poly.is_zero() or int(poly.total_degree()) != 2:
        return False
    matrix, size = _gram(poly)
    return size <= MOST_QUADRATIC + 1 and _is_positive(matrix, size, strict=strict)


def _gram(poly: Poly) -> tuple[fmpq_mat, int]:
    """The symmetric matrix of the polynomial over (used variables, 1)."""
    used = sorted({i for monomial in poly.monoms() for i, power in enumerate(monomial) if power})
    place = {gen: k for k, gen in enumerate(used)}
    size = len(used) + 1
    matrix = fmpq_mat(size, size)
    for monomial, coefficient in poly.terms():
        ends = [place[i] for i, power in enumerate(monomial) for _ in range(int(power))]
        i, j = [*ends, size - 1, size - 1][:2]
        matrix[i, j] += fmpq(coefficient) / 2
        matrix[j, i] += fmpq(coefficient) / 2
    return matrix, size


def _is_positive(matrix: fmpq_mat, size: int, *, strict: bool) -> bool:
    """Whether it is positive semidefinite; strict: and (x, 1) is never in its kernel."""
    rows = [[matrix[i, j] for j in range(size)] for i in range(size)]
    for k in range(size):
        pivot = rows[k][k]
        if pivot < 0 or (pivot == 0 and any(rows[k][j] != 0 for j in range(k + 1, size))):
            return False
        if pivot == 0:
            if k == size - 1 and strict:
                return False
            continue
        for i in range(k + 1, size):
            share = rows[i][k] / pivot
            for j in range(k + 1, size):
                rows[i][j] -= share * rows[k][j]
    return True
