"""How the operators of a float32 program round: what a row of a table of operators says of it.

A rounding is a claim about every program that runs a file, and that claim is what
`Float32Network.assumptions` tells the reader.

May import: nothing. Must not know: how operators are lowered.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Accuracy(Enum):
    """What is known of an operator's results in a float32 program."""

    EXACT = "exact"  # the float32 number that is its value over the reals
    SUM = "sum"  # sums of products in any order
    CORRECT = "correct"  # the exact value, rounded so many times
    SMOOTH = "smooth"  # off by a declared number of units in the last place
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Rounding:
    """How an operator rounds.

    Attributes:
        kind: what is known.
        steps: roundings of the exact value, or how often a product rounds more than its sum needs.
        of_integers: whether that is known for constant integers only.
        of_moments: whether it divides by a variance, which may come from cancelling moments.
        folds: whether two constants give the nearest float32, as IEEE arithmetic does.
    """

    kind: Accuracy
    steps: int = 0
    of_integers: bool = False
    of_moments: bool = False
    folds: bool = False

    @property
    def meaning(self) -> str:
        """In a few words, for the table of operators."""
        if self.kind is Accuracy.EXACT:
            return "exact for constant integers" if self.of_integers else "exact"
        if self.kind is Accuracy.CORRECT:
            return "rounded once" if self.steps == 1 else f"rounded {self.steps} times"
        words = {
            Accuracy.SUM: "sum",
            Accuracy.SMOOTH: "`--assume-ulp`",
            Accuracy.UNKNOWN: "refused",
        }
        return words[self.kind]


EXACT = Rounding(Accuracy.EXACT)
EXACT_INTEGERS = Rounding(Accuracy.EXACT, of_integers=True)
SMOOTH = Rounding(Accuracy.SMOOTH)
UNKNOWN = Rounding(Accuracy.UNKNOWN)
MOMENTS = Rounding(Accuracy.UNKNOWN, of_moments=True)


def sums(steps: int, *, folds: bool = False) -> Rounding:
    """Sums of products in any order, where a product rounds `steps` times more than that needs."""
    return Rounding(Accuracy.SUM, steps, folds=folds)


def correct(steps: int, *, folds: bool = False) -> Rounding:
    """The exact value, rounded so many times."""
    return Rounding(Accuracy.CORRECT, steps, folds=folds)
