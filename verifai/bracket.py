"""Results that are a bracket: exact ends, and the decimals that people read of them.

May import: kernel. Must not know: what is bracketed.
"""

from __future__ import annotations

import decimal
from typing import Any, NamedTuple

from flint import fmpq

from verifai.kernel.number import above, below

DIGITS = 6


class Decimals(NamedTuple):
    """The doubles next to both ends, rounded outwards; None where an end is not known."""

    lower: float | None
    upper: float | None


class ExactEnds(NamedTuple):
    """Both ends as they are; None where one is not known."""

    lower: fmpq | None
    upper: fmpq | None


class Bracketed:
    """What lies between two exact ends; it is short to print, in decimals rounded outwards."""

    __slots__ = ()

    @property
    def exact(self) -> ExactEnds:
        """Both ends, exactly."""
        each: Any = self
        return ExactEnds(each.lower, each.upper)

    @property
    def decimals(self) -> Decimals:
        """Both ends as doubles, between which it lies, too."""
        low, high = self.exact
        return Decimals(None if low is None else below(low), None if high is None else above(high))

    def __repr__(self) -> str:
        status = getattr(self, "status", "")
        return f"{type(self).__name__}({shown_ends(self.exact)}{status and f', {status}'})"


def shown_ends(ends: ExactEnds) -> str:
    """A bracket in a few digits, rounded outwards.

    >>> shown_ends(ExactEnds(fmpq(1, 3), fmpq(2, 3))), shown_ends(ExactEnds(None, fmpq(-1, 3)))
    ('[0.333333, 0.666667]', '(-∞, -0.333333]')
    """
    low = "(-∞" if ends.lower is None else f"[{_rounded(ends.lower, decimal.ROUND_FLOOR)}"
    high = "∞)" if ends.upper is None else f"{_rounded(ends.upper, decimal.ROUND_CEILING)}]"
    return f"{low}, {high}"


def _rounded(value: fmpq, how: str) -> str:
    """The decimal of DIGITS digits on one side of a number."""
    context = decimal.Context(prec=DIGITS, rounding=how, Emin=-999999, Emax=999999)
    found = context.divide(decimal.Decimal(int(value.p)), decimal.Decimal(int(value.q)))
    return f"{found.normalize(context):g}"
