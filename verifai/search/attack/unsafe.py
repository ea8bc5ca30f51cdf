"""The unsafe formula in floats: how far it holds at many points, and what would make it hold.

May import: numpy, kernel, bounds. Must not know: how points are found, certificates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from verifai.bounds.maps import Array, Indices, Mask
from verifai.kernel.arithmetic import Pause, never
from verifai.kernel.number import nearest
from verifai.kernel.query import And, Atom, Formula, Or, Query, Relation

TOLERANCE = 1e-9  # how far from zero an equality may be, relative to the size of its terms


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """An `And` or `Or` of atoms (by number) and of further parts."""

    is_or: bool
    atoms: Indices
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Unsafe:
    """A query's unsafe formula and domain rows; its atoms are numbered.

    Attributes:
        forms: coefficients of all atoms (A, n), by node.
        constant: of all atoms, (A,).
        equal: which atoms are equalities.
        tree: how the atoms are combined; the domain's rows are conjuncts at the top.
        atoms: themselves.
    """

    forms: Mapping[int, Array]
    constant: Array
    equal: Mask
    tree: Part
    atoms: tuple[Atom, ...]

    def scores(self, values: Sequence[Array]) -> Array:
        """How far each atom holds at points with these values of all nodes: (B, A).

        Negative where it does not; at most 0, up to the tolerance, for an equality.
        """
        rows = len(values[next(iter(self.forms))]) if self.forms else 1
        total = np.tile(self.constant, (rows, 1))
        size = np.abs(total)
        for node, a in self.forms.items():
            total += values[node] @ a.T
            if self.equal.any():
                size += np.abs(values[node]) @ np.abs(a).T
        result = -total
        allowed = TOLERANCE * size[:, self.equal]
        result[:, self.equal] = np.minimum(allowed - np.abs(total[:, self.equal]), 0)
        return result

    def margins(self, values: Sequence[Array]) -> Array:
        """How far the whole formula holds at each point, (B,); it does where not negative."""
        return self.judge(self.scores(values))[0]

    def judge(self, scores: Array) -> tuple[Array, Mask]:
        """Margins (B,), and the atoms that decide: all of an `And`, the best part of an `Or`."""
        active = np.zeros(scores.shape, bool)
        margins = _judge(self.tree, scores, active)
        return margins, active

    def seeds(self, weights: Array, signs: Array) -> dict[int, Array]:
        """Coefficients on nodes of Σ weights·scores, (B, n) by node."""
        return {node: -(weights * signs) @ a for node, a in self.forms.items()}


def _judge(part: Part, scores: Array, active: Mask) -> Array:
    """The margins of one part; marks in `active` the atoms that decide it."""
    rows = np.arange(len(scores))
    columns = [scores[:, part.atoms]]
    marks = []
    for child in part.parts:
        marks.append(np.zeros(scores.shape, bool))
        columns.append(_judge(child, scores, marks[-1])[:, None])
    table = np.concatenate(columns, axis=1)
    if not part.is_or:
        active[:, part.atoms] = True
        for mark in marks:
            active |= mark
        return np.asarray(table.min(axis=1, initial=np.inf))
    best = table.argmax(axis=1)
    direct = best < len(part.atoms)
    active[rows[direct], part.atoms[best[direct]]] = True
    for k, mark in enumerate(marks):
        chosen = best == len(part.atoms) + k
        active[chosen] |= mark[chosen]
    return np.asarray(table[rows, best])


def compile_unsafe(query: Query, pause: Pause = never) -> Unsafe:
    """The query's unsafe formula and domain rows in floats; `pause` is called now and then."""
    atoms: list[Atom] = []
    tree = _part(And((*query.domain, *query.unsafe.parts)), atoms)
    network, forms = query.network, dict[int, Array]()
    for row, atom in enumerate(atoms):
        pause()
        for value, coefficient in atom.terms:
            node, index = network.owner(value)
            if node not in forms:
                forms[node] = np.zeros((len(atoms), network.sizes[node]))
            forms[node][row, index] = nearest(coefficient)
    constant = np.array([nearest(atom.constant) for atom in atoms], dtype=np.float64)
    equal = np.array([atom.relation is Relation.EQUAL for atom in atoms], dtype=bool)
    return Unsafe(forms, constant, equal, tree, tuple(atoms))


def _part(formula: Formula, atoms: list[Atom]) -> Part:
    """The formula with its atoms numbered on from those in the list, which grows."""
    parts = (formula,) if isinstance(formula, Atom) else formula.parts
    numbers, below = list[int](), list[Part]()
    for part in parts:
        if isinstance(part, Atom):
            numbers.append(len(atoms))
            atoms.append(part)
        else:
            below.append(_part(part, atoms))
    return Part(isinstance(formula, Or), np.array(numbers, dtype=np.int64), tuple(below))
