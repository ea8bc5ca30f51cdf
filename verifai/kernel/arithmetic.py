"""The two arithmetics in which everything is checked: rounded float64, and exact rationals.

Both offer the same operations on arrays. What rounding may cost is here: an operation that rounds
says how far its result may be off, by a method of `Terms`, and who computes with plain +, -, ×, ÷
or @ elsewhere in the kernel adds such a term. In exact arithmetic all are zero.

May import: numpy, python-flint, errors, number, operator. Must not know: nodes, certificates.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from flint import fmpq, fmpq_mat, fmpz

from verifai.kernel.errors import Rejection
from verifai.kernel.number import above, below, exact, nearest
from verifai.kernel.operator import Array

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


class Terms:
    """What rounding may cost: SPEC.md, section 8, row by row, under the same names.

    All are bounds and not negative. `scaled` and `merged` are in units of |coefficient|·V, `pulled`
    and `bias` of |coefficient|.
    """

    def slip(self, operations: int, magnitude: Array) -> Array:
        """A sum of products of this absolute size, with so many operations on the way."""
        return magnitude * (operations * UNIT * SLACK) + self.underflow()

    def underflow(self) -> float:
        """All operations that underflow, together and times what they are multiplied with."""
        return TINY

    def fits(self, values: Array) -> bool:
        """Whether values are small enough for `underflow`, and for nothing to overflow."""
        return bool((abs(values) <= LARGEST).all())

    def forward(self, depth: int, magnitude: Array) -> Array:
        """An end of an affine node's interval, in the forward pass."""
        return self.slip(2 * depth + 64, magnitude)

    def radius(self, radius: Array, magnitude: Array) -> Array:
        """Not rounding: how far an affine node's value is from W·x + b."""
        return radius * magnitude * SLACK

    def line(self, magnitude: Array) -> Array:
        """An intercept, f(z) - slope·z, from terms of this absolute size."""
        return self.slip(16, magnitude)

    def curve(self, magnitude: Array) -> Array:
        """A smooth function's value less slope·z, or moved by its own error."""
        return self.slip(8, magnitude)

    def derivative(self, magnitude: Array) -> Array:
        """A smooth function's derivative, from values of this size."""
        return self.slip(8, magnitude)

    def tangent(self, magnitude: Array) -> Array:
        """What a smooth function's tangent says at the ends of a part."""
        return self.slip(32, magnitude)

    def scaled(self) -> float:
        """A coefficient times a slope."""
        return 4 * UNIT

    def merged(self) -> float:
        """The sum of two coefficients."""
        return 2 * UNIT

    def pulled(self, depth: int, magnitude: Array) -> Array:
        """Coefficients pulled through an affine node of this Σ|W|V + |b|."""
        return magnitude * ((depth + 16) * UNIT * SLACK)

    def bias(self, bias: Array) -> Array:
        """Coefficients times an affine node's bias, summed."""
        return abs(bias) * (len(bias) * UNIT * SLACK)

    def products(self, count: int, size: Array) -> Array:
        """A sum of so many products with intercepts or ends, of this absolute size."""
        return size * ((count + 4) * UNIT)

    def summed(self, total: Array) -> Array:
        """A constant added to the running one, which makes this total."""
        return abs(total) * UNIT

    def form(self, entries: Array, size: Array) -> Array:
        """A form made of so many rationals, its terms of this absolute size."""
        return size * ((entries + 8) * (UNIT * SLACK))

    def end(self, total: Array, error: Array) -> Array:
        """A bound: the total less its error."""
        return np.nextafter(total - (error * SLACK + self.underflow()), -np.inf)


class _Operations(Terms):
    """What both arithmetics do alike."""

    def scale(self, signs: Ends, lower: Array, upper: Array) -> tuple[Array, float]:
        """Coefficients ≥ 0 and ≤ 0 times slopes, and what of |result|·V they are off by."""
        return signs[0] * lower + signs[1] * upper, self.scaled()

    def merge(self, a: Array, b: Array) -> tuple[Array, float]:
        """The sum of coefficients, and what of |sum|·V it is off by."""
        return a + b, self.merged()

    def owed(self, a: Array, owed: float, magnitude: Array) -> Array:
        """What coefficients that are off by owed·|a|·V cost a form."""
        return np.asarray((abs(a) @ magnitude) * owed)

    def add(self, total: Array, part: Array) -> Ends:
        """A sum of constants, and how far it is off."""
        result = total + part
        return result, self.summed(result)


class Rounded(_Operations):
    """float64 in round-to-nearest; error terms are added by hand."""

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

    def inner(self, a: Array, b: Array) -> Array:
        """The inner products of rows; b may be one row for all."""
        return np.asarray(a @ b[0] if len(b) == 1 else np.einsum("mn,mn->m", a, b))

    def dot(self, signs: Ends, ends: Ends, pick: Callable[[Array], Array]) -> Ends:
        """Coefficients ≥ 0 and ≤ 0 times lower and upper ends, summed, and how far that is off.

        Args:
            signs: (M, n) each.
            ends: (sets, n) each.
            pick: takes the rows of an end that belong to the coefficients', or its only row.
        """
        (positive, negative), (lower, upper) = signs, ends
        parts = self.inner(positive, pick(lower)), self.inner(negative, pick(upper))
        if (lower <= 0).all() and (upper >= 0).all():  # no product is above 0
            size = -parts[0] - parts[1]
        else:
            size = self.inner(positive, pick(abs(lower))) - self.inner(negative, pick(abs(upper)))
        return parts[0] + parts[1], self.products(positive.shape[1], size)

    def at_least(self, size: Array) -> Array:
        """The sum of absolute products, in spite of its own rounding."""
        return size * SLACK + self.underflow()

    def rationals(self, values: list[fmpq]) -> Array:
        """Nearest doubles."""
        return np.array([nearest(v) for v in values], dtype=np.float64)

    def outwards(self, lower: list[fmpq], upper: list[fmpq]) -> Ends:
        """Interval ends rounded outwards."""
        return np.array([below(q) for q in lower]), np.array([above(q) for q in upper])

    def formed(self, rows: Array, numbers: Array, magnitudes: Array, zero: Array) -> Array:
        """How far forms are off for which these nearest numbers, times values, are summed by rows.

        Args:
            rows: which form each number belongs to.
            numbers: of coefficients and constants.
            magnitudes: what each is multiplied with at most.
            zero: (M,) zeros.
        """
        size, entries = zero.copy(), np.bincount(rows, minlength=len(zero))
        np.add.at(size, rows, abs(numbers) * magnitudes)
        return self.form(entries, size)

    def bounds(self, total: Array, error: Array) -> Ends:
        """Lower bounds, minus infinity where nothing finite came out, and what was taken off."""
        with np.errstate(all="ignore"):
            result = self.end(total, error)
            finite = np.isfinite(result)
            return np.where(finite, result, -np.inf), np.where(finite, total - result, 0.0)

    def smooth(self, function: Series, z: Array) -> Ends:
        """Values of an elementary function by `elementary`, and bounds on how far off they are."""
        return function.rounded(z)

    def floats(self, array: Array) -> Array:
        """The array itself."""
        return array

    def shortened(self, low: Array, high: Array) -> Ends:
        """The ends themselves."""
        return low, high


class Exact(_Operations):
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
        """The exact values of the entries; immutable arrays are converted once.

        Nobody writes into the result, nor into what an array marked immutable is a view of.
        """
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

    def radius(self, radius: Array, magnitude: Array) -> Array:
        """Nothing but the radius."""
        return radius * magnitude

    def scaled(self) -> float:
        """Nothing."""
        return 0.0

    def merged(self) -> float:
        """Nothing."""
        return 0.0

    def summed(self, total: Array) -> Array:
        """Zeros."""
        return self.slip(0, total)

    def dot(self, signs: Ends, ends: Ends, pick: Callable[[Array], Array]) -> Ends:
        """As in rounded arithmetic, off by nothing."""
        products = signs[0] * pick(ends[0]) + signs[1] * pick(ends[1])
        total = products.sum(axis=1)
        return total, self.slip(0, total)

    def inner(self, a: Array, b: Array) -> Array:
        """The inner products of rows; b may be one row for all."""
        return np.asarray((a * b).sum(axis=1))

    def at_least(self, size: Array) -> Array:
        """The size itself."""
        return size

    def rationals(self, values: list[fmpq]) -> Array:
        """The values themselves."""
        return np.array([*values, None], dtype=object)[:-1]

    def outwards(self, lower: list[fmpq], upper: list[fmpq]) -> Ends:
        """The ends themselves."""
        return self.rationals(lower), self.rationals(upper)

    def formed(self, _rows: Array, _numbers: Array, _magnitudes: Array, zero: Array) -> Array:
        """Zeros."""
        return zero

    def bounds(self, total: Array, error: Array) -> Ends:
        """The totals, of which nothing is taken off."""
        return total, error

    def smooth(self, function: Series, z: Array) -> Ends:
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

    def shortened(self, low: Array, high: Array) -> Ends:
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


Arithmetic = Rounded | Exact


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
    if np.shape(hint) != shape or np.asarray(hint).dtype != np.dtype(kind):
        return np.zeros(shape, dtype=kind)
    return np.where(np.isfinite(hint), hint, kind(0))


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
