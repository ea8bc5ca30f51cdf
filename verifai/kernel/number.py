"""Number entry: the only place where text and floats become exact rationals, and back.

May import: the standard library, python-flint. Must not know: networks, files.
"""

import math
import re

from flint import fmpq, fmpz

from verifai.kernel.errors import InputError

_DECIMAL = re.compile(r"([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,9}))?", re.ASCII)
_FRACTION = re.compile(r"([+-]?\d+)/(\d+)", re.ASCII)
MAX_DIGITS = 4000
MAX_EXPONENT = 4000


def rational(text: str) -> fmpq:
    """The exact value of a decimal or a fraction p/q.

    >>> rational("0.1"), rational("-2.5e-1"), rational("1/3")
    (1/10, -1/4, 1/3)

    Raises:
        InputError: the text is neither, or longer than MAX_DIGITS, or its exponent too large.
    """
    if len(text) > MAX_DIGITS:
        raise InputError(f"a number of {len(text)} characters (at most {MAX_DIGITS} are read)")
    if match := _FRACTION.fullmatch(text):
        if int(match[2]) == 0:
            raise InputError(f"denominator zero in {text!r}")
        return fmpq(int(match[1]), int(match[2]))
    match = _DECIMAL.fullmatch(text)
    if not match or not (match[2] or match[3]):
        raise InputError(f"not a decimal number or fraction: {text!r}")
    fraction = match[3] or ""
    exponent = int(match[4] or 0) - len(fraction)
    if abs(exponent) > MAX_EXPONENT + MAX_DIGITS:
        raise InputError(f"exponent out of range in {text!r}")
    value = fmpq(int(match[1] + (match[2] or "0") + fraction))
    power = fmpq(fmpz(10) ** abs(exponent))
    return value * power if exponent >= 0 else value / power


def exact(value: float) -> fmpq:
    """The exact dyadic value of a finite float.

    >>> exact(0.1)
    3602879701896397/36028797018963968

    Raises:
        InputError: the value is infinite or NaN.
    """
    if not math.isfinite(value):
        raise InputError(f"a number that is not finite: {value!r}")
    return fmpq(*float(value).as_integer_ratio())


def nearest(value: fmpq) -> float:
    """The double nearest to value, ties to even; infinite where value is out of range."""
    try:
        return int(value.p) / int(value.q)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def below(value: fmpq) -> float:
    """The largest double that is at most value (minus infinity if there is none).

    >>> exact(below(fmpq(1, 3))) < fmpq(1, 3) < exact(above(fmpq(1, 3)))
    True
    """
    guess = nearest(value)
    if guess == math.inf:
        return math.nextafter(math.inf, 0)
    if guess == -math.inf or exact(guess) <= value:
        return guess
    return math.nextafter(guess, -math.inf)


def above(value: fmpq) -> float:
    """The smallest double that is at least value (infinity if there is none)."""
    return -below(-value)


def text(value: fmpq) -> str:
    """The canonical text of value: an integer or p/q in lowest terms; rational() reads it back."""
    return str(value)
