"""Three answers about a formula, given intervals of all values.

May import: python-flint, query, number. Must not know: how the intervals came about.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from flint import fmpq

from verifai.kernel.number import exact
from verifai.kernel.operator import Array
from verifai.kernel.query import And, Atom, Formula, Query, Relation


def form_range(atom: Atom, low: Array, high: Array) -> tuple[fmpq, fmpq]:
    """The least and the greatest value that the atom's form may have on these intervals."""
    least = most = atom.constant
    for value, factor in atom.terms:
        ends = (_rational(low[value]) * factor, _rational(high[value]) * factor)
        least, most = least + min(ends), most + max(ends)
    return least, most


def _rational(end: Any) -> fmpq:
    return end if isinstance(end, fmpq) else exact(float(end))


class Margins(NamedTuple):
    """How far a formula holds, in output units: the margin lies in [least, most].

    Attributes:
        certain: whether the formula holds for sure.
        possible: whether it may hold.
    """

    least: fmpq
    most: fmpq
    certain: bool
    possible: bool


def margins(formula: Formula, low: Array, high: Array) -> Margins:
    """How far it holds: an atom -form, a conjunction its least part, a disjunction its best."""
    return _Walk(low, high).of(formula)


class _Walk:
    """Evaluation over the tree of a formula, whose depth the query bounds."""

    def __init__(self, low: Array, high: Array) -> None:
        self.low, self.high = low, high

    def of(self, formula: Formula) -> Margins:
        if isinstance(formula, Atom):
            return self._atom(formula)
        parts = [self.of(part) for part in formula.parts]
        pick = min if isinstance(formula, And) else max
        every = all if isinstance(formula, And) else any
        if not parts:
            return Margins(fmpq(0), fmpq(0), True, True)
        return Margins(
            pick(p.least for p in parts),
            pick(p.most for p in parts),
            every(p.certain for p in parts),
            every(p.possible for p in parts),
        )

    def _atom(self, atom: Atom) -> Margins:
        least, most = form_range(atom, self.low, self.high)
        if atom.relation is Relation.EQUAL:
            off = max(least, -most, fmpq(0))
            holds = least == most == 0, least <= 0 <= most
            return Margins(-max(abs(least), abs(most)), -off, *holds)
        if atom.relation is Relation.LESS:
            return Margins(-most, -least, most < 0, least < 0)
        return Margins(-most, -least, most <= 0, least <= 0)


def is_refuted(query: Query, low: Array, high: Array) -> bool:
    """Whether domain and unsafe formula cannot both hold, given intervals of all values."""
    whole = And((*query.domain, query.unsafe))
    return not margins(whole, low, high).possible
