"""A query's network on many points at once, in floating point: for drawings, it proves nothing.

May import: numpy, kernel, bounds. Must not know: what is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from verifai.bounds.compiled import compile_network
from verifai.kernel.number import nearest
from verifai.kernel.operator import Array
from verifai.kernel.query import And, Atom, Formula, Query, Relation

MAX_VALUES = 1 << 22  # of a network on a whole grid


class Evaluator:
    """A query's network on many points at once."""

    def __init__(self, query: Query) -> None:
        """Prepares the network."""
        self.query, self.network = query, query.network
        self.compiled = compile_network(query.network)

    def values(self, points: Array) -> Array:
        """All values of the network, (points, N)."""
        with np.errstate(all="ignore"):
            return np.concatenate(self.compiled.forward(points), axis=1)

    def batches(self, points: Array, columns: Sequence[int]) -> tuple[Array, Array]:
        """Some values, and by how much the property is violated, of many points."""
        size = max(1, MAX_VALUES // 8 // self.network.offsets[-1])
        kept, margins = [], []
        for start in range(0, len(points), size):
            values = self.values(points[start : start + size])
            kept.append(values[:, list(columns)])
            margins.append(margin(self.query.unsafe, values))
        return np.concatenate(kept), np.concatenate(margins)

    def slope(self, point: Array) -> Array:
        """The gradient of the violation at a point: of the atom that decides it."""
        values = self.compiled.forward(point[None])
        flat = np.concatenate(values, axis=1)
        atom = _deciding(self.query.unsafe, flat)
        seeds: dict[int, Array] = {}
        for value, factor in atom.terms if atom is not None else ():
            node, index = self.network.owner(value)
            seed = seeds.setdefault(node, np.zeros((1, self.network.sizes[node])))
            seed[0, index] -= nearest(factor)
        return np.asarray(self.compiled.gradient(values, seeds)[0])


def margin(formula: Formula, values: Array) -> Array:
    """How far the unsafe formula holds at each point, positive where it does; (points,)."""
    if isinstance(formula, Atom):
        return -_form(formula, values)
    each = [margin(part, values) for part in formula.parts]
    if not each:
        return np.full(len(values), np.inf)
    pick = np.minimum if isinstance(formula, And) else np.maximum
    return np.asarray(pick.reduce(each))


def _form(atom: Atom, values: Array) -> Array:
    total = np.full(len(values), nearest(atom.constant))
    for value, factor in atom.terms:
        total = total + nearest(factor) * values[:, value]
    return abs(total) if atom.relation is Relation.EQUAL else total


def _deciding(formula: Formula, values: Array) -> Atom | None:
    """The atom that the margin at one point is that of."""
    while not isinstance(formula, Atom):
        if not formula.parts:
            return None
        pick = min if isinstance(formula, And) else max
        formula = pick(formula.parts, key=lambda part: float(margin(part, values)[0]))
    return formula


def compares_outputs(query: Query) -> bool:
    """Whether the property compares outputs with each other, as robustness does."""
    outputs = set(query.network.output_values)
    todo: list[Formula] = [query.unsafe]
    while todo:
        part = todo.pop()
        if not isinstance(part, Atom):
            todo += part.parts
        elif len(part.terms) != 2 or not {v for v, _ in part.terms} <= outputs:
            return False
    return True
