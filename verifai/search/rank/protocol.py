"""What a ranking rule is given, and what it gives.

May import: numpy, kernel.network, bounds, judge. Must not know: rules, trees, records.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, Protocol

import numpy as np

from verifai.bounds.arrays import host
from verifai.bounds.compiled import Compiled
from verifai.bounds.interval import Bounds
from verifai.bounds.maps import Array, Mask
from verifai.kernel.network import Network
from verifai.search.judge import Indices

Trial = Callable[[Indices, Indices], Array]


@dataclass(frozen=True, slots=True, eq=False)
class Gaps:
    """What the relaxation of the nodes that read C values costs the bounds of M subproblems.

    Where several nonlinear nodes read one value, these are of the node that costs most.

    Attributes:
        coefficients: of the bound on what reads the value, (M, C): where positive, the line below
            it is used, where negative, the line above. When inputs are split: on the input.
        below: how far the line below is from the function at most, (M, C), in its output's units.
        above: how far the line above is; of a ReLU, the chord's intercept.
    """

    coefficients: Array
    below: Array
    above: Array

    def take(self, which: Indices) -> Gaps:
        """Those of some subproblems."""
        return Gaps(self.coefficients[which], self.below[which], self.above[which])


@dataclass(frozen=True, eq=False)
class Splits:
    """M subproblems, each of which is to be split in two at one of C values.

    The arrays are the search's own: a rule reads them and changes none. All are numpy's but those
    of `bounds` and `forms`, which are where `compiled` is (`--device`).

    Attributes:
        kind: what is split: "inputs" or "phases" (any value that a nonlinear node reads).
        compiled: the network as bounds see it.
        bounds: intervals of all values, by node.
        values: the number of each column's value, (C,); `network.owner` tells its node.
        at: where a value would be split, NaN where it cannot be, (M, C).
        bound: the lower bound that is proved, below 0 or not by enough above it, (M,); -∞ if none.
        forms: coefficients by node, (M, n), of the form that it bounds.
        gaps: what relaxation costs it; no gaps when inputs are split.
        halves: the lower bounds of the lower and the upper half, (n, 2), without optimising, if
            subproblems `which` (n,) are split at `columns` (n,), where they can be.
        multipliers: of earlier splits, by node, (M, n): β; none when inputs are split.
    """

    kind: Literal["inputs", "phases"]
    compiled: Compiled
    bounds: Bounds
    values: Indices
    at: Array
    bound: Array
    forms: Mapping[int, Array]
    gaps: Gaps
    halves: Trial
    multipliers: Mapping[int, Array] = field(default_factory=dict)

    @property
    def network(self) -> Network:
        """The network, or the part of it that matters."""
        return self.compiled.network

    @property
    def can_split(self) -> Mask:
        """Which values can be split, (M, C)."""
        return ~np.isnan(self.at)

    @cached_property
    def lower(self) -> Array:
        """Lower ends of the values' intervals, (M, C)."""
        return self._columns(self.bounds.lower)

    @cached_property
    def upper(self) -> Array:
        """Upper ends, (M, C)."""
        return self._columns(self.bounds.upper)

    @cached_property
    def biases(self) -> Array:
        """The constant that each value's affine node adds, (C,); 0 for other values."""
        found = np.zeros(self.network.offsets[-1])
        for node, data in self.compiled.linear.items():
            start, end = self.network.offsets[node : node + 2]
            found[start:end] = host(data.bias)
        return np.asarray(found[self.values])

    def _columns(self, side: tuple[Array, ...]) -> Array:
        if self.kind == "inputs":
            return host(np.concatenate([side[i] for i in self.compiled.inputs], axis=1))
        return np.asarray(np.concatenate([host(a) for a in side], axis=1)[:, self.values])


class Rank(Protocol):
    """A rule that says which split promises most; a function does.

    It may say what it likes: the kernel checks the proof, so that a bad rule costs time alone. It
    is called in several processes, which share nothing after they were started.
    """

    def __call__(self, splits: Splits, /) -> Array:
        """A score for every value of every subproblem, (M, C); the greatest is split.

        NaN or -∞ is no opinion; scores of values that cannot be split are ignored. What a rule has
        no opinion on at all is left to the default one.
        """
        ...
