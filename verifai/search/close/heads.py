"""The lines that bound the nonlinear values of a linear program, in one region after the other.

A value on two pieces has three: both pieces and the chord. All others have their default two.

May import: numpy, bounds, columns. Must not know: programs, trees, processes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from verifai.bounds.crown import relaxed
from verifai.bounds.interval import Bounds
from verifai.bounds.kinds.pieces import Piecewise, span
from verifai.bounds.kinds.protocol import Envelope
from verifai.bounds.maps import Array, Indices, Mask
from verifai.kernel.hints import SHY
from verifai.search.close.columns import Columns

RIGHT, CHORD, LEFT = range(3)  # of values without pieces RIGHT is the lower line, CHORD the upper


@dataclass(frozen=True, slots=True, eq=False)
class HeadLines:
    """The lines of all heads in one region: z less slopes times what it reads, between ends.

    Attributes:
        slopes: (3, 2, m), of up to two values read.
        low, high: (3, m).
        is_open: which heads are on two pieces, (m,).
        is_concave: which of these have two lines above, not below, (m,).
    """

    slopes: Array
    low: Array
    high: Array
    is_open: Mask
    is_concave: Mask

    @staticmethod
    def free(count: int) -> HeadLines:
        """HeadLines that say nothing."""
        ends, no = np.full((3, count), math.inf), np.zeros(count, dtype=bool)
        return HeadLines(np.zeros((3, 2, count)), -ends, ends, no, no.copy())

    def is_used(self) -> Mask:
        """Which lines say something, (3, m)."""
        return np.isfinite(self.low) | np.isfinite(self.high)


@dataclass(frozen=True, slots=True, eq=False)
class _Group:
    """The heads of one node.

    Attributes:
        node: which.
        index: their places in it, (k,).
        part: their numbers among all m.
        bent: the pieces of a node with one knot, else None.
    """

    node: int
    index: Indices
    part: slice
    bent: Piecewise | None


class Heads:
    """The nonlinear values that have columns, m of them by node.

    Attributes:
        columns: of a program.
        count: m.
        first: the first one's column; the others follow.
        reads: the columns that each reads, (2, m); -1: it reads but one.
        is_flat: whose left line has slope zero, so that it bounds a column, (m,).
        has_left: which have a left line that is none of these, (m,).
        bends: knots, values there and slopes beside them of those with one knot, (4, m), else NaN.
        bent: the numbers of these.
    """

    def __init__(self, columns: Columns) -> None:
        """Numbers the heads."""
        self.columns, self.compiled = columns, columns.compiled
        self.groups, self.count = list[_Group](), 0
        for node, index in columns.heads.items():
            pieces = self.compiled.pieces.get(node)
            bent = pieces if pieces is not None and len(pieces.knots) == 1 else None
            part = slice(self.count, self.count + len(index))
            self.groups.append(_Group(node, index, part, bent))
            self.count += len(index)
        self.first = self.compiled.width
        self.reads = np.full((2, self.count), -1)
        self.is_flat, self.has_left = np.zeros((2, self.count), dtype=bool)
        self.bends = np.full((4, self.count), np.nan)
        for group in self.groups:
            for k, source in enumerate(self._sources(group)):
                self.reads[k, group.part] = columns.of_node(source, group.index)
            flat = group.bent is not None and group.bent.is_relu
            flat = flat and group.node not in self.compiled.preactivations  # which have own ends
            self.is_flat[group.part] = flat
            self.has_left[group.part] = group.bent is not None and not flat
            if group.bent is not None:
                bent, size = group.bent, self.compiled.sizes[group.node]
                rows = np.concatenate([bent.knots, bent.values, bent.slopes])
                self.bends[:, group.part] = np.broadcast_to(rows, (4, size))[:, group.index]
        self.bent = np.flatnonzero(~np.isnan(self.bends[0]))

    def _sources(self, group: _Group) -> tuple[int, ...]:
        """The different nodes that a group reads, one or two."""
        return tuple(dict.fromkeys(self.compiled.network.nodes[group.node].sources))

    def lines(self, bounds: Bounds) -> HeadLines:
        """The lines of all heads in a region."""
        found, base = HeadLines.free(self.count), None
        if len(self.bent):
            self._bend(bounds, found)
        for group in self.groups:
            if group.bent is not None:
                continue
            base = relaxed(self.compiled, bounds) if base is None else base
            lines = base.lines[group.node]
            if not isinstance(lines, Envelope):
                raise TypeError("a nonlinear node without lines")
            self._default(group, lines, found)
            self._settle(group, bounds, found)
        return found

    def _bend(self, bounds: Bounds, found: HeadLines) -> None:
        """Of values with one knot: both pieces and the chord, or the piece that they are on."""
        ends = np.zeros((2, self.count))
        for group in self.groups:
            if group.bent is not None:
                for k, side in enumerate((bounds.lower, bounds.upper)):
                    ends[k, group.part] = side[group.bent.source][0, group.index]
        which = self.bent
        (low, high), (knot, value, first, last) = ends[:, which], self.bends[:, which]
        inner = low + SHY * (high - low), high - SHY * (high - low)
        is_open, is_left = (
            (inner[0] < knot) & (knot < inner[1]),
            (inner[0] < knot) | (inner[1] <= knot),
        )
        is_convex = first <= last
        start, end = (
            value + first * (y - knot) + (last - first) * np.maximum(y - knot, 0)
            for y in (low, high)
        )
        chord = np.where(is_open, end - start, last) / np.where(is_open, high - low, 1)
        for line, slope, at, is_here in (
            (LEFT, first, start - first * low, is_left),
            (RIGHT, last, end - last * high, ~is_left),
        ):
            found.slopes[line, 0, which] = slope
            found.low[line, which] = np.where(np.where(is_open, is_convex, is_here), at, -math.inf)
            found.high[line, which] = np.where(np.where(is_open, ~is_convex, is_here), at, math.inf)
        at = start - chord * low
        found.slopes[CHORD, 0, which] = chord
        found.low[CHORD, which] = np.where(is_open & ~is_convex, at, -math.inf)
        found.high[CHORD, which] = np.where(is_open & is_convex, at, math.inf)
        found.is_open[which] = is_open
        found.is_concave[which] = is_open & ~is_convex

    def _default(self, group: _Group, lines: Envelope, found: HeadLines) -> None:
        """Of other values, the default lines: there are no slopes to choose."""
        part, index, sources = group.part, group.index, self._sources(group)
        for line, slopes in ((RIGHT, lines.lower), (CHORD, lines.upper)):
            named = self.compiled.network.nodes[group.node].sources
            for source, slope in zip(named, slopes, strict=True):
                found.slopes[line, sources.index(source), part] += slope[0, index]
        found.low[RIGHT, part] = 0.0 if lines.below is None else lines.below[0, index]
        found.high[CHORD, part] = lines.above[0, index]

    def _settle(self, group: _Group, bounds: Bounds, found: HeadLines) -> None:
        """Of values with several knots, those on one piece lie on its line."""
        pieces = self.compiled.pieces.get(group.node)
        if pieces is None:
            return
        low, high = bounds.lower[pieces.source], bounds.upper[pieces.source]
        touched = span(pieces, low, high)
        at = (pieces.value(low) - touched.left * low)[0, group.index]
        here = np.flatnonzero(~touched.is_split[0, group.index])
        which = group.part.start + here
        found.slopes[RIGHT, 0, which] = touched.left[0, group.index[here]]
        found.low[RIGHT, which] = found.high[RIGHT, which] = at[here]
        found.high[CHORD, which] = math.inf
