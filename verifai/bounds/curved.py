"""Lines of the nonlinear nodes that are not piecewise linear: sign, square, product, smooth.

A *side* of such a node, 0 below and 1 above, has a family of lines to choose from: the share moves
from the first line to the last. Any slopes are sound, the intercepts follow from them.
Source for products: McCormick 1976, Computability of Global Solutions.

May import: numpy, compiled, interval, lines, smooth, kernel. Must not know: rows, ascent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from verifai.bounds import smooth
from verifai.bounds.compiled import Compiled
from verifai.bounds.interval import Bounds
from verifai.bounds.lines import Envelope
from verifai.bounds.maps import Array, Mask
from verifai.kernel import hints
from verifai.kernel.functions import PERIODIC
from verifai.kernel.hints import S_SHAPED
from verifai.kernel.network import Product, Sign, Smooth, Square

Curved = Sign | Square | Product | Smooth
Side = tuple[int, int]  # node, and 0 for the line below or 1 for the line above
Arrays = tuple[Array, ...]  # one for each source of a node
STEEPER = 1e-9  # relative; a line from an end less steep than this is the chord


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """Lines to choose from on one side of a node: share 0 is the first, share 1 the last.

    Attributes:
        first, last: slopes, or the points whose tangents they are, one array for each source.
        start: the share of the default line.
        is_free: where the choice matters.
        function: whose tangents the lines are; None where first and last are slopes.
    """

    first: Arrays
    last: Arrays
    start: Array
    is_free: Mask
    function: str | None = None

    def places(self, share: Array) -> Arrays:
        """The slopes at a share, or the points whose tangents are meant."""
        pairs = zip(self.first, self.last, strict=True)
        return tuple(a + share * (b - a) for a, b in pairs)

    def slopes(self, share: Array) -> Arrays:
        """The slopes at a share."""
        places = self.places(share)
        if self.function is None:
            return places
        return tuple(smooth.slope(self.function, y) for y in places)


def curved_lines(compiled: Compiled, bounds: Bounds, node: int) -> Envelope:
    """The default lines of a node, those that the kernel takes, over each box."""
    ends, kind = _ends(compiled, bounds, node), compiled.network.nodes[node]
    if isinstance(kind, Product):
        (a, b), (c, d) = ends
        slopes = hints.slopes(kind, ends)
        middle, spread = slopes[0] * slopes[1], (b - a) * (d - c) / 4
        return Envelope(slopes[:2], -middle - spread, slopes[2:], spread - middle)
    if isinstance(kind, Smooth):
        return _smooth_lines(kind.function, *ends[0])
    assert isinstance(kind, Sign | Square)
    found = hints.slopes(kind, ends)
    lower, upper = (_finite(s).astype(compiled.dtype, copy=False) for s in found)
    least = intercept(compiled, bounds, (node, 0), (lower,))[0]
    return Envelope((lower,), least, (upper,), intercept(compiled, bounds, (node, 1), (upper,))[0])


def _smooth_lines(function: str, low: Array, high: Array) -> Envelope:
    """The default lines of a smooth function."""
    ends = smooth.value(function, low), smooth.value(function, high)
    lower, upper = (_finite(s) for s in smooth.default_slopes(function, low, high, ends))
    below, _ = smooth.extreme(function, lower, low, high, is_least=True, ends=ends)
    above, _ = smooth.extreme(function, upper, low, high, is_least=False, ends=ends)
    return Envelope((lower,), below, (upper,), above)


def _finite(slopes: Array) -> Array:
    """The slopes, zero where the kernel takes zero."""
    known = np.isfinite(slopes)
    return slopes if known.all() else np.where(known, slopes, 0)


def chosen_lines(
    compiled: Compiled, bounds: Bounds, side: Side, family: Family, choice: tuple[Array, Envelope]
) -> Envelope:
    """The lines with one side's chosen by shares, where there is a choice.

    Args:
        compiled: the network.
        bounds: of the boxes.
        side: which.
        family: its lines.
        choice: the share of every value, and the lines that are changed.
    """
    share, lines = choice
    default, end = (lines.upper, lines.above) if side[1] else (lines.lower, lines.below)
    places = family.places(share)
    if family.function is None:
        each = zip(places, default, strict=True)
        slopes = tuple(np.where(family.is_free, s, d) for s, d in each)
        end = intercept(compiled, bounds, side, slopes)[0]
    else:  # a tangent on the side to which the function bends
        value, slope = smooth.jet(family.function, places[0])
        slopes = (np.where(family.is_free, slope, default[0]),)
        end = np.where(family.is_free, value - slope * places[0], 0.0 if end is None else end)
    if side[1] == 0:
        return Envelope(slopes, end, lines.upper, lines.above)
    return Envelope(lines.lower, lines.below, slopes, end)


def rates(
    compiled: Compiled, bounds: Bounds, side: Side, family: Family, choice: tuple[Array, Envelope]
) -> tuple[Arrays, Arrays]:
    """How fast slopes change with the share, and the points about which the lines turn.

    Arguments are those of `chosen_lines`, but with the lines that it returned.
    """
    share, lines = choice
    slopes, end = (lines.upper, lines.above) if side[1] else (lines.lower, lines.below)
    speeds = tuple(b - a for a, b in zip(family.first, family.last, strict=True))
    if family.function is None:
        return speeds, intercept(compiled, bounds, side, slopes)[1]
    places = family.places(share)
    value = slopes[0] * places[0] + (0.0 if end is None else end)
    bend = smooth.bend(family.function, places[0], value, slopes[0])
    return (speeds[0] * bend,), places


def intercept(
    compiled: Compiled, bounds: Bounds, side: Side, slopes: Arrays
) -> tuple[Array, Arrays]:
    """The least (above: greatest) value of z - Σ slopes·sources over each box, and its place."""
    node, ends = compiled.network.nodes[side[0]], _ends(compiled, bounds, side[0])
    is_least = side[1] == 0
    if isinstance(node, Product):
        return _at_corners(ends, slopes, is_least)
    (low, high), (slope,) = ends[0], slopes
    if isinstance(node, Smooth):
        found, place = smooth.extreme(node.function, slope, low, high, is_least=is_least)
        return found, (place,)
    if isinstance(node, Square):
        if is_least:
            place = np.minimum(np.maximum(slope / 2, low), high)
        else:
            place = np.where(low * (low - slope) > high * (high - slope), low, high)
        return place * (place - slope), (place,)
    assert isinstance(node, Sign)
    return _of_sign(low, high, slope, is_least)


def _ends(compiled: Compiled, bounds: Bounds, node: int) -> list[tuple[Array, Array]]:
    return [(bounds.lower[s], bounds.upper[s]) for s in compiled.network.nodes[node].sources]


def _at_corners(
    ends: list[tuple[Array, Array]], slopes: Arrays, is_least: bool
) -> tuple[Array, Arrays]:
    """The extreme of x·y - s·x - t·y, which is bilinear, over a rectangle."""
    pick = np.less if is_least else np.greater
    (a, b), (c, d), (s, t) = *ends, slopes
    found, x, y = a * c - s * a - t * c, a, c
    for p, q in ((a, d), (b, c), (b, d)):
        here = p * q - s * p - t * q
        better = pick(here, found)
        x, y, found = np.where(better, p, x), np.where(better, q, y), np.where(better, here, found)
    return found, (x, y)


def _of_sign(low: Array, high: Array, slope: Array, is_least: bool) -> tuple[Array, Arrays]:
    """The extreme of sign(y) - slope·y, or its limit from one side of zero."""
    pick = np.less if is_least else np.greater
    found, place = np.sign(low) - slope * low, low
    zero = np.clip(np.zeros_like(low), low, high)
    inside = (low < 0) & (high > 0)
    near = np.where(inside, -1.0 if is_least else 1.0, np.sign(zero))
    for value, point in ((near - slope * zero, zero), (np.sign(high) - slope * high, high)):
        better = pick(value, found)
        found, place = np.where(better, value, found), np.where(better, point, place)
    return found, (place,)


def families(
    compiled: Compiled, bounds: Bounds, node: int, lines: Envelope
) -> Mapping[Side, Family]:
    """The lines to choose from on the sides of a node where there is a choice; by side.

    Args:
        compiled: the network.
        bounds: of B boxes.
        node: which node.
        lines: its default lines over them.
    """
    ends, kind = _ends(compiled, bounds, node), compiled.network.nodes[node]
    low, high = ends[0]
    if isinstance(kind, Product):
        found = _of_product(*ends)
    elif isinstance(kind, Square):
        found = {0: Family((2 * low,), (2 * high,), np.full_like(low, 0.5), low < high)}
    elif isinstance(kind, Sign):
        inside = (low < 0) & (high > 0)
        found = {
            k: _linear(np.zeros_like(low), 2 / np.where(inside, end, 1), default, inside)
            for k, end, default in ((0, high, lines.lower[0]), (1, -low, lines.upper[0]))
        }
    else:
        assert isinstance(kind, Smooth)
        found = _of_smooth(kind.function, low, high, lines)
    return {(node, k): family for k, family in found.items() if family.is_free.any()}


def _linear(first: Array, last: Array, default: Array, is_free: Mask) -> Family:
    """A family of slopes that holds the default."""
    width = np.where(last == first, 1, last - first)
    return Family((first,), (last,), np.clip((default - first) / width, 0, 1), is_free)


def _of_product(left: tuple[Array, Array], right: tuple[Array, Array]) -> dict[int, Family]:
    """Below, the planes through the corners' edges at (a, c) and (b, d), above (a, d), (b, c)."""
    (a, b), (c, d) = left, right
    is_free = (a < b) & (c < d)
    half = np.full_like(a, 0.5, shape=is_free.shape)
    return {0: Family((c, a), (d, b), half, is_free), 1: Family((d, a), (c, b), half, is_free)}


def _of_smooth(function: str, low: Array, high: Array, lines: Envelope) -> dict[int, Family]:
    """Tangents where the function bends towards the line; slopes of sines as numbers."""
    convex, concave = smooth.curvature(function, low, high)
    usable = (low < high) & smooth.is_defined(function, low, high)
    if function in PERIODIC:
        ends = smooth.slope_range(function, low, high)
        return {
            0: _linear(*ends, lines.lower[0], usable & ~concave),
            1: _linear(*ends, lines.upper[0], usable & ~convex),
        }
    if function in S_SHAPED:
        return _of_s_shape(function, low, high, lines)
    half = np.full_like(low, 0.5)
    return {
        0: Family((low,), (high,), half, usable & convex, function),
        1: Family((low,), (high,), half, usable & concave, function),
    }


def _of_s_shape(function: str, low: Array, high: Array, lines: Envelope) -> dict[int, Family]:
    """Tangents on the part that bends towards the line, up to the one through the other end."""
    convex, concave = smooth.curvature(function, low, high)
    mixed = ~(convex | concave)
    inner = np.where(mixed, low, -1), np.where(mixed, high, 1)
    values = smooth.value(function, inner[0]), smooth.value(function, inner[1])
    found, steep = {}, smooth.steepest(function, *inner, values)
    each = ((low, high, lines.lower[0], convex), (high, low, lines.upper[0], concave))
    for k, (end, far, default, bent) in enumerate(each):
        touch, usual = (
            smooth.touching(function, s, low, high, is_least=k == 0) for s in (steep[k], default)
        )
        first = np.where(mixed, touch, far)
        is_free = bent | mixed & (steep[k] > smooth.slope(function, end) * (1 + STEEPER))
        width = np.where(first == end, 1, end - first)
        start = np.where(mixed, np.clip((usual - first) / width, 0, 1), 0.5).astype(low.dtype)
        found[k] = Family((first,), (end,), start, (low < high) & is_free, function)
    return found


def slope_entries(
    compiled: Compiled, explicit: Mapping[int, Array], row: int
) -> tuple[tuple[int, int, float], ...]:
    """The explicit slopes of one bound as a certificate holds them: (value, place, slope).

    Args:
        compiled: the network.
        explicit: by node, (M, places, n), NaN where default.
        row: which of the M.
    """
    entries: list[tuple[int, int, float]] = []
    for node, table in explicit.items():
        start = compiled.network.offsets[node]
        places, values = np.nonzero(~np.isnan(table[row]))
        slopes = table[row][places, values].tolist()
        entries += zip((values + start).tolist(), places.tolist(), slopes, strict=True)
    return tuple(entries)
