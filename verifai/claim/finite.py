"""Claims that finitely many values decide: truth values, bounded integers, residues.

May import: python-flint, term, evaluate. Must not know: how other claims are proved.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import lcm

from flint import fmpq

from verifai.claim.evaluate import Point, is_true
from verifai.claim.term import (
    Applied,
    ClaimStatement,
    Compared,
    Expression,
    Formula,
    Joined,
    Named,
    Rational,
    Sort,
    under,
)

MOST = 70_000  # values


@dataclass(frozen=True, slots=True)
class Trial:
    """All values that decide a claim, and why they do.

    Attributes:
        ranges: for every variable.
        reason: in words.
    """

    ranges: list[list[fmpq | bool]]
    reason: str

    def points(self, variables: Sequence[Named]) -> Iterator[Point]:
        """Every choice."""
        for values in product(*self.ranges):
            yield dict(zip(variables, values, strict=True))


def trial(statement: ClaimStatement) -> Trial | None:
    """What to try, where finitely many values decide."""
    if not statement.variables:
        return Trial([], "a claim without variables, evaluated exactly")
    bounded = [_range(each, statement) for each in statement.variables]
    found = [each for each in bounded if each is not None]
    if len(found) == len(bounded) and _size(found) <= MOST:
        return Trial(found, f"all {_size(found)} values tried")
    modulus = _modulus(statement)
    if modulus is None:
        return None
    whole: list[fmpq | bool] = [fmpq(k) for k in range(modulus)]
    residues: list[list[fmpq | bool]] = [
        [False, True] if each.sort is Sort.BOOLEAN else whole for each in statement.variables
    ]
    if _size(residues) > MOST:
        return None
    return Trial(residues, f"all {_size(residues)} residues modulo {modulus} tried")


def _size(ranges: Sequence[Sequence[object]]) -> int:
    total = 1
    for each in ranges:
        total *= len(each)
    return total


def tried(statement: ClaimStatement, found: Trial) -> Point | bool | None:
    """A counterexample, True if there is none, None if evaluation leaves something open."""
    is_open = False
    for point in found.points(statement.variables):
        answer = is_true(statement, point)
        if answer is False:
            return point
        is_open = is_open or answer is None
    return None if is_open else True


def _range(variable: Named, statement: ClaimStatement) -> list[fmpq | bool] | None:
    """All values that the premise allows, where these are few."""
    if variable.sort is Sort.BOOLEAN:
        return [False, True]
    if variable.sort is Sort.REAL:
        return None
    low, high = bounds(variable, statement.premise)
    if low is None or high is None or high - low > MOST:
        return None
    return [fmpq(k) for k in range(int(low.ceil()), int(high.floor()) + 1)] or [fmpq(low.ceil())]


def bounds(variable: Named, premise: Formula) -> tuple[fmpq | None, fmpq | None]:
    """Ends that comparisons with constants in the premise give (closed; None: none)."""
    low: fmpq | None = None
    high: fmpq | None = None
    for part in _conjuncts(premise):
        if not isinstance(part, Compared):
            continue
        for side, other, is_lower in (
            (part.left, part.right, False),
            (part.right, part.left, True),
        ):
            value = _constant(other)
            if side is not variable or value is None:
                continue
            if is_lower or part.relation == "=":
                low = value if low is None else max(low, value)
            if not is_lower or part.relation == "=":
                high = value if high is None else min(high, value)
    return low, high


def _constant(part: Expression) -> fmpq | None:
    return part.value if isinstance(part, Rational) else None


def _conjuncts(formula: Formula) -> Iterator[Formula]:
    if isinstance(formula, Joined) and formula.word == "and":
        for part in formula.parts:
            yield from _conjuncts(part)
    else:
        yield formula


def _modulus(statement: ClaimStatement) -> int | None:
    """A number on whose residues alone the claim's truth depends, where that shows in its form.

    Every comparison equates remainders of polynomials with integer coefficients, and constants.
    """
    if any(each.sort is Sort.REAL for each in statement.variables):
        return None
    found = 1
    for formula in (statement.premise, statement.conclusion):
        for part in under(formula):
            if isinstance(part, Compared) and not (_periodic(part.left) and _periodic(part.right)):
                return None
            if isinstance(part, Applied) and part.function == "mod":
                divisor = part.parts[1]
                if not isinstance(divisor, Rational):
                    return None
                found = lcm(found, int(divisor.value.p))
    return found if found > 1 else None


def _periodic(part: Expression) -> bool:
    """Whether its value depends on residues: built from remainders of whole polynomials."""
    if isinstance(part, Rational):
        return True
    if isinstance(part, Named):
        return False
    if part.function == "mod":
        return _is_polynomial(part.parts[0])
    return all(_periodic(each) for each in part.parts)


def _is_polynomial(part: Expression) -> bool:
    """Whether it is a polynomial with integer coefficients, remainders of such included."""
    if isinstance(part, Rational):
        return int(part.value.q) == 1
    if isinstance(part, Named):
        return True
    if part.function == "mod":
        return _is_polynomial(part.parts[0])
    return part.function in ("+", "*", "neg", "^") and all(map(_is_polynomial, part.parts))
