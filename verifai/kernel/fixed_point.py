"""Elementary functions of exact rationals, enclosed to BITS bits by series of integers.

A number in *fixed point* is an integer that stands for itself times 2^-w; w is BITS + GUARD or
more. Every division rounds downwards and is off by less than one unit (2^-w); the number of units
lost is bounded in SPEC.md, "Elementary functions", and stays below 2^GUARD.

May import: the standard library, python-flint, errors. Must not know: intervals, nodes, float64.
"""

from __future__ import annotations

import math
from functools import lru_cache

from flint import fmpq, fmpz

from verifai.kernel.errors import Rejection

BITS = 192
GUARD = 32
LONGEST = 4096  # bits of an argument beyond which sin and cos are not computed
LOWEST, HIGHEST = 1 << 13, 1 << 20  # powers of two below which exp is 0, beyond which nothing
SHORT = 512  # bits up to which a reciprocal is kept as the rational it is
Enclosure = tuple[fmpq, fmpq]  # a value, and a bound on how far it is off
ZERO, ONE = fmpq(0), fmpq(1)


def _scaled(q: fmpq, w: int) -> int:
    """⌊q·2^w⌋."""
    return (int(q.p) << w) // int(q.q)


def _rational(n: int, w: int) -> fmpq:
    return fmpq(n, fmpz(1) << w) if w >= 0 else fmpq(n << -w)


@lru_cache(maxsize=64)
def ln2(w: int) -> int:
    """ln 2 = Σ 2/((2i+1)·3^(2i+1)), at most w units too small."""
    total, power, i = 0, (2 << w) // 3, 0
    while power:
        total += power // (2 * i + 1)
        power //= 9
        i += 1
    return total


@lru_cache(maxsize=64)
def pi(w: int) -> int:
    """π = 16 atan(1/5) - 4 atan(1/239) (Machin), at most 2^10·w units off."""

    def arctangent(n: int) -> int:
        total, power, i = 0, (1 << w) // n, 0
        while power:
            total += (-1) ** i * (power // (2 * i + 1))
            power //= n * n
            i += 1
        return total

    return 16 * arctangent(5) - 4 * arctangent(239)


def exp(q: fmpq) -> Enclosure:
    """e^q, off by at most 2^(2-BITS) of itself."""
    if q == 0:
        return ONE, ZERO
    k = round(q / fmpq(7050, 10171))  # 7050/10171 is near ln 2
    if k < -LOWEST:  # e^q < 2^(k + 1)
        return ZERO, _rational(1, LOWEST)
    if k > HIGHEST:
        raise Rejection("finite", f"e to a power beyond {HIGHEST}·ln 2")
    w = BITS + GUARD
    inner = w + 24  # so that k·ln 2 is off by three units of w at most
    r = (_scaled(q, inner) - int(k) * ln2(inner)) >> 24
    total, term, i = 0, 1 << w, 0
    while term not in (0, -1):
        total += term
        i += 1
        term = ((term * r) >> w) // i
    return _rational(total, w - int(k)), _rational(1, BITS - 1 - int(k))


def log(q: fmpq) -> Enclosure:
    """ln q for q > 0, off by at most 2^-BITS."""
    if q == 1:
        return ZERO, ZERO
    e = int(q.p).bit_length() - int(q.q).bit_length()
    m = q * _rational(1, e)
    if m > fmpq(3, 2):
        m, e = m / 2, e + 1
    w = BITS + GUARD + e.bit_length()
    s = _scaled((m - 1) / (m + 1), w)
    square, power, total, i = (s * s) >> w, s, 0, 0
    while power not in (0, -1):
        total += power // (2 * i + 1)
        power = (power * square) >> w
        i += 1
    return _rational(2 * total + e * ln2(w), w), _rational(1, BITS)


def reciprocal(q: fmpq) -> Enclosure:
    """1/q for q ≠ 0: exact where q is short, else off by at most 2^-BITS of itself."""
    value = 1 / q
    size = int(q.p).bit_length() - int(q.q).bit_length()
    if int(q.p).bit_length() + int(q.q).bit_length() <= SHORT:
        return value, ZERO
    w = max(0, BITS + GUARD + size)
    return _rational(_scaled(value, w), w), _rational(1, min(w, BITS + size))


def sqrt(q: fmpq) -> Enclosure:
    """√q for q ≥ 0: exact where it is rational, else off by at most 2^-BITS of itself."""
    p, n = int(q.p), int(q.q)
    root = math.isqrt(p), math.isqrt(n)
    if root[0] ** 2 == p and root[1] ** 2 == n:
        return fmpq(*root), ZERO
    w = BITS + GUARD + max(0, n.bit_length() - p.bit_length())
    return _rational(math.isqrt((p << (2 * w)) // n), w), _rational(1, w - GUARD)


def _falling(q: fmpq) -> Enclosure:
    """e^-|q| / (1 + e^-|q|)."""
    t, error = exp(-abs(q))
    w = BITS + GUARD + max(0, int(t.q).bit_length() - int(t.p).bit_length())
    return _rational(_scaled(t / (1 + t), w), w), error + _rational(1, w)


def sigmoid(q: fmpq) -> Enclosure:
    """1/(1 + e^-q)."""
    if q == 0:
        return fmpq(1, 2), ZERO
    y, error = _falling(q)
    return (y if q < 0 else 1 - y), error


def tanh(q: fmpq) -> Enclosure:
    """The hyperbolic tangent."""
    if q == 0:
        return ZERO, ZERO
    y, error = _falling(2 * q)
    return (1 - 2 * y if q > 0 else 2 * y - 1), 2 * error


def _two_over_root_pi(w: int) -> int:
    return (2 << (2 * w)) // math.isqrt(pi(w) << w)


def gauss(q: fmpq) -> Enclosure:
    """2/√π·exp(-q²), the derivative of erf."""
    w = BITS + GUARD
    t, error = exp(-q * q)
    return t * _rational(_two_over_root_pi(w), w), 2 * error + t * _rational(1, BITS + 1)


def erf(q: fmpq) -> Enclosure:
    """The error function: 2/√π·exp(-q²)·Σ_n 2^n q^(2n+1)/(2n+1)!!, of positive terms."""
    if q == 0:
        return ZERO, ZERO
    if q < 0:
        value, error = erf(-q)
        return -value, error
    if q * q > BITS:  # erfc(q) < exp(-q²)
        return ONE, _rational(1, BITS)
    w = BITS + GUARD + 2 * int(q * q) + 8
    x = _scaled(q, w)
    twice = 2 * ((x * x) >> w)
    term, total, n = x, 0, 0
    while term:
        total += term
        n += 1
        term = ((term * twice) >> w) // (2 * n + 1)
    front, error = gauss(q)
    series = _rational(total, w)
    product = _scaled(front * series, BITS + GUARD)
    return _rational(product, BITS + GUARD), error * series + _rational(1, BITS)


def _turned(q: fmpq, quarter: int) -> Enclosure:
    """cos(q - quarter·π/2) for a quarter of 0 or 1."""
    extra = max(0, int(q.p).bit_length() - int(q.q).bit_length()) + 8
    if extra > LONGEST:
        return ZERO, ONE
    w = BITS + GUARD
    inner = w + extra + 16
    half = pi(inner) >> 1
    turn, r = divmod(_scaled(q, inner) + half // 2, half)
    r = (r - half // 2) >> (extra + 16)
    square = (r * r) >> w
    odd = (turn - quarter) % 2
    term, total, n = (r if odd else 1 << w), 0, odd
    while term not in (0, -1):
        total += term
        term = -((term * square) >> w) // ((n + 1) * (n + 2))
        n += 2
    sign = -1 if (turn - quarter) % 4 in (1, 2) else 1
    return _rational(sign * total, w), _rational(1, BITS)


def sin(q: fmpq) -> Enclosure:
    """The sine, off by at most 2^-BITS."""
    return (ZERO, ZERO) if q == 0 else _turned(q, 1)


def cos(q: fmpq) -> Enclosure:
    """The cosine, off by at most 2^-BITS."""
    return (ONE, ZERO) if q == 0 else _turned(q, 0)
