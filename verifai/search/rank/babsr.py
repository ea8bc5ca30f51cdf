"""The classic estimate of what fixing a ReLU's phase does to the bound.

Source: Bunel et al. 2020, Branch and Bound for Piecewise Linear Neural Network Verification, §5.
May import: numpy, gap, protocol. Must not know: trees, records.
"""

from __future__ import annotations

import numpy as np

from verifai.bounds.maps import Array, Mask
from verifai.search.rank import gap
from verifai.search.rank.protocol import Splits


def rank(splits: Splits) -> Array:
    """|max((r - 1)·a·b, r·a·b) + min(a, 0)·c|; values of other functions as `gap` has them.

    Here a is the bound's coefficient on the neuron, b the bias of its pre-activation, and r and c
    the chord's slope and intercept. No opinion on inputs.
    """
    other = gap.rank(splits)
    if splits.kind == "inputs":
        return other
    low, high, a = splits.lower, splits.upper, splits.gaps.coefficients
    is_relu = _relus(splits) & (low < 0) & (high > 0)
    slope = np.where(is_relu, high / np.where(is_relu, high - low, 1.0), 0.0)
    pull = a * splits.biases
    estimate = np.maximum(pull * (slope - 1), pull * slope) + np.minimum(a, 0) * -low * slope
    return np.asarray(np.where(is_relu, np.abs(estimate), other))


def _relus(splits: Splits) -> Mask:
    """Which values are read by a ReLU, (C,)."""
    found = np.zeros(splits.network.offsets[-1], dtype=bool)
    for pieces in splits.compiled.pieces.values():
        if pieces.is_relu:
            found[slice(*splits.network.offsets[pieces.source : pieces.source + 2])] = True
    return np.asarray(found[splits.values])
