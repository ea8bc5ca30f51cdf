"""What the kinds of nonlinear nodes have in common: a function of one value or two, and its lines.

A *side* of a node, 0 below and 1 above, may have a family of lines to choose from: the share moves
from the first line to the last. Any slopes are sound, the intercepts follow from them.

May import: numpy, maps, functions. Must not know: networks, boxes, ascent.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from verifai.bounds import functions
from verifai.bounds.maps import Array, Indices, Mask

Pair = tuple[Array, Array]
Arrays = tuple[Array, ...]  # one for each source of a node
Ends = tuple[Pair, ...]  # the intervals of the sources' values
NARROW = 1e-7  # relative; intervals of curved nodes that are left as they are


@dataclass(frozen=True, slots=True, eq=False)
class Envelope:
    """Below and above a node's values z: Σ slopes·sources + intercept, arrays of (B, n).

    Attributes:
        lower, upper: one slope array for each source.
        below, above: the intercepts; `below` None means zeros.
    """

    lower: Arrays
    below: Array | None
    upper: Arrays
    above: Array

    def take(self, boxes: Indices | slice) -> Envelope:
        """The lines over some boxes, in this order."""
        return Envelope(
            tuple(a[boxes] for a in self.lower),
            None if self.below is None else self.below[boxes],
            tuple(a[boxes] for a in self.upper),
            self.above[boxes],
        )

    def gaps(self, value: Array, points: Arrays) -> Pair:
        """How far a value, at points of the sources, is above the lower, below the upper line."""
        below = value - (0.0 if self.below is None else self.below)
        above = self.above - value
        for y, lower, upper in zip(points, self.lower, self.upper, strict=True):
            below, above = below - lower * y, above + upper * y
        return below, above


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
        return tuple(functions.slope(self.function, y) for y in places)


def linear_family(first: Array, last: Array, default: Array, is_free: Mask) -> Family:
    """A family of slopes that holds the default."""
    width = np.where(last == first, 1, last - first)
    return Family((first,), (last,), np.clip((default - first) / width, 0, 1), is_free)


class Nonlinear(ABC):
    """What a nonlinear node computes from each of its sources' values."""

    __slots__ = ()

    @abstractmethod
    def evaluate(self, points: Arrays) -> Array:
        """Its values at points of the sources, elementwise."""

    @abstractmethod
    def derivatives(self, points: Arrays) -> Arrays:
        """Its derivatives there, by each source; at a jump, what attacks are to follow."""

    @abstractmethod
    def image(self, ends: Ends) -> Pair:
        """The interval of its values, up to rounding."""

    @abstractmethod
    def slope_ranges(self, ends: Ends) -> tuple[Pair, ...]:
        """The intervals of its derivatives, up to rounding."""

    @abstractmethod
    def lines(self, ends: Ends, slopes: Array | None = None) -> Envelope:
        """The default lines, those that the kernel takes, over each box.

        Args:
            ends: of the sources.
            slopes: lower slopes of values on pieces, (B, n), NaN meaning default.
        """

    @abstractmethod
    def intercept(self, ends: Ends, slopes: Arrays, *, is_least: bool) -> tuple[Array, Arrays]:
        """The least (else greatest) value of z - Σ slopes·sources over boxes, and its place."""

    def families(self, ends: Ends, lines: Envelope) -> dict[int, Family]:
        """The lines to choose from by side; `lines` are the default ones."""
        return {}

    def is_bent(self, low: Array, high: Array) -> Mask:
        """Which values are not linear in a source on its interval."""
        found: Mask = low < high
        return found

    @abstractmethod
    def gaps(self, ends: Ends, lines: Envelope) -> Pair:
        """How far lines are from the values below and above, at most, as far as splits can tell."""

    def split(self, low: Array, high: Array) -> Array:
        """Where to split a source's interval, NaN where that is no use."""
        wide = high - low > NARROW * np.maximum(np.maximum(-low, high), 1.0)
        return np.where(wide, low / 2 + high / 2, np.nan)


def farthest(kind: Nonlinear, lines: Envelope, places: list[Arrays]) -> Pair:
    """The greatest gaps at some points, at least 0."""
    below = above = np.zeros_like(lines.above)
    for points in places:
        gaps = lines.gaps(kind.evaluate(points), points)
        below, above = np.maximum(below, gaps[0]), np.maximum(above, gaps[1])
    return below, above
