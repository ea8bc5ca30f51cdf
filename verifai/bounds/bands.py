"""Matrices whose rows, taken in groups, read few of the columns: banded ones, above all.

What is left of a convolution once dead neurons are dropped is such a matrix, if its values are in
the order of an image's rows. One product a group costs little more than the terms need, and runs at
the speed of dense matrices.

May import: numpy, kernel.operator, maps. Must not know: nodes, boxes, exact numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from verifai.bounds.maps import Array, DenseMap, Map, Mask, as_map
from verifai.kernel.operator import Dense, Operator

GROUPS = (16, 64)  # rows of a group, one of these
BREAK = 24  # columns of zeros in a row that are worth another run
RUN_COST = 16  # columns that a run costs as much as
WORTH = 0.6  # of the dense product's cost, above which groups are no gain


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """Some rows of a matrix, with the runs of columns that they read.

    Attributes:
        rows: which.
        runs: the columns, one behind the other in `weight`.
        weight, transposed: (rows, columns of all runs) and its transpose.
    """

    rows: slice
    runs: tuple[slice, ...]
    weight: Array
    transposed: Array


@dataclass(frozen=True, slots=True, eq=False)
class BandMap:
    """y = x Wᵀ, for a W (m, k) of bands."""

    bands: tuple[Band, ...]
    m: int
    k: int

    def push(self, x: Array) -> Array:
        """Forward: (batch, inputs) to (batch, outputs)."""
        y = np.zeros_like(x, shape=(len(x), self.m))
        for band in self.bands:
            parts = [x[:, run] for run in band.runs]
            seen = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
            y[:, band.rows] = seen @ band.transposed
        return y

    def pull(self, a: Array) -> Array:
        """Transpose: (batch, outputs) to (batch, inputs)."""
        x = np.zeros_like(a, shape=(len(a), self.k))
        for band in self.bands:
            part, start = a[:, band.rows] @ band.weight, 0
            for run in band.runs:
                end = start + run.stop - run.start
                x[:, run] += part[:, start:end]
                start = end
        return x

    def absolute(self) -> BandMap:
        """The map with the absolute values of all weights."""
        bands = (Band(b.rows, b.runs, np.abs(b.weight), np.abs(b.transposed)) for b in self.bands)
        return BandMap(tuple(bands), self.m, self.k)


def band_map(operator: Operator, dtype: npt.DTypeLike) -> Map | BandMap:
    """The operator with weights in dtype, as bands where these are a gain."""
    if not isinstance(operator, Dense):
        return as_map(operator, dtype)
    weight = operator.weight.astype(dtype)
    return banded(weight) or DenseMap(weight, np.ascontiguousarray(weight.T))


def banded(weight: Array) -> BandMap | None:
    """The matrix (m, k) as bands; None where a dense product costs about as much."""
    m, k = weight.shape
    used, best, least = weight != 0, None, WORTH * m * k
    for size in GROUPS:
        if 2 * size > m:
            break
        starts = np.arange(0, m, size)
        groups = np.logical_or.reduceat(used, starts, axis=0)
        found = [_runs(group) for group in groups]
        lengths = [sum(r.stop - r.start for r in runs) + RUN_COST * len(runs) for runs in found]
        cost = float(size * sum(lengths) + RUN_COST * k * len(starts) / size)
        if cost < least:
            best, least = (size, found), cost
    if best is None:
        return None
    size, found = best
    bands = []
    for start, runs in zip(range(0, m, size), found, strict=True):
        if runs:
            rows = slice(start, min(start + size, m))
            part = np.concatenate([weight[rows, run] for run in runs], axis=1)
            bands.append(Band(rows, runs, part, np.ascontiguousarray(part.T)))
    return BandMap(tuple(bands), m, k)


def _runs(used: Mask) -> tuple[slice, ...]:
    """The columns in use, short gaps between them included."""
    where = np.flatnonzero(used)
    if not len(where):
        return ()
    cuts = np.flatnonzero(np.diff(where) > BREAK)
    first = where[np.concatenate([[0], cuts + 1])].tolist()
    last = where[np.concatenate([cuts, [len(where) - 1]])].tolist()
    return tuple(slice(a, b + 1) for a, b in zip(first, last, strict=True))
