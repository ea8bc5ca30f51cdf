"""What a claim is made of: expressions and formulas over named values, matrices written out.

Equality is identity, so that shared parts stay shared and tables may be kept by part.

May import: python-flint. Must not know: text, how a claim is decided.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from flint import fmpq


class Sort(Enum):
    """What a name stands for."""

    REAL = "real"
    INTEGER = "integer"
    BOOLEAN = "boolean"


@dataclass(frozen=True, slots=True, eq=False)
class Rational:
    """An exact number."""

    value: fmpq


@dataclass(frozen=True, slots=True, eq=False)
class Named:
    """A variable; an entry of a matrix is one, called S[1,2]."""

    name: str
    sort: Sort


@dataclass(frozen=True, slots=True, eq=False)
class Applied:
    """A function of expressions.

    Attributes:
        function: + * / ^ neg abs min max sign floor sqrt exp log sin cos mod.
        parts: its arguments; the second of ^ and of mod is a whole Rational.
    """

    function: str
    parts: tuple[Expression, ...]


Expression = Rational | Named | Applied


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """Always, or never."""

    value: bool


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """left < right, left ≤ right or left = right."""

    relation: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True, eq=False)
class Joined:
    """Formulas joined: not (one), and, or, implies (two), iff (two)."""

    word: str
    parts: tuple[Formula, ...]


Formula = Truth | Named | Compared | Joined
ZERO, ONE = Rational(fmpq(0)), Rational(fmpq(1))


@dataclass(frozen=True, slots=True, eq=False)
class ClaimStatement:
    """For all values of the variables at which the premise holds, the conclusion.

    Attributes:
        variables: in order; entries of matrices one by one.
        reading: the whole, as it was understood.
        premise: what is assumed.
        conclusion: what is claimed.
        where_defined: whether values at which an expression is undefined do not count; otherwise
            the conclusion does not hold there.
    """

    variables: tuple[Named, ...]
    reading: str
    premise: Formula
    conclusion: Formula
    where_defined: bool


def negation(part: Formula) -> Formula:
    """Not so."""
    if isinstance(part, Truth):
        return Truth(not part.value)
    if isinstance(part, Joined) and part.word == "not":
        return part.parts[0]
    return Joined("not", (part,))


def every(parts: Iterable[Formula]) -> Formula:
    """All of them."""
    found = [p for p in parts if not (isinstance(p, Truth) and p.value)]
    if any(isinstance(p, Truth) for p in found):
        return Truth(False)
    return found[0] if len(found) == 1 else Joined("and", tuple(found)) if found else Truth(True)


def some(parts: Iterable[Formula]) -> Formula:
    """At least one of them."""
    found = [p for p in parts if not (isinstance(p, Truth) and not p.value)]
    if any(isinstance(p, Truth) for p in found):
        return Truth(True)
    return found[0] if len(found) == 1 else Joined("or", tuple(found)) if found else Truth(False)


def under(part: Formula | Expression) -> Iterator[Formula | Expression]:
    """The part and all that it is made of, each once, arguments first."""
    seen: set[Formula | Expression] = set()
    todo: list[Formula | Expression] = [part]
    while todo:
        here = todo[-1]
        left = [each for each in inside(here) if each not in seen]
        if left:
            todo += left
            continue
        todo.pop()
        if here not in seen:
            seen.add(here)
            yield here


def inside(part: Formula | Expression) -> tuple[Formula | Expression, ...]:
    """What a part is directly made of."""
    if isinstance(part, Applied | Joined):
        return part.parts
    return (part.left, part.right) if isinstance(part, Compared) else ()


def condition(part: Expression) -> Formula | None:
    """When the outermost function has a value, if its arguments do; None: always."""
    if not isinstance(part, Applied):
        return None
    if part.function == "log":
        return Compared("<", ZERO, part.parts[0])
    if part.function == "sqrt":
        return Compared("<=", ZERO, part.parts[0])
    if part.function == "/":
        return negation(Compared("=", part.parts[1], ZERO))
    return None


def conditions(part: Formula | Expression) -> list[Formula]:
    """When everything in it has a value: each has one if all before it hold."""
    parts = (each for each in under(part) if isinstance(each, Applied))
    return [found for found in map(condition, parts) if found is not None]


def holds(formula: Formula, *, as_true: bool = True) -> Formula:
    """That a formula is true (or false) for certain: a formula without undefined values.

    A comparison is so only where both sides have values; "or" is true if one part is, "and" false
    if one is, whatever the others are (Kleene).
    """
    if isinstance(formula, Truth):
        return formula if as_true else negation(formula)
    if isinstance(formula, Joined):
        if formula.word == "not":
            return holds(formula.parts[0], as_true=not as_true)
        if formula.word == "implies":
            a, b = formula.parts
            sides = (holds(a, as_true=not as_true), holds(b, as_true=as_true))
            return some(sides) if as_true else every(sides)
        if formula.word == "iff":
            a, b = formula.parts
            first = every((holds(a), holds(b, as_true=as_true)))
            return some((first, every((holds(a, as_true=False), holds(b, as_true=not as_true)))))
        parts = [holds(part, as_true=as_true) for part in formula.parts]
        return every(parts) if (formula.word == "and") == as_true else some(parts)
    said = formula if as_true else negation(formula)
    return every([*conditions(formula), said])


def words(part: Formula | Expression) -> str:
    """As text that reads back as the same.

    >>> words(Compared("<", ZERO, Applied("^", (Named("x", Sort.REAL), Rational(fmpq(2))))))
    '0 < x^2'
    """
    return _words(part, 0)


_BINARY = {"+": 6, "*": 7, "/": 7, "^": 9}
_SPELT = {"<=": "≤"}
_LEVEL = {"iff": 1, "implies": 2, "or": 3, "and": 4}


def _words(part: Formula | Expression, level: int) -> str:
    if isinstance(part, Named):
        return part.name
    if isinstance(part, Truth):
        return "true" if part.value else "false"
    if isinstance(part, Rational):
        text, own = str(part.value), 9
        own = 7 if "/" in text else 8 if text.startswith("-") else 10
    elif isinstance(part, Compared):
        relation = _SPELT.get(part.relation, part.relation)
        text, own = f"{_words(part.left, 6)} {relation} {_words(part.right, 6)}", 5
    elif isinstance(part, Joined):
        only = part.parts[0]
        if part.word == "not" and isinstance(only, Compared) and only.relation == "=":
            text, own = f"{_words(only.left, 6)} ≠ {_words(only.right, 6)}", 5
        elif part.word == "not":
            text, own = f"not {_words(part.parts[0], 10)}", 4
        else:
            own = _LEVEL[part.word]
            text = f" {part.word} ".join(_words(each, own + 1) for each in part.parts)
    else:
        text, own = _applied(part)
    return f"({text})" if own < level else text


def _applied(part: Applied) -> tuple[str, int]:
    name, parts = part.function, part.parts
    if name == "neg":
        return f"-{_words(parts[0], 8)}", 6
    if name == "mod":
        return f"{_words(parts[0], 8)} mod {_words(parts[1], 8)}", 7
    if name not in _BINARY:
        return f"{name}({', '.join(words(each) for each in parts)})", 10
    level, (left, right) = _BINARY[name], parts
    if name == "+" and isinstance(right, Applied) and right.function == "neg":
        return f"{_words(left, 6)} - {_words(right.parts[0], 7)}", 6
    if name == "+" and isinstance(right, Rational) and right.value < 0:
        return f"{_words(left, 6)} - {-right.value}", 6
    sign = f" {name} " if name == "+" else name
    if name == "^":
        return f"{_words(left, 10)}^{_words(right, 10)}", level
    return f"{_words(left, level)}{sign}{_words(right, level + 1)}", level
