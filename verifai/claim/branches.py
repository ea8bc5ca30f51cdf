"""What a statement's negation comes down to: lists of literals, one of which must hold somewhere.

Later alternatives assume that earlier ones fail, so that a comparison comes behind the conditions
under which its sides have values. |u|, max, min and sign are replaced by their cases.

May import: term. Must not know: how a branch is closed.
"""

from __future__ import annotations

from dataclasses import dataclass

from flint import fmpq

from verifai.claim.grid import minus
from verifai.claim.term import (
    ONE,
    ZERO,
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
    holds,
    negation,
    under,
)

MOST = 600  # branches
PIECEWISE = ("abs", "max", "min", "sign")


class TooMany(Exception):
    """More branches than are looked at."""


@dataclass(frozen=True, slots=True, eq=False)
class Literal:
    """A comparison or a truth value, that holds or does not."""

    part: Compared | Named
    holds: bool


Branch = list[Literal]


def denied(statement: ClaimStatement) -> Formula:
    """That some values of the variables go against the statement; every part has a value."""
    conclusion = holds(statement.conclusion)
    defined = conditions(statement.conclusion) if statement.where_defined else []
    assumed = [holds(statement.premise), *map(holds, defined)]
    return every([*assumed, negation(conclusion)])


def branches(formula: Formula) -> list[Branch]:
    """Lists of literals: the formula holds where all those of one list do.

    Raises:
        TooMany: of them.
    """
    return [part for whole in _split(formula, True) for part in _cases(whole)]


def _split(formula: Formula, wanted: bool) -> list[Branch]:
    if isinstance(formula, Truth):
        return [[]] if formula.value == wanted else []
    if isinstance(formula, Compared | Named):
        return [[Literal(formula, wanted)]]
    if formula.word == "not":
        return _split(formula.parts[0], not wanted)
    if formula.word in ("implies", "iff"):
        return _split(_spelt(formula), wanted)
    if (formula.word == "and") == wanted:
        found: list[Branch] = [[]]
        for part in formula.parts:
            found = _products(found, _split(part, wanted))
        return found
    found, before = [], list[Branch]([[]])
    for part in formula.parts:
        found += _products(before, _split(part, wanted))
        if len(found) > MOST:
            raise TooMany
        before = _products(before, _split(part, not wanted))
    return found


def _spelt(formula: Joined) -> Formula:
    """With and, or, not alone."""
    a, b = formula.parts
    forward = Joined("or", (negation(a), b))
    if formula.word == "implies":
        return forward
    return Joined("and", (forward, Joined("or", (negation(b), a))))


def _products(left: list[Branch], right: list[Branch]) -> list[Branch]:
    if len(left) * len(right) > MOST:
        raise TooMany
    return [[*a, *b] for a in left for b in right]


def _cases(branch: Branch) -> list[Branch]:
    """The branch without piecewise functions."""
    done, todo = list[Branch](), [branch]
    while todo:
        here = todo.pop()
        place, found = _first(here)
        if found is None:
            done.append(here)
        else:
            for extra, value in _pieces(found):
                changed = [_replaced(each, found, value) for each in here]
                todo.append([*changed[:place], *extra, *changed[place:]])
        if len(done) + len(todo) > MOST:
            raise TooMany
    return done


def _first(branch: Branch) -> tuple[int, Applied | None]:
    """The first literal with a piecewise function, and an innermost one of its."""
    for place, literal in enumerate(branch):
        if isinstance(literal.part, Compared):
            for each in under(literal.part):
                if isinstance(each, Applied) and (each.function in PIECEWISE or _is_square(each)):
                    return place, each
    return 0, None


def _is_square(part: Applied) -> bool:
    """Whether it is the root of a square, that is |u|."""
    return part.function == "sqrt" and _base(part.parts[0]) is not part.parts[0]


def _base(part: Expression) -> Expression:
    """u of u² and u·u; the part itself if it is neither."""
    if isinstance(part, Applied) and part.function in ("^", "*"):
        base, other = part.parts
        is_two = isinstance(other, Rational) and other.value == 2
        if (part.function == "^" and is_two) or (part.function == "*" and base is other):
            return base
    return part


def _pieces(part: Applied) -> list[tuple[Branch, Expression]]:
    """The cases of a piecewise function: literals, and its value."""
    a = part.parts[0]
    if part.function == "sign":
        below, above = Compared("<", a, ZERO), Compared("<", ZERO, a)
        return [
            ([Literal(below, True)], Rational(fmpq(-1))),
            ([Literal(above, True)], ONE),
            ([Literal(Compared("=", a, ZERO), True)], ZERO),
        ]
    if part.function == "sqrt":
        a = _base(a)
    if part.function in ("abs", "sqrt"):
        test, first, second = Compared("<=", ZERO, a), a, minus(a)
    else:
        b = part.parts[1]
        test = Compared("<=", a, b)
        first, second = (b, a) if part.function == "max" else (a, b)
    return [([Literal(test, True)], first), ([Literal(test, False)], second)]


def _replaced(literal: Literal, old: Expression, new: Expression) -> Literal:
    if not isinstance(literal.part, Compared):
        return literal
    made: dict[Expression | Formula, Expression] = {}
    for each in under(literal.part):
        if each is old:
            made[each] = new
        elif isinstance(each, Applied):
            parts = tuple(made[part] for part in each.parts)
            is_same = all(a is b for a, b in zip(parts, each.parts, strict=True))
            made[each] = each if is_same else Applied(each.function, parts)
        elif isinstance(each, Rational | Named):
            made[each] = each
    left, right = made[literal.part.left], made[literal.part.right]
    return Literal(Compared(literal.part.relation, left, right), literal.holds)
