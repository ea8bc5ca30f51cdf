"""A branch that cannot hold, shown exactly: rows reduced, one variable's cells, sums of products.

May import: python-flint, the parts of a claim, symbolic (algebraic). Must not know: statements.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from flint import fmpq, fmpq_poly

from verifai.claim.algebra import Algebra, Poly, SignFact, TooLarge
from verifai.claim.branches import Branch, Literal
from verifai.claim.signs import Signs
from verifai.claim.sums import is_refuted_by_sum
from verifai.claim.term import Applied, Compared, Named, Rational, Sort, under
from verifai.symbolic.algebraic import Algebraic, Real, real_roots, value_at

MOST_ROOTS = 200
MINUS = Rational(fmpq(-1))


def rows_of(branch: Branch, variables: Sequence[Named]) -> list[SignFact]:
    """What the branch says of polynomials; a row that is false by itself if it contradicts itself.

    Raises:
        TooLarge: there are too many, or they are too large.
    """
    algebra = Algebra.over([each for each in variables if each.sort is not Sort.BOOLEAN])
    rows: list[SignFact] = []
    algebra.known = lambda poly, strict: Signs([*rows, *algebra.rows]).known(poly, strict)
    said: dict[Named, bool] = {}
    compared = [each for each in branch if isinstance(each.part, Compared)]
    for literal in branch:
        part = literal.part
        if isinstance(part, Named) and said.setdefault(part, literal.holds) != literal.holds:
            return [SignFact(">", algebra.constant(0))]
    whole = {str(poly) for each, poly in algebra.variables.items() if each.sort is Sort.INTEGER}
    for literal in sorted(compared, key=_is_hard):
        rows += [_tightened(row, whole) for row in _rows(literal, algebra)]
    return [*rows, *algebra.rows]


def _is_hard(literal: Literal) -> bool:
    """Whether roots and the like occur, for which signs should be known."""
    return any(
        isinstance(each, Applied) and each.function not in ("+", "*", "/", "neg", "^")
        for each in under(literal.part)
    )


def _rows(literal: Literal, algebra: Algebra) -> list[SignFact]:
    if not isinstance(literal.part, Compared):
        return []
    left, right = (algebra.fraction(each) for each in (literal.part.left, literal.part.right))
    gap = algebra.plus(right, algebra.times(left, algebra.fraction(MINUS)))
    relation = literal.part.relation
    if relation == "=":
        return [SignFact("=" if literal.holds else "!=", gap.over)]
    poly = gap.over if gap.under.is_constant() else algebra.product(gap.over, gap.under)
    strict = (relation == "<") == literal.holds
    return [SignFact(">" if strict else ">=", poly if literal.holds else -poly)]


def _tightened(row: SignFact, whole: set[str]) -> SignFact:
    """p > 0 is p ≥ 1 for integers, and p ≠ 0 stays."""
    if row.relation != ">" or row.poly.is_zero():
        return row
    names = row.poly.context().names()
    used = {names[i] for m in row.poly.monoms() for i, power in enumerate(m) if power}
    if not used or not used <= whole:
        return row
    scale = fmpq(1)
    for coefficient in row.poly.coeffs():
        scale *= fmpq(int((fmpq(coefficient) * scale).q))
    return SignFact(">=", row.poly * scale - 1)


def is_closed(rows: list[SignFact]) -> bool:
    """Whether no real values meet all rows, as far as the rules see."""
    try:
        rows = _reduced(rows)
        if any(_is_false(row) for row in rows):
            return True
        rows = [row for row in rows if not row.poly.is_constant()]
        used = {i for row in rows for m in row.poly.monoms() for i, power in enumerate(m) if power}
        if not rows:
            return False
        if len(used) == 1:
            return _has_no_cell(rows, used.pop())
        signs = Signs(rows)
        return any(_contradicts(row, signs) for row in rows) or is_refuted_by_sum(rows)
    except TooLarge:
        return False


def _is_false(row: SignFact) -> bool:
    if not row.poly.is_constant():
        return False
    value = fmpq(0) if row.poly.is_zero() else row.poly.leading_coefficient()
    return not holds(row.relation, value)


def holds(relation: str, value: fmpq) -> bool:
    """Whether a number is > 0, ≥ 0, = 0 or ≠ 0."""
    return bool({">": value > 0, ">=": value >= 0, "=": value == 0, "!=": value != 0}[relation])


def _contradicts(row: SignFact, signs: Signs) -> bool:
    others = Signs([each for each in signs.rows if each is not row])
    if row.relation == ">":
        return others.known(-row.poly, False)
    if row.relation == ">=":
        return others.known(-row.poly, True)
    if row.relation == "=":
        return others.known(row.poly, True) or others.known(-row.poly, True)
    return False


def _reduced(rows: list[SignFact]) -> list[SignFact]:
    """Equalities used: a variable that is a polynomial of others goes, squares of roots go."""
    done: list[SignFact] = []
    while True:
        row = next((r for r in rows if r.relation == "=" and _solvable(r.poly) is not None), None)
        if row is None:
            break
        gen = _solvable(row.poly)
        others = [each for each in rows if each is not row]
        rows = [
            SignFact(each.relation, _substituted(each.poly, row.poly, gen or 0)) for each in others
        ]
    equal = [row for row in rows if row.relation == "=" and not row.poly.is_constant()]
    for row in rows:
        poly = row.poly
        for relation in equal:
            if relation is not row:
                poly = divmod(poly, relation.poly)[1]
        done.append(row if row in equal else SignFact(row.relation, poly))
    return done


def _solvable(poly: Poly) -> int | None:
    """A variable that occurs once, linearly, with a constant factor."""
    degrees = poly.degrees()
    for i, degree in enumerate(degrees):
        if degree != 1:
            continue
        terms = [m for m in poly.monoms() if m[i]]
        if len(terms) == 1 and sum(terms[0]) == 1:
            return i
    return None


def _substituted(poly: Poly, equal: Poly, gen: int) -> Poly:
    if not poly.degrees()[gen]:
        return poly
    if len(poly) * len(equal) ** int(poly.degrees()[gen]) > 20_000:
        raise TooLarge
    gens = list(poly.context().gens())
    factor = next(fmpq(c) for m, c in equal.terms() if m[gen])
    gens[gen] = gens[gen] - equal / factor
    found: Poly = poly.compose(*gens)
    return found


def univariate(poly: Poly, gen: int) -> fmpq_poly:
    """The polynomial in its only variable."""
    terms = {int(m[gen]): fmpq(c) for m, c in poly.terms()}
    return fmpq_poly([terms.get(k, fmpq(0)) for k in range(max(terms, default=0) + 1)])


def samples(polys: Sequence[fmpq_poly]) -> list[Real]:
    """Numbers that meet every cell of the line on which no polynomial changes its sign.

    Raises:
        TooLarge: there are too many.
    """
    roots: list[Real] = []
    for poly in polys:
        if poly.degree() > 0:
            roots += [root for root in real_roots(poly) if root not in roots]
    if len(roots) > MOST_ROOTS:
        raise TooLarge
    width = fmpq(1, 1 << 10)
    while True:
        sides = sorted(_ends(root, width) for root in roots)
        if all(a[1] < b[0] for a, b in pairwise(sides)):
            break
        width /= 1 << 10
    if not sides:
        return [fmpq(0)]
    between = [(a[1] + b[0]) / 2 for a, b in pairwise(sides)]
    return [sides[0][0] - 1, *roots, *between, sides[-1][1] + 1]


def _ends(root: Real, width: fmpq) -> list[fmpq]:
    return list(root.enclosure(width)) if isinstance(root, Algebraic) else [root, root]


def _has_no_cell(rows: list[SignFact], gen: int) -> bool:
    polys = [(row.relation, univariate(row.poly, gen)) for row in rows]
    for point in samples([poly for _, poly in polys]):
        if all(_holds_at(relation, poly, point) for relation, poly in polys):
            return False
    return True


def _holds_at(relation: str, poly: fmpq_poly, point: Real) -> bool:
    value = value_at(poly, point)
    if not isinstance(value, Algebraic):
        return holds(relation, value)
    width = fmpq(1, 1 << 16)
    low, high = value.enclosure(width)
    while low <= 0 <= high:
        width *= width
        low, high = value.enclosure(width)
    return holds(relation, low)
