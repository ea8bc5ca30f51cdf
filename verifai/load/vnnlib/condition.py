"""Conditions of VNN-LIB (and/or/not over comparisons of terms) as formulas of the kernel.

Everything is evaluated with a stack of its own, so depth is no danger, and exactly. Conditions
without values fold to true or false; nothing is ever expanded into a disjunctive normal form.
A dialect says which operators there are; products of variables are somebody else's to name.

May import: kernel, sexpr. Must not know: commands, boxes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import NoReturn, Protocol

from flint import fmpq

from verifai.graph.formulas import atom
from verifai.kernel.errors import InputError
from verifai.kernel.number import rational
from verifai.kernel.query import And, Atom, Formula, Or, Relation
from verifai.load.vnnlib.sexpr import Sexpr, Source

MAX_BITS = 6500  # of numerator and of denominator, so that numbers fit into a query file
TRUE = And(())
FALSE = Atom((), fmpq(1))
_ZERO = fmpq(0)
_ARITHMETIC = frozenset("+-*/")
_COMPARISONS = frozenset(["<=", ">=", "<", ">", "="])
_CONNECTIVES = frozenset(["and", "or", "not"])


@dataclass(slots=True)
class LinearSum:
    """Σ coefficient·value + constant, without zero coefficients."""

    terms: dict[int, fmpq]
    constant: fmpq


@dataclass(frozen=True, slots=True)
class Dialect:
    """The operators of a version of the language.

    Attributes:
        operators: what is written ↦ what is meant; `!=` means the negation of `=`.
        is_chained: whether a comparison may have more than two terms.
        product: the product of at least two terms that have variables (None: refused); it may
            raise InputError.
    """

    operators: Mapping[str, str]
    is_chained: bool = True
    product: Callable[[list[LinearSum]], LinearSum] | None = None


SMT_LIB = Dialect({name: name for name in _ARITHMETIC | _COMPARISONS | _CONNECTIVES})


class Variables(Protocol):
    """What is declared."""

    def get(self, name: str, /) -> int | None:
        """The value that a name stands for, None if it is not declared.

        Raises:
            InputError: saying what is wrong with the name.
        """
        ...


@dataclass(slots=True)
class _Frame:
    """A list being evaluated: is it under an odd number of `not`; its rest, its results so far."""

    form: Sexpr
    operator: str
    is_negated: bool
    rest: Iterator[str | Sexpr]
    results: list[LinearSum | Formula]


class ConditionReader:
    """Evaluates conditions over the variables of one source."""

    def __init__(self, source: Source, variables: Variables, dialect: Dialect = SMT_LIB) -> None:
        self._source = source
        self._variables = variables
        self._dialect = dialect

    def read(self, form: Sexpr | str, start: int) -> Formula:
        """The formula of a condition; `start` is the place to name if it is a mere token.

        Raises:
            LoadError: naming the line, for anything that is not a condition of the dialect.
        """
        if isinstance(form, str):
            return self._formula(self._token(form, start, False), start)
        stack = [self._open(form, False)]
        while True:
            frame = stack[-1]
            is_negated = frame.is_negated != (frame.operator == "not")
            for item in frame.rest:
                if isinstance(item, Sexpr):
                    stack.append(self._open(item, is_negated))
                    break
                frame.results.append(self._token(item, frame.form.start, is_negated))
            else:
                value = self._close(stack.pop())
                if not stack:
                    return self._formula(value, form.start)
                stack[-1].results.append(value)

    def _open(self, form: Sexpr, is_negated: bool) -> _Frame:
        written = form.items[0] if form.items else ""
        operator = self._dialect.operators.get(written) if isinstance(written, str) else None
        if operator is None:
            shown = repr(written[:80]) if isinstance(written, str) else "a list"
            known = " ".join(sorted(self._dialect.operators))
            self._fail(form.start, f"unknown operator {shown} (there are {known})")
        if operator == "!=":
            operator, is_negated = "=", not is_negated
        rest = iter(form.items)
        next(rest)
        return _Frame(form, operator, is_negated, rest, [])

    def _token(self, token: str, start: int, is_negated: bool) -> LinearSum | Formula:
        try:
            value = self._variables.get(token)
        except InputError as error:
            self._fail(start, str(error))
        if value is not None:
            return LinearSum({value: fmpq(1)}, _ZERO)
        if token[0] not in "0123456789.+-":
            if token in ("true", "false"):
                return TRUE if (token == "true") != is_negated else FALSE
            self._fail(start, f"unknown variable {token[:80]!r} (declared ones are X_i and Y_j)")
        if "/" in token:
            self._fail(start, f"the fraction {token[:80]!r}: literals are decimals")
        try:
            return LinearSum({}, rational(token))
        except InputError as error:
            self._fail(start, str(error))

    def _close(self, frame: _Frame) -> LinearSum | Formula:
        """The value of a list whose parts are known."""
        start, operator = frame.form.start, frame.operator
        if operator in _CONNECTIVES:
            parts = [self._formula(part, start) for part in frame.results]
            if not parts or (operator == "not" and len(parts) != 1):
                self._fail(start, f"{operator} of {len(parts)} conditions")
            # Negation has been pushed into the parts: not is the identity here.
            return (join_any if (operator == "or") != frame.is_negated else join_all)(parts)
        terms = [self._linear(part, start) for part in frame.results]
        if operator in _COMPARISONS:
            if len(terms) < 2 or (len(terms) > 2 and not self._dialect.is_chained):
                self._fail(start, f"{frame.form.items[0]} of {len(terms)} terms")
            if len(terms) == 2:
                return self._compare(start, operator, frame.is_negated, terms[0], terms[1])
            pairs = [self._compare(start, operator, frame.is_negated, *p) for p in pairwise(terms)]
            return join_any(pairs) if frame.is_negated else join_all(pairs)
        if len(terms) < (1 if operator in "+-" or not self._dialect.is_chained else 2):
            self._fail(start, f"{operator} of {len(terms)} terms")
        result = self._arithmetic(start, operator, terms)
        self._check_size(start, result)
        return result

    def _compare(
        self, start: int, operator: str, is_negated: bool, left: LinearSum, right: LinearSum
    ) -> Formula:
        """The formula of one comparison, or of its negation."""
        if operator in (">=", ">"):
            left, right = right, left
        difference = _difference(left, right)
        self._check_size(start, difference)
        if not is_negated:
            return condition(difference, _RELATIONS[operator])
        opposite = scale(difference, fmpq(-1))
        if operator == "=":
            return join_any([condition(d, Relation.LESS) for d in (difference, opposite)])
        is_strict = operator in ("<", ">")
        return condition(opposite, Relation.AT_MOST if is_strict else Relation.LESS)

    def _arithmetic(self, start: int, operator: str, terms: list[LinearSum]) -> LinearSum:
        """The value of a sum, difference, product or quotient of at least one term."""
        if operator == "+":
            return total(terms)
        if operator == "-":
            if len(terms) == 1:
                return scale(terms[0], fmpq(-1))
            return _difference(terms[0], total(terms[1:]))
        return self._product(start, terms) if operator == "*" else self._quotient(start, terms)

    def _product(self, start: int, terms: list[LinearSum]) -> LinearSum:
        """The product; at most one factor may have variables unless the dialect has products."""
        factor = fmpq(1)
        for term in terms:
            if not term.terms:
                factor *= term.constant
                self._check_size(start, LinearSum({}, factor))
        several = [term for term in terms if term.terms]
        if len(several) < 2:
            return scale(several[0], factor) if several else LinearSum({}, factor)
        if self._dialect.product is None:
            self._fail(start, "a product of two variables (only linear terms are supported)")
        try:
            return scale(self._dialect.product(several), factor)
        except InputError as error:
            self._fail(start, str(error))

    def _quotient(self, start: int, terms: list[LinearSum]) -> LinearSum:
        """The first term divided by constants."""
        result = terms[0]
        for term in terms[1:]:
            if term.terms:
                self._fail(start, "a division by a variable (only linear terms are supported)")
            if term.constant == 0:
                self._fail(start, "a division by zero")
            result = scale(result, 1 / term.constant)
            self._check_size(start, result)
        return result

    def _check_size(self, start: int, term: LinearSum) -> None:
        for number in (term.constant, *term.terms.values()):
            if number.height_bits() > MAX_BITS:
                self._fail(start, f"a number overflow: more than {MAX_BITS} bits")

    def _formula(self, value: LinearSum | Formula, start: int) -> Formula:
        if isinstance(value, LinearSum):
            self._fail(start, "a term where a condition is wanted")
        return value

    def _linear(self, value: LinearSum | Formula, start: int) -> LinearSum:
        if not isinstance(value, LinearSum):
            self._fail(start, "a condition where a term is wanted")
        return value

    def _fail(self, start: int, reason: str) -> NoReturn:
        self._source.fail(start, reason)


_RELATIONS = {
    "<=": Relation.AT_MOST,
    ">=": Relation.AT_MOST,
    "<": Relation.LESS,
    ">": Relation.LESS,
    "=": Relation.EQUAL,
}


def is_false(part: Formula) -> bool:
    """Whether a formula made here holds nowhere: FALSE, or what `join_all` put beside it."""
    return part is FALSE or (isinstance(part, And) and part.parts[-1:] == (FALSE,))


def join_all(parts: list[Formula]) -> Formula:
    """The conjunction, without true parts.

    If one is false, FALSE comes last; the others stay, as they may say how far inputs go.
    """
    kept = [part for part in parts if part is not TRUE]
    if any(is_false(part) for part in kept):
        kept = [part for part in kept if part is not FALSE] + [FALSE]
    return (kept[0] if len(kept) == 1 else And(tuple(kept))) if kept else TRUE


def join_any(parts: list[Formula]) -> Formula:
    """The disjunction, without false parts unless all are; TRUE if one is true."""
    kept = [part for part in parts if not is_false(part)]
    if any(part is TRUE for part in kept):
        return TRUE
    if not kept:
        return FALSE if FALSE in parts else join_all([_either(parts), FALSE])
    return _either(kept)


def _either(parts: list[Formula]) -> Formula:
    return parts[0] if len(parts) == 1 else Or(tuple(parts))


def condition(linear: LinearSum, relation: Relation) -> Formula:
    """linear ≤ 0 (or < 0, = 0); TRUE or FALSE if it is a constant."""
    if linear.terms:
        return atom(linear.terms, linear.constant, relation)
    value = linear.constant
    is_true = value < 0 or (value == 0 and relation is not Relation.LESS)
    return TRUE if is_true and not (relation is Relation.EQUAL and value != 0) else FALSE


def scale(linear: LinearSum, factor: fmpq) -> LinearSum:
    """The product with a constant."""
    if factor == 0:
        return LinearSum({}, _ZERO)
    terms = {value: c * factor for value, c in linear.terms.items()}
    return LinearSum(terms, linear.constant * factor)


def total(parts: list[LinearSum]) -> LinearSum:
    """The sum; the longest part is changed into it, so that nested sums are not copied."""
    base = max(parts, key=lambda part: len(part.terms))
    for part in parts:
        if part is base:
            continue
        base.constant += part.constant
        for value, coefficient in part.terms.items():
            both = base.terms.pop(value, _ZERO) + coefficient
            if both != 0:
                base.terms[value] = both
    return base


def _difference(left: LinearSum, right: LinearSum) -> LinearSum:
    """left − right; neither is changed."""
    terms = dict(left.terms)
    for value, coefficient in right.terms.items():
        total = terms.pop(value, _ZERO) - coefficient
        if total != 0:
            terms[value] = total
    return LinearSum(terms, left.constant - right.constant)
