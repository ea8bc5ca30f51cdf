"""A subproblem's linear program over its inputs and unstable neurons alone, kept for the next one.

Stable neurons are substituted away once; a split then changes ends only, so that the dual simplex
method goes on where it was. Duals become multipliers, slopes and weights.
Source: Ehlers 2017 (the relaxation); Achterberg, Koch, Martin 2005 (branching on pseudo-costs).

May import: numpy, bounds, solvers, budget. Must not know: trees, records, processes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from verifai.bounds.compiled import Compiled
from verifai.bounds.dual import Rows
from verifai.bounds.interval import Bounds
from verifai.bounds.maps import Array, Indices
from verifai.kernel.network import Affine, Input, Pwl
from verifai.search.budget import unhurried
from verifai.solvers.linear_program import Optimum, Simplex, SparseRows

SMALL = 1e-12
MOST_ENTRIES = 3_000_000  # of the rows, zeros included, beyond which a solve takes seconds
EMPTY = 1e-9  # intervals whose ends cross by less do not count as empty


@dataclass(frozen=True, slots=True, eq=False)
class Duals:
    """What refutes a subproblem, or bounds it.

    Attributes:
        value: the bound, as far as the solver can be believed.
        weights: of the rows, (K,).
        multipliers: of the unstable neurons' intervals, as `Point` has them, (m,).
        slopes: lower slopes of the unstable neurons, NaN where they do not matter, (m,).
    """

    value: float
    weights: Array
    multipliers: Array
    slopes: Array


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """The neurons that are unstable in the whole problem, m of them in topological order.

    Attributes:
        node: each neuron's piecewise-linear node.
        source: the node of its pre-activation.
        index: its place in both.
    """

    node: Indices
    source: Indices
    index: Indices

    def __len__(self) -> int:
        return len(self.node)

    def ends(self, bounds: Bounds) -> tuple[Array, Array]:
        """Lower and upper ends of the pre-activations, (B, m) each."""
        sides = []
        for side in (bounds.lower, bounds.upper):
            found = np.zeros((len(bounds), len(self)))
            for source in np.unique(self.source).tolist():
                here = np.flatnonzero(self.source == source)
                found[:, here] = side[source][:, self.index[here]]
            sides.append(found)
        return sides[0], sides[1]


def units_of(compiled: Compiled, bounds: Bounds) -> Units:
    """The neurons that are unstable in one box."""
    empty = np.zeros(0, dtype=np.int64)
    parts = [(empty, empty, empty)]
    for node, pieces in compiled.pieces.items():
        low, high = bounds.lower[pieces.source][0], bounds.upper[pieces.source][0]
        index = np.flatnonzero((low < 0) & (high > 0))
        parts.append((np.full(len(index), node), np.full(len(index), pieces.source), index))
    columns = zip(*parts, strict=True)
    return Units(*(np.concatenate(c).astype(np.int64) for c in columns))


def is_reducible(compiled: Compiled, units: Units) -> bool:
    """Whether all nonlinear nodes are ReLUs, and few enough of their neurons unstable."""
    relus = all(pieces.is_relu for pieces in compiled.pieces.values())
    inputs = compiled.width
    entries = len(units) * (inputs + len(units) / 2)
    return relus and not compiled.is_curved and len(units) > 0 and entries <= MOST_ENTRIES


@dataclass(frozen=True, slots=True, eq=False)
class Substituted:
    """A network over one box in terms of its inputs and unstable neurons, `width` in all.

    Attributes:
        units: the unstable neurons.
        dense, bias: their pre-activations, (m, width) and (m,).
        forms: the nodes that rows read, (width + 1, n), constants last.
    """

    units: Units
    dense: Array
    bias: Array
    forms: dict[int, Array]


def substitute(
    compiled: Compiled, bounds: Bounds, units: Units, nodes: Iterable[int]
) -> Substituted:
    """Stable neurons of one box substituted away; `nodes` are those that rows read."""
    forms = _expressions(compiled, bounds, units)
    width = compiled.width + len(units)
    dense, bias = np.zeros((len(units), width)), np.zeros(len(units))
    for source in np.unique(units.source).tolist():
        here = np.flatnonzero(units.source == source)
        dense[here] = forms[source][:width, units.index[here]].T
        bias[here] = forms[source][width, units.index[here]]
    return Substituted(units, dense, bias, {i: forms[i] for i in nodes})


class Reduced:
    """The program of one conjunction of rows: minimise the greatest of them.

    Columns: the inputs, the m neurons' values z, their pre-activations y, and the program's value.
    Rows: y in terms of inputs and z; z ≥ y; z ≤ chord; each unsafe row ≤ the value.
    """

    def __init__(
        self,
        compiled: Compiled,
        substituted: Substituted,
        rows: Rows,
        left: Callable[[], float] = unhurried,
    ) -> None:
        """The program for regions inside one box.

        Args:
            compiled: a network whose nonlinear nodes are ReLUs.
            substituted: its nodes in terms of inputs and unstable neurons.
            rows: K rows, alike for all boxes, on nodes that are substituted.
            left: how many seconds a solve may take.
        """
        self.units, self.count = substituted.units, len(substituted.units)
        self.inputs = compiled.width
        self.input_nodes = compiled.inputs
        self.dense, self.bias = substituted.dense, substituted.bias
        width, m = self.dense.shape[1], self.count
        goal, self.constant = np.zeros((rows.count, width)), rows.constant.astype(np.float64)
        for node, a in rows.forms.items():
            goal += a @ substituted.forms[node][:width].T
            self.constant = self.constant + a @ substituted.forms[node][width]
        self.goal = goal
        cost = np.zeros(width + m + 1)
        cost[-1] = 1
        self.simplex = Simplex(cost, self._matrix(), left)
        self.slopes = np.ones(m)

    @property
    def _y(self) -> int:
        """The first pre-activation's column."""
        return self.inputs + self.count

    def _matrix(self) -> SparseRows:
        m, z, y = self.count, self.inputs, self._y
        columns, factors = list[Indices](), list[Array]()

        def add(column: Indices, factor: Array) -> None:
            columns.append(column)
            factors.append(factor)

        for j in range(m):
            used = np.flatnonzero(self.dense[j])
            add(np.append(used, y + j), np.append(-self.dense[j, used], 1.0))
        for factor in (-1.0, -1.0):  # of z - y; z - slope·y
            for j in range(m):
                add(np.array([z + j, y + j]), np.array([1.0, factor]))
        for a in self.goal:
            used = np.flatnonzero(a)
            add(np.append(used, y + m), np.append(a[used], -1.0))
        start = np.concatenate([[0], np.cumsum([len(c) for c in columns])])
        return SparseRows(start, np.concatenate(columns), np.concatenate(factors))

    def enter(self, bounds: Bounds) -> tuple[Array, Array] | None:
        """Sets the ends of one region; its neurons' ends, or None where they exclude each other."""
        (low,), (high,) = self.units.ends(bounds)
        if (low > high + EMPTY * np.maximum(1, np.abs(low))).any():
            return None
        high = np.maximum(low, high)
        m, is_open = self.count, (low < 0) & (high > 0)
        active, free = low >= 0, np.full(self.count, math.inf)
        slope = np.where(is_open, high / np.where(is_open, high - low, 1), 1.0)
        for j in np.flatnonzero(is_open & (slope != self.slopes)).tolist():
            self.simplex.set_factor(2 * m + j, self._y + j, -float(slope[j]))
            self.slopes[j] = slope[j]
        dead = ~is_open & ~active
        chord = np.where(is_open, -slope * low, math.inf)
        self.simplex.set_rows(
            np.concatenate(
                [self.bias, np.where(dead, -free, 0), -free, np.full(len(self.goal), -math.inf)]
            ),
            np.concatenate([self.bias, np.where(active, 0, free), chord, -self.constant]),
        )
        box = [
            np.concatenate([s[i][0] for i in self.input_nodes])
            for s in (bounds.lower, bounds.upper)
        ]
        end = np.array([math.inf])
        self.simplex.set_columns(
            np.concatenate([box[0], np.where(active, -free, 0), low, -end]),
            np.concatenate([box[1], np.where(dead, 0, free), high, end]),
        )
        return low, high

    def fix(self, neuron: int, low: float, high: float, *, active: bool) -> None:
        """Makes an open neuron active, or inactive, with these ends before it."""
        m = self.count
        ends = (0.0, high) if active else (low, 0.0)
        self.simplex.set_column(self._y + neuron, *ends)
        self.simplex.set_row(2 * m + neuron, -math.inf, math.inf)
        if active:
            self.simplex.set_column(self.inputs + neuron, -math.inf, math.inf)
            self.simplex.set_row(m + neuron, 0.0, 0.0)
        else:
            self.simplex.set_column(self.inputs + neuron, 0.0, 0.0)
            self.simplex.set_row(m + neuron, -math.inf, math.inf)

    def loosen(self, neuron: int, low: float, high: float) -> None:
        """Undoes `fix`."""
        m = self.count
        self.simplex.set_column(self._y + neuron, low, high)
        self.simplex.set_row(2 * m + neuron, -math.inf, -float(self.slopes[neuron]) * low)
        self.simplex.set_column(self.inputs + neuron, 0.0, math.inf)
        self.simplex.set_row(m + neuron, 0.0, math.inf)

    def hold(self, *, is_held: bool) -> None:
        """Makes the unsafe rows premises and the cost zero, or the cost what it was."""
        column = self._y + self.count
        self.simplex.set_cost(column, 0.0 if is_held else 1.0)
        self.simplex.set_column(column, -math.inf, 0.0 if is_held else math.inf)

    def aim(self, neuron: int, factor: float) -> None:
        """The cost of a neuron's pre-activation."""
        self.simplex.set_cost(self._y + neuron, factor)

    def heights(self) -> Array:
        """The pre-activations at the solution just found, (m,)."""
        return self.simplex.point()[self._y : self._y + self.count]

    def gaps(self, point: Array) -> Array:
        """How far each neuron's value exceeds its function at a solution, (m,)."""
        z, y = point[self.inputs : self._y], point[self._y : self._y + self.count]
        return np.asarray(np.maximum(z - np.maximum(y, 0), 0))

    def pulls(self, optimum: Optimum) -> Array:
        """How fast the program's value rises as each neuron's chord is lowered, (m,)."""
        return np.maximum(-optimum.row_duals[2 * self.count : 3 * self.count], 0)

    def duals(self) -> Duals:
        """Of the optimum just found."""
        found = self.simplex.optimum()
        return self._duals(found.value, found.row_duals, found.reduced)

    def proofs_of(self, ray: Array | None) -> tuple[Duals, ...]:
        """Of a proof that a region is empty, if any, whose sign is not known: both."""
        size = 0.0 if ray is None else np.abs(ray).max(initial=0.0)
        if ray is None or not size > 0 or not np.isfinite(size):
            return ()
        return tuple(self._duals(math.inf, r, self._reduced(r)) for r in (ray / size, -ray / size))

    def _reduced(self, rows: Array) -> Array:
        """What the rows' multipliers leave of a cost of zero, for every column."""
        m, width = self.count, self._y
        define, low, chord, goal = np.split(rows, [m, 2 * m, 3 * m])
        total = np.zeros(width + m + 1)
        total[:width] = define @ self.dense - goal @ self.goal
        total[self.inputs : width] -= low + chord
        total[width : width + m] = -define + low + self.slopes * chord
        total[-1] = goal.sum()
        return total

    def _duals(self, value: float, rows: Array, reduced: Array) -> Duals:
        m = self.count
        weights = np.maximum(-rows[3 * m :], 0)
        multipliers = -reduced[self._y : self._y + m]
        up, flat = np.maximum(rows[m : 2 * m], 0), np.maximum(reduced[self.inputs : self._y], 0)
        total = up + flat
        slopes = np.where(total > SMALL, up / np.where(total > SMALL, total, 1), np.nan)
        return Duals(value, weights, np.where(np.abs(multipliers) > SMALL, multipliers, 0), slopes)


def _expressions(compiled: Compiled, bounds: Bounds, units: Units) -> list[Array]:
    """Every node in terms of inputs and unstable neurons: (inputs + m + 1, n), constants last."""
    inputs = compiled.width
    width, first, found = inputs + len(units), 0, list[Array]()
    for i, node in enumerate(compiled.network.nodes):
        size = compiled.sizes[i]
        form = np.zeros((width + 1, size))
        if isinstance(node, Input):
            form[first + np.arange(size), np.arange(size)] = 1
            first += size
        elif isinstance(node, Affine):
            data = compiled.linear[i]
            for source, a_map in data.terms:
                form = form + a_map.push(found[source])
            form = form if data.scale is None else form * data.scale
            form[width] += data.bias
        else:
            assert isinstance(node, Pwl)
            form = found[node.source] * (bounds.upper[node.source][0] > 0)
            here = np.flatnonzero(units.node == i)
            form[:, units.index[here]] = 0
            form[inputs + here, units.index[here]] = 1
        found.append(form)
    return found
