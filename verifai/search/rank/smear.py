"""The input in which the bounded form's gradient is most unsure, for each unit of width.

Source: Csendes, Ratz 1997, Subdivision Direction Selection in Interval Methods (rule B); Wang et
al. 2018, whose gradient intervals these are.
May import: numpy, bounds, protocol. Must not know: trees, records.
"""

from __future__ import annotations

import numpy as np

from verifai.bounds.arrays import host
from verifai.bounds.maps import Array
from verifai.bounds.smear import gradient_ranges
from verifai.search.rank.protocol import Splits

WIDTH = 1e-9  # of an input's width, what decides between inputs of equal gradients


def rank(splits: Splits) -> Array:
    """Width of the gradient's interval times that of the input; no opinion on phases."""
    if splits.kind != "inputs":
        return np.full(splits.at.shape, np.nan)
    width, forms = splits.upper - splits.lower, splits.forms
    if not forms:
        return np.asarray(width + WIDTH * width)
    least, most = gradient_ranges(splits.compiled, splits.bounds, forms)
    return np.asarray(host(most - least) * width + WIDTH * width)
