"""Nonlinear nodes over intervals: their image, and the intercepts of lines.

A *line* Σ s·x + t below (above) f(x) on intervals of its sources is given by its slopes alone; the
intercept is computed here as the least (greatest) value of f(x) - Σ s·x, so that no slope, however
chosen, is unsound. A product has two sources, all others one. Arrays are (contexts, n).

May import: numpy, network, arithmetic, functions, smooth. Must not know: certificates, hints.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from flint import fmpq

from verifai.kernel.arithmetic import Arithmetic, Ends
from verifai.kernel.errors import Rejection
from verifai.kernel.functions import SMOOTH
from verifai.kernel.network import Product, Pwl, Sign, Smooth, Square
from verifai.kernel.number import exact
from verifai.kernel.operator import Array
from verifai.kernel.smooth import Extremes

Nonlinear = Pwl | Sign | Square | Smooth | Product
Point = tuple[tuple[Array, ...], Array, Array]  # a place, f there (or a limit), and its size


@dataclass(frozen=True, slots=True)
class Lines:
    """Σ lower·sources + below ≤ f ≤ Σ upper·sources + above on the intervals.

    Attributes:
        lower, upper: slopes, one array a source.
        is_zero: where f, all slopes and both intercepts are exactly 0; None: not looked at.
    """

    lower: tuple[Array, ...]
    below: Array
    upper: tuple[Array, ...]
    above: Array
    is_zero: Array | None = None


def heights(node: Pwl) -> list[list[fmpq]]:
    """The exact value of f at every knot: one list a knot, one entry a column."""
    rows = [[exact(x) for x in node.anchor.tolist()]]
    for j in range(1, len(node.knots)):
        step = (a[i].tolist() for a, i in ((node.slopes, j), (node.knots, j), (node.knots, j - 1)))
        each = zip(rows[-1], *step, strict=True)
        rows.append([h + exact(s) * (exact(k) - exact(p)) for h, s, k, p in each])
    return rows


class Shape:
    """A piecewise-linear function's data in one arithmetic."""

    def __init__(self, node: Pwl, ar: Arithmetic) -> None:
        """Converts knots, slopes and heights."""
        self.ar = ar
        self.knots = [ar.lift(k) for k in node.knots]
        self.slopes = [ar.lift(s) for s in node.slopes]
        self.heights = [ar.rationals(row) for row in heights(node)]

    def value(self, z: Array) -> tuple[Array, Array]:
        """f(z) and a magnitude m: the computed value is off by at most slip(8, m).

        In exact arithmetic, which slips by nothing, m is f(z).
        """
        result = self.heights[0] + self.slopes[0] * (z - self.knots[0])
        pieces = list(zip(self.knots, self.slopes[1:], self.heights, strict=True))
        for knot, slope, height in pieces:
            result = np.where(z > knot, height + slope * (z - knot), result)
        if not self.ar.rounds:
            return result, result
        size = abs(self.heights[0]) + abs(self.slopes[0]) * (abs(z) + abs(self.knots[0]))
        for knot, slope, height in pieces:
            size = np.where(z > knot, abs(height) + abs(slope) * (abs(z) + abs(knot)), size)
        return result, size

    def corners(self, lower: Array, upper: Array) -> list[Array]:
        """The ends and every knot inside (an end in its place where it is not inside)."""
        inside = [np.where((lower < k) & (k < upper), k, lower) for k in self.knots]
        return [lower, upper, *inside]


def vanishes(node: Pwl, l: Array, u: Array) -> Array:
    """Where f is seen to be 0 on all of [l, u]: on the outer pieces that are 0; float64."""
    left = (u <= node.knots[0]) & (node.slopes[0] == 0)
    right = (l >= node.knots[0]) & (node.slopes[1] == 0) & (len(node.knots) == 1)
    return np.asarray((left | right) & (node.anchor == 0))


def intercepts(
    node: Nonlinear,
    shape: Shape | None,
    ends: list[Ends],
    slopes: tuple[Array, ...],
    ar: Arithmetic,
) -> Lines:
    """The lines with these slopes (lower ones, upper ones), their intercepts rounded outwards.

    Raises:
        Rejection: "domain", where a function is undefined on an interval.
    """
    lower, upper, (l, u) = slopes[: len(ends)], slopes[len(ends) :], ends[0]
    if isinstance(node, Smooth):
        _require_defined(node, l, u)
        with np.errstate(all="ignore"):
            extremes = Extremes(node.function, l, u, ar)
            return Lines(lower, extremes.least(lower[0]), upper, extremes.greatest(upper[0]))
    points = list(_points(node, shape, ends))
    above = _extreme(points, upper, 1, ar)
    if isinstance(node, Square):  # (y - s/2)² - s²/4 is least at the point nearest to s/2
        near = np.minimum(np.maximum(lower[0] / 2, l), u)
        points = [((near,), near * near, near * near)]
    below = _extreme(points, lower, -1, ar)
    if not ar.rounds or not isinstance(node, Pwl):
        return Lines(lower, below, upper, above)
    is_zero = (lower[0] == 0) & (upper[0] == 0) & vanishes(node, l, u)
    return Lines(lower, below * ~is_zero, upper, above * ~is_zero, is_zero)


def _require_defined(node: Smooth, l: Array, u: Array) -> None:
    if not SMOOTH[node.function].is_defined(l, u).all():
        raise Rejection("domain", f"{node.function} of {node.name!r} may be undefined")


def _points(node: Nonlinear, shape: Shape | None, ends: list[Ends]) -> Iterator[Point]:
    """Where f(x) - Σ s·x can be extreme, with the values (and limits) of f there."""
    l, u = ends[0]
    if isinstance(node, Product | Square):
        for place in product(*ends):
            value = place[0] * place[-1]
            yield place, value, abs(value)
    elif isinstance(node, Sign):
        one, has_zero = l * 0 + 1, (l <= 0) & (u >= 0)
        before = np.where(l < 0, -one, np.where(l > 0, one, l * 0))
        after = np.where(u > 0, one, np.where(u < 0, -one, l * 0))
        zero = np.where(has_zero, l * 0, l)
        yield (l,), before, one
        yield (u,), after, one
        yield (zero,), np.where(has_zero, l * 0, before), one
        yield (zero,), before, one
        yield (zero,), np.where(has_zero, after, before), one
    elif shape is not None:
        yield from (((z,), *shape.value(z)) for z in shape.corners(l, u))


def _extreme(points: list[Point], slopes: tuple[Array, ...], away: int, ar: Arithmetic) -> Array:
    """The least (away -1) or greatest (1) of value - Σ slope·place, moved away by its rounding."""
    found = []
    for places, value, size in points:
        for slope, z in zip(slopes, places, strict=True):
            value, size = value - slope * z, size + abs(slope) * abs(z)
        found.append(value + away * ar.line(size))
    result = found[0]
    for other in found[1:]:
        result = np.minimum(result, other) if away < 0 else np.maximum(result, other)
    return np.asarray(result)


def image(node: Nonlinear, shape: Shape | None, ends: list[Ends], ar: Arithmetic) -> Ends:
    """An interval that holds f of every point between the ends of its sources."""
    l, u = ends[0]
    if isinstance(node, Smooth) and SMOOTH[node.function].trend:
        return _monotone_image(node, l, u, ar)
    if isinstance(node, Pwl) and shape is not None and not ar.rounds and (l == u).all():
        values = shape.value(l)[0]
        return values, values
    lines = intercepts(node, shape, ends, (l * 0,) * (2 * len(ends)), ar)
    if isinstance(node, Square | Product):
        return ar.shortened(lines.below, lines.above)
    return lines.below, lines.above


def _monotone_image(node: Smooth, l: Array, u: Array, ar: Arithmetic) -> Ends:
    """From the values at the ends."""
    _require_defined(node, l, u)
    row = SMOOTH[node.function]
    ends = (l, u) if row.trend > 0 else (u, l)
    with np.errstate(all="ignore"):
        (low, off), (high, out) = (ar.smooth(row.values, z) for z in ends)
        low = low - (off + ar.curve(abs(low)))
        high = high + (out + ar.curve(abs(high)))
    return np.where(low == low, low, -np.inf), np.where(high == high, high, np.inf)
