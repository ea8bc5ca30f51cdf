"""Interval bounds (IBP) of all values over a batch of boxes.

May import: numpy, compiled, kinds. Must not know: linear relaxations, queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from verifai.bounds.compiled import Compiled
from verifai.bounds.kinds.protocol import Ends, Pair
from verifai.bounds.maps import Array, Indices
from verifai.kernel.network import Input


@dataclass(frozen=True, slots=True, eq=False)
class Bounds:
    """For every node the interval ends of its values over each of B boxes, arrays of (B, n)."""

    lower: tuple[Array, ...]
    upper: tuple[Array, ...]

    def __len__(self) -> int:
        return len(self.lower[0])

    def take(self, boxes: Indices | slice) -> Bounds:
        """The bounds of some boxes, in this order."""
        return Bounds(tuple(a[boxes] for a in self.lower), tuple(a[boxes] for a in self.upper))

    def ends(self, nodes: Sequence[int]) -> Ends:
        """The intervals of some nodes' values."""
        return tuple((self.lower[i], self.upper[i]) for i in nodes)

    def cast(self, dtype: npt.DTypeLike) -> Bounds:
        """The bounds in another float type, rounded to nearest."""
        lower = tuple(a.astype(dtype, copy=False) for a in self.lower)
        return Bounds(lower, tuple(a.astype(dtype, copy=False) for a in self.upper))

    def replace(self, node: int, lower: Array, upper: Array) -> Bounds:
        """The bounds with those of one node exchanged."""
        ends = [list(self.lower), list(self.upper)]
        ends[0][node], ends[1][node] = lower, upper
        return Bounds(tuple(ends[0]), tuple(ends[1]))

    def meet(self, node: int, lower: Array, upper: Array) -> Bounds:
        """The bounds with one node's intersected with (lower, upper), ends kept in order."""
        low, high = np.maximum(self.lower[node], lower), np.minimum(self.upper[node], upper)
        return self.replace(node, np.minimum(low, high), high)


def interval(compiled: Compiled, lower: Array, upper: Array) -> Bounds:
    """The bounds from one forward interval pass; each contains every value up to rounding.

    Args:
        compiled: the network.
        lower: ends of the boxes, (B, all inputs).
        upper: the other ends.
    """
    low, high = compiled.split(lower), compiled.split(upper)
    done: tuple[list[Array], list[Array]] = ([], [])
    for position, node in enumerate(compiled.network.nodes):
        compiled.pause()
        if isinstance(node, Input):
            ends = low[position], high[position]
        else:
            ends = image(compiled, position, *done, rows=len(lower))
        done[0].append(ends[0])
        done[1].append(ends[1])
    return Bounds(tuple(done[0]), tuple(done[1]))


def image(
    compiled: Compiled, node: int, lower: Sequence[Array], upper: Sequence[Array], *, rows: int
) -> Pair:
    """The interval (rows, n) of a node that is no input from those of its sources."""
    if node in compiled.linear:
        return affine_interval(compiled, node, lower, upper, rows=rows)
    if node in compiled.inputs:
        raise ValueError(f"node {node} is an input")
    sources = compiled.network.nodes[node].sources
    return compiled.kinds[node].image(tuple((lower[s], upper[s]) for s in sources))


def affine_interval(
    compiled: Compiled, node: int, lower: Sequence[Array], upper: Sequence[Array], *, rows: int
) -> Pair:
    """The interval (rows, n) of an affine node from those of its sources."""
    data = compiled.linear[node]
    spare = None if data.radius is None else slack(compiled, node, lower, upper)
    return data.image(lower, upper, rows, spare)


def slack(
    compiled: Compiled,
    node: int,
    lower: Sequence[Array],
    upper: Sequence[Array],
) -> Array:
    """How far an affine node's values may lie from its formula (0 without a radius)."""
    data = compiled.linear[node]
    if data.radius is None:
        return compiled.zeros(1, 1)
    total = data.size
    for source, a_map in data.magnitudes:
        total = total + a_map.push(_magnitude(compiled, source, lower, upper))
    return data.radius * total


def _magnitude(
    compiled: Compiled,
    node: int,
    lower: Sequence[Array],
    upper: Sequence[Array],
) -> Array:
    """At least |values| of a node; of a unary nonlinear one as its source's interval says."""
    kind, size = compiled.kinds.get(node), np.maximum(np.abs(lower[node]), np.abs(upper[node]))
    sources = compiled.network.nodes[node].sources
    if kind is None or len(sources) > 1:
        return size
    low, high = kind.image(((lower[sources[0]], upper[sources[0]]),))
    return np.minimum(size, np.maximum(np.abs(low), np.abs(high)))
