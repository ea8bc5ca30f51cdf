"""Comparisons of results of rising functions: of their arguments, which are in the same order.

Softmax, its logarithm, sigmoid, tanh and the like keep the order of what they read. Where the
unsafe formula only compares their results, it is about the order of their arguments, which need no
exponentials and no margin. Nothing is taken from a file: every step is read off the nodes, and is
an equivalence. y_i ≤ y_j if and only if x_i ≤ x_j

- for y = f(x), f rising everywhere (sigmoid, tanh, exp, erf; piecewise linear with slopes above 0);
- for y = min(x, c) where x_i ≤ c and x_j ≤ c, because x is an entry less the maximum of several;
- where y_i - y_j is a positive multiple of x_i - x_j for all values of the network.

May import: python-flint, kernel, reading. Must not know: files, properties, how a query is
decided.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from typing import TypeVar

import numpy as np
from flint import fmpq

from verifai.graph.formulas import atom
from verifai.graph.reading import is_function
from verifai.kernel.functions import SMOOTH
from verifai.kernel.network import Affine, Network, Pwl, Smooth
from verifai.kernel.number import exact
from verifai.kernel.operator import Gather
from verifai.kernel.query import And, Atom, Formula, Or, Query

LINE = np.array([-np.inf, np.inf])
RISING = frozenset(  # on the whole line
    name for name, row in SMOOTH.items() if row.trend > 0 and row.is_defined(*LINE)
)
MOST_TERMS = 16  # of a difference that is rewritten
MOST_STEPS = 256  # of one comparison
Linear = tuple[dict[int, fmpq], fmpq]
Pair = tuple[int, int]
Asked = TypeVar("Asked", bound=Query)


def by_order(query: Asked) -> Asked:
    """The query with comparisons of values as those of what they were made of in the same order.

    It is the same query where there is none, where a value so compared is spoken of otherwise too,
    or where the network rounds (rounding makes ties). The formula as it was stays in `stated`.
    """
    if not is_function(query.network) or query.stated is not None:
        return query
    order, others = Order(query.network), set[int]()
    replaced: dict[Atom, Atom] = {}
    for part in _atoms(query.unsafe):
        found = None if part in replaced else order.rewritten(part)
        if found is not None:
            replaced[part] = found
        elif part not in replaced:
            others.update(order.node(value) for value, _ in part.terms)
    if not replaced or any(order.node(v) in others for part in replaced for v, _ in part.terms):
        return query
    unsafe = And(tuple(_replaced(part, replaced) for part in query.unsafe.parts))
    return replace(query, unsafe=unsafe, stated=query.unsafe)


def _atoms(formula: Formula) -> list[Atom]:
    found, todo = list[Atom](), [formula]
    while todo:
        part = todo.pop()
        if isinstance(part, Atom):
            found.append(part)
        else:
            todo += part.parts
    return found


def _replaced(formula: Formula, by: dict[Atom, Atom]) -> Formula:
    """The formula with other atoms; it is no deeper than a query may be."""
    if isinstance(formula, Atom):
        return by.get(formula, formula)
    kind = And if isinstance(formula, And) else Or
    return kind(tuple(_replaced(part, by) for part in formula.parts))


class Order:
    """Which values of a network are in the same order as which others."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._below: dict[int, frozenset[int]] = {}

    def node(self, value: int) -> int:
        """The node that a value belongs to."""
        return bisect_right(self._network.offsets, value) - 1

    def rewritten(self, part: Atom) -> Atom | None:
        """The comparison of the arguments in the place of one of results; None if it is none."""
        if part.constant != 0:
            return None
        pair = _pair(dict(part.terms))
        if pair is None:
            return None
        first, second = pair
        is_crossed = False
        for _ in range(MOST_STEPS):
            found = self._crossed(first, second)
            is_crossed = is_crossed or found is not None
            found = found or self._resolved(first, second)
            if found is None:
                break
            first, second = found
        if not is_crossed:
            return None
        return atom({first: fmpq(1), second: fmpq(-1)}, fmpq(0), part.relation)

    def _crossed(self, first: int, second: int) -> Pair | None:
        """The arguments of a rising function whose results these are."""
        (p, i), (q, j) = self.place(first), self.place(second)
        one, other = self._network.nodes[p], self._network.nodes[q]
        if isinstance(one, Smooth) and isinstance(other, Smooth):
            if one.function != other.function or one.function not in RISING:
                return None
        elif isinstance(one, Pwl) and isinstance(other, Pwl):
            shape = column(one, i)
            if shape != column(other, j) or not self._rises(shape, (one, i), (other, j)):
                return None
        else:
            return None
        offsets = self._network.offsets
        return offsets[one.source] + i, offsets[other.source] + j

    def _rises(
        self,
        shape: tuple[list[float], list[float], float],
        *results: tuple[Pwl, int],
    ) -> bool:
        """Whether a piecewise-linear function rises on all that its arguments can be."""
        knots, slopes, _ = shape
        if not all(slope > 0 for slope in slopes[:-1]):
            return False
        arguments = [self._network.offsets[node.source] + i for node, i in results]
        return slopes[-1] > 0 or (
            knots[-1] >= 0 and all(self._is_never_positive(value) for value in arguments)
        )

    def _resolved(self, first: int, second: int) -> Pair | None:
        """Two values whose difference is this one's by a positive factor, further back."""
        terms: dict[int, fmpq] = {first: fmpq(1), second: fmpq(-1)}
        for _ in range(MOST_STEPS):
            last = max(self.node(value) for value in terms)
            constant = fmpq(0)
            for value in [v for v in terms if self.node(v) == last]:
                row = self.row(value)
                if row is None:
                    return None
                factor = terms.pop(value)
                constant += factor * row[1]
                for source, c in row[0].items():
                    terms[source] = terms.get(source, fmpq(0)) + factor * c
            terms = {value: c for value, c in terms.items() if c != 0}
            if constant != 0 or not terms or len(terms) > MOST_TERMS:
                return None
            pair = _pair(terms)
            if pair is not None:
                return pair
        return None

    def _is_never_positive(self, value: int) -> bool:
        """Whether it is an entry less the maximum of several, that entry among them."""
        row = self.row(value)
        pair = None if row is None or row[1] != 0 else _pair(row[0])
        return pair is not None and pair[0] in self._at_most(pair[1])

    def _at_most(self, top: int) -> frozenset[int]:
        """Values that are never above this one: c + relu(a - c) is at least a and c."""
        if top not in self._below:
            found, todo = set[int](), [top]
            while todo:
                value = todo.pop()
                if value not in found:
                    found.add(value)
                    todo += self._parts(value)
            self._below[top] = frozenset(found)
        return self._below[top]

    def maximum_of(self, top: int) -> frozenset[int] | None:
        """The values of which this one is the greatest, as far back as that can be read off."""
        found, todo, seen = set[int](), [top], set[int]()
        while todo:
            value = todo.pop()
            if value in seen:
                continue
            seen.add(value)
            parts, row = self._parts(value), self.row(value)
            if len(parts) == 1 and (row is None or len(row[0]) != 1):
                return None  # only known to be at least that
            todo += parts
            found.update([] if parts else [value])
        return frozenset(found)

    def _parts(self, value: int) -> list[int]:
        """The value that this one is a copy of, or the two of which it is the maximum.

        Of base + relu(…), which is at least the base, the base alone.
        """
        row = self.row(value)
        if row is None or row[1] != 0 or any(c != 1 for c in row[0].values()):
            return []
        if len(row[0]) == 1:
            return list(row[0])
        if len(row[0]) != 2:
            return []
        for rise, base in (tuple(row[0]), tuple(row[0])[::-1]):
            node, i = self.place(rise)
            kind = self._network.nodes[node]
            if isinstance(kind, Pwl) and column(kind, i) == ([0.0], [0.0, 1.0], 0.0):
                inner = self.row(self._network.offsets[kind.source] + i)
                pair = None if inner is None or inner[1] != 0 else _pair(inner[0])
                if inner is not None and pair is not None and pair[1] == base:
                    return [base, pair[0]] if inner[0][base] == -1 else [base]
        return []

    def place(self, value: int) -> tuple[int, int]:
        """The node that a value belongs to, and its place there."""
        node = self.node(value)
        return node, value - self._network.offsets[node]

    def row(self, value: int) -> Linear | None:
        """The value as a sum of selected values and a constant; None if it is something else."""
        position, i = self.place(value)
        node = self._network.nodes[position]
        if not isinstance(node, Affine) or (node.radius is not None and node.radius[i] != 0):
            return None
        terms: dict[int, fmpq] = {}
        divisor = fmpq(1) if node.divisor is None else exact(float(node.divisor[i]))
        for source, operator in node.terms:
            if not isinstance(operator, Gather):
                return None
            index = int(operator.index[i])
            if index >= 0:
                read = self._network.offsets[source] + index
                factor = exact(float(operator.scale[i])) / divisor
                terms[read] = terms.get(read, fmpq(0)) + factor
        kept = {read: factor for read, factor in terms.items() if factor != 0}
        return kept, exact(float(node.bias[i])) / divisor


def _pair(terms: dict[int, fmpq]) -> Pair | None:
    """The two values of a positive multiple of a difference, the one with factor above 0 first."""
    if len(terms) != 2 or sum(terms.values(), fmpq(0)) != 0:
        return None
    (first, factor), (second, _) = terms.items()
    return (first, second) if factor > 0 else (second, first)


def column(node: Pwl, i: int) -> tuple[list[float], list[float], float]:
    """Knots, slopes and anchor of one value's function."""
    j = i if node.knots.shape[1] > 1 else 0
    return node.knots[:, j].tolist(), node.slopes[:, j].tolist(), float(node.anchor[j])
