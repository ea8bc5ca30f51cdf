"""Formulas over a network's values: what must not happen, in people's words.

May import: kernel, domain, symbols, entry. Must not know: any particular property.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from verifai.entry import rules
from verifai.entry.numbers import Number, number
from verifai.entry.sentences import refused
from verifai.entry.takes import takes
from verifai.graph.formulas import conjunction as joined
from verifai.kernel.errors import InputError
from verifai.kernel.network import Network
from verifai.kernel.query import And, Atom, Formula, Or
from verifai.properties.domain import Domain, Ends, Terms, compared, domain_of, query_on
from verifai.properties.symbols import Proposition
from verifai.query import Query


def formula(value: Any, what: str) -> Formula:
    """An atom, a condition, or what `conjunction` and `disjunction` make of several.

    Raises:
        InputError: something else.
    """
    if isinstance(value, Proposition):
        return value.formula
    if not isinstance(value, Atom | And | Or):
        raise refused(what, "a formula, as verifai.atom makes it,", value)
    return value


def _formulas(given: Iterable[Formula | Proposition]) -> list[Formula]:
    found = [formula(part, f"parts[{i}]") for i, part in enumerate(rules.listed(given, "parts"))]
    if not found:
        raise InputError("parts: one formula at least is wanted")
    return found


def _value(given: Any) -> int:
    return rules.index(given, "value")


@takes(bound=number)
def atom(terms: Terms, relation: str, bound: Number) -> Atom:
    """Σ factor·value stands in this relation to the bound.

    >>> atom({0: 1, 2: "-1/2"}, ">=", 3)
    Atom(terms=((0, -1), (2, 1/2)), constant=3, relation=<Relation.AT_MOST: '<='>)

    Args:
        terms: factors by value, as `layer` numbers values: a dictionary, or pairs.
        relation: one of "<=", "<", ">=", ">", "=".
        bound: the number on the other side.

    Raises:
        InputError: a value, a factor, the relation or the bound is none.
    """
    return compared(terms, relation, bound, _value, "terms")


@takes()
def conjunction(parts: Iterable[Formula | Proposition]) -> And:
    """All of the formulas hold.

    Args:
        parts: formulas, one at least.

    Raises:
        InputError: something else, or formulas nested too deeply.
    """
    return joined(_formulas(parts))


@takes()
def disjunction(parts: Iterable[Formula | Proposition]) -> Or:
    """One of the formulas holds at least.

    Args:
        parts: formulas, one at least.

    Raises:
        InputError: something else.
    """
    return Or(tuple(_formulas(parts)))


@takes(net=rules.network, allow_empty=rules.flag)
def never(
    net: Network, domain: Domain | Ends, unsafe: Formula | Proposition, *, allow_empty: bool = False
) -> Query:
    """The formula holds nowhere in the domain.

    Args:
        net: the network.
        domain: the box, one pair (lower, upper) for each input value, or a `Domain`.
        unsafe: what must not happen, over inputs, hidden values and outputs.
        allow_empty: whether a box without a point is taken, on which any property holds.

    Raises:
        InputError: sizes do not fit, the formula speaks of a value that the network does not
            have, or the box is empty.
    """
    region = domain_of(net, domain, allow_empty=allow_empty)
    return query_on(net, region, joined([formula(unsafe, "unsafe")]))
