"""A claim's text as a statement: a grammar of its own, nothing is evaluated.

May import: kernel errors, the other parts of a claim. Must not know: how a claim is decided.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeGuard

from flint import fmpq

from verifai.claim.declare import RESERVED, Reader
from verifai.claim.functions import (
    FUNCTIONS,
    Value,
    compared,
    is_formula,
    multiplied,
    negated,
    number,
    number_of,
    raised,
    summed,
)
from verifai.claim.grid import MAX_SIDE, Grid
from verifai.claim.lexer import Token, at, tokens
from verifai.claim.term import (
    ClaimStatement,
    Expression,
    Formula,
    Joined,
    Named,
    Rational,
    Sort,
    Truth,
    conditions,
    every,
    inside,
    negation,
    under,
    words,
)
from verifai.kernel.errors import InputError

MAX_PARTS = 20_000
MAX_LEVELS = 200
MAX_VARIABLES = 64
_RELATIONS = ("=", "!=", "<", "<=", ">", ">=", "divides")
_BRACKETS = {"|": ("|", "abs"), "‖": ("‖", "norm"), "⟨": ("⟩", "inner")}


def parsed(text: str) -> ClaimStatement:
    """The statement that a text makes.

    >>> parsed("x^2 >= 0").reading
    'for all real x: 0 ≤ x^2'

    Raises:
        InputError: it is no claim; the sentence names the column.
    """
    return _Parser(tokens(text)).statement()


def _is_plain_implication(part: Formula) -> TypeGuard[Joined]:
    """Whether it is one whose premise always has a value, so that it may be assumed as well."""
    return isinstance(part, Joined) and part.word == "implies" and not conditions(part.parts[0])


def _require_bearable(whole: Formula) -> None:
    levels: dict[Formula | Expression, int] = {}
    for part in under(whole):
        levels[part] = 1 + max((levels[each] for each in inside(part)), default=0)
    if len(levels) > MAX_PARTS or levels[whole] > MAX_LEVELS:
        raise InputError(
            f"a claim of {len(levels)} parts, {levels[whole]} deep, written out (at most "
            f"{MAX_PARTS} and {MAX_LEVELS})"
        )


class _Parser(Reader):
    """Recursive descent over the words."""

    def statement(self) -> ClaimStatement:
        self.header()
        conclusion = self.formula()
        where_defined = self.take("where", "defined")
        if self.here.kind != "end":
            raise self.leftover()
        grids = [
            each.entries if isinstance(each, Grid) else (each,) for each in self.known.values()
        ]
        variables = [each for entries in grids for each in entries if isinstance(each, Named)]
        if len(variables) > MAX_VARIABLES:
            raise InputError(f"{len(variables)} variables (at most {MAX_VARIABLES})")
        premise = every(self.premises)
        _require_bearable(Joined("and", (premise, conclusion)))
        reading = self.reading(premise, conclusion, where_defined)
        while _is_plain_implication(conclusion):
            premise, conclusion = every((premise, conclusion.parts[0])), conclusion.parts[1]
        return ClaimStatement(tuple(variables), reading, premise, conclusion, where_defined)

    def reading(self, premise: Formula, conclusion: Formula, where_defined: bool) -> str:
        """What was understood, in full."""
        head = f"for all {', '.join(self.declared)}" if self.declared else ""
        if not (isinstance(premise, Truth) and premise.value):
            head += f" with {words(premise)}"
        tail = " where defined" if where_defined else ""
        return f"{head}: {words(conclusion)}{tail}" if head else f"{words(conclusion)}{tail}"

    def leftover(self) -> InputError:
        """What is wrong where the claim should end."""
        if self.here.kind in ("name", "number") or self.here.text == "(":
            return at(
                self.here.column,
                f"an operator is missing before {self.here.text!r} (products are written 2*x)",
            )
        return self.unexpected("did not expect")

    def formula(self) -> Formula:
        column = self.here.column
        found = self.iff()
        if not is_formula(found):
            if self.here.kind in ("name", "number"):
                raise self.leftover()
            raise at(column, "a number is no statement: compare it with something")
        return found

    def iff(self) -> Value:
        left, column = self.implies(), self.here.column
        while self.take("iff"):
            left = Joined("iff", (self.said(left, column), self.said(self.implies(), column)))
        return left

    def implies(self) -> Value:
        column = self.here.column
        if self.take("if"):
            premise = self.formula()
            self.want("then")
            return Joined("implies", (premise, self.said(self.implies(), column)))
        left = self.either()
        column = self.here.column
        if self.take("implies"):
            with self.deeper():
                right = self.said(self.implies(), column)
            return Joined("implies", (self.said(left, column), right))
        return left

    def either(self) -> Value:
        return self.chained("or", lambda: self.chained("and", self.denied))

    def chained(self, word: str, part: Callable[[], Value]) -> Value:
        left, column = part(), self.here.column
        if self.here.text != word:
            return left
        found = [self.said(left, column)]
        while self.take(word):
            found.append(self.said(part(), column))
        return Joined(word, tuple(found))

    def said(self, value: Value, column: int) -> Formula:
        if not is_formula(value):
            raise at(column, "a number stands where a statement is wanted (declare 'boolean p')")
        return value

    def denied(self) -> Value:
        column = self.here.column
        if self.take("not"):
            with self.deeper():
                return negation(self.said(self.denied(), column))
        return self.comparison()

    def comparison(self) -> Value:
        left = self.sum()
        found = []
        while self.here.text in _RELATIONS:
            word = self.here
            self.place += 1
            right = self.sum()
            with self.placed(word.column):
                found.append(compared(word.text, left, right))
            left = right
        return every(found) if found else left

    def sum(self) -> Value:
        left = self.product()
        while self.here.text in ("+", "-"):
            word = self.here
            self.place += 1
            right = self.product()
            with self.placed(word.column):
                left = summed(left, right, is_minus=word.text == "-")
        return left

    def product(self) -> Value:
        left = self.signed()
        while self.here.text in ("*", "/", "mod", "∘"):
            word = self.here
            self.place += 1
            right = self.signed()
            with self.placed(word.column):
                left = multiplied(word.text, left, right)
        return left

    def signed(self) -> Value:
        column = self.here.column
        if self.take("-"):
            with self.deeper():
                found = self.signed()
            with self.placed(column):
                return negated(found)
        if self.take("+"):
            with self.deeper():
                return self.signed()
        return self.power()

    def power(self) -> Value:
        base = self.postfix()
        column = self.here.column
        if self.take("^"):
            if isinstance(base, Grid) and self.take("T"):
                return base.transposed
            with self.deeper():
                exponent = self.signed()
            with self.placed(column):
                return raised(base, exponent)
        return base

    def postfix(self) -> Value:
        found = self.atom()
        while self.here.text in ("'", "²", "³", "["):
            word = self.here
            self.place += 1
            with self.placed(word.column):
                if word.text == "[":
                    found = self.entry(found)
                elif word.text == "'":
                    if not isinstance(found, Grid):
                        raise InputError("only a matrix is transposed")
                    found = found.transposed
                else:
                    found = raised(found, Rational(fmpq(2 if word.text == "²" else 3)))
        return found

    def entry(self, value: Value) -> Expression:
        if not isinstance(value, Grid):
            raise InputError("only a matrix has entries")
        i, j = self.side(), 1
        if self.take(","):
            j = self.side()
        self.want("]")
        if i > value.height or j > value.width:
            raise InputError(f"no entry [{i},{j}] in a matrix of {value.shape}")
        return value.rows[i - 1][j - 1]

    def atom(self) -> Value:
        word = self.here
        self.place += 1
        with self.deeper(), self.placed(word.column):
            return self.atom_of(word)

    def atom_of(self, word: Token) -> Value:
        if word.kind == "number":
            return number(word.text)
        if word.kind == "name":
            return self.name(word)
        if word.text == "(":
            found = self.iff()
            self.want(")")
            return found
        if word.text == "[":
            return self.matrix()
        if word.text in _BRACKETS:
            closing, function = _BRACKETS[word.text]
            return FUNCTIONS[function](self.arguments(closing))
        if word.text == "√":
            return FUNCTIONS["sqrt"]([self.atom()])
        self.place -= 1
        raise self.unexpected("did not expect")

    def name(self, word: Token) -> Value:
        if word.text in ("true", "false"):
            return Truth(word.text == "true")
        if word.text in self.known:
            return self.known[word.text]
        if self.here.text == "(":
            if word.text not in FUNCTIONS:
                raise InputError(f"no function {word.text!r} (there are {', '.join(FUNCTIONS)})")
            self.place += 1
            return FUNCTIONS[word.text](self.arguments(")"))
        if word.text in RESERVED or word.text in FUNCTIONS or not self.is_open:
            raise at(word.column, f"{word.text!r} is not declared")
        self.known[word.text] = named = Named(word.text, Sort.REAL)
        self.declared.append(f"real {word.text}")
        return named

    def arguments(self, closing: str) -> list[Value]:
        found = [self.iff()]
        while self.take(","):
            found.append(self.iff())
        self.want(closing)
        return found

    def matrix(self) -> Grid:
        """`[[1, x], [0, 1]]`, behind the first bracket."""
        rows = []
        while True:
            self.want("[")
            rows.append(tuple(number_of(each, "an entry") for each in self.arguments("]")))
            if not self.take(","):
                break
        self.want("]")
        if len({len(row) for row in rows}) != 1 or max(len(rows), len(rows[0])) > MAX_SIDE:
            raise InputError(f"rows of a matrix are of one length, at most {MAX_SIDE}")
        return Grid(tuple(rows))
