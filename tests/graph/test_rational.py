"""Constants as exact numbers: what is a double stays one, what is not gets divisor or radius."""

from __future__ import annotations

import math

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from hypothesis import given
from hypothesis import strategies as st

from verifai.graph.rational import (
    PI,
    enclose,
    enclosed,
    inverse_root,
    narrow,
    objects,
    root,
    settle,
)
from verifai.kernel.errors import InputError
from verifai.kernel.number import exact

NUMBERS = st.tuples(st.integers(-(10**30), 10**30), st.integers(1, 10**30)).map(lambda p: fmpq(*p))


@given(st.lists(NUMBERS, min_size=2, max_size=2))
def test_settled_numbers_lie_within_their_radius(values: list[fmpq]) -> None:
    parts = [objects([value], (1,)) for value in values]
    numerators, divisor, radius = settle(parts)
    d = fmpq(1) if divisor is None else exact(divisor[0])
    r = fmpq(0) if radius is None else exact(radius[0])
    for value, numerator in zip(values, numerators, strict=True):
        stored = exact(numerator[0]) / d
        assert abs(value - stored) <= r * abs(stored)
        assert r < fmpq(1, 1 << 52)


def test_small_fractions_settle_without_a_radius() -> None:
    numerators, divisor, radius = settle(
        [objects([fmpq(2, 3)], (1,)), objects([fmpq(1, 20)], (1,))]
    )
    assert divisor is not None and divisor.tolist() == [15]
    assert [n.tolist() for n in numerators] == [[10.0], [0.75]]
    assert radius is None


@given(NUMBERS)
def test_enclosed_numbers_lie_within_their_radius(value: fmpq) -> None:
    doubles, radius = enclose(narrow(objects([value], (1,))))
    error = fmpq(0) if radius is None else exact(radius[0])
    assert abs(value - exact(doubles[0])) <= error * abs(exact(doubles[0]))


@pytest.mark.parametrize(
    "value", [fmpq(1, 10**400), fmpq(10**400), fmpq(10**400 + 1, 10**400) * 10**309]
)
def test_numbers_out_of_range_are_refused(value: fmpq) -> None:
    for attempt in (lambda a: enclose(a), lambda a: settle([a])):
        with pytest.raises(InputError, match="too large or too small"):
            attempt(objects([value], (1,)))


@given(st.tuples(st.integers(0, 10**40), st.integers(1, 10**40)).map(lambda p: fmpq(*p)))
def test_roots_are_enclosed_tightly(value: fmpq) -> None:
    low, high = root(value)
    assert low * low <= value <= high * high
    assert high - low <= high / (1 << 100)


@given(st.floats(-1e6, 1e6).filter(lambda s: abs(s) > 1e-6), st.floats(1e-6, 1e6))
def test_inverse_roots_are_enclosed(scale: float, variance: float) -> None:
    double, radius = inverse_root(exact(scale), exact(variance))
    stored, slack = exact(double), exact(radius) * abs(exact(double))
    ends = (abs(stored) - slack, abs(stored) + slack)
    square = exact(scale) ** 2 / exact(variance)
    assert ends[0] ** 2 <= square <= ends[1] ** 2
    assert math.copysign(1, double) == math.copysign(1, scale)
    assert radius < 2.0**-52


def test_a_variance_that_is_not_positive_is_refused() -> None:
    with pytest.raises(InputError, match="not positive"):
        inverse_root(fmpq(1), fmpq(0))


def test_arrays_of_doubles_are_narrowed() -> None:
    assert narrow(objects([fmpq(1, 2)], (1,))).dtype == np.float64
    assert narrow(objects([fmpq(1, 3)], (1,))).dtype == object


def test_pi_is_enclosed() -> None:
    low, high = PI
    with ctx.workprec(300):
        assert arb(low) < arb.pi() < arb(high)
    assert high - low == fmpq(1, 10**38)


@given(NUMBERS, st.integers(1, 10**6))
def test_what_lies_between_two_numbers_is_enclosed(low: fmpq, steps: int) -> None:
    high = low + abs(low) / fmpq(steps << 40)
    double, radius = enclosed(low, high)
    slack = exact(radius) * abs(exact(double))
    assert exact(double) - slack <= low <= high <= exact(double) + slack
