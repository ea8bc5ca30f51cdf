"""Contexts and rows: what is true on the path to a tree node, and forms made from it.

May import: numpy, python-flint, bound, lines, certificate, query. Must not know: trees.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from flint import fmpq

from verifai.kernel import hints
from verifai.kernel.arithmetic import Ends, plain
from verifai.kernel.bound import Forms, Root
from verifai.kernel.errors import Rejection
from verifai.kernel.files.certificate import SLOPE, Proof
from verifai.kernel.lines import Lines, intercepts, vanishes
from verifai.kernel.network import Affine, Input, Pwl
from verifai.kernel.number import exact
from verifai.kernel.operator import Array
from verifai.kernel.query import And, Atom, Formula, Or, Relation


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


class Context(NamedTuple):
    """What is true at a tree node that is still to be visited.

    Attributes:
        position: of the tree node.
        low, high: float64 ends of all values, (N,); shared with other contexts, never written.
        cuts: values with new ends, which the intervals do not hold yet.
        rows: the rows of the path, as places in the ledger's table.
        ors: the open disjunctions.
        depth: of the tree node.
        is_empty: whether no point is on the path, whatever else is said here.
    """

    position: int
    low: Array
    high: Array
    cuts: tuple[tuple[int, float, float], ...]
    rows: tuple[int, ...]
    ors: tuple[Or, ...]
    depth: int
    is_empty: bool


def stack(contexts: list[Context]) -> Ends:
    """The ends of all contexts, (contexts, N) each."""
    return np.stack([c.low for c in contexts]), np.stack([c.high for c in contexts])


@dataclass(slots=True)
class Contexts:
    """The intervals of several contexts, each with its multipliers' slopes, for LB.

    Whoever writes into the intervals of a node's values calls `forget`, or drops `known`, before
    the next LB.

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
    known: dict[int, Lines] | None = None

    def ends(self, node: int) -> Ends:
        """Intervals of a node's values in the arithmetic's numbers."""
        return self.root.ends(node, self.low, self.high)

    def lines(self, node: int) -> Lines:
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

    def _lines(self, i: int) -> Lines:
        root, node = self.root, self.root.network.nodes[i]
        if isinstance(node, Input | Affine):
            raise TypeError(f"node {node.name!r} is linear")
        floats = [(self.low[:, root.values(s)], self.high[:, root.values(s)]) for s in node.sources]
        if isinstance(node, Pwl) and root.ar.rounds and len(node.anchor) == 1:
            return self._few_lines(i, node, *floats[0])
        shape, proposed = floats[0][0].shape, hints.slopes(node, floats, self._codes(i))
        slopes = self._explicit(i, [plain(s, shape) for s in proposed])
        ends, lifted = [self.ends(s) for s in node.sources], tuple(map(root.ar.lift, slopes))
        return intercepts(node, root.machine.shapes.get(i), ends, lifted, root.ar)

    def _few_lines(self, i: int, node: Pwl, l: Array, u: Array) -> Lines:
        """As `_lines`, computed only where the function is not 0 on its interval."""
        root, codes = self.root, self._codes(i)
        most = np.flatnonzero(~vanishes(node, l, u))
        few = l.reshape(-1)[most], u.reshape(-1)[most]
        codes = None if codes is None else codes.reshape(-1)[most]
        proposed = (plain(s, most.shape) for s in hints.slopes(node, [few], codes))
        slopes = self._explicit(i, [_scattered(l.shape, most, s) for s in proposed])
        touched = [s.reshape(-1) != 0 for s in slopes]
        if any(t.sum() != t[most].sum() for t in touched):  # a slope is given where all is 0
            return intercepts(node, root.machine.shapes[i], [(l, u)], tuple(slopes), root.ar)
        pair = tuple(s.reshape(-1)[most] for s in slopes)
        lines = intercepts(node, root.machine.shapes[i], [few], pair, root.ar)
        below, above = (_scattered(l.shape, most, a) for a in (lines.below, lines.above))
        is_zero = np.ones(l.size, dtype=bool)
        is_zero[most] = False
        return Lines((slopes[0],), below, (slopes[1],), above, is_zero.reshape(l.shape))

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

    def _explicit(self, i: int, slopes: list[Array]) -> list[Array]:
        """The slopes, changed where blocks give some for single values."""
        proof, start = self.proof, self.proof.block_start
        where = self.root.values(i)
        for s, block in enumerate(self.blocks.tolist()):
            if block < 0 or not proof.sloped[block]:
                continue
            part = slice(start[block], start[block + 1])
            kinds, values = proof.entry_kind[part], proof.entry_index[part]
            here = (kinds >= SLOPE) & (values >= where.start) & (values < where.stop)
            places = kinds[here] - SLOPE
            if (places >= len(slopes)).any():
                raise Rejection("range", "a slope of a product given for a value that is none")
            for value, place, slope in zip(
                values[here], places, proof.entry_number[part][here], strict=True
            ):
                slopes[place][s, value - where.start] = slope
        return slopes


def _scattered(shape: tuple[int, ...], places: Array, items: Array) -> Array:
    """Items at their places, 0 elsewhere."""
    result = np.zeros(math.prod(shape))
    result[places] = items
    return result.reshape(shape)


class FormBuilder:
    """Collects the terms of M forms, whose rationals become the arithmetic's numbers."""

    def __init__(self, root: Root, count: int) -> None:
        self.root, self.count = root, count
        self.single: tuple[Array, Array, Array] | None = None
        self.terms: list[tuple[int, int, fmpq]] = []
        self.constants: list[tuple[int, fmpq]] = []

    def units(self, rows: Array, values: Array, signs: Array) -> None:
        """Adds ±value to forms, called at most once; exact if nothing else is added.

        Args:
            rows: the forms, no one twice.
            values: of each.
            signs: 1 or -1 for each.
        """
        self.single = rows, values, signs

    def term(self, form: int, value: int, factor: fmpq) -> None:
        """Adds factor·value to a form."""
        self.terms.append((form, value, factor))

    def plus(self, form: int, constant: fmpq) -> None:
        """Adds a constant to a form."""
        self.constants.append((form, constant))

    def row(self, form: int, factor: fmpq, row: Row) -> None:
        """Adds factor·row to a form."""
        for value, c in zip(row.values, row.factors, strict=True):
            self.term(form, value, factor * c)
        self.plus(form, factor * row.constant)

    def build(self) -> Forms:
        """The forms with their rounding so far."""
        root, ar = self.root, self.root.ar
        zero = ar.zeros(1, self.count)[0]
        if self.single is not None and not self.terms and not self.constants:
            places, singles, signs = self.single
            if (places == np.arange(self.count)).all():
                return Forms({}, zero, zero, (singles, signs))
        rows, values = (np.array([t[k] for t in self.terms], dtype=np.int64) for k in (0, 1))
        factors = ar.rationals([t[2] for t in self.terms])
        if self.single is not None:
            places, singles, signs = self.single
            rows, values = np.concatenate([rows, places]), np.concatenate([values, singles])
            factors = np.concatenate([factors, ar.lift(signs)])
        at = np.array([row for row, _ in self.constants], dtype=np.int64)
        numbers = ar.rationals([c for _, c in self.constants])
        constant, magnitudes = zero.copy(), np.concatenate([root.magnitude[values], at * 0 + 1.0])
        np.add.at(constant, at, numbers)
        both = np.concatenate([rows, at]), np.concatenate([factors, numbers])
        error = ar.formed(*both, magnitudes, zero)
        return Forms(self._matrices(rows, values, factors), constant, error)

    def _matrices(self, rows: Array, values: Array, factors: Array) -> dict[int, Array]:
        """Coefficient matrices of every node that the terms touch."""
        root, offsets = self.root, np.array(self.root.network.offsets)
        owners = np.searchsorted(offsets, values, side="right") - 1
        coefficients = {}
        for node in sorted(set(owners.tolist())):
            here = owners == node
            matrix = root.ar.zeros(self.count, root.network.sizes[node])
            np.add.at(matrix, (rows[here], values[here] - offsets[node]), factors[here])
            coefficients[node] = matrix
        return coefficients


def multiplied(factor: float, row: Row) -> fmpq:
    """The multiplier of a row as a rational; Rejection if its sign is not allowed."""
    if not (factor >= 0 or row.free):
        raise Rejection("multiplier", "a negative multiplier of a row that is no equality")
    return exact(factor)
