"""Properties as one says them: wherever `given` holds, `then` holds.

May import: kernel, entry, graph, load's domains, domain, symbols. Must not know: how a query is
decided.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from flint import fmpq

from verifai.entry import rules
from verifai.entry.takes import takes
from verifai.graph.formulas import atom, conjunction
from verifai.kernel.errors import InputError
from verifai.kernel.network import Network
from verifai.kernel.query import Formula
from verifai.load.errors import LoadError
from verifai.load.vnnlib.domain import query_of
from verifai.properties.domain import Domain, Ends, LinearRow, domain_of, row_atoms, with_points
from verifai.properties.symbols import Proposition, formula_about, negation
from verifai.query import Query

Conditions = Proposition | Formula | Iterable[Proposition | Formula]


@takes(net=rules.network, allow_empty=rules.flag)
def always(
    net: Network,
    *,
    then: Conditions,
    given: Conditions = (),
    domain: Domain | Ends | None = None,
    allow_empty: bool = False,
) -> Query:
    """Wherever `given` holds in the domain, `then` holds: no input has the one without the other.

    Conditions compare values of `symbols(net)`; both may speak about inputs, hidden values and
    outputs. A list of conditions means all of them.

    Args:
        net: the network.
        then: what must hold.
        given: where it must hold; nothing: everywhere in the domain.
        domain: the box, one pair (lower, upper) for each input value, or a `Domain`; None: what
            `given` says, which must bound every input.
        allow_empty: whether a domain without a point is taken, on which any property holds.

    Raises:
        InputError: a condition that is none, or about another network; an input that neither
            `domain` nor `given` bounds on both sides; the domain is empty.
    """
    premise = formula_about(net, given, "given")
    wrong = negation(formula_about(net, then, "then"))
    region = None if domain is None else domain_of(net, domain, allow_empty=allow_empty)
    parts = [] if region is None else _said(net, region)
    try:
        query = query_of(net, conjunction([*parts, premise]), net.describe, wrong)
    except LoadError as error:
        raise InputError(f"{error}: give domain=, or bound it in given") from None
    if region is not None and region.integers:
        values = net.input_values
        query = replace(query, integers=frozenset(values[i] for i in region.integers))
    if not allow_empty:
        with_points(_domain(query), "do given and domain exclude each other?")
    return query


def _said(net: Network, region: Domain) -> list[Formula]:
    """The domain's box and rows as conditions."""
    values = net.input_values
    lower = [atom({v: fmpq(-1)}, low) for v, low in zip(values, region.lower, strict=True)]
    upper = [atom({v: fmpq(1)}, -high) for v, high in zip(values, region.upper, strict=True)]
    return [*lower, *upper, *row_atoms(region, values)]


def _domain(query: Query) -> Domain:
    """The query's own domain, inputs by their number."""
    place = {value: i for i, value in enumerate(query.input_values)}
    rows = tuple(
        LinearRow(tuple((place[v], c) for v, c in row.terms), row.constant, row.relation)
        for row in query.domain
    )
    wholes = frozenset(place[v] for v in query.integers)
    return Domain(query.lower, query.upper, wholes, rows)
