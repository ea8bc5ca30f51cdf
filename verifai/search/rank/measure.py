"""Where a pre-activation can be split, and what its relaxation costs a bound.

A split helps where the lines of the nonlinear nodes that read the value leave a gap, and as much as
the bound's coefficients on those nodes weigh the gap.
Source: Bunel et al. 2020 (BaBSR); Shi et al. 2024, branching for general nonlinearities.

May import: numpy, bounds, kernel.network, gap, protocol. Must not know: trees, records.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from verifai.bounds import smooth
from verifai.bounds.compiled import Compiled
from verifai.bounds.crown import Relaxed
from verifai.bounds.lines import span
from verifai.bounds.maps import Array
from verifai.kernel.hints import S_SHAPED
from verifai.kernel.network import Affine, Input, Product, Pwl, Sign, Smooth, Square
from verifai.search.rank.gap import LEAST
from verifai.search.rank.protocol import Gaps

NARROW = 1e-7  # relative; intervals of curved nodes that are left as they are
STEP = 2.0**-30  # a sign is split this far from zero, whose own value it does not share
CENTRAL = 0.15  # of the width, within which of its ends an inflection point is no place to split

Proposal = tuple[Array, Array, Array]  # per source value: gap below, gap above, where to split


def measured(
    compiled: Compiled, relaxation: Relaxed, seen: Mapping[int, Array]
) -> tuple[Gaps, Array]:
    """What each value's relaxation costs the bound, and where to split it.

    Args:
        compiled: the network.
        relaxation: bounds and the lines in use, over M boxes.
        seen: the bound's coefficients on nonlinear nodes, (M, n) by node.

    Returns:
        Gaps (M, N) of all values, and where to split them, NaN where nothing can be split.
    """
    net, count = compiled.network, len(relaxation.bounds)
    most, coefficients, gap_below, gap_above = np.zeros((4, count, net.offsets[-1]))
    at = np.full(most.shape, np.nan)
    for i, node in enumerate(net.nodes):
        if isinstance(node, Input | Affine):
            continue
        a = seen.get(i, np.zeros(1))
        for source in node.sources:
            below, above, place = _proposal(compiled, relaxation, i, source)
            cost = np.maximum(a, 0) * below + np.maximum(-a, 0) * above
            score = np.where(np.isnan(place), 0.0, cost + LEAST)
            where = slice(net.offsets[source], net.offsets[source + 1])
            better = score > most[:, where]
            for table, new in (
                (most, score),
                (coefficients, a),
                (gap_below, below),
                (gap_above, above),
                (at, place),
            ):
                np.copyto(table[:, where], new, where=better)
    return Gaps(coefficients, gap_below, gap_above), at


def _proposal(compiled: Compiled, relaxation: Relaxed, i: int, source: int) -> Proposal:
    """The gaps that a split of a source's values may close, and its place, NaN where none."""
    node, bounds = compiled.network.nodes[i], relaxation.bounds
    low, high = bounds.lower[source], bounds.upper[source]
    if isinstance(node, Pwl):
        return _of_pieces(compiled, i, low, high)
    wide = high - low > NARROW * np.maximum(np.maximum(-low, high), 1.0)
    middle = low / 2 + high / 2
    if isinstance(node, Product):
        return *_product_gaps(relaxation, i, node), np.where(wide, middle, np.nan)
    assert isinstance(node, Sign | Square | Smooth)
    points = [low, high, middle]
    if isinstance(node, Sign):
        middle = np.where(low < -STEP, -STEP, np.where(high > STEP, STEP, np.nan))
        wide = (low <= 0) & (high >= 0)
    elif isinstance(node, Smooth) and node.function in S_SHAPED:
        central = np.minimum(-low, high) > CENTRAL * (high - low)
        middle = np.where(central, 0.0, middle)
    return *_gaps(relaxation, i, node, points), np.where(wide, middle, np.nan)


def _gaps(
    relaxation: Relaxed, i: int, node: Sign | Square | Smooth, points: list[Array]
) -> tuple[Array, Array]:
    """How far the lines of a unary node are from it at most, at some points."""
    lines = relaxation.lines[i]
    below, above = np.zeros_like(points[0]), np.zeros_like(points[0])
    least = 0.0 if lines.below is None else lines.below
    for y in points:
        z = _value(node, y)
        below = np.maximum(below, z - lines.lower[0] * y - least)
        above = np.maximum(above, lines.upper[0] * y + lines.above - z)
    return below, above


def _value(node: Sign | Square | Smooth, y: Array) -> Array:
    if isinstance(node, Smooth):
        return smooth.value(node.function, y)
    return np.sign(y) if isinstance(node, Sign) else np.square(y)


def _product_gaps(relaxation: Relaxed, i: int, node: Product) -> tuple[Array, Array]:
    """How far the planes of a product are from it at most: at a corner of its box."""
    lines, bounds = relaxation.lines[i], relaxation.bounds
    ends = [(bounds.lower[s], bounds.upper[s]) for s in node.sources]
    below, above = np.zeros_like(ends[0][0]), np.zeros_like(ends[0][0])
    least = 0.0 if lines.below is None else lines.below
    for x in ends[0]:
        for y in ends[1]:
            z = x * y
            below = np.maximum(below, z - lines.lower[0] * x - lines.lower[1] * y - least)
            above = np.maximum(above, lines.upper[0] * x + lines.upper[1] * y + lines.above - z)
    return below, above


def _of_pieces(compiled: Compiled, i: int, low: Array, high: Array) -> Proposal:
    """The knot farthest from the chord; its distance counts for both lines."""
    pieces = compiled.pieces[i]
    knot, gap = np.full_like(low, np.nan), np.zeros_like(low)
    for k, v in zip(pieces.knots, pieces.values, strict=True):
        inside = (low < k) & (k < high)
        width = np.where(inside, high - low, 1.0)
        chord = (pieces.value(high) * (k - low) + pieces.value(low) * (high - k)) / width
        here = np.where(inside, np.abs(chord - v), 0.0)
        knot = np.where(here > gap, k, knot)
        gap = np.maximum(gap, here)
    return gap, gap, np.where(span(pieces, low, high).is_split, knot, np.nan)
