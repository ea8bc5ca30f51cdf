"""Domains: a box of inputs, linear conditions on them, and which of them are integers.

May import: kernel, entry. Must not know: any particular property.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import fmpq

from verifai.kernel.errors import InputError
from verifai.kernel.network import Network
from verifai.kernel.number import nearest
from verifai.kernel.operator import Array
from verifai.kernel.query import And, Atom, Query, Relation, atom
from verifai.properties.entry import Number, box, number

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


def domain(
    net: Network,
    ends: Ends,
    *,
    integers: Iterable[int] = (),
    rows: Iterable[Condition] = (),
) -> Domain:
    """The inputs in the box that satisfy every row, the named ones whole.

    Args:
        net: the network.
        ends: one pair (lower, upper) for each input value.
        integers: the numbers of the inputs that are integers, from 0.
        rows: conditions (terms, relation, bound): terms are pairs (input, coefficient), the
            relation one of "<=", "<", ">=", ">", "=".

    Raises:
        InputError: sizes do not fit, an input that the network does not have, or a condition
            that is none.
    """
    low, high = box(net, ends)
    wholes = frozenset(input_index(net, i) for i in integers)
    made = tuple(_row(net, i, row) for i, row in enumerate(rows))
    return Domain(tuple(low), tuple(high), wholes, made)


def domain_of(net: Network, region: Domain | Ends) -> Domain:
    """The domain itself, or the one that a box's ends make.

    Raises:
        InputError: its size is not that of the network's inputs.
    """
    if not isinstance(region, Domain):
        return domain(net, region)
    wanted = sum(net.sizes[i] for i in net.inputs)
    if len(region.lower) != wanted:
        raise InputError(f"a domain of {len(region.lower)} inputs for a network of {wanted}")
    return region


def input_values(net: Network) -> list[int]:
    """The numbers of all input values, in order."""
    return [v for i in net.inputs for v in range(net.offsets[i], net.offsets[i + 1])]


def input_index(net: Network, index: int) -> int:
    """The number of an input, from 0; InputError if the network has no such input."""
    count = len(input_values(net))
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < count:
        raise InputError(f"no input {index!r}: the network has {count}")
    return index


def row_atom(row: LinearRow, values: list[int]) -> Atom:
    """The row as a query's atom, input i being the value values[i]."""
    return atom({values[i]: c for i, c in row.terms}, row.constant, row.relation)


def row_atoms(region: Domain, values: list[int]) -> tuple[Atom, ...]:
    """All rows of a domain as atoms, input i being the value values[i]."""
    return tuple(row_atom(row, values) for row in region.rows)


def query_on(net: Network, region: Domain, unsafe: And) -> Query:
    """The query whether the formula holds anywhere in the domain."""
    values = input_values(net)
    wholes = frozenset(values[i] for i in region.integers)
    return Query(net, region.lower, region.upper, unsafe, row_atoms(region, values), wholes)


def float_ends(region: Domain) -> tuple[Array, Array]:
    """The box's ends as doubles, rounded to nearest."""
    lower, upper = (np.array([nearest(v) for v in side]) for side in (region.lower, region.upper))
    return lower, np.maximum(lower, upper)


def _row(net: Network, position: int, row: Condition) -> LinearRow:
    try:
        terms, relation, bound = row
        pairs = list(terms.items() if isinstance(terms, Mapping) else terms)
        named: list[tuple[Any, Any]] = [(index, factor) for index, factor in pairs]
    except (TypeError, ValueError):
        raise InputError(f"row {position} is not (terms, relation, bound): {row!r}") from None
    if relation not in _RELATIONS:
        known = ", ".join(_RELATIONS)
        raise InputError(f"row {position}: no relation {relation!r} (one of {known})")
    sign, kind = _RELATIONS[relation]
    total: dict[int, fmpq] = {}
    for index, factor in named:
        place = input_index(net, index)
        total[place] = total.get(place, fmpq(0)) + sign * number(factor)
    kept = tuple((i, c) for i, c in sorted(total.items()) if c != 0)
    return LinearRow(kept, -sign * number(bound), kind)
