"""Counterexamples in words: exact values, and what the sides of the claim are there.

May import: python-flint, term, evaluate. Must not know: how they were found.
"""

from __future__ import annotations

from collections.abc import Iterator

from flint import arb, fmpq

from verifai.claim.evaluate import Mark, Point, PointValues, marks
from verifai.claim.numbers import Number, Undefined, Unsure
from verifai.claim.surd import Surd
from verifai.claim.term import ClaimStatement, Compared, Formula, Joined, Rational, words

MOST = 60  # characters of a number


def values_of(statement: ClaimStatement, point: Point) -> dict[str, str]:
    """The variables' exact values."""
    return {each.name: _entry(point[each]) for each in statement.variables}


def _entry(value: fmpq | Surd | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Surd):
        return f"{value.root}"
    return str(value)


def explained(statement: ClaimStatement, point: Point) -> str:
    """The first comparison of the conclusion that goes wrong, with both sides."""
    for part in _failing(statement.conclusion, point, Mark.TRUE):
        return _sides(part, point)
    return f"{words(statement.conclusion)} does not hold there"


def _failing(formula: Formula, point: Point, wanted: Mark) -> Iterator[Compared]:
    """Comparisons for which a formula is not what it should be."""
    found = marks(formula, point)
    if wanted in found:
        return
    if isinstance(formula, Compared):
        yield formula
    elif isinstance(formula, Joined) and formula.word in ("and", "or"):
        for part in formula.parts:
            yield from _failing(part, point, wanted)
    elif isinstance(formula, Joined) and formula.word == "implies":
        yield from _failing(formula.parts[1], point, wanted)
    elif isinstance(formula, Joined) and formula.word == "not" and wanted is Mark.TRUE:
        part = formula.parts[0]
        if isinstance(part, Compared):
            yield part


def _sides(part: Compared, point: Point) -> str:
    evaluator = PointValues(point)
    sides: list[str] = []
    for side in (part.left, part.right):
        try:
            if not isinstance(side, Rational) or not sides:
                sides.append(f"{words(side)} {_number(evaluator.value(side))}")
        except Undefined as reason:
            sides.append(f"{words(side)} has no value: {reason}")
        except Unsure:
            sides.append(f"{words(side)} is not known exactly")
    return ", ".join(dict.fromkeys(sides))


def _number(value: Number) -> str:
    if isinstance(value, arb):
        return f"≈ {value.str(12, radius=False)}"
    if isinstance(value, Surd):
        return str(value)
    text = str(value)
    return f"= {text}" if len(text) <= MOST else f"= {text[:MOST]}…"
