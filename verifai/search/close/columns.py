"""Which values of a network a linear program has columns for, and all others in terms of these.

Two choices: the inputs and the values that are unstable in one box, where these are few, so that
dense rows stay small; or every value, whose rows are as sparse as the network.

May import: numpy, bounds. Must not know: programs, trees, processes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from verifai.bounds.bands import BandMap
from verifai.bounds.compiled import Compiled
from verifai.bounds.dual import Rows
from verifai.bounds.interval import Bounds
from verifai.bounds.kinds.pieces import span
from verifai.bounds.maps import Array, ConvMap, Indices, Map
from verifai.kernel.network import Affine, Input

MOST_ENTRIES = 3_000_000  # of dense rows, zeros included, beyond which a solve takes seconds
NONE = np.zeros(0, dtype=np.int64)


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
    parts = [(NONE, NONE, NONE)]
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
class Columns:
    """The values that have columns: all inputs, `heads`, and `hidden`, in this order.

    Attributes:
        compiled: the network.
        heads: values of nonlinear nodes by node, bounded by lines over columns.
        hidden: values of others that nonlinear nodes read, or all, equal to their forms.
        at: every value's column, -1 where it has none, (N,).
        values: every column's value.
    """

    compiled: Compiled
    heads: Mapping[int, Indices]
    hidden: Mapping[int, Indices]
    at: Indices
    values: Indices

    @staticmethod
    def of(
        compiled: Compiled, heads: Mapping[int, Indices], hidden: Mapping[int, Indices]
    ) -> Columns:
        """Numbers the columns."""
        offsets = compiled.network.offsets
        whole = {i: np.arange(compiled.sizes[i]) for i in compiled.inputs}
        parts = [offsets[i] + k for part in (whole, heads, hidden) for i, k in part.items()]
        values, at = np.concatenate(parts), np.full(offsets[-1], -1)
        at[values] = np.arange(len(values))
        return Columns(compiled, heads, hidden, at, values)

    def __len__(self) -> int:
        return len(self.values)

    def of_node(self, node: int, index: Indices | None = None) -> Indices:
        """The columns of a node's values; None: of all that its form names."""
        if index is None and not self.is_whole(node):
            index = self.heads.get(node, NONE)
        first, end = self.compiled.network.offsets[node : node + 2]
        found: Indices = self.at[first:end] if index is None else self.at[first + index]
        return found

    def is_whole(self, node: int) -> bool:
        """Whether all values of a node have columns."""
        first, end = self.compiled.network.offsets[node : node + 2]
        return bool((self.at[first:end] >= 0).all())


def every_value(compiled: Compiled) -> Columns:
    """Columns for all values, whatever the kinds of nodes."""
    heads, hidden = dict[int, Indices](), dict[int, Indices]()
    for i, node in enumerate(compiled.network.nodes):
        if not isinstance(node, Input):
            (hidden if isinstance(node, Affine) else heads)[i] = np.arange(compiled.sizes[i])
    return Columns.of(compiled, heads, hidden)


def unstable_values(compiled: Compiled, units: Units) -> Columns:
    """Columns for the inputs, for unstable neurons and for what these read."""
    heads = {i: units.index[units.node == i] for i in np.unique(units.node).tolist()}
    hidden = dict[int, Indices]()
    for source in np.unique(units.source).tolist():
        if source not in compiled.inputs:
            index = np.unique(units.index[units.source == source])
            hidden[source] = np.setdiff1d(index, heads.get(source, NONE))
    return Columns.of(compiled, heads, hidden)


@dataclass(frozen=True, slots=True, eq=False)
class ColumnForm:
    """A node's values in terms of columns.

    Attributes:
        parts: factors of the columns of a node, (columns, n), by that node.
        constant: (n,).
    """

    parts: dict[int, Array]
    constant: Array


@dataclass(frozen=True, slots=True, eq=False)
class SparseEntries:
    """SparseEntries of sparse rows, in any order: their rows, columns and factors."""

    row: Indices
    column: Indices
    factor: Array


@dataclass(frozen=True, slots=True, eq=False)
class Substituted:
    """A network over one box in terms of its columns.

    Attributes:
        columns: the values that have some.
        bounds: of the box.
        definitions: a row for each hidden value: it less its form without constants, in order.
        constants: what each such row is, (h,).
        forms: of the nodes that rows read; None where all of a node's values have columns.
    """

    columns: Columns
    bounds: Bounds
    definitions: SparseEntries
    constants: Array
    forms: Mapping[int, ColumnForm | None]

    def rows(self, rows: Rows) -> tuple[SparseEntries, Array]:
        """Rows on nodes' values as rows on columns, and constants (K,)."""
        parts, constant = dict[int, Array](), rows.constant.astype(np.float64)
        for node, a in rows.forms.items():
            form = self.forms[node]
            pulled = {node: a} if form is None else {i: a @ p.T for i, p in form.parts.items()}
            for i, part in pulled.items():
                parts[i] = parts.get(i, 0.0) + part
            constant = constant if form is None else constant + a @ form.constant
        return sparse([(self.columns.of_node(i), part) for i, part in parts.items()]), constant


def sparse(parts: Iterable[tuple[Indices, Array]], first: int = 0) -> SparseEntries:
    """The entries of rows in parts, each on some columns (k,) with factors (rows, k)."""
    found = []
    for columns, a in parts:
        row, place = np.nonzero(a)
        found.append(SparseEntries(first + row, columns[place], a[row, place]))
    return joined(found)


def joined(parts: Iterable[SparseEntries]) -> SparseEntries:
    """The entries of all parts."""
    listed = [SparseEntries(NONE, NONE, np.zeros(0)), *parts]
    return SparseEntries(
        np.concatenate([e.row for e in listed]),
        np.concatenate([e.column for e in listed]),
        np.concatenate([e.factor for e in listed]),
    )


def substitute(columns: Columns, bounds: Bounds, nodes: Iterable[int]) -> Substituted:
    """The network in terms of columns; `nodes` are those that rows read.

    Args:
        columns: all values that may be open in the box.
        bounds: of the box; elsewhere than in it the forms of values without columns are wrong.
        nodes: of which forms are kept.
    """
    compiled, forms = columns.compiled, list[ColumnForm | None]()
    found, constants, first = list[SparseEntries](), [np.zeros(0)], 0
    for i, node in enumerate(compiled.network.nodes):
        form = None
        if i in columns.hidden or not columns.is_whole(i):
            form = _affine(columns, i, forms) if isinstance(node, Affine) else None
            form = _settled(columns, i, bounds, forms) if form is None else form
        if i in columns.hidden:
            assert form is not None
            index = columns.hidden[i]
            count, own = len(index), columns.of_node(i, index)
            parts = [(columns.of_node(j), -part[:, index].T) for j, part in form.parts.items()]
            found.append(sparse(parts, first))
            found.append(SparseEntries(first + np.arange(count), own, np.ones(count)))
            constants.append(form.constant[index].astype(np.float64))
            first += count
        forms.append(None if columns.is_whole(i) else form)
    kept = {i: forms[i] for i in nodes}
    return Substituted(columns, bounds, joined(found), np.concatenate(constants), kept)


def _affine(columns: Columns, node: int, forms: list[ColumnForm | None]) -> ColumnForm:
    """An affine node's values, radius left out: the kernel takes it off."""
    compiled = columns.compiled
    data, parts = compiled.linear[node], dict[int, Array]()
    scale = np.ones(1) if data.scale is None else data.scale
    constant = data.bias.astype(np.float64)
    for source, a_map in data.terms:
        form = forms[source]
        if form is None:
            sizes = compiled.sizes[source], compiled.sizes[node]
            pushed = {source: _matrix(a_map, *sizes)}
        else:
            pushed = {i: a_map.push(part) for i, part in form.parts.items()}
            constant = constant + a_map.push(form.constant[None])[0] * scale
        for i, part in pushed.items():
            parts[i] = parts.get(i, 0.0) + part * scale
    return ColumnForm(parts, constant)


def _matrix(a_map: Map | BandMap, before: int, after: int) -> Array:
    """A term of an affine node as a matrix, (before, after)."""
    if isinstance(a_map, ConvMap):
        return a_map.matrix(np.arange(after), np.arange(before)).T
    return a_map.push(np.eye(before)) if before <= after else a_map.pull(np.eye(after)).T


def _settled(
    columns: Columns, node: int, bounds: Bounds, forms: list[ColumnForm | None]
) -> ColumnForm:
    """A piecewise-linear node's values, those that are not heads on the piece they are on."""
    pieces, heads = columns.compiled.pieces[node], columns.heads.get(node, NONE)
    low, high = (side[pieces.source] for side in (bounds.lower, bounds.upper))
    slope = span(pieces, low, high).left[0]
    constant = pieces.value(low)[0] - slope * low[0]
    slope[heads] = constant[heads] = 0.0
    source = forms[pieces.source]
    if source is None:
        parts = {pieces.source: np.diag(slope)}
    else:
        parts = {i: part * slope for i, part in source.parts.items()}
        constant = constant + source.constant * slope
    if len(heads):
        parts[node] = np.zeros((len(heads), len(slope)))
        parts[node][np.arange(len(heads)), heads] = 1.0
    return ColumnForm(parts, constant)
