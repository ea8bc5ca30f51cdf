"""Numbers that look random, always the same for a seed: a counter mixed by SplitMix64's finalizer.

Importing numpy's generators takes longer than the second look at a small network.

May import: the standard library, numpy. Must not know: what the numbers are for.
Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
"""

from __future__ import annotations

import math

import numpy as np

from verifai.kernel.operator import Array

_GAMMA = 0x9E3779B97F4A7C15  # 2^64 over the golden ratio, odd
_MASK = (1 << 64) - 1
_MIXERS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))


class Draws:
    """A sequence of numbers in [0, 1)."""

    def __init__(self, seed: int) -> None:
        """Starts the sequence of a seed."""
        self._state = int(_mixed(np.array([seed & _MASK], dtype=np.uint64))[0])

    def uniform(self, *shape: int) -> Array:
        """The next numbers, multiples of 2^-53, as an array of this shape.

        >>> bool(0.49 < Draws(1).uniform(100, 100).mean() < 0.51)
        True
        """
        count = math.prod(shape)
        steps = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(_GAMMA)
        bits = _mixed(steps + np.uint64(self._state))
        self._state = (self._state + count * _GAMMA) & _MASK
        numbers: Array = (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53
        return numbers.reshape(shape)


def _mixed(bits: Array) -> Array:
    """Each word's bits, all of which depend on all of its own (products are modulo 2^64)."""
    for shift, factor in _MIXERS:
        bits = (bits ^ (bits >> np.uint64(shift))) * np.uint64(factor)
    mixed: Array = bits ^ (bits >> np.uint64(31))
    return mixed
