"""Elementary functions of float64 arrays with proved error bounds.

Only +, -, ×, ÷, square root, rounding to integers and scaling by powers of two are used, which
IEEE 754 defines; never a library's exponential, whose accuracy nobody guarantees. `u` is 2^-53. The
bounds' derivation stands in SPEC.md, "Elementary functions".

May import: numpy, operator, arithmetic. Must not know: intervals, nodes, exact numbers.
"""

from __future__ import annotations

import math

import numpy as np

from verifai.kernel.arithmetic import TINY
from verifai.kernel.arithmetic import UNIT as U
from verifai.kernel.operator import Array

Enclosure = tuple[Array, Array]  # a value, and a bound on how far it is off
FARTHEST = 700.0  # exp(-700) < 2^-1000, and exp(700) is beyond all that is accepted
HIGHEST = 2.0**20  # of |z| in sin and cos, so that multiples of pi/2 are subtracted exactly
ERF_FARTHEST = 6.0  # erfc(6) < 2^-53
# Leading 32 bits, next bits: of ln 2; leading 33 bits, next 33, next 53: of pi/2.
LN2 = (math.ldexp(2977044471, -32), math.ldexp(7382048951581814, -85))
HALF_PI = (
    math.ldexp(6746518852, -32),
    math.ldexp(1121027177, -64),
    math.ldexp(4839606241474311, -117),
)
TWO_OVER_ROOT_PI = 1.1283791670955126  # the double nearest to 2/√π
_EXP = [1 / math.factorial(i) for i in range(15)]
_SIN = [(-1) ** i / math.factorial(2 * i + 1) for i in range(9)]
_COS = [(-1) ** i / math.factorial(2 * i) for i in range(10)]
_ATANH = [1 / (2 * i + 1) for i in range(13)]


def _horner(coefficients: list[float], x: Array) -> Array:
    total = np.full_like(x, coefficients[-1])
    for c in reversed(coefficients[:-1]):
        total = total * x + c
    return total


def exp(z: Array) -> Enclosure:
    """e^z, off by at most 2^-46 of itself; infinite above FARTHEST."""
    inside = np.clip(z, -FARTHEST, FARTHEST)
    k = np.rint(inside * (1 / LN2[0]))
    r = (inside - k * LN2[0]) - k * LN2[1]
    value = np.ldexp(_horner(_EXP, r), k.astype(np.int64))
    value = np.where(z < -FARTHEST, 0.0, np.where(z > FARTHEST, np.inf, value))
    return value, value * 2.0**-46 + TINY


def _falling(z: Array) -> Enclosure:
    """e^-|z| / (1 + e^-|z|): the logistic function on the side where it is small."""
    t = exp(-abs(z))[0]
    y = t / (1 + t)
    return y, y * 2.0**-45 + TINY


def sigmoid(z: Array) -> Enclosure:
    """1/(1 + e^-z)."""
    y, error = _falling(z)
    return np.where(z < 0, y, 1 - y), np.where(z < 0, error, error + 2 * U)


def tanh(z: Array) -> Enclosure:
    """The hyperbolic tangent, off by at most 2^-44."""
    t = exp(-2 * abs(z))[0]
    return np.copysign((1 - t) / (1 + t), z), t * 2.0**-45 + 4 * U


def log(z: Array) -> Enclosure:
    """The natural logarithm; NaN where z is not above 0."""
    m, e = np.frexp(np.where(z > 0, z, np.nan))
    low = m < math.sqrt(0.5)
    m, e = np.where(low, 2 * m, m), np.where(low, e - 1.0, e)
    s = (m - 1) / (m + 1)
    series = 2 * s * _horner(_ATANH, s * s)
    value = e * LN2[0] + (e * LN2[1] + series)
    return value, (abs(series) + abs(value)) * 2.0**-46 + TINY


def reciprocal(z: Array) -> Enclosure:
    """1/z."""
    value = 1 / z
    return value, abs(value) * (2 * U) + TINY


def sqrt(z: Array) -> Enclosure:
    """The square root; NaN where z is negative."""
    value = np.sqrt(z)
    return value, value * (2 * U) + TINY


def gauss(z: Array) -> Enclosure:
    """2/√π·exp(-z²), the derivative of erf."""
    value = TWO_OVER_ROOT_PI * exp(-z * z)[0]
    return value, value * 2.0**-42 + TINY


def erf(z: Array) -> Enclosure:
    """The error function: 2/√π·exp(-z²)·Σ_n 2^n z^(2n+1)/(2n+1)!!, of positive terms."""
    x = np.minimum(abs(z), ERF_FARTHEST)
    twice, n = 2 * x * x, 0
    total = term = x
    while n < 40 or not (term <= total * 2.0**-60).all():
        n += 1
        term = term * (twice / (2 * n + 1))
        total = total + term
        if n > 400:  # only a NaN comes here
            break
    value = total * gauss(x)[0]
    error = value * 2.0**-41 + TINY
    far = abs(z) > ERF_FARTHEST
    return np.copysign(np.where(far, 1.0, value), z), np.where(far, U, error)


def _turned(z: Array, quarter: int) -> Enclosure:
    """cos(z - quarter·π/2) for a quarter of 0 or 1."""
    inside = np.where(abs(z) <= HIGHEST, z, 0.0)
    k = np.rint(inside * (1 / (HALF_PI[0] + HALF_PI[1])))
    r = ((inside - k * HALF_PI[0]) - k * HALF_PI[1]) - k * HALF_PI[2]
    turn = (k - quarter) % 4
    square = r * r
    sine, cosine = r * _horner(_SIN, square), _horner(_COS, square)
    value = np.where(turn % 2 == 0, cosine, sine) * np.where((turn == 1) | (turn == 2), -1.0, 1.0)
    known = abs(z) <= HIGHEST
    return np.where(known, value, 0.0), np.where(known, 2.0**-47, 1.0)


def sin(z: Array) -> Enclosure:
    """The sine, off by at most 2^-47; anything in [-1, 1] beyond HIGHEST."""
    return _turned(z, 1)


def cos(z: Array) -> Enclosure:
    """The cosine, off by at most 2^-47; anything in [-1, 1] beyond HIGHEST."""
    return _turned(z, 0)
