"""Smooth functions over an interval: where they are convex, default slopes, and intercepts.

The one thing taken on trust about shapes is a table: each function is convex or concave between
known inflection points (SPEC.md, "Smooth lines", with the second derivatives). A convex f lies
above each of its tangents and, over an interval, below the greater of its ends once a line is taken
off; so the extremes of f(y) - s·y follow from values at ends, inflection points and one touching
point, which may be any point: a badly chosen one is loose, never unsound.

May import: numpy, arithmetic, elementary, operator. Must not know: nodes, certificates.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from verifai.kernel.arithmetic import Arithmetic
from verifai.kernel.elementary import ELEMENTARY
from verifai.kernel.operator import Array

S_SHAPED = ("sigmoid", "tanh", "erf")
PERIODIC = ("sin", "cos")
DEFECT = 2.0**-40  # sin and cos: |f''| at a point off an inflection point by rounding, |y| ≤ FAR
FAR = 1 << 10  # of |y|: beyond, sin and cos are only known to lie in [-1, 1]
WIDE = 6  # as FAR, of u - l; less than a period
TURNS = 4  # of the tangent from an end to an S-shaped function


class Piece(NamedTuple):
    """A part [low, high] of an interval on which a function is convex, or else concave."""

    low: Array
    high: Array
    is_convex: bool


def is_defined(function: str, l: Array, u: Array) -> bool:
    """Whether the function is defined on all these intervals."""
    if function == "log":
        return bool((l > 0).all())
    if function == "sqrt":
        return bool((l >= 0).all())
    return function != "reciprocal" or bool(((l > 0) | (u < 0)).all())


def pieces(function: str, l: Array, u: Array, ar: Arithmetic) -> list[Piece]:
    """Parts that cover [l, u], in order; for sin and cos those that begin in the first period."""
    if function == "exp":
        return [Piece(l, u, True)]
    if function in ("log", "sqrt"):
        return [Piece(l, u, False)]
    if function in PERIODIC:
        cuts = [np.minimum(np.maximum(ar.lift(c), l), u) for c in _inflections(function, l, ar)]
        parts = zip([l, *cuts], [*cuts, u], (False, True, False, True), strict=True)
        return [Piece(low, high, is_convex) for low, high, is_convex in parts]
    middle = np.minimum(np.maximum(l * 0, l), u)
    is_convex = function in S_SHAPED  # on the left; 1/y is concave there
    return [Piece(l, middle, is_convex), Piece(middle, u, not is_convex)]


def _inflections(function: str, l: Array, ar: Arithmetic) -> list[Array]:
    """Three inflection points in a row, the first after l from concave to convex; as doubles."""
    shift = 0.0 if function == "sin" else math.pi / 2
    turn = 2 * np.floor((ar.floats(l) + shift) / (2 * math.pi))
    return [np.nan_to_num((turn + i) * math.pi - shift) for i in (1, 2, 3)]


def derivative(
    function: str, z: Array, value: tuple[Array, Array], ar: Arithmetic
) -> tuple[Array, Array]:
    """f'(z) and a bound on how far off it is, where f(z) is enclosed by `value`."""
    y, error = value
    if function == "exp":
        return value
    if function == "erf":
        return ar.smooth("gauss", z)
    if function in PERIODIC:
        d, off = ar.smooth("cos" if function == "sin" else "sin", z)
        return (d, off) if function == "sin" else (-d, off)
    if function == "sigmoid":
        d, off = y * (1 - y), error
    elif function == "tanh":
        d, off = 1 - y * y, 2 * error + error * error
    elif function == "log":
        d, off = 1 / z, error * 0
    elif function == "reciprocal":
        d, off = -y * y, 2 * abs(y) * error + error * error
    else:
        d, off = 1 / (2 * y), error / (2 * y * np.where(y > error, y - error, y))
    return d, off + ar.slip(8, abs(d) + (1 if function in S_SHAPED else 0))


def touching(function: str, slope: Array, piece: Piece) -> Array:
    """Where f' is the slope, on the side of a piece; in plain float64, a proposal only."""
    with np.errstate(all="ignore"):
        if function in PERIODIC:
            turn = np.floor(((piece.low + piece.high) / 2 + _shift(function)) / math.pi)
            angle = np.arccos(np.clip(-slope if piece.is_convex else slope, -1.0, 1.0))
            return np.asarray(turn * math.pi + angle - _shift(function))
        if function == "exp":
            place = ELEMENTARY["log"](slope)[0]
            return np.where(slope > 0, place, -np.inf)
        if function == "log":
            return np.where(slope > 0, 1 / slope, np.inf)
        if function == "sqrt":
            return np.where(slope > 0, 1 / (4 * slope * slope), np.inf)
        if function == "reciprocal":
            far = np.where(slope < 0, 1 / np.sqrt(-slope), np.inf)
        else:
            far = _steepness_at(function, slope)
        right = piece.is_convex == (function == "reciprocal")
        return far if right else -far


def _shift(function: str) -> float:
    return math.pi / 2 if function == "cos" else 0.0


def _steepness_at(function: str, slope: Array) -> Array:
    """The y ≥ 0 at which an S-shaped function has this slope; infinite for slopes up to 0."""
    log = ELEMENTARY["log"]
    if function == "erf":
        value = np.sqrt(np.maximum(-log(slope * (math.sqrt(math.pi) / 2))[0], 0.0))
        return np.asarray(np.where(slope > 0, value, np.inf))
    share = np.clip(4 * slope if function == "sigmoid" else slope, 0.0, 1.0)
    t = np.sqrt(1 - share)
    value = 2 * log(1 + t)[0] - log(share)[0]  # the logarithm of (1 + t)/(1 - t)
    return np.asarray(np.where(slope > 0, value if function == "sigmoid" else value / 2, np.inf))


def default_slopes(function: str, l: Array, u: Array) -> tuple[Array, Array]:
    """Slopes (lower, upper) in plain float64, by operations that are the same on every machine.

    Where f is convex: the tangent's at the middle, the chord's; concave: the reverse. An S-shaped
    function on both sides of 0: the greatest slope of a line from one end to a point on the other
    side, or the tangent's at the middle where that lies beyond the point: the line that is nearest
    to the function at the middle. Else the chord's, or 0 over half a period.
    """
    with np.errstate(all="ignore"):
        middle = l + (u - l) / 2
        f = ELEMENTARY[function]
        low, high = f(l)[0], f(u)[0]
        tangent = _slope_at(function, middle)
        chord = (high - low) / (u - l)
        chord = np.where(np.isfinite(chord), chord, tangent)
        if function in PERIODIC:
            turn = np.floor((l + _shift(function)) / math.pi)
            single = turn == np.floor((u + _shift(function)) / math.pi)
            chord = np.where(u - l < math.pi, chord, 0.0)
            convex, concave = single & (turn % 2 == 1), single & (turn % 2 == 0)
        elif function in S_SHAPED:
            convex, concave = u <= 0, l >= 0
            mixed = ~(convex | concave)
            if mixed.any():
                from_left = _steepest(function, l, u, low, high)
                from_right = _steepest(function, -u, -l, *_mirrored(function, low, high))
                from_left = np.where(middle > 0, np.minimum(tangent, from_left), from_left)
                from_right = np.where(middle < 0, np.minimum(tangent, from_right), from_right)
                lower = np.where(convex, tangent, np.where(concave, chord, from_right))
                upper = np.where(concave, tangent, np.where(convex, chord, from_left))
                return lower, upper
        else:
            convex = np.full(l.shape, function == "exp") | ((function == "reciprocal") & (l > 0))
            concave = ~convex
        return np.where(convex, tangent, chord), np.where(concave, tangent, chord)


def _mirrored(function: str, low: Array, high: Array) -> tuple[Array, Array]:
    """f(-u) and f(-l), from f(l) and f(u)."""
    total = 1.0 if function == "sigmoid" else 0.0
    return total - high, total - low


def _steepest(function: str, l: Array, u: Array, low: Array, high: Array) -> Array:
    """The greatest slope of a line from (l, f(l)) to (d, f(d)), 0 ≤ d ≤ u; for l < 0 < u."""
    d, slope = u, (high - low) / (u - l)
    for _ in range(TURNS):
        d = np.minimum(_steepness_at(function, slope), d)
        there = (ELEMENTARY[function](d)[0] - low) / (d - l)
        slope = np.where(there > slope, there, slope)
    return np.asarray(slope)


def _slope_at(function: str, z: Array) -> Array:
    """f'(z) in plain float64."""
    if function in PERIODIC:
        return np.asarray(
            ELEMENTARY["cos"](z)[0] if function == "sin" else -ELEMENTARY["sin"](z)[0]
        )
    if function == "erf":
        return ELEMENTARY["gauss"](z)[0]
    if function == "log":
        return np.asarray(1 / z)
    y = ELEMENTARY[function](z)[0]
    if function == "sigmoid":
        return np.asarray(y * (1 - y))
    if function == "tanh":
        return np.asarray(1 - y * y)
    if function == "reciprocal":
        return np.asarray(-y * y)
    return np.asarray(y if function == "exp" else 1 / (2 * y))


class Extremes:
    """The least and the greatest value of f(y) - s·y over [l, u], rounded outwards."""

    def __init__(self, function: str, l: Array, u: Array, ar: Arithmetic) -> None:
        """Encloses f at the ends of all its pieces."""
        self.function, self.l, self.u, self.ar = function, l, u, ar
        self.pieces = pieces(function, l, u, ar)
        places = [self.pieces[0].low, *(p.high for p in self.pieces)]
        self.ends = [(z, *ar.smooth(function, z)) for z in places]

    def least(self, slope: Array) -> Array:
        """At most the least value."""
        return self._extreme(slope, is_least=True)

    def greatest(self, slope: Array) -> Array:
        """At least the greatest value."""
        return self._extreme(slope, is_least=False)

    def _extreme(self, slope: Array, *, is_least: bool) -> Array:
        pick, away = (np.minimum, -1) if is_least else (np.maximum, 1)
        found: list[Array] = []
        for piece, left, right in zip(self.pieces, self.ends, self.ends[1:], strict=False):
            if piece.is_convex == is_least:
                tangent = self._tangent(piece, slope, away)
                single = self._at(left, slope, away)
                found.append(np.where(piece.low < piece.high, tangent, single))
            else:
                found += [self._at(left, slope, away), self._at(right, slope, away)]
        result = found[0]
        for other in found[1:]:
            result = pick(result, other)
        result = self._periodic(result, slope, away) if self.function in PERIODIC else result
        return np.where(result == result, result, away * np.inf)

    def _at(self, end: tuple[Array, Array, Array], slope: Array, away: int) -> Array:
        """f(z) - s·z at an end, moved away by its error."""
        z, value, error = end
        line = slope * z
        return np.asarray(value - line + away * (error + self.ar.slip(8, abs(value) + abs(line))))

    def _tangent(self, piece: Piece, slope: Array, away: int) -> Array:
        """What the tangent at the touching point says on a piece, moved away by its error."""
        ar, (low, high) = self.ar, piece[:2]
        floats = Piece(ar.floats(low), ar.floats(high), piece.is_convex)
        place = touching(self.function, ar.floats(slope), floats)
        place = np.where(np.isnan(place), floats.low / 2 + floats.high / 2, place)
        place = np.nan_to_num(np.clip(place, floats.low, floats.high))
        if self.function == "sqrt":  # whose slope at 0 is infinite
            place = np.maximum(place, floats.high * 2.0**-60)
        z = np.minimum(np.maximum(ar.lift(place), low), high)
        z = np.where(z == 0, z + 1, z) if self.function == "sqrt" else z
        y, error = value = ar.smooth(self.function, z)
        d, off = derivative(self.function, z, value, ar)
        tilt, reach = d - slope, np.maximum(abs(high - z), abs(z - low))
        ends = tilt * (low - z), tilt * (high - z)
        extreme = np.minimum(*ends) if away < 0 else np.maximum(*ends)
        error = error + off * reach
        size = abs(y) + abs(slope) * (abs(z) + reach) + abs(d) * reach
        return np.asarray(y - slope * z + extreme + away * (error + ar.slip(32, size)))

    def _periodic(self, result: Array, slope: Array, away: int) -> Array:
        """The extreme of a sine where pieces are known to cover the interval; else of ±1 - s·y."""
        line = slope * self.l, slope * self.u
        outside = -np.maximum(*line) if away < 0 else -np.minimum(*line)
        slip = self.ar.slip(8, 1 + abs(line[0]) + abs(line[1]))
        width = self.u - self.l
        near = (abs(self.l) <= FAR) & (abs(self.u) <= FAR) & (width <= WIDE)
        defect = width * width * self.ar.lift(np.array(DEFECT))
        curved = result + away * (defect + self.ar.slip(4, abs(result)))
        return np.asarray(np.where(near, curved, outside + away * (1 + slip)))
