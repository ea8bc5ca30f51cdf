"""Text and floats become exact rationals, and rationals the doubles next to them."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from random import Random

import pytest
from flint import fmpq

from verifai.kernel.errors import InputError
from verifai.kernel.number import MAX_DIGITS, above, below, exact, nearest, rational, text

LARGEST = Fraction(2) ** 1024 - Fraction(2) ** 971  # the greatest double
LEAST = Fraction(1, 2**1074)


def fmpq_of(q: Fraction) -> fmpq:
    return fmpq(q.numerator, q.denominator)


def fraction(q: fmpq) -> Fraction:
    return Fraction(int(q.p), int(q.q))


def random_decimal(random: Random) -> str:
    whole = "".join(random.choice("0123456789") for _ in range(random.randrange(4)))
    part = "".join(random.choice("0123456789") for _ in range(random.randrange(4)))
    number = random.choice([whole, f"{whole}.{part}", f"{whole}."]) or "0"
    if number == ".":
        number = "0."
    exponent = random.choice(["", f"e{random.randrange(-12, 13)}", f"E+{random.randrange(9)}"])
    return random.choice(["", "-", "+"]) + number + exponent


@pytest.mark.parametrize("seed", range(300))
def test_a_decimal_is_the_rational_that_it_says(seed: int) -> None:
    said = random_decimal(Random(seed))
    assert fraction(rational(said)) == Fraction(Decimal(said)), said


@pytest.mark.parametrize("seed", range(100))
def test_a_fraction_is_read_and_written_in_lowest_terms(seed: int) -> None:
    random = Random(seed)
    p, q = random.randrange(-999, 1000), random.randrange(1, 1000)
    found = rational(f"{p}/{q}")
    assert fraction(found) == Fraction(p, q)
    assert rational(text(found)) == found
    assert text(found) == str(Fraction(p, q))


NO_NUMBERS = (
    ". - + -- --1 e5 .e5 1e 1e+ 1/0 -1/0 1/-2 1/+2 1//2 1/2/3 1/2x 1.5/2 x1 1x 1_0 0x1 1,5",
    "nan inf -inf 1e1234567890 1e8001 1e-8001 1e999999999 -1e-999999999",
    "\u0661 1.\u0662 1e\u0663 \u0661/2 1/\u0662 \uff11",  # digits of other scripts
)


@pytest.mark.parametrize("said", ["", " 1", "1 ", "1\n", *" ".join(NO_NUMBERS).split()])
def test_what_is_no_number_is_refused(said: str) -> None:
    with pytest.raises(InputError):
        rational(said)


def test_a_number_may_have_so_many_characters_and_no_more() -> None:
    assert fraction(rational("1" * MAX_DIGITS)) == int("1" * MAX_DIGITS)
    with pytest.raises(InputError, match="at most"):
        rational("1" * (MAX_DIGITS + 1))
    assert fraction(rational("1e8000")) == 10**8000
    assert fraction(rational("1e-8000")) == Fraction(1, 10**8000)


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_a_float_that_is_not_finite_is_no_number(value: float) -> None:
    with pytest.raises(InputError, match="not finite"):
        exact(value)


@pytest.mark.parametrize("value", [0.0, -0.0, 0.1, -5e-324, 2.0**-1022, 1.7976931348623157e308])
def test_a_float_is_exactly_what_it_is(value: float) -> None:
    assert fraction(exact(value)) == Fraction(value)
    assert below(exact(value)) == above(exact(value)) == nearest(exact(value)) == value


EDGES = [LARGEST, LARGEST + 1, 2 * LARGEST, LEAST, LEAST / 2, LEAST / 3, 3 * LEAST / 2]
EDGES += [Fraction(1, 3), Fraction(10) ** 400, Fraction(1, 10**400), Fraction(2) ** 1024]


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("size", EDGES, ids=str)
def test_the_doubles_beside_a_rational_are_those_next_to_it(size: Fraction, sign: int) -> None:
    q = sign * size
    low, high = below(fmpq_of(q)), above(fmpq_of(q))
    assert low == -math.inf or Fraction(low) <= q
    assert high == math.inf or Fraction(high) >= q
    up, down = math.nextafter(low, math.inf), math.nextafter(high, -math.inf)
    assert up == math.inf or Fraction(up) > q
    assert down == -math.inf or Fraction(down) < q
    assert (low == -math.inf) == (q < -LARGEST)
    assert (high == math.inf) == (q > LARGEST)
    assert nearest(fmpq_of(q)) in (low, high, math.copysign(math.inf, sign))


@pytest.mark.parametrize("seed", range(200))
def test_rounding_to_a_side_misses_no_double(seed: int) -> None:
    random = Random(seed)
    q = Fraction(
        random.randrange(-(10**30), 10**30), random.randrange(1, 10 ** random.randrange(1, 40))
    )
    low, high = below(fmpq_of(q)), above(fmpq_of(q))
    assert Fraction(low) <= q <= Fraction(high)
    assert high in (low, math.nextafter(low, math.inf))
    assert (high == low) == (Fraction(low) == q)


def test_the_nearest_double_is_to_even_and_infinite_beyond() -> None:
    assert nearest(fmpq_of(1 + Fraction(1, 2**53))) == 1
    assert nearest(fmpq_of(1 + Fraction(3, 2**53))) == 1 + 2.0**-51
    assert nearest(fmpq_of(Fraction(10) ** 400)) == math.inf
    assert nearest(fmpq_of(-(Fraction(10) ** 400))) == -math.inf
