"""The unsafe formula as the search sees it: numbered atoms, in clauses of the kernel's order.

May import: numpy, kernel, record. Must not know: bounds, how anything is refuted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from verifai.kernel.arithmetic import Pause, never
from verifai.kernel.context import Row, row_of, spread
from verifai.kernel.network import Network
from verifai.kernel.number import above, below, nearest
from verifai.kernel.query import And, Formula, Or, Query
from verifai.proof.record import Block

Array = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Clause:
    """Atoms that hold together (by number), and disjunctions of further clauses.

    The order of atoms and disjunctions is that in which the kernel numbers rows and choices.

    Attributes:
        closing: of an alternative whose atoms contradict each other or those of the whole formula's
            top: what refutes it, its rows being atoms.
    """

    atoms: tuple[int, ...]
    ors: tuple[tuple[Clause, ...], ...]
    closing: Block | None = None

    def every_atom(self) -> list[int]:
        """The numbers of all atoms, those of nested clauses too."""
        found, todo = list[int](), [self]
        while todo:
            clause = todo.pop()
            found += clause.atoms
            todo += [part for parts in clause.ors for part in parts]
        return sorted(found)


@dataclass(frozen=True, slots=True)
class Problem:
    """A query's unsafe set: the top clause (domain rows first) and all atoms.

    Attributes:
        rows: every atom as a row, by number.
        top: the clause at the top.
        forms: coefficients of all atoms by node, (A, n).
        constant: of all atoms, (A,).
    """

    network: Network
    rows: tuple[Row, ...]
    top: Clause
    forms: dict[int, Array]
    constant: Array

    def is_cut(self, clause: Clause, values: frozenset[int]) -> bool:
        """Whether an atom of the clause says something about one of the values alone."""
        rows = (self.rows[number] for number in clause.atoms)
        return any(len(row.values) == 1 and row.values[0] in values for row in rows)

    def cuts(self, clause: Clause) -> list[tuple[int, float, float]]:
        """What the clause's atoms on single values say: (value, low, high), rounded outwards."""
        found = []
        for number in clause.atoms:
            row = self.rows[number]
            if len(row.values) != 1:
                continue
            factor, bound = row.factors[0], -row.constant / row.factors[0]
            low = below(bound) if factor < 0 or row.free else -np.inf
            high = above(bound) if factor > 0 or row.free else np.inf
            found.append((row.values[0], low, high))
        return found


def problem_of(query: Query, pause: Pause = never) -> Problem:
    """The query's unsafe set in clauses; `pause` is called now and then."""
    rows: list[Row] = [row_of(atom) for atom in query.domain]
    top = _clause((And(query.unsafe.parts),), rows, pause, tuple(range(len(rows))))
    return _problem(query.network, rows, top, pause)


def problem_at(network: Network, path: tuple[Row, ...], ors: tuple[Or, ...]) -> Problem:
    """What is left at a leaf: the rows of its path, and the disjunctions still open there.

    Rows on a single input are left out of the top clause: the leaf's box says the same.
    """
    rows = list(path)
    inputs = set(network.input_values)
    kept = [
        number
        for number, row in enumerate(path)
        if row.values and not (len(row.values) == 1 and row.values[0] in inputs and not row.free)
    ]
    alternatives = tuple(_alternatives(part, rows) for part in ors)
    return _problem(network, rows, Clause(tuple(kept), alternatives))


def _problem(network: Network, rows: list[Row], top: Clause, pause: Pause = never) -> Problem:
    forms: dict[int, Array] = {}
    for number, row in enumerate(rows):
        pause()
        for value, factor in zip(row.values, row.factors, strict=True):
            node, index = network.owner(value)
            if node not in forms:
                forms[node] = np.zeros((len(rows), network.sizes[node]))
            forms[node][number, index] = nearest(factor)
    constant = np.array([nearest(row.constant) for row in rows])
    return Problem(network, tuple(rows), top, forms, constant)


def _clause(
    parts: tuple[Formula, ...], rows: list[Row], pause: Pause = never, first: tuple[int, ...] = ()
) -> Clause:
    """The clause of a conjunction; nesting is at most as deep as a query may be."""
    pause()
    here, ors = spread(parts)
    numbers = tuple(range(len(rows), len(rows) + len(here)))
    rows += here
    return Clause(first + numbers, tuple(_alternatives(part, rows, pause) for part in ors))


def _alternatives(part: Or, rows: list[Row], pause: Pause = never) -> tuple[Clause, ...]:
    return tuple(_clause((child,), rows, pause) for child in part.parts)
