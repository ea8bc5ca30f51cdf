"""Constants of a file as exact numbers: nothing here rounds without saying by how much.

An array of reals is float64 where every entry is a double, else it holds rationals (dtype object).

May import: numpy, python-flint, kernel numbers. Must not know: files, operators of a file, nodes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from typing import Any

import numpy as np
from flint import fmpq

from verifai.kernel.errors import InputError
from verifai.kernel.network import MAX_INTEGER
from verifai.kernel.number import above, exact, nearest, rational
from verifai.kernel.operator import Array

PI = (
    rational("3.14159265358979323846264338327950288419"),
    rational("3.14159265358979323846264338327950288420"),
)  # below and above π
MAX_EXACT = 1 << 21  # numbers in exact arithmetic at once; each takes about 100 bytes
MAX_BITS = 1 << 14  # of the numerator or denominator of one of them
_PRECISION = 240  # bits of the enclosures of square roots


def objects(values: Iterable[Any], shape: tuple[int, ...]) -> Array:
    """An array that holds these Python objects."""
    items = [check_bits(value) for value in values]
    result = np.empty(len(items), dtype=object)
    result[:] = items
    return result.reshape(shape)


def check_bits(value: Any) -> Any:
    """A number itself; InputError if it is a rational with more digits than are ever needed."""
    if isinstance(value, fmpq) and value.height_bits() > MAX_BITS:
        raise InputError(f"a constant of more than {MAX_BITS} bits")
    return value


def bits(array: Array) -> int:
    """How many bits a rational in an array has at most; 0 for doubles, whose sums stay short."""
    if array.dtype != object:
        return 0
    return max((int(value.height_bits()) for value in array.ravel()), default=0)


def accumulated(operation: Callable[[Any, Any], Any], values: Iterable[Any]) -> Any:
    """All values in one by an operation; InputError as soon as it has too many digits."""
    return reduce(lambda total, value: check_bits(operation(total, value)), values)


def check_exact(size: int) -> int:
    """The size itself; InputError for more numbers than exact arithmetic is for."""
    if size > MAX_EXACT:
        raise InputError(f"{size} constants in exact arithmetic (at most {MAX_EXACT})")
    return size


def rationals(array: Array) -> Array:
    """The same numbers, as rationals.

    Raises:
        InputError: an entry is NaN or infinite, or there are too many.
    """
    if array.dtype == object:
        return array
    check_exact(array.size)
    entries = array.ravel().tolist()
    convert: Callable[[Any], fmpq] = exact if array.dtype.kind == "f" else fmpq
    return objects((convert(entry) for entry in entries), array.shape)


def is_double(value: fmpq) -> bool:
    """Whether a finite double has exactly this value."""
    guess = nearest(value)
    return math.isfinite(guess) and exact(guess) == value


def narrow(array: Array) -> Array:
    """The same numbers, as float64 if every one of them is a double."""
    if array.dtype != object:
        return array
    if not all(is_double(check_bits(value)) for value in array.ravel()):
        return array
    return np.array([nearest(value) for value in array.ravel()], dtype=np.float64).reshape(
        array.shape
    )


def truncated(value: fmpq) -> int:
    """The integer that is left when everything behind the point is cut off.

    >>> truncated(fmpq(7, 2)), truncated(fmpq(-7, 2))
    (3, -3)
    """
    return int(value.floor()) if value >= 0 else int(value.ceil())


def combine(operation: Callable[[Any, Any], Any], left: Array, right: Array) -> Array:
    """operation(left, right), elementwise with broadcasting and without rounding."""
    a, b = np.broadcast_arrays(rationals(left), rationals(right))
    check_exact(a.size)
    pairs = zip(a.ravel(), b.ravel(), strict=True)
    return narrow(objects((operation(p, q) for p, q in pairs), a.shape))


def _relative_error(value: fmpq, double: float) -> fmpq:
    """|value - double|/|double|, zero where they are equal; InputError where no double is near."""
    if math.isinf(double) or (double == 0 and value != 0):
        raise InputError("a constant too large or too small for a double")
    error = abs(value - exact(double))
    return error / abs(exact(double)) if error else fmpq(0)


def enclose(array: Array) -> tuple[Array, Array | None]:
    """The nearest doubles, and for every entry r with |entry - double| ≤ r·|double| (None: all 0).

    Raises:
        InputError: an entry out of the range of doubles.
    """
    if array.dtype != object:
        return array.astype(np.float64, copy=False), None
    doubles = [nearest(value) for value in array.ravel()]
    errors = [above(_relative_error(v, d)) for v, d in zip(array.ravel(), doubles, strict=True)]
    return np.array(doubles).reshape(array.shape), np.array(errors).reshape(array.shape)


def settle(parts: Sequence[Array]) -> tuple[list[Array], Array | None, Array | None]:
    """Numerators N, divisor d and radius r with |part - N/d| ≤ r·|N|/d for each part, elementwise.

    The parts (coefficients and constant of one linear form) share divisor and radius, the radius
    is zero wherever a common odd denominator of at most 2^53 makes all numerators doubles.

    Raises:
        InputError: an entry out of the range of doubles.
    """
    if all(part.dtype != object for part in parts):
        return [part.astype(np.float64) for part in parts], None, None
    columns = np.broadcast_arrays(*(rationals(part) for part in parts))
    if not check_exact(columns[0].size):
        return [column.astype(np.float64) for column in columns], None, None
    settled = [_settle_one(row) for row in zip(*(c.ravel() for c in columns), strict=True)]
    shape = columns[0].shape
    numerators = [
        np.array(column).reshape(shape) for column in zip(*(s[0] for s in settled), strict=True)
    ]
    divisor = np.array([float(s[1]) for s in settled]).reshape(shape)
    radius = np.array([s[2] for s in settled]).reshape(shape)
    return numerators, divisor if (divisor > 1).any() else None, radius if radius.any() else None


def _settle_one(values: Sequence[fmpq]) -> tuple[list[float], int, float]:
    denominators = [int(value.q) for value in values]
    divisor = math.lcm(*(q // (q & -q) for q in denominators))
    scaled = [value * divisor for value in values]
    if divisor <= MAX_INTEGER and all(is_double(value) for value in scaled):
        return [nearest(value) for value in scaled], divisor, 0.0
    doubles = [nearest(value) for value in values]
    error = max(_relative_error(v, d) for v, d in zip(values, doubles, strict=True))
    return doubles, 1, above(error)


def largest(*radii: Array | None) -> Array | None:
    """The elementwise maximum of those that are there."""
    present = [radius for radius in radii if radius is not None]
    if not present:
        return None
    result = present[0]
    for radius in present[1:]:
        result = np.maximum(result, radius)
    return result


def root(value: fmpq) -> tuple[fmpq, fmpq]:
    """Rationals lower ≤ √value ≤ upper, equal where the root is rational.

    >>> root(fmpq(9, 4))
    (3/2, 3/2)

    Raises:
        InputError: value is negative.
    """
    if value < 0:
        raise InputError("the square root of a negative number")
    p, q = int(value.p), int(value.q)
    if math.isqrt(p) ** 2 == p and math.isqrt(q) ** 2 == q:
        return (fmpq(math.isqrt(p), math.isqrt(q)),) * 2
    shift = max(0, _PRECISION - p.bit_length() + q.bit_length()) // 2 + 1
    low = math.isqrt((p << (2 * shift)) // q)
    return fmpq(low, 1 << shift), fmpq(low + 1, 1 << shift)


def inverse_root(scale: fmpq, variance: fmpq) -> tuple[float, float]:
    """A double c and r with |scale/√variance - c| ≤ r·|c|.

    Raises:
        InputError: variance is not positive, or the quotient is out of the range of doubles.
    """
    if not variance > 0:
        raise InputError("a variance plus epsilon that is not positive")
    low, high = root(scale * scale / variance)
    if scale < 0:
        low, high = -high, -low
    return enclosed(low, high)


def enclosed(low: fmpq, high: fmpq) -> tuple[float, float]:
    """A double c and r with |x - c| ≤ r·|c| for every x from low to high.

    Raises:
        InputError: an end is out of the range of doubles.
    """
    double = nearest(low)
    return double, above(max(_relative_error(low, double), _relative_error(high, double)))
