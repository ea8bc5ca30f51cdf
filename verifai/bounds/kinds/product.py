"""Products of two values: planes that touch x·y at the corners of a box.

Source: McCormick 1976, Computability of Global Solutions.
May import: numpy, maps, protocol, kernel. Must not know: networks, ascent.
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
)
from verifai.bounds.maps import Array
from verifai.kernel import hints
from verifai.kernel.network import Product


@dataclass(frozen=True, slots=True, eq=False)
class Bilinear(Nonlinear):
    """x·y."""

    node: Product

    def evaluate(self, points: Arrays) -> Array:
        """x·y."""
        x, y = points
        result: Array = x * y
        return result

    def derivatives(self, points: Arrays) -> Arrays:
        """y and x."""
        x, y = points
        return y, x

    def image(self, ends: Ends) -> Pair:
        """The least and greatest of the corners."""
        (a, b), (c, d) = ends
        corners = np.stack([a * c, a * d, b * c, b * d])
        return corners.min(axis=0), corners.max(axis=0)

    def slope_ranges(self, ends: Ends) -> tuple[Pair, ...]:
        """The intervals of y and x."""
        x, y = ends
        return y, x

    def lines(self, ends: Ends, slopes: Array | None = None) -> Envelope:
        """Both planes touch x·y at the middle of the box."""
        (a, b), (c, d) = ends
        found = hints.slopes(self.node, [*ends])
        middle, spread = found[0] * found[1], (b - a) * (d - c) / 4
        return Envelope(found[:2], -middle - spread, found[2:], spread - middle)

    def intercept(self, ends: Ends, slopes: Arrays, *, is_least: bool) -> tuple[Array, Arrays]:
        """The extreme of x·y - s·x - t·y, which is bilinear: at a corner."""
        pick = np.less if is_least else np.greater
        (a, b), (c, d), (s, t) = *ends, slopes
        found, x, y = a * c - s * a - t * c, a, c
        for p, q in ((a, d), (b, c), (b, d)):
            here = p * q - s * p - t * q
            better = pick(here, found)
            x, y = np.where(better, p, x), np.where(better, q, y)
            found = np.where(better, here, found)
        return found, (x, y)

    def families(self, ends: Ends, lines: Envelope) -> dict[int, Family]:
        """Below, planes through the corners' edges at (a, c) and (b, d), above (a, d), (b, c)."""
        (a, b), (c, d) = ends
        is_free = (a < b) & (c < d)
        half = np.full_like(a, 0.5, shape=is_free.shape)
        return {0: Family((c, a), (d, b), half, is_free), 1: Family((d, a), (c, b), half, is_free)}

    def gaps(self, ends: Ends, lines: Envelope) -> Pair:
        """How far the planes are from x·y at the corners."""
        return farthest(self, lines, [(x, y) for x in ends[0] for y in ends[1]])
