"""Of the few values whose relaxation costs most, the one whose halves have the best bounds.

Source: De Palma et al. 2021, Improved Branch and Bound (FSB).
May import: numpy, gap, protocol. Must not know: trees, records.
"""

from __future__ import annotations

import numpy as np

from verifai.bounds.maps import Array
from verifai.search.rank import gap
from verifai.search.rank.protocol import Splits

CANDIDATES = 6  # values tried before one is chosen
LESS = 0.1  # weight of the better half


def rank(splits: Splits) -> Array:
    """The lesser bound of the halves, a little of the greater added; only of those tried.

    Of equals, the one that costs more is first.
    """
    result = np.full(splits.at.shape, np.nan)
    if splits.kind == "inputs":
        return result
    costs, every = gap.rank(splits), np.arange(len(result))
    count = min(CANDIDATES, int((costs > 0).sum(axis=1).max()))
    best = np.argsort(-costs, axis=1)[:, :count]
    if count < 2:
        np.put_along_axis(result, best, 0.0, axis=1)
        return result
    gains = np.full(best.shape, -np.inf)
    for k in range(count):
        usable = np.flatnonzero(costs[every, best[:, k]] > 0)
        if not len(usable):
            continue
        pair = splits.halves(usable, best[usable, k])
        gains[usable, k] = pair.min(axis=1) + LESS * np.minimum(pair.max(axis=1), 1.0)
    first = gains.argmax(axis=1)
    gains[every, first] = np.nextafter(gains[every, first], np.inf)
    np.put_along_axis(result, best, gains, axis=1)
    return result
