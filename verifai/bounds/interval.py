"""Interval bounds (IBP) of all values over a batch of boxes.

May import: numpy, compiled, smooth. Must not know: linear relaxations, queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from verifai.bounds import smooth
from verifai.bounds.compiled import Compiled, Piecewise
from verifai.bounds.maps import Array, Indices
from verifai.kernel.network import Affine, Input, Product, Pwl, Sign, Smooth, Square

Pair = tuple[Array, Array]
Unary = Pwl | Sign | Square | Smooth


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
    kind = compiled.network.nodes[node]
    if isinstance(kind, Affine):
        return affine_interval(compiled, node, lower, upper, rows=rows)
    if isinstance(kind, Product):
        (a, b), (c, d) = ((lower[s], upper[s]) for s in kind.sources)
        corners = np.stack([a * c, a * d, b * c, b * d])
        return corners.min(axis=0), corners.max(axis=0)
    if isinstance(kind, Input):
        raise ValueError(f"node {node} is an input")
    return _unary(kind, compiled.pieces.get(node), lower[kind.source], upper[kind.source])


def affine_interval(
    compiled: Compiled, node: int, lower: Sequence[Array], upper: Sequence[Array], *, rows: int
) -> Pair:
    """The interval (rows, n) of an affine node from those of its sources."""
    data = compiled.linear[node]
    middle = [(a + b) / 2 for a, b in _sources(data.terms, lower, upper)]
    half = [(b - a) / 2 for a, b in _sources(data.terms, lower, upper)]
    centre = np.tile(data.bias, (rows, 1))
    spread = np.zeros_like(centre)
    scale = 1.0 if data.scale is None else data.scale
    for (_, a_map), point in zip(data.terms, middle, strict=True):
        centre += a_map.push(point) * scale
    for (_, a_map), radius in zip(data.magnitudes, half, strict=True):
        spread += a_map.push(radius) * scale
    if data.radius is not None:
        spread += slack(compiled, node, lower, upper)
    return centre - spread, centre + spread


def _sources(
    terms: tuple[tuple[int, object], ...], lower: Sequence[Array], upper: Sequence[Array]
) -> list[Pair]:
    return [(lower[source], upper[source]) for source, _ in terms]


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
    kind, size = compiled.network.nodes[node], np.maximum(np.abs(lower[node]), np.abs(upper[node]))
    if isinstance(kind, Input | Affine | Product):
        return size
    source = kind.source
    low, high = _unary(kind, compiled.pieces.get(node), lower[source], upper[source])
    return np.minimum(size, np.maximum(np.abs(low), np.abs(high)))


def _unary(
    node: Pwl | Sign | Square | Smooth, pieces: Piecewise | None, low: Array, high: Array
) -> Pair:
    """The interval of a nonlinear node of one source."""
    if isinstance(node, Sign):
        return np.sign(low), np.sign(high)
    if isinstance(node, Smooth):
        return smooth.value_range(node.function, low, high)
    if isinstance(node, Square):
        far = np.maximum(np.square(low), np.square(high))
        near = np.minimum(np.maximum(low, 0), high)
        return np.square(near), far
    assert pieces is not None
    a, b = pieces.value(low), pieces.value(high)
    first, last = np.minimum(a, b), np.maximum(a, b)
    if pieces.is_monotone:
        return first, last
    for knot, value in zip(pieces.knots, pieces.values, strict=True):
        inside = (low < knot) & (knot < high)
        first = np.where(inside, np.minimum(first, value), first)
        last = np.where(inside, np.maximum(last, value), last)
    return first, last
