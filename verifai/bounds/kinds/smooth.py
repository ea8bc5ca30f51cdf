"""Smooth functions of one value, and the square: tangents, chords, and lines to choose from.

May import: numpy, maps, functions, protocol, kernel. Must not know: networks, ascent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from verifai.bounds import functions
from verifai.bounds.kinds.protocol import (
    Arrays,
    Ends,
    Envelope,
    Family,
    Nonlinear,
    Pair,
    farthest,
    linear_family,
)
from verifai.bounds.maps import Array
from verifai.kernel.functions import PERIODIC
from verifai.kernel.hints import S_SHAPED

STEEPER = 1e-9  # relative; a line from an end less steep than this is the chord
CENTRAL = 0.15  # of the width, within which of its ends an inflection point is no place to split


@dataclass(frozen=True, slots=True, eq=False)
class SmoothCurve(Nonlinear):
    """A smooth function of the kernel's table, by name."""

    function: str

    def evaluate(self, points: Arrays) -> Array:
        """f(y)."""
        return functions.value(self.function, points[0])

    def derivatives(self, points: Arrays) -> Arrays:
        """f'(y)."""
        return (functions.slope(self.function, points[0]),)

    def image(self, ends: Ends) -> Pair:
        """The range of f."""
        return functions.value_range(self.function, *ends[0])

    def slope_ranges(self, ends: Ends) -> tuple[Pair, ...]:
        """The range of f'."""
        return (functions.slope_range(self.function, *ends[0]),)

    def lines(self, ends: Ends, slopes: Array | None = None) -> Envelope:
        """The lines of default slopes, of zero where the kernel takes zero."""
        (low, high), f = ends[0], self.function
        at_ends = functions.value(f, low), functions.value(f, high)
        lower, upper = map(_finite, functions.default_slopes(f, low, high, at_ends))
        below, _ = functions.extreme(f, lower, low, high, is_least=True, ends=at_ends)
        above, _ = functions.extreme(f, upper, low, high, is_least=False, ends=at_ends)
        return Envelope((lower,), below, (upper,), above)

    def intercept(self, ends: Ends, slopes: Arrays, *, is_least: bool) -> tuple[Array, Arrays]:
        """The extreme of f(y) - slope·y."""
        found, place = functions.extreme(self.function, slopes[0], *ends[0], is_least=is_least)
        return found, (place,)

    def families(self, ends: Ends, lines: Envelope) -> dict[int, Family]:
        """Tangents where the function bends towards the line; slopes of sines as numbers."""
        (low, high), f = ends[0], self.function
        if f in S_SHAPED:
            return self._of_s_shape(low, high, lines)
        convex, concave = functions.curvature(f, low, high)
        usable = (low < high) & functions.is_defined(f, low, high)
        if f in PERIODIC:
            steep = functions.slope_range(f, low, high)
            return {
                0: linear_family(*steep, lines.lower[0], usable & ~concave),
                1: linear_family(*steep, lines.upper[0], usable & ~convex),
            }
        half = np.full_like(low, 0.5)
        return {
            0: Family((low,), (high,), half, usable & convex, f),
            1: Family((low,), (high,), half, usable & concave, f),
        }

    def _of_s_shape(self, low: Array, high: Array, lines: Envelope) -> dict[int, Family]:
        """Tangents on the part that bends towards the line, up to the one through the other end."""
        f = self.function
        convex, concave = functions.curvature(f, low, high)
        mixed = ~(convex | concave)
        inner = np.where(mixed, low, -1), np.where(mixed, high, 1)
        values = functions.value(f, inner[0]), functions.value(f, inner[1])
        found, steep = {}, functions.steepest(f, *inner, values)
        each = ((low, high, lines.lower[0], convex), (high, low, lines.upper[0], concave))
        for k, (end, far, default, bent) in enumerate(each):
            touch, usual = (
                functions.touching(f, s, low, high, is_least=k == 0) for s in (steep[k], default)
            )
            first = np.where(mixed, touch, far)
            is_free = bent | mixed & (steep[k] > functions.slope(f, end) * (1 + STEEPER))
            width = np.where(first == end, 1, end - first)
            start = np.where(mixed, np.clip((usual - first) / width, 0, 1), 0.5)
            free = (low < high) & is_free
            found[k] = Family((first,), (end,), start.astype(low.dtype), free, f)
        return found

    def gaps(self, ends: Ends, lines: Envelope) -> Pair:
        """How far the lines are from f at the ends and in the middle."""
        low, high = ends[0]
        return farthest(self, lines, [(y,) for y in (low, high, low / 2 + high / 2)])

    def split(self, low: Array, high: Array) -> Array:
        """In the middle, or at an inflection point that is not near an end."""
        place = Nonlinear.split(self, low, high)
        if self.function not in S_SHAPED:
            return place
        central = np.minimum(-low, high) > CENTRAL * (high - low)
        return np.where(central & ~np.isnan(place), 0.0, place)


@dataclass(frozen=True, slots=True, eq=False)
class Squared(Nonlinear):
    """y²."""

    def evaluate(self, points: Arrays) -> Array:
        """y²."""
        return np.square(points[0])

    def derivatives(self, points: Arrays) -> Arrays:
        """2y."""
        return (2 * points[0],)

    def image(self, ends: Ends) -> Pair:
        """From the square of what is nearest to 0 to the greatest at an end."""
        low, high = ends[0]
        near = np.minimum(np.maximum(low, 0), high)
        return np.square(near), np.maximum(np.square(low), np.square(high))

    def slope_ranges(self, ends: Ends) -> tuple[Pair, ...]:
        """Twice the interval."""
        low, high = ends[0]
        return ((2 * low, 2 * high),)

    def lines(self, ends: Ends, slopes: Array | None = None) -> Envelope:
        """The tangent in the middle, and the chord: both of slope l + u."""
        low, high = ends[0]
        steep = (_finite(low + high),)
        least, greatest = (self.intercept(ends, steep, is_least=k)[0] for k in (True, False))
        return Envelope(steep, least, steep, greatest)

    def intercept(self, ends: Ends, slopes: Arrays, *, is_least: bool) -> tuple[Array, Arrays]:
        """The extreme of y·(y - slope)."""
        (low, high), slope = ends[0], slopes[0]
        if is_least:
            place = np.minimum(np.maximum(slope / 2, low), high)
        else:
            place = np.where(low * (low - slope) > high * (high - slope), low, high)
        return place * (place - slope), (place,)

    def families(self, ends: Ends, lines: Envelope) -> dict[int, Family]:
        """Tangents below."""
        low, high = ends[0]
        return {0: Family((2 * low,), (2 * high,), np.full_like(low, 0.5), low < high)}

    def gaps(self, ends: Ends, lines: Envelope) -> Pair:
        """How far the lines are from the square at the ends and in the middle."""
        low, high = ends[0]
        return farthest(self, lines, [(y,) for y in (low, high, low / 2 + high / 2)])


def _finite(slopes: Array) -> Array:
    """The slopes, zero where the kernel takes zero."""
    known = np.isfinite(slopes)
    return slopes if known.all() else np.where(known, slopes, 0)
