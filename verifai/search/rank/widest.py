"""The value with the widest interval: the oldest rule of all.

May import: numpy, protocol. Must not know: trees, records.
"""

from __future__ import annotations

import numpy as np

from verifai.bounds.maps import Array
from verifai.search.rank.protocol import Splits


def rank(splits: Splits) -> Array:
    """The widths of the intervals, of inputs and of what nonlinear nodes read."""
    return np.asarray(splits.upper - splits.lower)
