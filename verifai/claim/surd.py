"""Numbers of the field that one real algebraic number generates: computed with exactly.

May import: python-flint, symbolic (algebraic). Must not know: claims.
"""

from __future__ import annotations

from dataclasses import dataclass

from flint import fmpq, fmpq_poly

from verifai.symbolic.algebraic import Algebraic, range_of


@dataclass(frozen=True, slots=True, eq=False)
class Surd:
    """A polynomial in an algebraic number, reduced by its minimal polynomial."""

    root: Algebraic
    poly: fmpq_poly

    @staticmethod
    def of(root: Algebraic) -> Surd:
        """The number itself."""
        return Surd(root, fmpq_poly([0, 1]))

    @property
    def _modulus(self) -> fmpq_poly:
        return fmpq_poly(list(self.root.polynomial))

    def _lift(self, other: Surd | fmpq) -> fmpq_poly:
        return other.poly if isinstance(other, Surd) else fmpq_poly([other])

    def plus(self, other: Surd | fmpq) -> Surd | fmpq:
        """The sum."""
        return _tidy(self.root, self.poly + self._lift(other))

    def times(self, other: Surd | fmpq) -> Surd | fmpq:
        """The product."""
        return _tidy(self.root, (self.poly * self._lift(other)) % self._modulus)

    def inverse(self) -> Surd | fmpq:
        """One by it; it is not 0, for that is rational."""
        common, inverse, _ = self.poly.xgcd(self._modulus)
        return _tidy(self.root, inverse / common[0])

    @property
    def sign(self) -> int:
        """-1 or 1: an irrational number is not 0."""
        width = fmpq(1, 1 << 16)
        while True:
            low, high = range_of(self.poly, *self.root.enclosure(width))
            if low > 0 or high < 0:
                return 1 if low > 0 else -1
            width *= width

    def enclosure(self, width: fmpq) -> list[fmpq]:
        """Rational ends around it, from an enclosure of the root of this width."""
        return list(range_of(self.poly, *self.root.enclosure(width)))

    def __str__(self) -> str:
        low, high = self.enclosure(fmpq(1, 10**20))
        near = (low + high) / 2
        return f"≈ {int(near.p) / int(near.q):.12g}"


def _tidy(root: Algebraic, poly: fmpq_poly) -> Surd | fmpq:
    """The number; a rational one where it is."""
    if poly.degree() > 0:
        return Surd(root, poly)
    return poly[0]
