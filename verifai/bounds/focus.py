"""The part of a network that matters inside a box, as a smaller network.

Neurons that are zero on the whole box, and values that nothing asked for depends on, are left out:
of a trained convolutional network over a small box a fifth or less remains, and a neuron of an
early layer sees only a patch of the image. Nodes keep their numbers; a node of which nothing
matters becomes a constant that nobody reads.

May import: numpy, kernel, arrays, compiled, interval, lines, crown. Must not know: queries.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from verifai.bounds.arrays import host
from verifai.bounds.compiled import Compiled, compile_like
from verifai.bounds.interval import Bounds
from verifai.bounds.kinds.protocol import Envelope
from verifai.bounds.maps import Array, ConvMap, Indices, Mask
from verifai.kernel.network import Affine, Input, Network, Node, Pwl
from verifai.kernel.operator import Dense, Gather, Operator

T = TypeVar("T", bound=np.generic)
ROWS = 64  # of a matrix read off at once


@dataclass(frozen=True, slots=True, eq=False)
class Focus:
    """A smaller network, and which values of the whole one its values are.

    Attributes:
        compiled: the smaller network, all inputs and the nodes up to the last that is wanted.
        kept: by node, in the smaller one's order; empty for a node that is a constant.
    """

    compiled: Compiled
    kept: tuple[Indices, ...]

    def array(self, node: int, a: Array) -> Array:
        """The columns of the values that are left of an array (..., n) of the whole node."""
        if not len(self.kept[node]):
            return np.ones_like(a[..., :1])
        return a[..., self.kept[node]]

    def bounds(self, whole: Bounds) -> Bounds:
        """The bounds of what is left."""
        nodes = range(len(self.kept))
        return Bounds(
            tuple(self.array(i, whole.lower[i]) for i in nodes),
            tuple(self.array(i, whole.upper[i]) for i in nodes),
        )

    def lines(self, whole: Mapping[int, Envelope]) -> dict[int, Envelope]:
        """The lines of what is left."""
        return {i: self._lines(i, whole[i]) for i in whole if i < len(self.kept)}

    def scatter(
        self, whole: Compiled, tables: Mapping[int, npt.NDArray[T]], fill: float
    ) -> dict[int, npt.NDArray[T]]:
        """Arrays (..., n) by node as ones of the whole network's nodes, `fill` where left out."""
        found = {}
        for node, a in tables.items():
            full = np.full_like(a, fill, shape=(*a.shape[:-1], whole.sizes[node]))
            if len(self.kept[node]):
                full[..., self.kept[node]] = a
            found[node] = full
        return found

    def _lines(self, node: int, whole: Envelope) -> Envelope:
        lower, upper = (tuple(self.array(node, a) for a in s) for s in (whole.lower, whole.upper))
        below = None if whole.below is None else self.array(node, whole.below)
        # one array for both sides stays one: an elimination looks for that
        same = len(lower) == 1 and whole.lower[0] is whole.upper[0]
        return Envelope(lower, below, lower if same else upper, self.array(node, whole.above))


def focus(
    compiled: Compiled,
    bounds: Bounds,
    wanted: Mapping[int, Indices],
    *,
    whole_inputs: bool = True,
) -> Focus:
    """The part of a network that some values depend on over one box.

    Every linear bound of forms of these values over the box, and over any box inside it, is the
    same in both networks.

    Args:
        compiled: the network.
        bounds: of one box; those of nodes behind the last wanted are not read.
        wanted: values by node.
        whole_inputs: whether all inputs are kept, in their order.
    """
    return focused(compiled, kept_values(compiled, bounds, wanted, whole_inputs=whole_inputs))


def kept_values(
    compiled: Compiled, bounds: Bounds, wanted: Mapping[int, Indices], *, whole_inputs: bool = True
) -> tuple[Indices, ...]:
    """The values of every node up to the last wanted that `focus` keeps, in its order."""
    shared = _alike(compiled, max(wanted))
    masks = _needed(compiled, bounds, wanted, shared, whole_inputs)
    orders = {i: ordered(compiled.network.nodes[i], mask) for i, mask in masks.items()}
    return tuple(orders[i] for i in shared)


def focused(compiled: Compiled, kept: tuple[Indices, ...]) -> Focus:
    """The network of these values."""
    smaller = tuple(_part(compiled, i, kept) for i in range(len(kept)))
    network = Network(smaller, (len(smaller) - 1,))
    return Focus(compile_like(network, compiled), kept)


def entries(compiled: Compiled, kept: tuple[Indices, ...]) -> int:
    """How many numbers the matrices between these values hold, zeros included."""
    nodes = enumerate(compiled.network.nodes[: len(kept)])
    pairs = [(i, s) for i, node in nodes if isinstance(node, Affine) for s in node.sources]
    return sum(len(kept[i]) * len(kept[source]) for i, source in pairs)


def ordered(node: Node, mask: Mask) -> Indices:
    """The values of a mask, along an image's rows first: what reads them reads neighbours."""
    index = np.flatnonzero(mask)
    if len(node.shape) < 2 or isinstance(node, Input):
        return index
    plane = math.prod(node.shape[-2:]) if len(node.shape) > 2 else node.shape[-1]
    return np.asarray(index[np.lexsort((index // plane, index % plane))])


def _alike(compiled: Compiled, last: int) -> list[int]:
    """By node up to the last, the first of those that keep the same values: nonlinear ones do."""
    first = list(range(last + 1))
    for i, node in enumerate(compiled.network.nodes[: last + 1]):
        if not isinstance(node, Affine | Input):
            together = {first[i], *(first[source] for source in node.sources)}
            first = [min(together) if f in together else f for f in first]
    return first


def _needed(
    compiled: Compiled,
    bounds: Bounds,
    wanted: Mapping[int, Indices],
    shared: list[int],
    whole_inputs: bool,
) -> dict[int, Mask]:
    """Which values those that are wanted depend on, by the first of the nodes that share them."""
    nodes = compiled.network.nodes
    found = {i: np.zeros(compiled.sizes[i], dtype=bool) for i in set(shared)}

    def mark(i: int, mask: Mask) -> None:
        node = nodes[i]
        if isinstance(node, Pwl) and compiled.pieces[i].is_relu:
            mask = mask & (host(bounds.upper[node.source])[0] > 0)
        found[shared[i]] |= mask

    for i, index in wanted.items():
        mark(i, np.isin(np.arange(compiled.sizes[i]), index))
    for i in compiled.inputs:
        if whole_inputs and i < len(shared):
            found[shared[i]][:] = True
    before, count = -1, 0
    while before < count:  # once, but for products of values that others read, too
        for i in range(len(shared) - 1, -1, -1):
            if isinstance(nodes[i], Affine) and found[shared[i]].any():
                weights = compiled.place(found[shared[i]][None].astype(np.dtype(compiled.dtype)))
                for source, a_map in compiled.linear[i].magnitudes:
                    mark(source, host(a_map.pull(weights))[0] > 0)
        before, count = count, sum(int(mask.sum()) for mask in found.values())
    return found


def _part(compiled: Compiled, i: int, kept: tuple[Indices, ...]) -> Node:
    """What is left of a node."""
    node, index = compiled.network.nodes[i], kept[i]
    shape = (max(1, len(index)),)
    if isinstance(node, Input):
        return node if len(index) == compiled.sizes[i] else replace(node, shape=shape)
    if not len(index):
        return Affine(node.name, shape, (), np.ones(1))
    if isinstance(node, Affine):
        terms = tuple(
            (source, _matrix(compiled, operator, kept[source], index, (i, k)))
            for k, (source, operator) in enumerate(node.terms)
            if len(kept[source])
        )
        extra = (None if a is None else a[index] for a in (node.divisor, node.radius))
        return Affine(node.name, shape, terms, node.bias[index], *extra)
    if isinstance(node, Pwl) and node.knots.shape[1] > 1:
        knots, slopes = node.knots[:, index], node.slopes[:, index]
        return replace(node, shape=shape, knots=knots, slopes=slopes, anchor=node.anchor[index])
    return replace(node, shape=shape)


def _matrix(
    compiled: Compiled, operator: Operator, columns: Indices, rows: Indices, term: tuple[int, int]
) -> Operator:
    """Some rows and columns of an operator; `term` says whose it is."""
    if isinstance(operator, Gather):
        place = np.full(operator.inputs + 1, -1)
        place[columns] = np.arange(len(columns))
        return Gather.of(len(columns), place[operator.index[rows]], operator.scale[rows])
    node, k = term
    source, a_map = compiled.linear[node].terms[k]
    if isinstance(operator, Dense) and operator.weight.shape[1] == compiled.sizes[source]:
        return Dense.of(operator.weight[np.ix_(rows, columns)])
    if isinstance(a_map, ConvMap):
        return Dense.of(a_map.matrix(rows, columns))
    parts = []
    for start in range(0, len(rows), ROWS):
        part = rows[start : start + ROWS]
        units = np.zeros((len(part), compiled.sizes[node]), dtype=np.dtype(compiled.dtype))
        units[np.arange(len(part)), part] = 1
        parts.append(host(a_map.pull(compiled.place(units)))[:, columns])
    return Dense.of(np.concatenate(parts))
