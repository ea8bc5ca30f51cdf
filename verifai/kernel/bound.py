"""What LB works on: the root of a query in one arithmetic, and linear forms.

May import: numpy, python-flint, network, query, lines, arithmetic. Must not know: trees.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from flint import fmpq

from verifai.kernel.arithmetic import (
    Arithmetic,
    Ends,
    Pause,
    Rounded,
    exactly,
    never,
    reached,
)
from verifai.kernel.binary64 import require_binary64
from verifai.kernel.errors import Rejection
from verifai.kernel.forward import Machine, depth
from verifai.kernel.network import Affine
from verifai.kernel.operator import Array
from verifai.kernel.query import Query


@dataclass(slots=True)
class Forms:
    """M linear forms Σ coefficient·value + constant, known up to ± error over the whole domain.

    Attributes:
        coefficients: by node, (M, n).
        constant: (M,).
        error: (M,), not negative.
        single: (values, signs), no ends: a value's number for every form, and the sign with which
            it is added, exactly.
    """

    coefficients: dict[int, Array]
    constant: Array
    error: Array
    single: Ends | None = None


@dataclass(frozen=True, slots=True)
class _Affine:
    """Per affine node: weights that turn |coefficients| into error terms, and the probe's sides."""

    error: Array | None  # (n,)
    probe: Array | None = None  # (n,): how far the probe's sides may differ
    points: tuple[Array, ...] = ()  # each term's probe vector
    pushed: tuple[Array, ...] = ()  # each term applied to its probe vector, (n,)


class Root:
    """A query in one arithmetic: root intervals, magnitudes, and error weights.

    Attributes:
        low, high: root ends of all values as float64, rounded outwards; (N,).
        sharp: in exact arithmetic the rational root ends, which replace equal float ends.
        is_empty: whether the box holds no point.
    """

    def __init__(self, query: Query, ar: Arithmetic, floats: Root | None = None) -> None:
        """One forward pass; exact ends become doubles, where they reach them those of `floats`.

        Args:
            query: the decision problem.
            ar: what the root computes in.
            floats: in exact arithmetic, a root in rounded arithmetic; its ends are proposals.

        Raises:
            Rejection: "finite", where magnitudes are beyond float64.
            Unable: this process does not compute in binary64.
        """
        require_binary64()
        self.query, self.ar = query, ar
        self.network = query.network
        self.machine = Machine(query.network, ar)
        lower, upper = list(query.lower), list(query.upper)
        for position, value in enumerate(query.input_values):
            if value in query.integers:
                lower[position] = fmpq(lower[position].ceil())
                upper[position] = fmpq(upper[position].floor())
        self.is_empty = any(l > u for l, u in zip(lower, upper, strict=True))
        if self.is_empty:
            upper = [max(l, u) for l, u in zip(lower, upper, strict=True)]
        ends = self.machine.forward(self._boxes(lower, upper))
        low, high = (np.concatenate([e[side][0] for e in ends]) for side in (0, 1))
        self.sharp: Ends | None = None
        if not ar.rounds:
            self.sharp = low, high
            low = reached(np.full(low.shape, np.nan) if floats is None else floats.low, low)
            high = -reached(np.full(high.shape, np.nan) if floats is None else -floats.high, -high)
        self.low: Array = low
        self.high: Array = high
        if not (ar.fits(self.low) and ar.fits(self.high)):
            raise Rejection("finite", "a value of the network may exceed 2^300 on this domain")
        self.magnitude = np.maximum(abs(self.low), abs(self.high))
        self.affine = {
            i: self._weights(i, n)
            for i, n in enumerate(self.network.nodes)
            if isinstance(n, Affine)
        }

    def _boxes(self, lower: list[fmpq], upper: list[fmpq]) -> list[Ends]:
        boxes = []
        for part in self.network.input_slices:
            l, u = self.ar.outwards(lower[part], upper[part])
            boxes.append((l[None], u[None]))
        return boxes

    def values(self, node: int) -> slice:
        """Where a node's values stand among all values."""
        return slice(self.network.offsets[node], self.network.offsets[node + 1])

    def _weights(self, i: int, node: Affine) -> _Affine:
        """Rounding of pull, divisor and bias, relative to root magnitudes."""
        ar, magnitudes = self.ar, [self.magnitude[None, self.values(s)] for s in node.sources]
        if not ar.rounds:
            return _Affine(None)
        size = self.machine.size(i, magnitudes)[0]
        error = ar.pulled(depth(node), size) + ar.bias(node.bias)
        sums = len(size) + sum(m.size for m in magnitudes)
        probe = ar.pulled(8 * (depth(node) + 16) + 4 * sums, size)
        signs = [np.where(np.arange(m.size) * 2654435761 % 97 % 2, 1.0, -1.0) for m in magnitudes]
        points = tuple(m[0] * s for m, s in zip(magnitudes, signs, strict=True))
        pairs = zip(node.terms, points, strict=True)
        pushed = tuple(op.push(ar, p[None])[0] for (_, op), p in pairs)
        if not np.isfinite(error).all():
            raise Rejection("finite", f"the magnitudes of node {node.name!r} are not finite")
        return _Affine(error, probe, points, pushed)

    def ends(self, node: int, low: Array, high: Array) -> Ends:
        """Float ends (sets, n) in this arithmetic; untouched root ends are the exact ones."""
        where = self.values(node)
        low, high = low[:, where], high[:, where]
        if self.sharp is None:
            return low, high
        sharp_low, sharp_high = self.sharp[0][where], self.sharp[1][where]
        return (
            np.where(low == self.low[where], sharp_low, exactly(low)),
            np.where(high == self.high[where], sharp_high, exactly(high)),
        )


def rounded_root(query: Query, pause: Pause = never) -> Root:
    """The query's root in rounded arithmetic; `pause` is called now and then."""
    return Root(query, Rounded(pause))
