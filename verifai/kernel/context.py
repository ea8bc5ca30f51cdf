"""Contexts and rows: what is true on the path to a tree node, and forms made from it.

May import: numpy, python-flint, bound, lines, certificate, query. Must not know: trees.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from flint import fmpq

from verifai.kernel.arithmetic import SLACK, UNIT
from verifai.kernel.bound import Forms, Root
from verifai.kernel.certificate import Proof
from verifai.kernel.errors import Rejection
from verifai.kernel.forward import Ends
from verifai.kernel.lines import (
    Lines,
    Planes,
    default_slopes,
    intercepts,
    is_settled,
    product_planes,
    product_slopes,
)
from verifai.kernel.network import Affine, Input, Node, Product, Pwl, Sign, Square
from verifai.kernel.number import exact
from verifai.kernel.operator import Array, Gather
from verifai.kernel.query import And, Atom, Formula, Or, Query, Relation


class Row(NamedTuple):
    """A linear form that is ≤ 0 (< 0 if strict, = 0 if free) on a context."""

    values: list[int]
    factors: list[fmpq]
    constant: fmpq
    strict: bool = False
    free: bool = False


def row_of(atom: Atom) -> Row:
    """The atom as a row."""
    terms = [(v, c) for v, c in atom.terms if c != 0]
    values, factors = [v for v, _ in terms], [c for _, c in terms]
    return Row(
        values,
        factors,
        atom.constant,
        atom.relation is Relation.LESS,
        atom.relation is Relation.EQUAL,
    )


def spread(formulas: tuple[Formula, ...]) -> tuple[list[Row], list[Or]]:
    """The atoms that a conjunction asserts, as rows, and its disjunctions, in order."""
    rows: list[Row] = []
    ors: list[Or] = []
    todo = list(reversed(formulas))
    while todo:
        part = todo.pop()
        if isinstance(part, And):
            todo += reversed(part.parts)
        elif isinstance(part, Or):
            ors.append(part)
        else:
            rows.append(row_of(part))
    return rows, ors


def integer_values(query: Query) -> Array:
    """Which values are integers at every input whose integer inputs are integers; (N,) bool."""
    net = query.network
    known = np.zeros(net.offsets[-1], dtype=bool)
    known[sorted(query.integers)] = True
    for i, node in enumerate(net.nodes):
        if isinstance(node, Input):
            continue
        sources = [known[net.offsets[s] : net.offsets[s + 1]] for s in node.sources]
        known[net.offsets[i] : net.offsets[i + 1]] = _is_integer(node, sources)
    return known


def _is_integer(node: Node, sources: list[Array]) -> Array:
    if isinstance(node, Square | Product):
        return np.asarray(np.logical_and.reduce(sources))
    if isinstance(node, Sign):
        return np.ones_like(sources[0])
    if isinstance(node, Pwl):
        data = np.concatenate([node.knots, node.slopes, node.anchor[None]])
        return np.asarray(sources[0] & (data == np.floor(data)).all(axis=0))
    if not isinstance(node, Affine) or node.radius is not None:
        return np.zeros(1, dtype=bool)
    result: Array = node.bias == np.floor(node.bias)
    if node.divisor is not None:
        result = result & (node.divisor == 1)
    for (_, op), known in zip(node.terms, sources, strict=True):
        array = op.scale if isinstance(op, Gather) else op.weight
        if not (array == np.floor(array)).all():
            return np.zeros(1, dtype=bool)
        result = result & (op.absolute().push(_Counting(), (~known)[None].astype(float))[0] == 0)
    return result


class _Counting:
    """Plain float64: enough to see whether any weight meets a value that is no integer."""

    def zeros(self, rows: int, columns: int) -> Array:
        return np.zeros((rows, columns))

    def lift(self, array: Array) -> Array:
        return np.asarray(array != 0, dtype=float)

    def matmul(self, left: Array, right: Array) -> Array:
        return np.asarray(left @ (right != 0))


@dataclass(slots=True)
class Scene:
    """Several sets of intervals, each with its multipliers' slopes; what `lower_bounds` asks.

    Attributes:
        low, high: float64 ends of all values, (sets, N).
        blocks: the block of every set, or -1; (sets,).
        pick: the set of every form, or None where form i belongs to set i.
    """

    root: Root
    proof: Proof
    low: Array
    high: Array
    blocks: Array
    pick: Array | None = None
    known: dict[int, Lines | Planes] | None = None

    def ends(self, node: int) -> Ends:
        """Intervals of a node's values in the arithmetic's numbers."""
        return self.root.ends(node, self.low, self.high)

    def lines(self, node: int) -> Lines | Planes:
        """The node's lines, by the blocks' slopes or the default ones; kept until `forget`."""
        if self.known is None:
            self.known = {}
        if node not in self.known:
            self.known[node] = self._lines(node)
        return self.known[node]

    def forget(self, node: int) -> None:
        """Drops the lines that depend on the node's intervals."""
        for user in list(self.known or {}):
            if node in self.root.network.nodes[user].sources and self.known:
                del self.known[user]

    def _lines(self, i: int) -> Lines | Planes:
        root, node = self.root, self.root.network.nodes[i]
        floats = [(self.low[:, root.values(s)], self.high[:, root.values(s)]) for s in node.sources]
        ends = [self.ends(s) for s in node.sources]
        if isinstance(node, Product):
            slopes = self._explicit(i, product_slopes(*floats))
            return product_planes(ends[0], ends[1], tuple(root.ar.lift(s) for s in slopes), root.ar)
        if isinstance(node, Input | Affine):
            raise TypeError(f"node {node.name!r} is linear")
        slopes = self._explicit(i, default_slopes(node, *floats[0], self._codes(i)))
        lifted = (root.ar.lift(slopes[0]), root.ar.lift(slopes[1]))
        return intercepts(node, root.machine.shapes.get(i), *ends[0], lifted, root.ar)

    def _codes(self, i: int) -> Array | None:
        """The codes of a piecewise-linear node's lower slopes, (sets, n), or None: all default."""
        nodes = self.root.network.nodes
        if not len(self.proof.codes) or not isinstance(nodes[i], Pwl):
            return None
        rows = np.where(self.blocks >= 0, self.proof.block_codes[self.blocks], -1)
        if (rows < 0).all():
            return None
        sizes = self.root.network.sizes
        start = sum(
            n for n, node in zip(sizes[:i], nodes[:i], strict=True) if isinstance(node, Pwl)
        )
        stop = start + sizes[i]
        return np.where(rows[:, None] >= 0, self.proof.codes[rows, start:stop], np.uint8(255))

    def _explicit(self, i: int, slopes: tuple[Array, ...]) -> tuple[Array, ...]:
        """The slopes with those that blocks give for single values in their place, all finite."""
        result = tuple(np.where(np.isfinite(s), s, 0.0) for s in slopes)
        start = self.proof.block_slope
        where = self.root.values(i)
        for s, block in enumerate(self.blocks.tolist()):
            if block < 0 or start[block] == start[block + 1]:
                continue
            part = slice(start[block], start[block + 1])
            values, places = self.proof.slope_value[part], self.proof.slope_place[part]
            here = (values >= where.start) & (values < where.stop)
            if (places[here] >= len(result)).any():
                raise Rejection("range", "a slope of a product given for a value that is none")
            for value, place, slope in zip(
                values[here], places[here], self.proof.slope[part][here], strict=True
            ):
                result[place][s, value - where.start] = slope
        return result


def settled(root: Root, node: int, low: Array, high: Array) -> Array:
    """Which values of a node need no better bounds: one piece of every use covers them.

    Args:
        root: the query in either arithmetic.
        node: whose values are asked about.
        low: lower ends of all values, (contexts, N).
        high: upper ends of all values, (contexts, N).

    Returns:
        (contexts, n) bool; all false where a use is no piecewise-linear node, or there is none.
    """
    l, u = low[:, root.values(node)], high[:, root.values(node)]
    users = [n for n in root.network.nodes if node in n.sources and not isinstance(n, Affine)]
    if not users or not all(isinstance(n, Pwl) for n in users):
        return np.zeros(l.shape, dtype=bool)
    uses = [is_settled(n, l, u) for n in users if isinstance(n, Pwl)]
    return np.asarray(np.logical_and.reduce(uses))


class FormBuilder:
    """Collects the terms of M forms, with the rounding of multipliers, into `Forms`."""

    def __init__(self, root: Root, count: int) -> None:
        self.root, self.count = root, count
        self.rows: list[Array] = []
        self.values: list[Array] = []
        self.factors: list[Array] = []
        self.constant = root.ar.zeros(1, count)[0]
        self.size = root.ar.zeros(1, count)[0]
        self.entries = 0

    def units(self, rows: Array, values: Array, signs: Array) -> None:
        """Adds ±value to the given forms, at most once a form; exact if nothing else is added."""
        if self.root.ar.rounds:
            self.size[rows] += self.root.magnitude[values]
        self.rows.append(rows)
        self.values.append(values)
        self.factors.append(self.root.ar.lift(signs))

    def term(self, form: int, value: int, factor: fmpq) -> None:
        """Adds factor·value to a form."""
        near, off = self.root.ar.rationals([factor])
        self.rows.append(np.array([form]))
        self.values.append(np.array([value]))
        self.factors.append(near)
        self.entries += 1
        if self.root.ar.rounds:
            magnitude = self.root.magnitude[value]
            self.size[form] += (abs(near[0]) + off[0] / UNIT) * magnitude

    def plus(self, form: int, constant: fmpq) -> None:
        """Adds a constant to a form."""
        near, off = self.root.ar.rationals([constant])
        self.constant[form] = self.constant[form] + near[0]
        self.entries += 1
        if self.root.ar.rounds:
            self.size[form] += abs(near[0]) + off[0] / UNIT + abs(self.constant[form])

    def row(self, form: int, factor: fmpq, row: Row) -> None:
        """Adds factor·row to a form."""
        for value, c in zip(row.values, row.factors, strict=True):
            self.term(form, value, factor * c)
        self.plus(form, factor * row.constant)

    def build(self) -> Forms:
        """The forms as coefficient matrices of every node that they touch."""
        root, offsets = self.root, np.array(self.root.network.offsets)
        rows, values, factors = (
            np.concatenate(a) if a else np.zeros(0) for a in (self.rows, self.values, self.factors)
        )
        owners = np.searchsorted(offsets, values, side="right") - 1
        coefficients = {}
        for node in sorted(set(owners.tolist())):
            here = owners == node
            matrix = root.ar.zeros(self.count, root.network.sizes[node])
            np.add.at(matrix, (rows[here], values[here] - offsets[node]), factors[here])
            coefficients[node] = matrix
        scale = (self.entries + 8) * UNIT * SLACK if root.ar.rounds and self.entries else 0
        error = self.size * scale
        return Forms(coefficients, self.constant, error)


def multiplied(factor: float, row: Row) -> fmpq:
    """The multiplier of a row as a rational; Rejection if its sign is not allowed."""
    if not (factor >= 0 or row.free):
        raise Rejection("multiplier", "a negative multiplier of a row that is no equality")
    return exact(factor)
