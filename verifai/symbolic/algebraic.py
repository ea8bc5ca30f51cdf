"""Real algebraic numbers: the roots of rational polynomials, isolated and compared exactly.

May import: python-flint, sympy (on demand). Must not know: networks.

Source: Sturm (1829); Basu, Pollack and Roy, "Algorithms in real algebraic geometry" (2006), 2.2.2.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from flint import fmpq, fmpq_mat, fmpq_poly

ZERO = fmpq(0)


@dataclass(frozen=True, slots=True)
class Algebraic:
    """An irrational root of an irreducible polynomial.

    Attributes:
        polynomial: monic, with its coefficients from the constant one upwards.
        index: which of its real roots, from 0, in increasing order.
        lower, upper: rationals between which it is the only root (they are no part of the number).
    """

    polynomial: tuple[fmpq, ...]
    index: int
    lower: fmpq = field(compare=False)
    upper: fmpq = field(compare=False)

    def enclosure(self, width: fmpq) -> tuple[fmpq, fmpq]:
        """Rational ends around the number, at most this far apart."""
        poly, low, high = fmpq_poly(list(self.polynomial)), self.lower, self.upper
        is_rising = poly(low) < 0
        while high - low > width:
            middle = (low + high) / 2
            if (poly(middle) < 0) == is_rising:
                low = middle
            else:
                high = middle
        return low, high

    def to_sympy(self) -> Any:
        """The same number for SymPy."""
        import sympy

        x = sympy.Symbol("x")
        terms = (sympy.Rational(int(c.p), int(c.q)) * x**k for k, c in enumerate(self.polynomial))
        return sympy.CRootOf(sympy.Add(*terms), self.index)

    def __str__(self) -> str:
        low, _ = self.enclosure(fmpq(1, 10**12))
        terms = " + ".join(f"{c}·x^{k}" for k, c in enumerate(self.polynomial) if c != 0)
        return f"root {self.index} of {terms} (≈ {int(low.p) / int(low.q):.9g})"


Real = fmpq | Algebraic


def ends(value: Real, width: fmpq) -> tuple[fmpq, fmpq]:
    """Rational ends around the number, at most this far apart; equal if it is rational."""
    return value.enclosure(width) if isinstance(value, Algebraic) else (value, value)


def compare(left: Real, right: Real) -> int:
    """-1, 0 or 1 as left is less than, equal to or greater than right."""
    if left == right:
        return 0
    width = fmpq(1)
    while True:
        (a, b), (c, d) = ends(left, width), ends(right, width)
        if b <= c:
            return -1
        if d <= a:
            return 1
        width /= 1 << 16


def real_roots(polynomial: fmpq_poly) -> list[Real]:
    """All different real roots, in no special order.

    Raises:
        ValueError: the polynomial is zero.
    """
    if polynomial.is_zero():
        raise ValueError("every number is a root of zero")
    found: list[Real] = []
    for factor, _ in polynomial.factor()[1]:
        if factor.degree() == 1:
            found.append(-factor[0] / factor[1])
        elif factor.degree() > 1:
            found += _irrational_roots(factor)
    return found


def _irrational_roots(factor: fmpq_poly) -> list[Algebraic]:
    """The real roots of an irreducible polynomial of degree two or more, in increasing order."""
    monic = factor / factor[factor.degree()]
    chain = [monic, monic.derivative()]
    while chain[-1].degree() > 0:
        chain.append(-(chain[-2] % chain[-1]))
    coefficients = tuple(monic.coeffs())
    reach = 1 + max(abs(c) for c in coefficients)
    todo, isolated = [(-reach, reach)], list[tuple[fmpq, fmpq]]()
    while todo:
        low, high = todo.pop()
        count = _changes(chain, low) - _changes(chain, high)
        if count == 1:
            isolated.append((low, high))
        elif count > 1:
            middle = (low + high) / 2
            todo += [(low, middle), (middle, high)]
    return [Algebraic(coefficients, k, *ends) for k, ends in enumerate(sorted(isolated))]


def _changes(chain: list[fmpq_poly], x: fmpq) -> int:
    """How often the signs of a Sturm chain change at x, zeros left out."""
    signs = [value > 0 for value in (poly(x) for poly in chain) if value != 0]
    return sum(a != b for a, b in pairwise(signs))


def value_at(polynomial: fmpq_poly, x: Real) -> Real:
    """The polynomial's exact value at an algebraic number.

    Its minimal polynomial is that of multiplication by it in the field that x generates.
    """
    if not isinstance(x, Algebraic):
        return polynomial(x)
    modulus = fmpq_poly(list(x.polynomial))
    size, rows = modulus.degree(), list[fmpq]()
    for k in range(size):
        image = (polynomial * fmpq_poly([0] * k + [1])) % modulus
        rows += [image[j] for j in range(size)]
    minimal = fmpq_mat(size, size, rows).minpoly()
    candidates = real_roots(minimal)
    width = fmpq(1, 1 << 16)
    while True:
        low, high = range_of(polynomial, *x.enclosure(width))
        left = [c for c in candidates if _may_lie(c, low, high, width)]
        if len(left) == 1:
            return left[0]
        width *= width


def _may_lie(value: Real, low: fmpq, high: fmpq, width: fmpq) -> bool:
    a, b = ends(value, width)
    return bool(a <= high and low <= b)


def range_of(polynomial: fmpq_poly, low: fmpq, high: fmpq) -> tuple[fmpq, fmpq]:
    """Rationals between which the polynomial stays on [low, high], by the mean value theorem."""
    middle, most = (low + high) / 2, max(abs(low), abs(high))
    slope = fmpq_poly([abs(c) for c in polynomial.derivative().coeffs()])(most)
    reach, centre = slope * (high - low) / 2, polynomial(middle)
    return centre - reach, centre + reach
