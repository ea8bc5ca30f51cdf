"""Expressions as fractions of polynomials, exactly; what is no polynomial becomes a generator.

A generator stands for a root, an exponential, a logarithm, a sine, ... of a normal form, so that
equal arguments are one generator; what is known of it are rows. All of this holds wherever the
expressions have values.

May import: python-flint, term. Must not know: branches, statements.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flint import Ordering, fmpq, fmpq_mpoly, fmpq_mpoly_ctx, fmpz

from verifai.claim.term import Applied, Expression, Named, Rational, under

Poly = fmpq_mpoly
MOST_TERMS = 4000
MOST_DEGREE = 200
MOST_GENERATORS = 24  # beside the variables
MOST_ANGLES = 8


class TooLarge(Exception):
    """Polynomials that are not computed with."""


@dataclass(frozen=True, slots=True, eq=False)
class Fraction:
    """Numerator and denominator, without common factors."""

    over: Poly
    under: Poly


@dataclass(frozen=True, slots=True, eq=False)
class SignFact:
    """A polynomial that is > 0, ≥ 0, = 0 or ≠ 0."""

    relation: str
    poly: Poly


@dataclass(frozen=True, slots=True, eq=False)
class _Atom:
    """A generator: its function of a normal form."""

    function: str
    argument: Fraction
    value: Poly


@dataclass(slots=True, eq=False)
class Algebra:
    """The ring of the variables and generators of one branch.

    Attributes:
        rows: what is known of the generators.
        positive: whether a polynomial is known to be positive (or at least 0), to be set by the
            branch: roots and logarithms of products are split where it is.
    """

    variables: dict[Named, Poly]
    ring: Any
    spare: list[Poly]
    rows: list[SignFact] = field(default_factory=list)
    known: Callable[[Poly, bool], bool] = lambda poly, strict: False
    atoms: list[_Atom] = field(default_factory=list)
    done: dict[Expression, Fraction] = field(default_factory=dict)

    @staticmethod
    def over(variables: list[Named]) -> Algebra:
        """Generators made later are larger, so that remainders get rid of them first."""
        names = [f"g{i}" for i in range(MOST_GENERATORS)] + [f"v{i}" for i in range(len(variables))]
        ring = fmpq_mpoly_ctx.get(tuple(names), Ordering.lex)
        gens = ring.gens()
        own = dict(zip(variables, gens[MOST_GENERATORS:], strict=True))
        return Algebra(own, ring, list(gens[:MOST_GENERATORS]))

    def constant(self, value: fmpq | int) -> Poly:
        """A number as a polynomial."""
        found: Poly = self.ring.constant(fmpq(value))
        return found

    def fraction(self, part: Expression) -> Fraction:
        """The normal form of an expression.

        Raises:
            TooLarge: it is.
        """
        for each in under(part):
            if isinstance(each, Rational | Named | Applied) and each not in self.done:
                self.done[each] = self._fraction(each)
        return self.done[part]

    def _fraction(self, part: Expression) -> Fraction:
        one = self.constant(1)
        if isinstance(part, Rational):
            return Fraction(self.constant(part.value), one)
        if isinstance(part, Named):
            return Fraction(self.variables[part], one)
        parts = [self.done[each] for each in part.parts]
        first = parts[0]
        if part.function == "neg":
            return Fraction(-first.over, first.under)
        if part.function == "+":
            return self.plus(first, parts[1])
        if part.function == "*":
            return self.times(first, parts[1])
        if part.function == "/":
            return self.times(first, self.inverse(parts[1]))
        if part.function == "^":
            exponent = int(_number(part.parts[1]).p)
            return Fraction(self.power(first.over, exponent), self.power(first.under, exponent))
        return self._function(part, parts)

    def plus(self, a: Fraction, b: Fraction) -> Fraction:
        """The sum."""
        if a.under == b.under:
            return self.reduced(a.over + b.over, a.under)
        over = self.product(a.over, b.under) + self.product(b.over, a.under)
        return self.reduced(over, self.product(a.under, b.under))

    def times(self, a: Fraction, b: Fraction) -> Fraction:
        """The product."""
        return self.reduced(self.product(a.over, b.over), self.product(a.under, b.under))

    def inverse(self, a: Fraction) -> Fraction:
        """One by it; where it is 0 for all values, no branch with it holds.

        Raises:
            TooLarge: it is 0.
        """
        if a.over.is_zero():
            raise TooLarge
        return self.reduced(a.under, a.over)

    def reduced(self, over: Poly, under: Poly) -> Fraction:
        """In lowest terms, the denominator's leading coefficient 1."""
        if not under.is_constant():
            common = over.gcd(under)
            over, under = over / common, under / common
        lead = under.leading_coefficient()
        return Fraction(over / lead, under / lead)

    def product(self, a: Poly, b: Poly) -> Poly:
        """The product of polynomials.

        Raises:
            TooLarge: it would be.
        """
        if len(a) * len(b) > MOST_TERMS**2 // 100 or _degree(a) + _degree(b) > MOST_DEGREE:
            raise TooLarge
        found = a * b
        if len(found) > MOST_TERMS:
            raise TooLarge
        return found

    def power(self, base: Poly, exponent: int) -> Poly:
        """The power."""
        found = self.constant(1)
        for _ in range(exponent):
            found = self.product(found, base)
        return found

    def _function(self, part: Applied, parts: list[Fraction]) -> Fraction:
        if part.function == "exp":
            return self._exp(parts[0])
        if part.function == "log":
            return self._log(parts[0])
        if part.function in ("sin", "cos"):
            return self._angle(part.function, parts[0])
        if part.function == "sqrt":
            return self._sqrt(parts[0])
        if part.function == "mod":
            most = _number(part.parts[1])
            name = f"mod {most}"
            found, is_new = self._atom(name, parts[0])
            if is_new:
                self.rows += [
                    SignFact(">=", found),
                    SignFact(">=", self.constant(most - 1) - found),
                ]
            return self._plain(found)
        found, is_new = self._atom(part.function, parts[0])
        if part.function == "floor" and is_new:
            gap = self.plus(parts[0], self._plain(-found))
            self.rows.append(SignFact(">=", self.product(gap.over, gap.under)))
            more = self.plus(self._plain(self.constant(1)), Fraction(-gap.over, gap.under))
            self.rows.append(SignFact(">", self.product(more.over, more.under)))
        return self._plain(found)

    def _plain(self, poly: Poly) -> Fraction:
        return Fraction(poly, self.constant(1))

    def _atom(self, function: str, argument: Fraction) -> tuple[Poly, bool]:
        """The generator of a function of a normal form, and whether it is new."""
        for atom in self.atoms:
            same = atom.argument.over == argument.over and atom.argument.under == argument.under
            if atom.function == function and same:
                return atom.value, False
        if not self.spare:
            raise TooLarge
        made = self.spare.pop()
        self.atoms.append(_Atom(function, argument, made))
        return made, True

    def _terms(self, argument: Fraction) -> list[tuple[fmpq, Fraction]] | None:
        """A polynomial argument as multiples of monomials; None if it is none."""
        if not argument.under.is_constant():
            return None
        pairs = argument.over.terms()
        return [(c, self._plain(self.ring.from_dict({m: 1}))) for m, c in pairs]

    def _exp(self, argument: Fraction) -> Fraction:
        """The product of powers of exponentials of monomials."""
        terms = self._terms(argument)
        if terms is None or any(abs(c.p) > MOST_ANGLES for c, _ in terms):
            terms = [(fmpq(1), argument)]
        found = self._plain(self.constant(1))
        for factor, monomial in terms:
            power, base = abs(int(factor.p)), self._exponential(monomial, int(factor.q))
            raised = Fraction(self.power(base.over, power), self.power(base.under, power))
            found = self.times(found, raised if factor > 0 else self.inverse(raised))
        return found

    def _exponential(self, monomial: Fraction, divisor: int) -> Fraction:
        """exp(monomial/divisor), which is x where the monomial is log x."""
        for atom in self.atoms:
            if atom.function == "log" and atom.value == monomial.over and divisor == 1:
                return atom.argument
        shared = self.times(monomial, self._plain(self.constant(fmpq(1, divisor))))
        value, is_new = self._atom("exp", shared)
        if is_new:
            self.rows.append(SignFact(">", value))
        return self._plain(value)

    def _log(self, argument: Fraction) -> Fraction:
        """The sum of logarithms of factors, where all of them are known to be positive."""
        parts = [(argument.over, 1), (argument.under, -1)]
        factors: list[tuple[Poly, int]] = []
        constant = fmpq(1)
        for poly, sign in parts:
            lead, found = poly.factor()
            constant *= lead if sign > 0 else 1 / lead
            for factor, power in found:
                factors.append((factor, sign * int(power)))
        total = self._plain(self.constant(0))
        flipped = [f if self.known(f, True) else -f for f, _ in factors]
        if not all(self.known(f, True) for f in flipped):
            value, _ = self._atom("log", argument)
            return self._plain(value)
        for kept, (factor, power) in zip(flipped, factors, strict=True):
            if kept != factor and power % 2:
                constant = -constant
            total = self.plus(total, self._scaled(self._log_of(kept), fmpq(power)))
        if constant <= 0:
            value, _ = self._atom("log", argument)
            return self._plain(value)
        for side, sign in ((constant.p, 1), (constant.q, -1)):
            for prime, power in fmpz(side).factor():
                logarithm = self._log_of(self.constant(int(prime)))
                total = self.plus(total, self._scaled(logarithm, fmpq(sign * int(power))))
        return total

    def _log_of(self, poly: Poly) -> Fraction:
        for atom in self.atoms:
            if atom.function == "exp" and atom.value == poly:
                return atom.argument
        return self._plain(self._atom("log", self._plain(poly))[0])

    def _scaled(self, a: Fraction, factor: fmpq) -> Fraction:
        return Fraction(a.over * factor, a.under)

    def _sqrt(self, argument: Fraction) -> Fraction:
        """The product of the roots of the factors, where all are known to be at least 0."""
        over = self.product(argument.over, argument.under)  # sqrt(a/b) = sqrt(a b)/|b|
        lead, factors = over.factor()
        known = [f if self.known(f, False) else -f for f, _ in factors]
        sign = 1
        for kept, (factor, power) in zip(known, factors, strict=True):
            sign *= -1 if kept != factor and int(power) % 2 else 1
        is_split = all(self.known(f, False) for f in known) and argument.under.is_constant()
        if not (is_split and sign * lead >= 0 and factors):
            return self._plain(self._root(argument))
        found = self._plain(self._root(self._plain(self.constant(sign * lead))))
        for kept, (_, power) in zip(known, factors, strict=True):
            half, rest = divmod(int(power), 2)
            found = self.times(found, self._plain(self.power(kept, half)))
            if rest:
                found = self.times(found, self._plain(self._root(self._plain(kept))))
        return found

    def _root(self, argument: Fraction) -> Poly:
        """A generator s ≥ 0 with s²·under = over; a number where the root is rational."""
        if argument.over.is_constant() and argument.under.is_constant():
            value = fmpq(argument.over.leading_coefficient() if not argument.over.is_zero() else 0)
            root = fmpq(value.p.isqrt(), value.q.isqrt()) if value >= 0 else fmpq(0)
            if root * root == value:
                return self.constant(root)
        found, is_new = self._atom("sqrt", argument)
        if is_new:
            square = self.product(found * found, argument.under) - argument.over
            self.rows += [SignFact(">=", found), SignFact("=", square)]
        return found

    def _angle(self, function: str, argument: Fraction) -> Fraction:
        """By the rules for sums, down to sine and cosine of single monomials."""
        terms = self._terms(argument)
        if terms is None or sum(abs(c.p) for c, _ in terms) > MOST_ANGLES:
            terms = [(fmpq(1), argument)]
        sine, cosine = self._plain(self.constant(0)), self._plain(self.constant(1))
        for factor, monomial in terms:
            unit = self.times(monomial, self._plain(self.constant(fmpq(1, factor.q))))
            s, is_new = self._atom("sin", unit)
            c, _ = self._atom("cos", unit)
            if is_new:
                self.rows.append(SignFact("=", c * c + s * s - 1))
            sign = 1 if factor > 0 else -1
            one, other = self._plain(s * sign), self._plain(c)
            for _ in range(abs(int(factor.p))):
                sine, cosine = (
                    self.plus(self.times(sine, other), self.times(cosine, one)),
                    self.plus(self.times(cosine, other), self._scaled(self.times(sine, one), -ONE)),
                )
        return sine if function == "sin" else cosine


ONE = fmpq(1)


def _number(part: Expression) -> fmpq:
    if not isinstance(part, Rational):
        raise TypeError("not a number")
    return part.value


def _degree(poly: Poly) -> int:
    return 0 if poly.is_zero() else int(poly.total_degree())
