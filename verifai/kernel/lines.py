"""Nonlinear nodes over an interval: their image, default slopes, and the intercepts of lines.

A *line* s·y + t below (above) f on [l, u] is given by its slope alone; the intercept is computed
here as the least (greatest) value of f(y) - s·y, so that no slope, however chosen, is unsound.
Arrays are (contexts, n).

May import: numpy, network, arithmetic, smooth. Must not know: certificates, the search.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from flint import fmpq

from verifai.kernel.arithmetic import Arithmetic
from verifai.kernel.errors import Rejection
from verifai.kernel.network import Product, Pwl, Sign, Smooth, Square
from verifai.kernel.number import exact
from verifai.kernel.operator import Array
from verifai.kernel.smooth import PERIODIC, Extremes, is_defined
from verifai.kernel.smooth import default_slopes as smooth_slopes

Unary = Pwl | Sign | Square | Smooth
SHY = 2.0**-30  # default slopes overlook a knot so close to an end, in units of the width
NUDGE = 1 + 2.0**-10  # keeps the default slope of symmetric intervals from hanging on rounding
Floats = Array  # float64 in both arithmetics


@dataclass(frozen=True, slots=True)
class Lines:
    """lower_slope·y + lower_intercept ≤ f(y) ≤ upper_slope·y + upper_intercept on the interval.

    Attributes:
        is_zero: where f, both slopes and both intercepts are exactly 0; None: not looked at.
    """

    lower_slope: Array
    lower_intercept: Array
    upper_slope: Array
    upper_intercept: Array
    is_zero: Array | None = None


@dataclass(frozen=True, slots=True)
class Planes:
    """The same for a product of two values; slopes are pairs (on left, on right)."""

    lower_slopes: tuple[Array, Array]
    lower_intercept: Array
    upper_slopes: tuple[Array, Array]
    upper_intercept: Array


def heights(node: Pwl) -> list[list[fmpq]]:
    """The exact value of f at every knot: one list a knot, one entry a column."""
    rows = [[exact(x) for x in node.anchor.tolist()]]
    for j in range(1, len(node.knots)):
        step = zip(
            rows[-1],
            node.slopes[j].tolist(),
            node.knots[j].tolist(),
            node.knots[j - 1].tolist(),
            strict=True,
        )
        rows.append([h + exact(s) * (exact(k) - exact(p)) for h, s, k, p in step])
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


def _settle(node: Pwl, l: Floats, u: Floats) -> tuple[Floats, Floats, Floats]:
    """The slopes just right of l and just left of u, and whether no knot is inside."""
    left = np.broadcast_to(node.slopes[0], l.shape)
    right = left
    settled = np.ones(l.shape, dtype=bool)
    for knot, slope in zip(node.knots, node.slopes[1:], strict=True):
        left = np.where(knot <= l, slope, left)
        right = np.where(knot < u, slope, right)
        settled &= (knot <= l) | (u <= knot)
    return left, np.where(settled, left, right), settled


def is_settled(node: Pwl, l: Floats, u: Floats) -> Array:
    """Where one piece covers [l, u]."""
    result = np.ones(l.shape, dtype=bool)
    for knot in node.knots:
        result &= (knot <= l) | (u <= knot)
    return result


def default_slopes(
    node: Unary | Product, l: Floats, u: Floats, codes: Floats | None
) -> tuple[Floats, Floats]:
    """Slopes (lower, upper) computed in plain float64, alike in both arithmetics.

    Args:
        node: not a product.
        l: lower ends, (contexts, n).
        u: upper ends, (contexts, n).
        codes: (contexts, n) small integers; q ≤ 128 puts the lower slope of a piecewise-linear
            value q/128 of the way from its piece at l to its piece at u; else the default.

    Returns:
        (contexts, n) each; any slopes are sound, since intercepts follow from them.
    """
    if isinstance(node, Square):
        return l + u, l + u
    if isinstance(node, Smooth):
        return smooth_slopes(node.function, l, u)
    if not isinstance(node, Pwl):
        return np.zeros_like(l), np.zeros_like(l)
    inner = l + SHY * (u - l), u - SHY * (u - l)
    left, right, settled = _settle(node, *inner)
    if len(node.knots) == 1:
        first = last = np.broadcast_to(node.knots[0], l.shape)
        convex = np.broadcast_to(node.slopes[0] <= node.slopes[1], l.shape)
        concave = ~convex
    else:
        first, last, convex, concave = _curvature(node, *inner)
    low = node.anchor + left * (l - node.knots[0])
    high = low
    if len(node.knots) == 1:
        high = node.anchor + right * (u - node.knots[0])
    else:
        low, high = _float_value(node, l), _float_value(node, u)
    with np.errstate(all="ignore"):
        chord = np.where(settled, left, (high - low) / (u - l))
        middle = (first + last) / 2
        tail = np.where(u - middle > NUDGE * (middle - l), right, left)
    lower = np.where(convex, tail, chord)
    if codes is not None:
        lower = np.where(codes <= 128, left + codes / 128 * (right - left), lower)
    return lower, np.where(concave, tail, chord)


def _curvature(node: Pwl, l: Floats, u: Floats) -> tuple[Floats, Floats, Array, Array]:
    """First and last knot inside, and whether f is convex, or else concave, on the interval."""
    first, last = np.full(l.shape, np.inf), np.full(l.shape, -np.inf)
    convex, concave = np.ones(l.shape, dtype=bool), np.ones(l.shape, dtype=bool)
    for knot, before, after in zip(node.knots, node.slopes, node.slopes[1:], strict=False):
        inside = (l < knot) & (knot < u)
        first, last = np.where(inside, np.minimum(first, knot), first), np.where(inside, knot, last)
        convex &= ~inside | (before <= after)
        concave &= ~inside | (before >= after)
    return first, last, convex, concave & ~convex


def _float_value(node: Pwl, z: Floats) -> Floats:
    """f(z) in plain float64 (a proposal only)."""
    height = node.anchor
    result: Floats = height + node.slopes[0] * (z - node.knots[0])
    previous = node.knots[0]
    for j, knot in enumerate(node.knots):
        height = height + (node.slopes[j] * (knot - previous) if j else 0.0)
        result = np.where(z > knot, height + node.slopes[j + 1] * (z - knot), result)
        previous = knot
    return result


def intercepts(
    node: Unary,
    shape: Shape | None,
    l: Array,
    u: Array,
    slopes: tuple[Array, Array],
    ar: Arithmetic,
) -> Lines:
    """The lines with these slopes (lower, upper), their intercepts rounded outwards.

    Raises:
        Rejection: "domain", where a function is undefined on an interval.
    """
    if isinstance(node, Smooth):
        _require_defined(node, l, u)
        with np.errstate(all="ignore"):
            extremes = Extremes(node.function, l, u, ar)
            low, high = extremes.least(slopes[0]), extremes.greatest(slopes[1])
        return Lines(slopes[0], low, slopes[1], high)
    if isinstance(node, Square):
        return Lines(
            slopes[0],
            _square_least(l, u, slopes[0], ar),
            slopes[1],
            _chord_most(l, u, slopes[1], ar),
        )
    lows: list[Array] = []
    highs: list[Array] = []
    for z, values in _candidates(node, shape, l, u):
        for value, size in values:
            for slope, side, sign in ((slopes[0], lows, -1), (slopes[1], highs, 1)):
                slip = ar.slip(16, size + abs(slope) * abs(z))
                side.append(value - slope * z + sign * slip)
    low, high = lows[0], highs[0]
    for other in lows[1:]:
        low = np.minimum(low, other)
    for other in highs[1:]:
        high = np.maximum(high, other)
    if not ar.rounds or not isinstance(node, Pwl):
        return Lines(slopes[0], low, slopes[1], high)
    is_zero = (slopes[0] == 0) & (slopes[1] == 0) & vanishes(node, l, u)
    return Lines(slopes[0], low * ~is_zero, slopes[1], high * ~is_zero, is_zero)


def vanishes(node: Pwl, l: Floats, u: Floats) -> Array:
    """Where f is seen to be 0 on all of [l, u]: on the outer pieces that are 0."""
    left = (u <= node.knots[0]) & (node.slopes[0] == 0)
    right = (l >= node.knots[0]) & (node.slopes[1] == 0) & (len(node.knots) == 1)
    return np.asarray((left | right) & (node.anchor == 0))


def _require_defined(node: Smooth, l: Array, u: Array) -> None:
    if not is_defined(node.function, l, u):
        raise Rejection("domain", f"{node.function} of {node.name!r} may be undefined")


def _candidates(
    node: Pwl | Sign, shape: Shape | None, l: Array, u: Array
) -> list[tuple[Array, list[tuple[Array, Array]]]]:
    """Where f(z) - s·z can be extreme, with the values (and limits) of f there and their sizes."""
    if isinstance(node, Sign):
        one = l * 0 + 1
        zero = np.where((l <= 0) & (u >= 0), l * 0, l)
        before = np.where(l < 0, -one, np.where(l > 0, one, l * 0))
        after = np.where(u > 0, one, np.where(u < 0, -one, l * 0))
        at_zero = np.where((l <= 0) & (u >= 0), l * 0, before)
        near = [(at_zero, one), (before, one), (np.where((l <= 0) & (u >= 0), after, before), one)]
        return [(l, [(before, one)]), (u, [(after, one)]), (zero, near)]
    if shape is None:
        raise TypeError("a piecewise-linear node without its shape")
    return [(z, [shape.value(z)]) for z in shape.corners(l, u)]


def _square_least(l: Array, u: Array, slope: Array, ar: Arithmetic) -> Array:
    """At most min over [l, u] of y² - s·y, as (y - s/2)² - s²/4 at the nearest point to s/2."""
    half = slope / 2
    nearest = np.minimum(np.maximum(half, l), u)
    size = abs(nearest) * (abs(nearest) + abs(slope))
    return np.asarray(nearest * nearest - slope * nearest - ar.slip(16, size))


def _chord_most(l: Array, u: Array, slope: Array, ar: Arithmetic) -> Array:
    """At least max over [l, u] of y² - s·y, which is at an end."""
    ends = [y * y - slope * y + ar.slip(16, abs(y) * (abs(y) + abs(slope))) for y in (l, u)]
    return np.asarray(np.maximum(ends[0], ends[1]))


def product_planes(
    left: tuple[Array, Array], right: tuple[Array, Array], slopes: tuple[Array, ...], ar: Arithmetic
) -> Planes:
    """Planes around x·y with slopes (lower on x, lower on y, upper on x, upper on y).

    x·y - s·x - t·y is bilinear, so its extremes over a box are at the four corners.
    """
    lows: list[Array] = []
    highs: list[Array] = []
    for x in left:
        for y in right:
            for (s, t), side, sign in ((slopes[:2], lows, -1), (slopes[2:], highs, 1)):
                slip = ar.slip(16, abs(x) * abs(y) + abs(s) * abs(x) + abs(t) * abs(y))
                side.append(x * y - s * x - t * y + sign * slip)
    low = np.minimum(np.minimum(lows[0], lows[1]), np.minimum(lows[2], lows[3]))
    high = np.maximum(np.maximum(highs[0], highs[1]), np.maximum(highs[2], highs[3]))
    return Planes((slopes[0], slopes[1]), low, (slopes[2], slopes[3]), high)


def product_slopes(left: tuple[Floats, Floats], right: tuple[Floats, Floats]) -> tuple[Floats, ...]:
    """Default slopes: both planes touch x·y at the middle of the box."""
    on_left, on_right = (right[0] + right[1]) / 2, (left[0] + left[1]) / 2
    return on_left, on_right, on_left, on_right


def image(
    node: Unary | Product, shape: Shape | None, ends: list[tuple[Array, Array]], ar: Arithmetic
) -> tuple[Array, Array]:
    """An interval that holds f of every point between the ends of its sources."""
    l, u = ends[0]
    zero = l * 0
    if isinstance(node, Product):
        planes = product_planes(ends[0], ends[1], (zero, zero, zero, zero), ar)
        return ar.shortened(planes.lower_intercept, planes.upper_intercept)
    if isinstance(node, Smooth) and node.function not in PERIODIC:
        return _monotone_image(node, l, u, ar)
    if isinstance(node, Pwl) and shape is not None and not ar.rounds and (l == u).all():
        values = shape.value(l)[0]
        return values, values
    lines = intercepts(node, shape, l, u, (zero, zero), ar)
    low, high = lines.lower_intercept, lines.upper_intercept
    return ar.shortened(low, high) if isinstance(node, Square) else (low, high)


def _monotone_image(node: Smooth, l: Array, u: Array, ar: Arithmetic) -> tuple[Array, Array]:
    """From the values at the ends; reciprocal falls, the others rise."""
    _require_defined(node, l, u)
    ends = (u, l) if node.function == "reciprocal" else (l, u)
    with np.errstate(all="ignore"):
        (low, off), (high, out) = (ar.smooth(node.function, z) for z in ends)
        low = low - (off + ar.slip(4, abs(low)))
        high = high + (out + ar.slip(4, abs(high)))
    return np.where(low == low, low, -np.inf), np.where(high == high, high, np.inf)
