"""The kernel's elementary functions stay within their stated errors; flint's balls judge."""

from random import Random

import numpy as np
import pytest
from flint import arb, fmpq, fmpz

from tests.kernel.balls import ELEMENTARY, FIXED_POINT, ball, exceeds
from verifai.kernel.elementary import HALF_PI, LN2, TWO_OVER_ROOT_PI
from verifai.kernel.fixed_point import BITS, ln2, pi
from verifai.kernel.number import exact

POSITIVE = ("log", "sqrt")


def arguments(random: Random, function: str) -> list[float]:
    """All sizes and signs, and the places where an algorithm changes its mind."""
    seams = [k * np.pi / 2 for k in range(-9, 10)] + [k * np.log(2) / 2 for k in range(-9, 10)]
    seams += [6.0, np.nextafter(6.0, 7), -6.0, 700.0, -700.0, 701.0, -701.0, 2.0**20, 2.0**21]
    seams += [0.0, 1.0, np.sqrt(0.5), np.nextafter(np.sqrt(0.5), 0), 5e-324, 1e-300, 1e300]
    sizes = [random.gauss(0, 1) * 10.0 ** random.randrange(-12, 7) for _ in range(400)]
    points = [float(x) for x in (*seams, *sizes, *(random.uniform(-7, 7) for _ in range(300)))]
    if function in POSITIVE:
        points = [abs(x) for x in points if x != 0 or function == "sqrt"]
    return [x for x in points if function != "reciprocal" or abs(x) > 1e-300]


@pytest.mark.parametrize("function", sorted(ELEMENTARY))
def test_rounded_values_are_off_by_less_than_stated(function: str) -> None:
    points = arguments(Random(7), function)
    with np.errstate(all="ignore"):
        values, errors = ELEMENTARY[function](np.array(points))
    checked = 0
    for x, value, error in zip(points, values.tolist(), errors.tolist(), strict=True):
        if np.isfinite(value):
            checked += 1
            assert not exceeds(function, exact(x), exact(value), exact(error)), (function, x)
        else:
            assert function == "exp", x
            assert x > 700
    assert checked > 650


@pytest.mark.parametrize("function", sorted(ELEMENTARY))
def test_stated_errors_are_small(function: str) -> None:
    """Loose errors would be sound and useless."""
    points = np.array([x for x in arguments(Random(8), function) if 1e-9 < abs(x) < 100])
    values, errors = ELEMENTARY[function](points)
    assert (errors <= 2.0**-41 * np.maximum(1.0, abs(values))).all()


@pytest.mark.parametrize("function", sorted(set(ELEMENTARY) - {"sin", "cos"}))
def test_undefined_values_are_no_numbers(function: str) -> None:
    with np.errstate(all="ignore"):
        values, _ = ELEMENTARY[function](np.array([np.nan, -1.0, 0.0]))
    assert not np.isfinite(values[0])
    if function in POSITIVE:
        assert np.isnan(values[1])
    if function in ("log", "reciprocal"):
        assert not np.isfinite(values[2])


@pytest.mark.parametrize("function", sorted(FIXED_POINT))
def test_exact_enclosures_hold_and_are_narrow(function: str) -> None:
    random = Random(9)
    for _ in range(150):
        numerator, denominator = (random.getrandbits(random.choice([1, 9, 60, 400])) for _ in "pq")
        q = fmpq(numerator, denominator + 1) * random.choice([1, -1])
        while function not in ("log", "sqrt", "reciprocal") and abs(q) > 300:
            q /= fmpq(2) ** 16
        if function in (*POSITIVE, "reciprocal"):
            q = abs(q) + fmpq(1, fmpz(2) ** random.choice([1, 90, 600]))
        value, error = FIXED_POINT[function](q)
        assert not exceeds(function, q, value, error), (function, q)
        assert error <= fmpq(1, fmpz(2) ** (BITS - 3)) * max(fmpq(1), abs(value))


@pytest.mark.parametrize(
    ("function", "q", "value"),
    [
        ("exp", fmpq(0), fmpq(1)),
        ("log", fmpq(1), fmpq(0)),
        ("sqrt", fmpq(9, 4), fmpq(3, 2)),
        ("reciprocal", fmpq(-3, 7), fmpq(-7, 3)),
        ("sigmoid", fmpq(0), fmpq(1, 2)),
        ("tanh", fmpq(0), fmpq(0)),
        ("erf", fmpq(0), fmpq(0)),
        ("sin", fmpq(0), fmpq(0)),
        ("cos", fmpq(0), fmpq(1)),
    ],
)
def test_rational_values_are_exact(function: str, q: fmpq, value: fmpq) -> None:
    assert FIXED_POINT[function](q) == (value, 0)


def test_constants() -> None:
    two = arb(2)
    assert abs(two.log() - sum(arb(exact(part)) for part in LN2)) < arb(2) ** -86
    assert abs(arb.pi() / 2 - sum(arb(exact(part)) for part in HALF_PI)) < arb(2) ** -117
    assert abs(2 / arb.pi().sqrt() - arb(exact(TWO_OVER_ROOT_PI))) < arb(2) ** -53
    for parts, bits, times in ((LN2[:1], 32, 2**20), (HALF_PI[:2], 33, 2**20)):
        for part in parts:
            numerator = int(exact(part).p)
            assert (numerator >> ((numerator & -numerator).bit_length() - 1)).bit_length() <= bits
            assert exact(part * (times - 1)) == exact(part) * (times - 1)
    for w in (100, 300):
        unit = arb(2) ** -w
        assert abs(two.log() - arb(fmpq(ln2(w), fmpz(2) ** w))) < w * unit
        assert abs(arb.pi() - arb(fmpq(pi(w), fmpz(2) ** w))) < 1024 * w * unit


def test_the_judge_sees_errors() -> None:
    value, error = FIXED_POINT["exp"](fmpq(1, 3))
    assert exceeds("exp", fmpq(1, 3), value + 2 * error, error)
    assert not ball("exp", fmpq(1, 3)).contains(arb(fmpq(4, 3)))
