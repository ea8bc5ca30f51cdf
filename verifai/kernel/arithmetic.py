"""The two arithmetics in which everything is checked: rounded float64, and exact rationals.

Both offer the same few operations on arrays. `slip` is the difference: in rounded arithmetic it
bounds what rounding may have cost, in exact arithmetic it is zero.

May import: numpy, python-flint, errors, number, operator. Must not know: nodes, certificates.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np
from flint import fmpq, fmpq_mat, fmpz

from verifai.kernel.errors import Rejection
from verifai.kernel.number import below, exact, nearest
from verifai.kernel.operator import Array, LinearAlgebra

UNIT = 2.0**-53  # unit roundoff of IEEE binary64
SLACK = 1 + 2.0**-10  # covers the rounding of the error terms themselves
LARGEST = 2.0**300  # magnitudes beyond are refused, so that TINY covers every underflow
TINY = 2.0**-600
LOOKS = 1 << 14  # numbers converted between two pauses
MAX_BITS = 1 << 14  # of the two parts of a rational, which every square doubles
STRETCH = 1 << 21  # products of rationals between two pauses
Ends = tuple[Array, Array]  # lower ends, upper ends
Pause = Callable[[], None]  # called now and then; what it raises ends the work without an answer


def never() -> None:
    """Nothing: the pause of work that may take as long as it likes."""


class Series(NamedTuple):
    """How an elementary function is enclosed: a value, and a bound on how far it is off."""

    rounded: Callable[[Array], tuple[Array, Array]]
    exact: Callable[[fmpq], tuple[fmpq, fmpq]]


class Arithmetic(LinearAlgebra, Protocol):
    """Operations on arrays of this arithmetic's numbers."""

    rounds: bool
    pause: Pause

    def slip(self, operations: int, magnitude: Array) -> Array:
        """A bound on the rounding error of a sum of products of this absolute size."""
        ...

    def rationals(self, values: list[fmpq]) -> Array:
        """The numbers nearest to values."""
        ...

    def smooth(self, function: Series, z: Array) -> tuple[Array, Array]:
        """Values of an elementary function, and bounds on how far off they are."""
        ...

    def floats(self, array: Array) -> Array:
        """The nearest doubles; for choices that are sound whatever they are."""
        ...

    def shortened(self, low: Array, high: Array) -> tuple[Array, Array]:
        """Interval ends, those too long to go on with rounded outwards."""
        ...


class Rounded:
    """float64 in round-to-nearest; error terms are added by hand (SPEC.md, "Rounding")."""

    rounds = True

    def __init__(self, pause: Pause = never) -> None:
        self.pause = pause

    def zeros(self, rows: int, columns: int) -> Array:
        """A zero matrix."""
        return np.zeros((rows, columns))

    def lift(self, array: Array) -> Array:
        """The array itself."""
        return array

    def matmul(self, left: Array, right: Array) -> Array:
        """left @ right, each entry's products summed in an unknown order."""
        self.pause()
        return np.asarray(left @ right)

    def slip(self, operations: int, magnitude: Array) -> Array:
        """At least γ_operations · magnitude plus every underflow."""
        return magnitude * (operations * UNIT * SLACK) + TINY

    def rationals(self, values: list[fmpq]) -> Array:
        """Nearest doubles."""
        return np.array([nearest(v) for v in values], dtype=np.float64)

    def smooth(self, function: Series, z: Array) -> tuple[Array, Array]:
        """By the polynomials of `elementary`."""
        return function.rounded(z)

    def floats(self, array: Array) -> Array:
        """The array itself."""
        return array

    def shortened(self, low: Array, high: Array) -> tuple[Array, Array]:
        """The ends themselves."""
        return low, high


class Exact:
    """Rationals of python-flint held in object arrays; nothing but `shortened` ever rounds."""

    rounds = False

    def __init__(self, pause: Pause = never) -> None:
        self.pause = pause
        self._lifted: dict[tuple[Any, ...], tuple[Array, Array]] = {}
        self._matrices: dict[tuple[Any, ...], tuple[Array, fmpq_mat]] = {}

    def zeros(self, rows: int, columns: int) -> Array:
        """A matrix of exact zeros."""
        return np.full((rows, columns), fmpq(0), dtype=object)

    def lift(self, array: Array) -> Array:
        """The exact values of the entries; immutable arrays are converted once."""
        if array.dtype == object:
            return array
        key = _identity(array)
        found = self._lifted.get(key)
        if found is None:
            found = (array, exactly(array, self.pause))
            if not array.flags.writeable:
                self._lifted[key] = found
        return found[1]

    def matmul(self, left: Array, right: Array) -> Array:
        """left @ right through integer matrices."""
        (m, k), n = left.shape, right.shape[1]
        key = _identity(right)
        found = self._matrices.get(key)
        if found is None:
            numbers = exactly(right, self.pause).reshape(-1).tolist()
            found = (right, fmpq_mat(k, n, numbers))
            if not right.flags.writeable:
                self._matrices[key] = found
        result, step = np.empty((m, n), dtype=object), max(1, STRETCH // (k * n))
        for start in range(0, m, step):
            self.pause()
            part = left[start : start + step]
            product = fmpq_mat(len(part), k, part.reshape(-1).tolist()) * found[1]
            result[start : start + step].reshape(-1)[:] = product.entries()
        return result

    def slip(self, operations: int, magnitude: Array) -> Array:
        """Zeros."""
        return self.zeros(1, magnitude.size).reshape(magnitude.shape)

    def rationals(self, values: list[fmpq]) -> Array:
        """The values themselves."""
        return np.array([*values, None], dtype=object)[:-1]

    def smooth(self, function: Series, z: Array) -> tuple[Array, Array]:
        """By the integer series of `fixed_point`; equal arguments are computed once."""
        known: dict[fmpq, tuple[fmpq, fmpq]] = {}
        pair = np.empty((2, z.size), dtype=object)
        for i, q in enumerate(z.reshape(-1).tolist()):
            self.pause()
            if q not in known:
                known[q] = function.exact(q)
            pair[:, i] = known[q]
        return pair[0].reshape(z.shape), pair[1].reshape(z.shape)

    def floats(self, array: Array) -> Array:
        """The doubles nearest to the entries."""
        near = [nearest(q) for q in array.reshape(-1).tolist()]
        return np.array(near, dtype=np.float64).reshape(array.shape)

    def shortened(self, low: Array, high: Array) -> tuple[Array, Array]:
        """The ends, those of more than MAX_BITS bits moved outwards to multiples of 2^-MAX_BITS.

        Raises:
            Rejection: "finite", where such an end is 2^MAX_BITS or beyond.
        """
        if not any(map(_is_long, (*low.flat, *high.flat))):
            return low, high
        ends = np.empty((2, low.size), dtype=object)
        for i, (l, u) in enumerate(zip(low.flat, high.flat, strict=True)):
            self.pause()
            ends[0, i], ends[1, i] = _short(l), -_short(-u)
        return ends[0].reshape(low.shape), ends[1].reshape(high.shape)


def _is_long(value: fmpq) -> bool:
    return max(value.p.bit_length(), value.q.bit_length()) > MAX_BITS


def _short(value: fmpq) -> fmpq:
    """The value; of a long one the greatest multiple of 2^-MAX_BITS that is not above it."""
    if not _is_long(value):
        return value
    if value.p.bit_length() - value.q.bit_length() >= MAX_BITS:
        raise Rejection("finite", f"a value of the network may exceed 2^{MAX_BITS}")
    return fmpq((value.p << MAX_BITS) // value.q, fmpz(1) << MAX_BITS)


def exactly(array: Array, pause: Pause = never) -> Array:
    """The exact rational of every entry of a finite float64 array.

    Raises:
        InputError: an entry is not finite.
    """
    known: dict[float, fmpq] = {}
    result = np.empty(array.size, dtype=object)
    for i, x in enumerate(array.reshape(-1).tolist()):
        value = known.get(x)
        if value is None:
            if not len(known) % LOOKS:
                pause()
            value = known[x] = exact(x)
        result[i] = value
    return result.reshape(array.shape)


def plain(hint: Array, shape: tuple[int, ...], kind: type = float) -> Array:
    """A hint as finite float64, or bool, of this shape, with 0 for all that is no such number."""
    zero: Array = np.zeros(shape, dtype=kind)
    if np.shape(hint) != shape or np.asarray(hint).dtype != zero.dtype:
        return zero
    return np.where(np.isfinite(hint), hint, zero)


def reached(proposed: Array, sharp: Array) -> Array:
    """Lower ends as doubles: the proposed ones that exact ones are not below, else the exact ones.

    Nothing is believed of a proposal: each is compared with the exact end, which it only rounds.
    """
    is_finite = np.isfinite(proposed)
    is_reached = is_finite & (sharp >= exactly(np.where(is_finite, proposed, 0.0))).astype(bool)
    ends = [
        double if use else below(end)
        for double, use, end in zip(proposed.flat, is_reached.flat, sharp.flat, strict=True)
    ]
    return np.array(ends, dtype=np.float64).reshape(proposed.shape)


def _identity(array: Array) -> tuple[Any, ...]:
    """What tells apart immutable arrays that are kept alive."""
    return (array.__array_interface__["data"][0], array.shape, array.strides, array.dtype.str)
