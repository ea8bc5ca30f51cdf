"""Piecewise-linear functions of one value: lines with their intercepts, and knots to split at.

The default slopes are those that the certificate calculus calls default, so that what is found
here can be written down without its slopes.

May import: numpy, maps, protocol, kernel. Must not know: rows, elimination, optimisation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from verifai.bounds.kinds.protocol import (
    Arrays,
    Ends,
    Envelope,
    Nonlinear,
    Pair,
)
from verifai.bounds.maps import Array, Mask
from verifai.kernel.hints import NUDGE, SHY
from verifai.kernel.network import Pwl


@dataclass(frozen=True, slots=True, eq=False)
class Piecewise(Nonlinear):
    """A piecewise-linear node: the kernel's data and f at the knots, (K, m) with m = 1 or n."""

    source: int
    knots: Array
    slopes: Array  # (K + 1, m)
    values: Array
    is_relu: bool
    is_monotone: bool

    @staticmethod
    def of(node: Pwl, dtype: npt.DTypeLike) -> Piecewise:
        """The node's function in floats."""
        steps = np.diff(node.knots, axis=0) * node.slopes[1:-1]
        zeros = np.zeros((1, node.knots.shape[1]))
        values = node.anchor + np.concatenate([zeros, np.cumsum(steps, 0)])
        single = len(node.knots) == 1 and not node.knots.any() and not node.anchor.any()
        is_relu = single and bool((node.slopes[0] == 0).all() and (node.slopes[1] == 1).all())
        knots, slopes, values = (a.astype(dtype) for a in (node.knots, node.slopes, values))
        is_monotone = not slopes.min() < 0 < slopes.max()
        return Piecewise(node.source, knots, slopes, values, is_relu, is_monotone)

    def value(self, y: Array) -> Array:
        """f(y), elementwise."""
        if self.is_relu:
            return np.maximum(y, 0)
        result: Array = self.values[0] + self.slopes[0] * (y - self.knots[0])
        for step, knot in zip(np.diff(self.slopes, axis=0), self.knots, strict=True):
            result = result + step * np.maximum(y - knot, 0)
        return result

    def evaluate(self, points: Arrays) -> Array:
        """f(y)."""
        return self.value(points[0])

    def derivatives(self, points: Arrays) -> Arrays:
        """The slope of f at y; that of the left piece at a knot."""
        y = points[0]
        if self.is_relu:
            return ((y > 0).astype(y.dtype),)
        result = np.broadcast_to(self.slopes[0], y.shape)
        for step, knot in zip(np.diff(self.slopes, axis=0), self.knots, strict=True):
            result = result + step * (y > knot)
        return (result,)

    def image(self, ends: Ends) -> Pair:
        """The least and greatest value at ends, and at knots inside."""
        low, high = ends[0]
        a, b = self.value(low), self.value(high)
        first, last = np.minimum(a, b), np.maximum(a, b)
        if self.is_monotone:
            return first, last
        for knot, value in zip(self.knots, self.values, strict=True):
            inside = (low < knot) & (knot < high)
            first = np.where(inside, np.minimum(first, value), first)
            last = np.where(inside, np.maximum(last, value), last)
        return first, last

    def slope_ranges(self, ends: Ends) -> tuple[Pair, ...]:
        """The least and greatest slope of the pieces that intervals touch."""
        low, high = ends[0]
        if self.is_relu:
            return (((low >= 0).astype(low.dtype), (high > 0).astype(low.dtype)),)
        least, most = np.full_like(low, np.inf), np.full_like(low, -np.inf)
        starts = [np.full_like(low, -np.inf), *(knot + 0 * low for knot in self.knots)]
        stops = [*starts[1:], np.full_like(low, np.inf)]
        for slope, start, stop in zip(self.slopes, starts, stops, strict=True):
            here = (low < stop) & (high > start) | (low == high) & (low == start)
            least = np.where(here, np.minimum(least, slope), least)
            most = np.where(here, np.maximum(most, slope), most)
        return ((least, most),)

    def lines(self, ends: Ends, slopes: Array | None = None) -> Envelope:
        """The lines with these lower slopes."""
        return _lines(self, *ends[0], slopes)

    def intercept(self, ends: Ends, slopes: Arrays, *, is_least: bool) -> tuple[Array, Arrays]:
        """The extreme of f(y) - slope·y: at an end, or at a knot inside."""
        low, high = ends[0]
        if is_least:
            least, _, place = intercepts(self, low, high, slopes[0])
            return least, (place,)
        turned = replace(self, slopes=-self.slopes, values=-self.values, is_relu=False)
        least, _, place = intercepts(turned, low, high, -slopes[0])
        return -least, (place,)

    def is_bent(self, low: Array, high: Array) -> Mask:
        """Whether a knot lies inside."""
        return span(self, low, high).is_split

    def gaps(self, ends: Ends, lines: Envelope) -> Pair:
        """How far the farthest knot is from the chord; that counts for both lines."""
        gap, _ = self._farthest(*ends[0])
        return gap, gap

    def split(self, low: Array, high: Array) -> Array:
        """At the knot farthest from the chord."""
        return np.where(span(self, low, high).is_split, self._farthest(low, high)[1], np.nan)

    def _farthest(self, low: Array, high: Array) -> Pair:
        """The greatest distance of a knot inside from the chord, and that knot, else NaN."""
        knot, gap = np.full_like(low, np.nan), np.zeros_like(low)
        for k, v in zip(self.knots, self.values, strict=True):
            inside = (low < k) & (k < high)
            width = np.where(inside, high - low, 1.0)
            chord = (self.value(high) * (k - low) + self.value(low) * (high - k)) / width
            here = np.where(inside, np.abs(chord - v), 0.0)
            knot = np.where(here > gap, k, knot)
            gap = np.maximum(gap, here)
        return gap, knot


@dataclass(frozen=True, slots=True, eq=False)
class Span:
    """The pieces of a piecewise-linear node that an interval touches.

    Attributes:
        left, right: slopes of the pieces at the interval's ends.
        is_split: whether a knot lies strictly inside, (B, n).
    """

    left: Array
    right: Array
    is_split: Mask


def span(pieces: Piecewise, low: Array, high: Array) -> Span:
    """Which pieces the intervals [low, high] touch, a knot all but at an end left out."""
    low, high = low + SHY * (high - low), high - SHY * (high - low)
    if pieces.is_relu:
        left, right = (low >= 0).astype(low.dtype), (high > 0).astype(low.dtype)
        return Span(np.minimum(left, right), right, (low < 0) & (high > 0))
    left, right = pieces.slopes[0] + 0 * low, pieces.slopes[0] + 0 * high
    is_split = np.zeros_like(low, dtype=bool)
    for step, knot in zip(np.diff(pieces.slopes, axis=0), pieces.knots, strict=True):
        left = left + step * (low >= knot)
        right = right + step * ((high > knot) | (low >= knot))
        is_split |= (low < knot) & (knot < high)
    return Span(left, right, is_split)


def _lines(pieces: Piecewise, low: Array, high: Array, slopes: Array | None) -> Envelope:
    """The lines with these lower slopes, (B, n); NaN, or None for all, meaning default."""
    if pieces.is_relu:
        return _relu_lines(low, high, slopes)
    touched = span(pieces, low, high)
    width = np.where(touched.is_split, high - low, 1)
    chord = (pieces.value(high) - pieces.value(low)) / width
    chord = np.where(touched.is_split, chord, touched.left)
    first, last, rises, falls = _inside(pieces, low, high)
    middle = (first + last) / 2
    end = np.where(high - middle > NUDGE * (middle - low), touched.right, touched.left)
    lower = np.where(touched.is_split & ~falls, end, chord)
    upper = np.where(touched.is_split & falls & ~rises, end, chord)
    if slopes is not None:
        lower = np.where(np.isnan(slopes), lower, slopes)
    below, above = intercepts(pieces, low, high, lower)[0], -intercepts(pieces, low, high, upper)[1]
    return Envelope((lower,), below, (upper,), above)


def _relu_lines(low: Array, high: Array, slopes: Array | None) -> Envelope:
    """max(0, y): chord above, and below it 0 or y, whichever leaves the smaller triangle."""
    below, above = np.minimum(low, 0), np.maximum(high, 0)
    width = above - below
    upper = above / np.maximum(width, np.finfo(low.dtype).tiny)
    lower = (above > NUDGE * -below).astype(low.dtype)
    if slopes is not None:
        given = (below < 0) & (above > 0) & ~np.isnan(slopes)
        lower = np.where(given, slopes, lower)
    return Envelope((lower,), None, (upper,), -upper * below)


class _Inside(NamedTuple):
    """The first and last knot inside intervals; whether slopes rise, and fall, at knots there."""

    first: Array
    last: Array
    rises: Mask
    falls: Mask


def _inside(pieces: Piecewise, low: Array, high: Array) -> _Inside:
    """The knots well inside the intervals; their ends where there is none."""
    low, high = low + SHY * (high - low), high - SHY * (high - low)
    first, last = np.full_like(low, np.inf), np.full_like(low, -np.inf)
    rises, falls = np.zeros_like(low, dtype=bool), np.zeros_like(low, dtype=bool)
    for step, knot in zip(np.diff(pieces.slopes, axis=0), pieces.knots, strict=True):
        inside = (low < knot) & (knot < high)
        first = np.where(inside, np.minimum(first, knot), first)
        last = np.where(inside, np.maximum(last, knot), last)
        rises |= inside & (step > 0)
        falls |= inside & (step < 0)
    bare = ~np.isfinite(first)
    return _Inside(np.where(bare, low, first), np.where(bare, high, last), rises, falls)


def intercepts(
    pieces: Piecewise, low: Array, high: Array, slope: Array
) -> tuple[Array, Array, Array]:
    """The least value of f(y) - slope·y over [low, high], minus the greatest, the least's place.

    >>> from verifai.graph.nodes import relu
    >>> from verifai.kernel.network import Input, Network
    >>> from verifai.bounds.compiled import compile_network
    >>> net = Network((Input("x", (1,)), relu("z", (1,), 0)), (1,))
    >>> pieces, end = compile_network(net).pieces[1], np.array([[2.0]])
    >>> [float(a[0, 0]) for a in intercepts(pieces, -end, end, end / 4)]
    [0.0, -1.0, 0.0]
    """
    least, place = pieces.value(low) - slope * low, low
    last = pieces.value(high) - slope * high
    greatest = np.maximum(least, last)
    least, place = np.minimum(least, last), np.where(last < least, high, place)
    for knot, value in zip(pieces.knots, pieces.values, strict=True):
        inside = (low < knot) & (knot < high)
        here = value - slope * knot
        place = np.where(inside & (here < least), knot, place)
        least = np.where(inside, np.minimum(least, here), least)
        greatest = np.where(inside, np.maximum(greatest, here), greatest)
    return least, -greatest, place
