"""The value whose relaxation costs the bound most.

Source: Bunel et al. 2020 (BaBSR), without the biases; Shi et al. 2024, general nonlinearities.
May import: numpy, protocol. Must not know: trees, records.
"""

from __future__ import annotations

import numpy as np

from verifai.bounds.maps import Array
from verifai.search.rank.protocol import Splits

LEAST = 1e-12  # the score of a value that can be split and costs nothing now


def rank(splits: Splits) -> Array:
    """By how much the bound would rise at most if the gap were closed; none for inputs."""
    if splits.kind == "inputs":
        return np.full(splits.at.shape, np.nan)
    a, gaps = splits.gaps.coefficients, splits.gaps
    cost = np.maximum(a, 0) * gaps.below + np.maximum(-a, 0) * gaps.above
    return np.asarray(np.where(splits.can_split, cost + LEAST, 0.0))
