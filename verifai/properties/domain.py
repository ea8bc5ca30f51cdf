"""Domains: a box of inputs, linear conditions on them, and which of them are integers.

May import: kernel, entry. Must not know: any particular property.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from flint import fmpq

from verifai.entry import rules
from verifai.entry.numbers import Number, number, pair
from verifai.entry.sentences import EmptyDomain, numbered, refused, shown
from verifai.entry.takes import enter, renamed, takes
from verifai.graph.formulas import atom
from verifai.kernel.errors import InputError
from verifai.kernel.network import Network
from verifai.kernel.number import nearest
from verifai.kernel.operator import Array
from verifai.kernel.query import And, Atom, Relation
from verifai.kernel.statement import readable
from verifai.properties.entry import ends_of
from verifai.query import Query

Terms = Mapping[int, Number] | Iterable[tuple[int, Number]]
Condition = tuple[Terms, str, Number]
Ends = Iterable[tuple[Number, Number]]

_RELATIONS = {
    "<=": (1, Relation.AT_MOST),
    "<": (1, Relation.LESS),
    ">=": (-1, Relation.AT_MOST),
    ">": (-1, Relation.LESS),
    "=": (1, Relation.EQUAL),
    "==": (1, Relation.EQUAL),
}


@dataclass(frozen=True, slots=True)
class LinearRow:
    """Σ coefficient·input + constant ≤ 0 (or < 0, or = 0); inputs by their number, from 0."""

    terms: tuple[tuple[int, fmpq], ...]
    constant: fmpq
    relation: Relation


@dataclass(frozen=True, slots=True)
class Domain:
    """The inputs that a property speaks about.

    Attributes:
        lower, upper: ends of the box, one for each input value in order.
        integers: the numbers of the inputs that are integers.
        rows: linear conditions that hold as well.
    """

    lower: tuple[fmpq, ...]
    upper: tuple[fmpq, ...]
    integers: frozenset[int] = frozenset()
    rows: tuple[LinearRow, ...] = ()

    def __post_init__(self) -> None:
        enter(self, lower=_ends, upper=_ends, integers=_indices, rows=_rows)
        if len(self.lower) != len(self.upper):
            raise InputError(f"{len(self.lower)} lower and {len(self.upper)} upper ends")
        places = {*self.integers, *(i for row in self.rows for i, _ in row.terms)}
        if places and max(places) >= len(self.lower):
            raise InputError(f"no input {max(places)}: the domain has {len(self.lower)}")

    def empty_at(self) -> int | None:
        """The first input between whose ends there is no number (of its kind); None: all have."""
        for i, (low, high) in enumerate(zip(self.lower, self.upper, strict=True)):
            if low > high or (i in self.integers and low.ceil() > high.floor()):
                return i
        return None

    def empty_row(self) -> int | None:
        """The first row that no point of the box (which has some) satisfies; None: all may be."""
        for place, row in enumerate(self.rows):
            least, most = row.constant, row.constant
            for i, factor in row.terms:
                ends = factor * self.lower[i], factor * self.upper[i]
                least, most = least + min(ends), most + max(ends)
            is_missed = row.relation is Relation.EQUAL and most < 0
            if least > 0 or is_missed or (least == 0 and row.relation is Relation.LESS):
                return place
        return None


def _ends(value: Any, what: str) -> tuple[fmpq, ...]:
    return tuple(number(end, f"{what}[{i}]") for i, end in enumerate(rules.listed(value, what)))


def _items(value: Any, what: str) -> list[Any]:
    return [*value] if isinstance(value, Set) else rules.listed(value, what)


def _indices(value: Any, what: str) -> frozenset[int]:
    return frozenset(rules.index(i, what) for i in _items(value, what))


def _rows(value: Any, what: str) -> tuple[LinearRow, ...]:
    found = rules.listed(value, what)
    for row in found:
        if not isinstance(row, LinearRow):
            raise refused(what, "a tuple of rows, as verifai.domain makes them,", row)
    return tuple(found)


@renamed(ends="box")
@takes(net=rules.network, rows=rules.listed, allow_empty=rules.flag)
def domain(
    net: Network,
    box: Ends,
    *,
    integers: Iterable[int] = (),
    rows: Iterable[Condition] = (),
    allow_empty: bool = False,
) -> Domain:
    """The inputs in the box that satisfy every row, the named ones whole.

    Args:
        net: the network.
        box: one pair (lower, upper) for each input value.
        integers: the numbers of the inputs that are integers, from 0.
        rows: conditions (terms, relation, bound): terms are pairs (input, coefficient), the
            relation one of "<=", "<", ">=", ">", "=".
        allow_empty: whether a box without a point is taken, on which any property holds.

    Raises:
        InputError: sizes do not fit, an input that the network does not have, a condition that
            is none, or an empty box.
    """
    low, high = ends_of(net, box)
    wholes = frozenset(input_index(net, i) for i in _items(integers, "integers"))
    made = tuple(_row(net, i, row) for i, row in enumerate(rows))
    region = Domain(tuple(low), tuple(high), wholes, made)
    return region if allow_empty else with_points(region)


def domain_of(net: Network, region: Domain | Ends, *, allow_empty: bool = False) -> Domain:
    """The domain itself, or the one that a box's ends make.

    Args:
        net: the network.
        region: the domain, or one pair (lower, upper) for each input value.
        allow_empty: whether a box without a point is taken, on which any property holds.

    Raises:
        InputError: its size is not that of the network's inputs, or it is empty.
    """
    if not isinstance(region, Domain):
        low, high = ends_of(net, region, "domain")
        region = Domain(tuple(low), tuple(high))
    wanted = len(net.input_values)
    if len(region.lower) != wanted:
        raise InputError(f"a domain of {len(region.lower)} inputs for a network of {wanted}")
    return region if allow_empty else with_points(region)


def box_of(net: Network, region: Domain | Ends) -> tuple[list[fmpq], list[fmpq]]:
    """The lower and the upper ends of a domain that is a box, which may be empty.

    Args:
        net: the network.
        region: the domain, or one pair (lower, upper) for each input value.

    Raises:
        InputError: its size is not that of the network's inputs, or it has rows or integers.
    """
    found = only_box(domain_of(net, region, allow_empty=True))
    return list(found.lower), list(found.upper)


def only_box(region: Domain) -> Domain:
    """The domain itself.

    Raises:
        InputError: it has rows or integers.
    """
    if region.rows or region.integers:
        raise InputError("domain: a box is wanted here, without rows and integers")
    return region


def with_points(region: Domain, guess: str = "are the ends the wrong way round?") -> Domain:
    """The domain, whose box holds a point.

    Args:
        region: the domain.
        guess: what may have gone wrong if an upper end lies below the lower one.

    Raises:
        EmptyDomain: its box is empty, or a row alone leaves nothing of it, so that any property
            would hold on it.
    """
    place = region.empty_at()
    if place is None and (row := region.empty_row()) is not None:
        raise EmptyDomain(
            f"the domain is empty: row {row} holds nowhere in the box; any property would hold on"
            " it"
        )
    if place is None:
        return region
    low, high = readable(region.lower[place]), readable(region.upper[place])
    is_between = region.lower[place] <= region.upper[place]
    raise EmptyDomain(
        f"the domain is empty: input {place} would lie between {low} and {high}"
        f" ({'where there is no integer' if is_between else guess}); any property would hold on"
        " it"
    )


def input_index(net: Network, given: Any) -> int:
    """The number of an input, from 0; InputError if the network has no such input."""
    count, place = len(net.input_values), rules.whole(given, "input")
    if not 0 <= place < count:
        raise InputError(f"no input {shown(place)}: the network has {numbered(count)}")
    return place


def row_atom(row: LinearRow, values: Sequence[int]) -> Atom:
    """The row as a query's atom, input i being the value values[i]."""
    return atom({values[i]: c for i, c in row.terms}, row.constant, row.relation)


def row_atoms(region: Domain, values: Sequence[int]) -> tuple[Atom, ...]:
    """All rows of a domain as atoms, input i being the value values[i]."""
    return tuple(row_atom(row, values) for row in region.rows)


def query_on(net: Network, region: Domain, unsafe: And) -> Query:
    """The query whether the formula holds anywhere in the domain."""
    values = net.input_values
    wholes = frozenset(values[i] for i in region.integers)
    return Query(net, region.lower, region.upper, unsafe, row_atoms(region, values), wholes)


def float_ends(region: Domain) -> tuple[Array, Array]:
    """The box's ends as doubles, rounded to nearest."""
    lower, upper = (np.array([nearest(v) for v in side]) for side in (region.lower, region.upper))
    return lower, np.maximum(lower, upper)


def _row(net: Network, position: int, row: Condition) -> LinearRow:
    what = f"row {position}"
    try:
        terms, relation, bound = row
    except (TypeError, ValueError):
        said = f"{what} is not (terms, relation, bound): {shown(row)}"
        raise InputError(said) from None
    found = compared(terms, relation, bound, partial(input_index, net), what)
    return LinearRow(found.terms, found.constant, found.relation)


def compared(terms: Any, relation: Any, bound: Any, place: Callable[[Any], int], what: str) -> Atom:
    """The condition that Σ factor·value stands in a relation to a bound.

    Args:
        terms: factors by what stands for a value, or pairs of both.
        relation: one of "<=", "<", ">=", ">", "=".
        bound: a number.
        place: the number of what stands for a value.
        what: the terms, in a sentence.

    Raises:
        InputError: something else is given.
    """
    pairs = rules.listed([*terms.items()] if isinstance(terms, Mapping) else terms, what)
    relation = rules.choice(*_RELATIONS)(relation, "relation")
    sign, kind = _RELATIONS[relation]
    total: dict[int, fmpq] = {}
    for each in pairs:
        try:
            given, factor = pair(each, what)
        except InputError:
            raise refused(what, "pairs (value, factor)", each) from None
        value = place(given)
        total[value] = total.get(value, fmpq(0)) + sign * number(factor, what)
    return atom(total, -sign * number(bound, what), kind)
