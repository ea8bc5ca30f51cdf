"""Exact sup errors: against SymPy's roots, hand-made cases, and dense samples."""

from __future__ import annotations

from pathlib import Path

import pytest
import sympy
from flint import fmpq, fmpq_poly
from hypothesis import given, settings
from hypothesis import strategies as st

import verifai
from tests.symbolic.test_regions import output, random_pwl
from verifai.graph.nodes import affine
from verifai.kernel.errors import InputError
from verifai.kernel.network import Input, Network
from verifai.kernel.operator import Dense
from verifai.load.onnx.read import load_onnx
from verifai.symbolic.algebraic import Algebraic, compare, ends, real_roots, value_at
from verifai.symbolic.error import polynomial_of, sup_error

X = sympy.Symbol("x", real=True)
MODEL = Path(verifai.__file__).parent / "data" / "yarotsky_4.onnx"
ZERO, ONE = fmpq(0), fmpq(1)


def line(slope: float, constant: float) -> Network:
    node = affine("y", (1,), ((0, Dense.of([[slope]])),), bias=constant)
    return Network((Input("x", (1,)), node), (1,))


def test_the_square_network_is_off_by_a_power_of_four() -> None:
    """The interpolation of x² at k/16: every piece errs by (1/16)²/4 in its middle."""
    found = sup_error(load_onnx(MODEL), X**2, ZERO, ONE)
    assert found.value == fmpq(1, 4**5)
    assert found.attained == tuple(fmpq(2 * k + 1, 32) for k in range(16))


def test_a_cubic_has_algebraic_extremes() -> None:
    """x³ - x on [-1, 1] is largest at 1/√3: 2/(3√3)."""
    found = sup_error(line(1.0, 0.0), X**3, fmpq(-1), ONE)
    assert isinstance(found.value, Algebraic)
    assert sympy.simplify(found.value.to_sympy() - 2 / (3 * sympy.sqrt(3))) == 0
    assert [
        sympy.nsimplify(p.to_sympy().evalf(30) ** 2, rational=True, tolerance=1e-25)
        for p in found.attained
        if isinstance(p, Algebraic)
    ] == [sympy.Rational(1, 3)] * 2
    assert compare(found.attained[0], ZERO) < 0 < compare(found.attained[1], ZERO)


def test_the_ends_count_and_ties_are_all_listed() -> None:
    assert sup_error(line(0.0, 0.5), X, ZERO, ONE).attained == (ZERO, ONE)
    assert sup_error(line(1.0, 0.5), X, ZERO, ONE).attained == (ZERO, ONE)  # constant error
    assert sup_error(line(0.0, 0.0), X**2 + 3, fmpq(-1), fmpq(2)).value == 7
    found = sup_error(line(0.0, 0.0), sympy.Integer(0), ZERO, ONE)
    assert found.value == 0


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), p=st.lists(st.fractions(-3, 3, max_denominator=9), max_size=5))
def test_no_sample_exceeds_it_and_one_point_reaches_it(seed: int, p: list) -> None:  # type: ignore[type-arg]
    net = random_pwl(seed, 1)
    expression = sympy.Add(
        *(sympy.Rational(c.numerator, c.denominator) * X**k for k, c in enumerate(p))
    )
    target = polynomial_of(expression)
    found = sup_error(net, expression, fmpq(-2), fmpq(2), output=1)
    low, high = ends(found.value, fmpq(1, 10**30))
    for k in range(-100, 101):
        x = fmpq(k, 50)
        assert abs(output(net, (x,), 1) - target(x)) <= high
    for point in found.attained:
        near = ends(point, fmpq(1, 10**40))[0]
        assert abs(abs(output(net, (near,), 1) - target(near)) - low) < fmpq(1, 10**20)


@settings(max_examples=60, deadline=None)
@given(p=st.lists(st.integers(-6, 6), min_size=2, max_size=6).filter(lambda p: any(p[1:])))
def test_roots_are_sympys(p: list[int]) -> None:
    found = sorted(real_roots(fmpq_poly(p)), key=lambda r: ends(r, fmpq(1, 10**30)))
    theirs = sympy.Poly(p[::-1], X).real_roots(multiple=True)
    distinct = sorted(set(theirs), key=lambda r: r.evalf(40))
    assert len(found) == len(distinct)
    for mine, other in zip(found, distinct, strict=True):
        low, high = ends(mine, fmpq(1, 10**20))
        value = other.evalf(30)
        slack = sympy.Rational(1, 10**19)
        assert sympy.Rational(int(low.p), int(low.q)) - slack <= value
        assert value <= sympy.Rational(int(high.p), int(high.q)) + slack
        if isinstance(mine, Algebraic):
            assert abs(mine.to_sympy().evalf(30) - value) < slack
            assert str(mine).startswith(f"root {mine.index} of ")


def test_equal_numbers_of_different_descriptions_compare_equal() -> None:
    (minus, plus) = sorted(real_roots(fmpq_poly([-2, 0, 1])), key=lambda r: ends(r, ONE))
    assert value_at(fmpq_poly([0, 0, 0, 1]), plus) == value_at(fmpq_poly([0, 2]), plus)
    assert value_at(fmpq_poly([0, 0, 1]), plus) == 2
    assert compare(minus, plus) == -1
    assert compare(value_at(fmpq_poly([0, -1]), minus), plus) == 0
    close = fmpq(665857, 470832)  # above √2 by less than 2e-12
    assert compare(plus, close) == -1
    with pytest.raises(ValueError, match="zero"):
        real_roots(fmpq_poly([]))


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        (sympy.sin(X), "no polynomial: sin"),
        (sympy.sqrt(2) * X, r"not rational: sqrt\(2\)"),
        (X * 0.1, "not rational: 0"),
        (X * sympy.Symbol("z"), "one variable"),
        ("x**2", "SymPy expression is wanted"),
    ],
)
def test_other_expressions_are_refused(expression: object, said: str) -> None:
    with pytest.raises(InputError, match=said):
        sup_error(line(1.0, 0.0), expression, ZERO, ONE)
