"""Atoms and conjunctions in the form that queries are written in: in order, flat, without zeros.

May import: python-flint, the kernel. Must not know: networks, files.
"""

from __future__ import annotations

from collections.abc import Iterator

from flint import fmpq

from verifai.kernel.errors import InputError
from verifai.kernel.query import MAX_ALTERNATION, And, Atom, Formula, Or, Relation


def conjunction(parts: list[Formula]) -> And:
    """The parts under one `And`, nested ones of the same kind laid flat, single ones unwrapped.

    Raises:
        InputError: nested deeper than the limit, or a disjunction of nothing.
    """
    return And(tuple(_flat(part) for part in _unnest(And(tuple(parts)), And)))


def _unnest(part: Formula, kind: type[And] | type[Or]) -> Iterator[Formula]:
    """The parts below nested formulas of one kind (and single-part ones of the other), in order."""
    todo: list[Formula] = [part]
    while todo:
        top = todo.pop()
        if isinstance(top, Or) and not top.parts:
            raise InputError("a disjunction of nothing")
        if isinstance(top, kind) or (isinstance(top, And | Or) and len(top.parts) == 1):
            todo += reversed(top.parts)
        else:
            yield top


def _flat(part: Formula, depth: int = 0) -> Formula:
    if isinstance(part, Atom):
        return part
    if depth > MAX_ALTERNATION:
        raise InputError(f"and/or nested deeper than {MAX_ALTERNATION}")
    kind = type(part)
    return kind(tuple(_flat(child, depth + 1) for child in _unnest(part, kind)))


def atom(terms: dict[int, fmpq], constant: fmpq, relation: Relation = Relation.AT_MOST) -> Atom:
    """An atom with its terms in the order of values and without zero coefficients."""
    kept = sorted((value, c) for value, c in terms.items() if c != 0)
    return Atom(tuple(kept), constant, relation)
