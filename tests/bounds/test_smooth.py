"""Smooth functions in floating point: values, derivatives, ranges and lines, as the kernel's."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.search.test_paths import at_least, on_box
from verifai.api import verify
from verifai.bounds import functions
from verifai.bounds.compiled import compile_network
from verifai.graph.nodes import affine
from verifai.kernel import hints
from verifai.kernel.arithmetic import Rounded
from verifai.kernel.network import FUNCTIONS, Input, Network, Smooth
from verifai.kernel.operator import Dense
from verifai.kernel.smooth import Extremes
from verifai.verdict import Falsified, Verified

ORACLES = {
    "sigmoid": lambda y: 1 / (1 + math.exp(-y)) if y > 0 else math.exp(y) / (1 + math.exp(y)),
    "tanh": math.tanh,
    "exp": math.exp,
    "log": math.log,
    "reciprocal": lambda y: 1 / y,
    "sqrt": math.sqrt,
    "erf": math.erf,
    "sin": math.sin,
    "cos": math.cos,
}


def intervals(function: str, seed: int, width: float, count: int = 50):
    """Intervals (1, count) inside the domain, at places of very different size."""
    rng = np.random.default_rng(seed)
    size = 10.0 ** rng.uniform(-6, 2, size=(1, count))
    middle = size * rng.choice([-1.0, 1.0], size=size.shape)
    half = width * rng.uniform(0, 1, size=size.shape)
    low, high = middle - half, middle + half
    if function in ("log", "sqrt", "reciprocal"):
        low, high = size, size + 2 * half
    if function == "reciprocal":
        low, high = np.where(middle > 0, low, -high), np.where(middle > 0, high, -low)
    return (np.minimum(low, 200.0), np.minimum(high, 200.0)) if function == "exp" else (low, high)


def inside(low, high, count: int = 301):
    share = np.linspace(0, 1, count)[:, None]
    return np.clip(low + share * (high - low), low, high)


def bend(function: str, points):
    return functions.bend(function, points, *functions.jet(function, points))


case = given(
    function=st.sampled_from(FUNCTIONS),
    seed=st.integers(0, 10_000),
    width=st.sampled_from([0.0, 1e-12, 1e-6, 1e-2, 1.0, 5.0, 60.0, 1e4]),
)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_values_agree_with_the_standard_library(function):
    points = np.concatenate([np.linspace(-6.5, 6.5, 2001), [-300.0, 300.0, 1e-200, 1e10]])
    points = points[points > 0] if function in ("log", "sqrt", "reciprocal") else points
    points = points[points < 300] if function == "exp" else points
    truth = np.array([ORACLES[function](float(y)) for y in points])
    near = np.abs(truth) < 2.0**300
    found = functions.value(function, points)
    np.testing.assert_allclose(found[near], truth[near], rtol=1e-13, atol=1e-300)
    assert (np.abs(found) <= 2.0**300).all()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_derivatives_agree_with_finite_differences(function):
    points, step = np.linspace(0.3, 4.0, 401), 1e-5
    points = points if function in ("log", "sqrt") else np.concatenate([points, -points])
    for f, slope in ((functions.value, functions.slope), (functions.slope, bend)):
        change = (f(function, points + step) - f(function, points - step)) / (2 * step)
        np.testing.assert_allclose(slope(function, points), change, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_nothing_is_infinite_or_warns_outside_the_domain(function):
    points = np.array([[-np.finfo(float).max, -1e5, -1.0, -1e-320, 0.0, 1e-320, 1.0, 1e5, 1e308]])
    low, high = (np.repeat(points, 9, axis=1)[:, :81], np.tile(points, (1, 9)))
    low, high = np.minimum(low, high), np.maximum(low, high)
    for f in (functions.value, functions.slope, bend):
        assert np.isfinite(f(function, points)).all()
    for f in (functions.value_range, functions.slope_range):
        first, last = f(function, low, high)
        assert (first <= last).all()
        assert np.isfinite(first).all() and np.isfinite(last).all()
    for is_least in (False, True):
        end, place = functions.extreme(function, low * 0, low, high, is_least=is_least)
        assert np.isfinite(end).all()
        assert ((low <= place) & (place <= high)).all()
    undefined = ~functions.is_defined(function, low, high)
    first, last = functions.value_range(function, low, high)
    assert (first[undefined] == -(2.0**300)).all() and (last[undefined] == 2.0**300).all()


@settings(max_examples=80, deadline=None)
@case
def test_ranges_hold_values_and_slopes_and_are_attained(function, seed, width):
    low, high = intervals(function, seed, width)
    points = inside(low, high)
    for f, ranges in (
        (functions.value, functions.value_range),
        (functions.slope, functions.slope_range),
    ):
        first, last = ranges(function, low, high)
        values = f(function, points)
        slip = 1e-12 * (1 + np.abs(values))
        assert (first - slip <= values).all()
        assert (values <= last + slip).all()
        if width <= 1.0:
            loose = 0.02 * (values.max(axis=0) - values.min(axis=0)) + 1e-4 * (width == 1.0)
            rounding = slip.max(axis=0) * (1 + np.abs(points).max(axis=0) * 1e-3)
            assert (values.min(axis=0) <= first + loose + rounding).all()
            assert (last <= values.max(axis=0) + loose + rounding).all()


def kernels(function, low, high):
    return hints.slopes(Smooth("f", low.shape[1:], 0, function), [(low, high)])


@settings(max_examples=80, deadline=None)
@case
def test_extremes_hold_for_default_and_for_any_slope_and_agree_with_the_kernel(
    function, seed, width
):
    low, high = intervals(function, seed, width)
    rng, points = np.random.default_rng(seed), inside(low, high)
    values = functions.value(function, points)
    chosen = functions.slope(function, low + rng.uniform(size=low.shape) * (high - low))
    defaults = (np.where(np.isfinite(s), s, 0) for s in kernels(function, low, high))
    kernel = Extremes(function, low, high, Rounded())
    for slope in (*defaults, chosen, -chosen, 0 * chosen):
        form = values - slope * points
        size = 1 + np.abs(values).max(axis=0) + np.abs(slope * points).max(axis=0)
        for is_least, judged in ((True, kernel.least), (False, kernel.greatest)):
            sign = 1 if is_least else -1
            end, place = functions.extreme(function, slope, low, high, is_least=is_least)
            assert (sign * (form - end) >= -1e-12 * size).all()
            with np.errstate(all="ignore"):
                trusted = judged(slope)[0]
            assert (sign * (end[0] - trusted) >= -1e-14 * size).all()
            if function not in ("sin", "cos"):  # an end of a wide sine may not be attained
                at = functions.value(function, place) - slope * place
                np.testing.assert_allclose(at[0], end[0], atol=1e-12 * size.max())


@settings(max_examples=80, deadline=None)
@case
def test_default_slopes_are_the_kernels_up_to_rounding(function, seed, width):
    low, high = intervals(function, seed, width)
    ends = functions.value(function, low), functions.value(function, high)
    mine = functions.default_slopes(function, low, high, ends)
    size = 1 + np.maximum(np.abs(ends[0]), np.abs(ends[1]))
    for found, other in zip(mine, kernels(function, low, high), strict=True):
        off = np.abs(found - other) * (high - low)
        assert (off <= 1e-10 * size).all()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_float32_stays_float32(function):
    low, high = np.array([[0.5, 1.0]], np.float32), np.array([[1e9, 200.0]], np.float32)
    arrays = [functions.value(function, high), *functions.value_range(function, low, high)]
    arrays += functions.slope_range(function, low, high)
    arrays += functions.extreme(function, low, low, high, is_least=True)
    assert all(a.dtype == np.float32 and np.isfinite(a).all() for a in arrays)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_without_a_row_is_as_the_kernel_has_it(function, monkeypatch):
    pairs = [intervals(function, 1, width) for width in (1e-2, 4.0)]
    low, high = (np.concatenate(ends, axis=1) for ends in zip(*pairs, strict=True))
    points = low + (high - low) / 3
    steep = functions.slope(function, points)

    def found():
        f, d = functions.jet(function, points)
        yield f, d, functions.bend(function, points, f, d)
        yield functions.value_range(function, low, high)
        yield functions.slope_range(function, low, high)
        for is_least in (True, False):
            yield functions.extreme(function, steep, low, high, is_least=is_least)[:1]

    rows = list(found())
    monkeypatch.setattr(functions, "FAST", {})
    for mine, made in zip(rows, found(), strict=True):
        for a, b in zip(mine, made, strict=True):
            assert (np.abs(a - b) <= 1e-6 * (1 + np.abs(a))).all()


def test_a_network_of_a_function_without_a_row_is_verified(monkeypatch):
    """A gate between two affine nodes, with and without the rows: the same verdict."""
    monkeypatch.setattr(functions, "FAST", {})
    rng = np.random.default_rng(0)
    net = Network(
        (
            Input("x", (3,)),
            affine("y", (6,), ((0, Dense.of(rng.normal(size=(6, 3)))),)),
            Smooth("z", (6,), 1, "sigmoid"),
            affine("out", (1,), ((2, Dense.of(np.ones((1, 6)))),)),
        ),
        (3,),
    )
    most = float(compile_network(net).forward(rng.uniform(-1, 1, size=(9999, 3)))[-1].max())
    assert isinstance(verify(on_box(net, at_least(net, most + 0.5)), timeout=60), Verified)
    assert isinstance(verify(on_box(net, at_least(net, most - 0.5)), timeout=60), Falsified)
