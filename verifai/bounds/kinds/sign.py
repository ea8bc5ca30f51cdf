"""The sign: a step at zero, and lines through it.

May import: numpy, maps, protocol. Must not know: networks, ascent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

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
from verifai.bounds.maps import Array, Mask

STEP = 2.0**-30  # it is split this far from zero, whose own value no side shares


@dataclass(frozen=True, slots=True, eq=False)
class Jump(Nonlinear):
    """The sign, which is 0 at 0."""

    def evaluate(self, points: Arrays) -> Array:
        """-1, 0 or 1."""
        return np.sign(points[0])

    def derivatives(self, points: Arrays) -> Arrays:
        """The slope of clip(y, -1, 1), so that attacks see a direction."""
        y = points[0]
        return ((np.abs(y) <= 1).astype(y.dtype),)

    def image(self, ends: Ends) -> Pair:
        """The signs of the ends."""
        low, high = ends[0]
        return np.sign(low), np.sign(high)

    def slope_ranges(self, ends: Ends) -> tuple[Pair, ...]:
        """As if it rose by one in a unit at 0."""
        low, high = ends[0]
        wide = ((low <= 0) & (high >= 0)).astype(low.dtype)
        return ((0 * wide, wide),)

    def lines(self, ends: Ends, slopes: Array | None = None) -> Envelope:
        """Flat ones."""
        flat = (np.zeros_like(ends[0][0]),)
        least, greatest = (self.intercept(ends, flat, is_least=k)[0] for k in (True, False))
        return Envelope(flat, least, flat, greatest)

    def intercept(self, ends: Ends, slopes: Arrays, *, is_least: bool) -> tuple[Array, Arrays]:
        """The extreme of sign(y) - slope·y, or its limit from one side of zero."""
        (low, high), slope = ends[0], slopes[0]
        pick = np.less if is_least else np.greater
        found, place = np.sign(low) - slope * low, low
        zero = np.clip(np.zeros_like(low), low, high)
        inside = (low < 0) & (high > 0)
        near = np.where(inside, -1.0 if is_least else 1.0, np.sign(zero))
        for value, point in ((near - slope * zero, zero), (np.sign(high) - slope * high, high)):
            better = pick(value, found)
            found, place = np.where(better, value, found), np.where(better, point, place)
        return found, (place,)

    def families(self, ends: Ends, lines: Envelope) -> dict[int, Family]:
        """Lines from flat ones to those through the jump and an end."""
        low, high = ends[0]
        inside, flat = (low < 0) & (high > 0), np.zeros_like(low)
        return {
            k: linear_family(flat, 2 / np.where(inside, end, 1), default, inside)
            for k, end, default in ((0, high, lines.lower[0]), (1, -low, lines.upper[0]))
        }

    def is_bent(self, low: Array, high: Array) -> Mask:
        """Whether zero is inside or at an end."""
        found: Mask = (low <= 0) & (high >= 0) & (low < high)
        return found

    def gaps(self, ends: Ends, lines: Envelope) -> Pair:
        """How far the lines are from the sign at the ends and in the middle."""
        low, high = ends[0]
        return farthest(self, lines, [(y,) for y in (low, high, low / 2 + high / 2)])

    def split(self, low: Array, high: Array) -> Array:
        """Beside zero, whose own value no side shares."""
        beside = np.where(low < -STEP, -STEP, np.where(high > STEP, STEP, np.nan))
        return np.where((low <= 0) & (high >= 0), beside, np.nan)
