"""What a formula is at exact values of its variables: true, false or without a value, for certain.

Rational numbers, and polynomials in one algebraic number, are computed with exactly; where roots,
exponentials and the like make others, balls enclose them, and what these leave open stays open.

May import: python-flint, term, surd. Must not know: how the values were found.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from flint import arb, ctx, fmpq

from verifai.claim.numbers import Number, Undefined, Unsure, apply, sign_of, subtracted
from verifai.claim.surd import Surd
from verifai.claim.term import (
    Applied,
    ClaimStatement,
    Compared,
    Expression,
    Formula,
    Joined,
    Named,
    Rational,
    Truth,
    conditions,
    every,
)

PRECISIONS = (64, 256, 1024)
Point = Mapping[Named, fmpq | Surd | bool]


class Mark(Enum):
    """What a formula may be at a point."""

    TRUE = "true"
    FALSE = "false"
    UNDEFINED = "undefined"


Marks = frozenset[Mark]
ONLY = {mark: frozenset({mark}) for mark in Mark}
ANY: Marks = frozenset(Mark)


def marks(formula: Formula, point: Point) -> Marks:
    """What the formula may be at the point; one mark if balls leave nothing open."""
    found: Marks = ANY
    for precision in PRECISIONS:
        with ctx.workprec(precision):
            evaluator = PointValues(point)
            found = evaluator.marks(formula)
        if len(found) == 1 or evaluator.is_exact:
            break
    return found


def is_true(statement: ClaimStatement, point: Point) -> bool | None:
    """Whether the statement holds at a point; None if that is left open."""
    found = verdict_marks(statement, point)
    if Mark.TRUE not in found:
        return False
    return True if len(found) == 1 else None


def verdict_marks(statement: ClaimStatement, point: Point) -> Marks:
    """What it may be: a premise that does not hold, or has no value, makes it true."""
    premise = marks(statement.premise, point)
    if Mark.TRUE not in premise:
        return ONLY[Mark.TRUE]
    if statement.where_defined:
        premise = marks(every([statement.premise, *_all_defined(statement)]), point)
        if Mark.TRUE not in premise:
            return ONLY[Mark.TRUE]
    found = marks(statement.conclusion, point)
    return found if len(premise) == 1 else found | ONLY[Mark.TRUE]


def _all_defined(statement: ClaimStatement) -> list[Formula]:
    return conditions(statement.conclusion)


class PointValues:
    """Values at one point, each part computed once.

    Attributes:
        is_exact: whether no ball was needed so far.
    """

    def __init__(self, point: Point) -> None:
        self.point, self.is_exact = point, True
        self.values: dict[Expression, Number | Undefined | Unsure] = {}
        self.said: dict[Formula, Marks] = {}

    def marks(self, formula: Formula) -> Marks:
        """What the formula may be."""
        if formula not in self.said:
            self.said[formula] = self._marks(formula)
        return self.said[formula]

    def _marks(self, formula: Formula) -> Marks:
        if isinstance(formula, Truth):
            return ONLY[Mark.TRUE if formula.value else Mark.FALSE]
        if isinstance(formula, Named):
            return ONLY[Mark.TRUE if self.point[formula] is True else Mark.FALSE]
        if isinstance(formula, Joined):
            return _joined(formula.word, [self.marks(part) for part in formula.parts])
        return self._compared(formula)

    def _compared(self, formula: Compared) -> Marks:
        try:
            sign = sign_of(subtracted(self.value(formula.left), self.value(formula.right)))
        except Undefined:
            return ONLY[Mark.UNDEFINED]
        except Unsure:
            return self._unsure(formula)
        holds = {"<": sign < 0, "<=": sign <= 0, "=": sign == 0}[formula.relation]
        return ONLY[Mark.TRUE if holds else Mark.FALSE]

    def _unsure(self, formula: Compared) -> Marks:
        """Both have values, but their order is open; or whether they have is open."""
        try:
            self.value(formula.left), self.value(formula.right)
        except Undefined:
            return ONLY[Mark.UNDEFINED]
        except Unsure:
            return ANY
        return ANY - ONLY[Mark.UNDEFINED]

    def value(self, part: Expression) -> Number:
        """The value of an expression.

        Raises:
            Undefined: it has none here.
            Unsure: whether it has one is open.
        """
        if part not in self.values:
            try:
                self.values[part] = self._value(part)
            except (Undefined, Unsure) as reason:
                self.values[part] = reason
        found = self.values[part]
        if isinstance(found, Undefined | Unsure):
            raise found
        if isinstance(found, arb):
            self.is_exact = False
        return found

    def _value(self, part: Expression) -> Number:
        if isinstance(part, Rational):
            return part.value
        if isinstance(part, Named):
            found = self.point[part]
            if isinstance(found, bool):
                raise TypeError(f"{part.name} is a truth value")
            return found
        arguments = self._arguments(part)
        return apply(part.function, arguments)

    def _arguments(self, part: Applied) -> list[Number]:
        """All arguments; undefined beats open."""
        found, unsure = [], None
        for each in part.parts:
            try:
                found.append(self.value(each))
            except Unsure as reason:
                unsure = reason
        if unsure is not None:
            raise unsure
        return found


def _joined(word: str, parts: list[Marks]) -> Marks:
    """Kleene's tables, for all that the parts may be."""
    if word == "not":
        return frozenset(_NOT[mark] for mark in parts[0])
    if word in ("implies", "iff"):
        denied = frozenset(_NOT[mark] for mark in parts[0])
        forward = _joined("or", [denied, parts[1]])
        if word == "implies":
            return forward
        pairs = {(a, b) for a in parts[0] for b in parts[1]}
        return frozenset(_same(a, b) for a, b in pairs)
    strong = Mark.FALSE if word == "and" else Mark.TRUE
    weak = _NOT[strong]
    found: Marks = ONLY[weak]
    for part in parts:
        found = frozenset(_stronger(a, b, strong) for a in found for b in part)
    return found


_NOT = {
    Mark.TRUE: Mark.FALSE,
    Mark.FALSE: Mark.TRUE,
    Mark.UNDEFINED: Mark.UNDEFINED,
}


def _same(a: Mark, b: Mark) -> Mark:
    if Mark.UNDEFINED in (a, b):
        return Mark.UNDEFINED
    return Mark.TRUE if a is b else Mark.FALSE


def _stronger(a: Mark, b: Mark, strong: Mark) -> Mark:
    if strong in (a, b):
        return strong
    return Mark.UNDEFINED if Mark.UNDEFINED in (a, b) else a
