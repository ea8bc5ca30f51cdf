"""Points of a query's domain that a runtime can be given: ends, middle, corners, random ones.

May import: numpy, python-flint, kernel, draw. Must not know: models, how nodes round.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from flint import fmpq

from verifai.kernel.number import above, below, nearest
from verifai.kernel.operator import Array
from verifai.kernel.query import Query
from verifai.original.draw import Draws

DIGITS = 6  # binary ones of a width that points have
Types = Sequence[np.dtype[Any]]  # of every input value of a query


class RuntimeBox:
    """The box of a query as numbers that a runtime can be given."""

    def __init__(self, query: Query, types: Types) -> None:
        """Rounds the ends.

        Args:
            query: whose box it is.
            types: the floating type of every input value.
        """
        self.types = types
        self._whole = np.array([v in query.integers for v in query.input_values], dtype=bool)
        low = np.array([above(x) for x in query.lower])
        high = np.array([below(x) for x in query.upper])
        self.lower, self.upper = low, np.maximum(low, high)

    def points(self, count: int, draws: Draws) -> Array:
        """Points of the box, (count, inputs): a random one, middle, ends, corners, random ones."""
        low, width = self.lower, self.upper - self.lower
        shares = [draws.uniform(len(low))]
        shares += [np.full(len(low), share) for share in (0.5, 0.0, 1.0)]
        while len(shares) < count:
            share = draws.uniform(len(low))
            shares.append(share if len(shares) % 2 else np.round(share))  # every second a corner
        points = np.array([low + share * width for share in shares[:count]])
        with np.errstate(all="ignore"):
            step = np.exp2(np.floor(np.log2(width)) - DIGITS)
            near = np.round(points / step) * step  # with few digits much is exact
        is_inside = (near >= self.lower) & (near <= self.upper)
        return self.rounded(np.where(is_inside, near, points))

    def rounded(self, points: Array) -> Array:
        """The nearest points whose numbers have the types, inside the box where there are some."""
        result = np.where(self._whole, np.round(points), points)
        for kind in set(self.types):
            columns = [i for i, each in enumerate(self.types) if each == kind]
            low, high = self.lower[columns], self.upper[columns]
            with np.errstate(over="ignore"):
                near = result[:, columns].astype(kind)
                up, down = (np.nextafter(near, kind.type(end)) for end in (np.inf, -np.inf))
            near = np.where((near < low) & (up <= high), up, near)
            near = np.where((near > high) & (down >= low), down, near)
            result[:, columns] = near.astype(np.float64)
        return result


def doubles(inputs: Sequence[fmpq]) -> Array:
    """An exact point as the nearest doubles, (inputs,)."""
    return np.array([nearest(x) for x in inputs], dtype=np.float64)
