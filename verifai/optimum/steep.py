"""Two exact points between which a network is steep: a lower bound of its Lipschitz constant.

May import: kernel, bounds, properties. Must not know: upper bounds.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from flint import fmpq

from verifai.bounds.compiled import compile_network
from verifai.kernel.network import Network
from verifai.kernel.number import exact, nearest
from verifai.kernel.operator import Array
from verifai.kernel.replay import evaluate
from verifai.properties.domain import Domain, float_ends

SAMPLES = 256  # points among which the steepest is sought
TRIED = 3  # of them from which exact pairs are made
STEP = fmpq(1, 1 << 20)  # the first distance of the two points, in widths of the box
ATTEMPTS = 3  # how often that distance is cut

Point = tuple[fmpq, ...]


def steepest(
    net: Network, region: Domain, starts: Sequence[Point]
) -> tuple[fmpq, tuple[Point, Point] | None]:
    """A difference quotient and the two points of the box that have it; 0 if none was found.

    Args:
        net: the network.
        region: its box, which has an inside in some direction.
        starts: points to look at beside those that are sampled.
    """
    best: fmpq = fmpq(0)
    found = None
    widths = [u - l for l, u in zip(region.lower, region.upper, strict=True)]
    reach = min(w for w in widths if w > 0) * STEP
    for point, signs in _steep(net, region, starts):
        for attempt in range(ATTEMPTS):
            two = _pair(point, signs, region, reach / (1 << 4 * attempt))
            quotient = _quotient(net, *two)
            if quotient > best:
                best, found = quotient, two
    return best, found


def _steep(net: Network, region: Domain, starts: Sequence[Point]) -> list[tuple[list[fmpq], Array]]:
    """Points with large row sums of the Jacobian, with the signs of that row; in floats."""
    compiled, rng = compile_network(net), np.random.default_rng(0)
    lower, upper = float_ends(region)
    moving = upper > lower
    points = lower + rng.uniform(size=(SAMPLES, len(lower))) * (upper - lower)
    given = np.array([[nearest(v) for v in start] for start in starts]).reshape(-1, len(lower))
    points = np.concatenate([given, points])
    values = compiled.forward(points)
    found: list[tuple[float, int, Array]] = []
    for node in net.outputs:
        for index in range(net.sizes[node]):
            seed = np.zeros((len(points), net.sizes[node]))
            seed[:, index] = 1.0
            rows = compiled.gradient(values, {node: seed}) * moving
            sums = np.abs(rows).sum(axis=1)
            found += [(float(sums[k]), int(k), rows[k]) for k in np.argsort(-sums)[:TRIED]]
    found.sort(key=lambda item: -item[0])
    return [([exact(x) for x in points[k].tolist()], row) for _, k, row in found[:TRIED]]


def _pair(point: list[fmpq], signs: Array, region: Domain, step: fmpq) -> tuple[Point, Point]:
    """Two points of the box on both sides of a point, 2·step apart, along the signs."""
    first, second = [], []
    ends = zip(point, signs.tolist(), region.lower, region.upper, strict=True)
    for x, sign, low, high in ends:
        inside = min(max(x, low + step), high - step) if low < high else low
        by = step if low < high else fmpq(0)
        by = by if sign >= 0 else -by
        first.append(inside + by)
        second.append(inside - by)
    return tuple(first), tuple(second)


def _quotient(net: Network, first: Point, second: Point) -> fmpq:
    """At most the difference quotient of two exact points."""
    gap = max(abs(a - b) for a, b in zip(first, second, strict=True))
    (low, high), (other_low, other_high) = evaluate(net, first), evaluate(net, second)
    rises = [max(low[v] - other_high[v], other_low[v] - high[v]) for v in net.output_values]
    quotient: fmpq = max(rises) / gap
    return quotient
