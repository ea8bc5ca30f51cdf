"""The two arithmetics in which everything is checked: rounded float64, and exact rationals.

Both offer the same few operations on arrays. `slip` is the difference: in rounded arithmetic it
bounds what rounding may have cost, in exact arithmetic it is zero.

May import: numpy, python-flint, number, operator, elementary, fixed_point. Must not know: nodes,
certificates.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from flint import fmpq, fmpq_mat

from verifai.kernel.elementary import ELEMENTARY
from verifai.kernel.fixed_point import FIXED_POINT
from verifai.kernel.number import below, exact, nearest
from verifai.kernel.operator import Array, LinearAlgebra

UNIT = 2.0**-53  # unit roundoff of IEEE binary64
SLACK = 1 + 2.0**-10  # covers the rounding of the error terms themselves
LARGEST = 2.0**300  # magnitudes beyond are refused, so that TINY covers every underflow
TINY = 2.0**-600


class Arithmetic(LinearAlgebra, Protocol):
    """Operations on arrays of this arithmetic's numbers."""

    rounds: bool

    def slip(self, operations: int, magnitude: Array) -> Array:
        """A bound on the rounding error of a sum of products of this absolute size."""
        ...

    def rationals(self, values: list[fmpq]) -> tuple[Array, Array]:
        """The numbers nearest to values, and bounds on how far off they are."""
        ...

    def smooth(self, function: str, z: Array) -> tuple[Array, Array]:
        """Values of an elementary function, and bounds on how far off they are."""
        ...

    def floats(self, array: Array) -> Array:
        """The nearest doubles; for choices that are sound whatever they are."""
        ...


class Rounded:
    """float64 in round-to-nearest; error terms are added by hand (SPEC.md, "Rounding")."""

    rounds = True

    def zeros(self, rows: int, columns: int) -> Array:
        """A zero matrix."""
        return np.zeros((rows, columns))

    def lift(self, array: Array) -> Array:
        """The array itself."""
        return array

    def matmul(self, left: Array, right: Array) -> Array:
        """left @ right, each entry's products summed in an unknown order."""
        return np.asarray(left @ right)

    def slip(self, operations: int, magnitude: Array) -> Array:
        """At least γ_operations · magnitude plus every underflow."""
        return magnitude * (operations * UNIT * SLACK) + TINY

    def rationals(self, values: list[fmpq]) -> tuple[Array, Array]:
        """Nearest doubles, and one unit in the last place (0 where the double is exact)."""
        near = np.array([nearest(v) for v in values], dtype=np.float64)
        exactly = [
            bool(np.isfinite(x)) and exact(x) == v for x, v in zip(near, values, strict=True)
        ]
        return near, np.where(exactly, 0.0, np.spacing(np.abs(near)))

    def smooth(self, function: str, z: Array) -> tuple[Array, Array]:
        """By the polynomials of `elementary`."""
        return ELEMENTARY[function](z)

    def floats(self, array: Array) -> Array:
        """The array itself."""
        return array


class Exact:
    """Rationals of python-flint held in object arrays; nothing is ever rounded."""

    rounds = False

    def __init__(self) -> None:
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
            found = (array, exactly(array))
            if not array.flags.writeable:
                self._lifted[key] = found
        return found[1]

    def matmul(self, left: Array, right: Array) -> Array:
        """left @ right through integer matrices."""
        (m, k), n = left.shape, right.shape[1]
        key = _identity(right)
        found = self._matrices.get(key)
        if found is None:
            found = (right, fmpq_mat(k, n, exactly(right).reshape(-1).tolist()))
            if not right.flags.writeable:
                self._matrices[key] = found
        product = fmpq_mat(m, k, left.reshape(-1).tolist()) * found[1]
        result = np.empty(m * n, dtype=object)
        result[:] = product.entries()
        return result.reshape(m, n)

    def slip(self, operations: int, magnitude: Array) -> Array:
        """Zeros."""
        return self.zeros(1, magnitude.size).reshape(magnitude.shape)

    def rationals(self, values: list[fmpq]) -> tuple[Array, Array]:
        """The values themselves, and zeros."""
        return np.array([*values, None], dtype=object)[:-1], self.zeros(1, len(values))[0]

    def smooth(self, function: str, z: Array) -> tuple[Array, Array]:
        """By the integer series of `fixed_point`; equal arguments are computed once."""
        known: dict[fmpq, tuple[fmpq, fmpq]] = {}
        pair = np.empty((2, z.size), dtype=object)
        for i, q in enumerate(z.reshape(-1).tolist()):
            if q not in known:
                known[q] = FIXED_POINT[function](q)
            pair[:, i] = known[q]
        return pair[0].reshape(z.shape), pair[1].reshape(z.shape)

    def floats(self, array: Array) -> Array:
        """The doubles nearest to the entries."""
        near = [nearest(q) for q in array.reshape(-1).tolist()]
        return np.array(near, dtype=np.float64).reshape(array.shape)


def exactly(array: Array) -> Array:
    """The exact rational of every entry of a finite float64 array.

    Raises:
        InputError: an entry is not finite.
    """
    known: dict[float, fmpq] = {}
    result = np.empty(array.size, dtype=object)
    for i, x in enumerate(array.reshape(-1).tolist()):
        value = known.get(x)
        if value is None:
            value = known[x] = exact(x)
        result[i] = value
    return result.reshape(array.shape)


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
