"""Formulas over a network's values: what must not happen, in people's words.

May import: kernel, domain, entry. Must not know: any particular property.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from verifai.entry import rules
from verifai.entry.numbers import Number, number
from verifai.entry.sentences import refused, shown
from verifai.entry.takes import takes
from verifai.graph.formulas import conjunction as joined
from verifai.kernel.errors import InputError
from verifai.kernel.network import Network
from verifai.kernel.query import And, Atom, Formula, Or
from verifai.properties.domain import Domain, Ends, Terms, compared, domain_of, query_on
from verifai.query import Query

NEAR = 5  # names that are shown where one is not known


def formula(value: Any, what: str) -> Formula:
    """An atom, or what `conjunction` and `disjunction` make of several.

    Raises:
        InputError: something else.
    """
    if not isinstance(value, Atom | And | Or):
        raise refused(what, "a formula, as verifai.atom makes it,", value)
    return value


def _formulas(value: Any, what: str) -> list[Formula]:
    found = [formula(part, f"{what}[{i}]") for i, part in enumerate(rules.listed(value, what))]
    if not found:
        raise InputError(f"{what}: one formula at least is wanted")
    return found


@takes(net=rules.network, name=rules.text)
def layer(net: Network, name: str) -> tuple[int, ...]:
    """The values of the layer of this name, in order (row-major): what atoms speak about.

    >>> from verifai.graph.nodes import relu
    >>> from verifai.kernel.network import Input
    >>> net = Network((Input("x", (2,)), relu("hidden", (2,), 0)), (1,))
    >>> layer(net, "hidden")
    (2, 3)

    Args:
        net: the network.
        name: that of an input, an output or a hidden node, as statements and `inspect` show it.

    Raises:
        InputError: there is none; names like it are shown.
    """
    if name not in net.positions:
        near = get_close_matches(name, net.positions, NEAR, 0) or list(net.positions)[:NEAR]
        raise InputError(f"no layer {shown(name)}; the network has {', '.join(near)}, …")
    return net.values(net.positions[name])


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


@takes(parts=_formulas)
def conjunction(parts: Iterable[Formula]) -> And:
    """All of the formulas hold.

    Args:
        parts: formulas, one at least.

    Raises:
        InputError: something else, or formulas nested too deeply.
    """
    return joined(list(parts))


@takes(parts=_formulas)
def disjunction(parts: Iterable[Formula]) -> Or:
    """One of the formulas holds at least.

    Args:
        parts: formulas, one at least.

    Raises:
        InputError: something else.
    """
    return Or(tuple(parts))


@takes(net=rules.network, unsafe=formula, allow_empty=rules.flag)
def never(
    net: Network, domain: Domain | Ends, unsafe: Formula, *, allow_empty: bool = False
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
    return query_on(net, region, joined([unsafe]))
