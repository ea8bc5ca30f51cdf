"""The intercepts of a smooth function's lines over an interval.

A convex f lies above each of its tangents and, over an interval, below the greater of its ends once
a line is taken off; so the extremes of f(y) - s·y follow from values at ends, inflection points and
one touching point, which may be any point: a badly chosen one is loose, never unsound.

May import: numpy, arithmetic, functions, hints. Must not know: nodes, certificates.
"""

from __future__ import annotations

import numpy as np

from verifai.kernel import hints
from verifai.kernel.arithmetic import Arithmetic, plain
from verifai.kernel.functions import DEFECT, FAR, SMOOTH, WIDE, Piece, pieces
from verifai.kernel.operator import Array


class Extremes:
    """The least and the greatest value of f(y) - s·y over [l, u], rounded outwards."""

    def __init__(self, function: str, l: Array, u: Array, ar: Arithmetic) -> None:
        """Encloses f at the ends of all its pieces."""
        self.function, self.row, self.l, self.u, self.ar = function, SMOOTH[function], l, u, ar
        self.pieces = pieces(self.row, l, u, ar)
        places = [self.pieces[0].low, *(p.high for p in self.pieces)]
        self.ends = [(z, *ar.smooth(self.row.values, z)) for z in places]

    def least(self, slope: Array) -> Array:
        """At most the least value."""
        return self._extreme(slope, -1)

    def greatest(self, slope: Array) -> Array:
        """At least the greatest value."""
        return self._extreme(slope, 1)

    def _extreme(self, slope: Array, away: int) -> Array:
        pick = np.minimum if away < 0 else np.maximum
        found: list[Array] = []
        for piece, left, right in zip(self.pieces, self.ends, self.ends[1:], strict=False):
            if piece.is_convex == (away < 0):
                tangent = self._tangent(piece, slope, away)
                single = self._at(left, slope, away)
                found.append(np.where(piece.low < piece.high, tangent, single))
            else:
                found += [self._at(left, slope, away), self._at(right, slope, away)]
        result = found[0]
        for other in found[1:]:
            result = pick(result, other)
        result = self._periodic(result, slope, away) if self.row.waves else result
        return np.where(result == result, result, away * np.inf)

    def _at(self, end: tuple[Array, Array, Array], slope: Array, away: int) -> Array:
        """f(z) - s·z at an end, moved away by its error."""
        z, value, error = end
        line = slope * z
        return np.asarray(value - line + away * (error + self.ar.curve(abs(value) + abs(line))))

    def _tangent(self, piece: Piece, slope: Array, away: int) -> Array:
        """What the tangent at a point says on a piece, moved away by its error."""
        ar, (low, high) = self.ar, piece[:2]
        floats = Piece(ar.floats(low), ar.floats(high), piece.is_convex)
        place = plain(hints.touching(self.function, ar.floats(slope), floats), low.shape)
        z = np.minimum(np.maximum(ar.lift(place), low), high)
        if self.row.is_steep:  # a tangent at any point lies above a function that is concave
            z = np.where(z == 0, z + 1, z)
        y, error = value = ar.smooth(self.row.values, z)
        d, off = self.row.derivative(z, value, ar)
        tilt, reach = d - slope, np.maximum(abs(high - z), abs(z - low))
        ends = tilt * (low - z), tilt * (high - z)
        extreme = np.minimum(*ends) if away < 0 else np.maximum(*ends)
        error = error + off * reach
        size = abs(y) + abs(slope) * (abs(z) + reach) + abs(d) * reach
        return np.asarray(y - slope * z + extreme + away * (error + ar.tangent(size)))

    def _periodic(self, result: Array, slope: Array, away: int) -> Array:
        """The extreme of waves where pieces are known to cover the interval; else of ±1 - s·y."""
        line = slope * self.l, slope * self.u
        outside = -np.maximum(*line) if away < 0 else -np.minimum(*line)
        height = self.row.waves + self.ar.curve(1 + abs(line[0]) + abs(line[1]))
        width = self.u - self.l
        near = (abs(self.l) <= FAR) & (abs(self.u) <= FAR) & (width <= WIDE)
        defect = width * width * self.ar.lift(np.array(DEFECT))
        curved = result + away * (defect + self.ar.curve(abs(result)))
        return np.asarray(np.where(near, curved, outside + away * height))
