"""Linear relaxations of piecewise-linear nodes over boxes: slopes, and intercepts found from them.

The default slopes are those that the certificate calculus calls default, so that what is found
here can be written down without its slopes.

May import: numpy, compiled. Must not know: rows, elimination, optimisation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from verifai.bounds.compiled import Piecewise
from verifai.bounds.maps import Array, Mask
from verifai.kernel.hints import NUDGE, SHY

Codes = npt.NDArray[np.uint8]
CODES = 128  # a lower slope's code q means left + q/128·(right - left)
DEFAULT_CODE = 255


@dataclass(frozen=True, slots=True, eq=False)
class Envelope:
    """Below and above a node's values z: Σ slopes·sources + intercept, arrays of (B, n).

    Attributes:
        lower, upper: one slope array for each source.
        below, above: the intercepts; `below` None means zeros.
    """

    lower: tuple[Array, ...]
    below: Array | None
    upper: tuple[Array, ...]
    above: Array


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


def pwl_lines(pieces: Piecewise, low: Array, high: Array, slopes: Array | None) -> Envelope:
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

    >>> from verifai.kernel.network import Input, Network, relu
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


def codes_of(touched: Span, slopes: Array) -> Codes:
    """The codes nearest to lower slopes: 0 … 128; 255 without a knot inside or where it is NaN."""
    width = touched.right - touched.left
    usable = touched.is_split & ~np.isnan(slopes)
    wide = usable & (width != 0)
    share = np.where(wide, slopes - touched.left, 0) / np.where(wide, width, 1)
    codes = np.rint(np.clip(share, 0, 1) * CODES)
    return np.where(usable, codes, DEFAULT_CODE).astype(np.uint8)


def slopes_of(touched: Span, codes: Codes) -> Array:
    """The lower slopes that codes mean, NaN for default."""
    share = codes.astype(touched.left.dtype) / CODES
    slopes = touched.left + share * (touched.right - touched.left)
    return np.where(codes == DEFAULT_CODE, np.nan, slopes)
