"""Linear bounds hold at points, are inside intervals, and are exact where nothing is unstable."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bounds.nets import KINDS, dense
from verifai.bounds.compiled import compile_network
from verifai.bounds.crown import backward, refine, relaxed, unstable
from verifai.bounds.interval import Bounds, interval
from verifai.bounds.kinds.codes import codes_of, slopes_of
from verifai.bounds.kinds.pieces import span
from verifai.bounds.relax import relax
from verifai.kernel.network import Affine, Input, Network

EPS = 1e-9


def boxes(network: Network, seed: int, width: float, count: int = 3):
    rng = np.random.default_rng(seed)
    n = len(network.input_values)
    middle = rng.normal(size=(count, n))
    half = width * rng.uniform(0, 1, size=(count, n))
    return middle - half, middle + half


def samples(lower, upper, seed: int, count: int = 40):
    """Points of each box, corners among them: (count, B, n)."""
    share = np.random.default_rng(seed).uniform(-0.3, 1.3, size=(count, *lower.shape)).clip(0, 1)
    return lower + share * (upper - lower)


case = given(
    kind=st.sampled_from(KINDS),
    seed=st.integers(0, 200),
    width=st.sampled_from([0.0, 0.01, 0.2, 1.0]),
)


@settings(max_examples=60, deadline=None)
@case
def test_every_value_lies_inside_refined_bounds_and_these_inside_intervals(kind, seed, width):
    network = kind(seed)
    compiled = compile_network(network)
    lower, upper = boxes(network, seed, width)
    root = interval(compiled, lower, upper)
    tight = refine(compiled, root).bounds
    for points in samples(lower, upper, seed):
        for node, values in enumerate(compiled.forward(points)):
            slip = EPS * (1 + np.abs(values))
            assert (tight.lower[node] - slip <= values).all(), network.nodes[node].name
            assert (values <= tight.upper[node] + slip).all(), network.nodes[node].name
            assert (root.lower[node] <= tight.lower[node]).all()
            assert (tight.upper[node] <= root.upper[node]).all()


@settings(max_examples=60, deadline=None)
@case
def test_backward_planes_lie_below_forms_of_several_nodes(kind, seed, width):
    network = kind(seed)
    compiled = compile_network(network)
    lower, upper = boxes(network, seed, width)
    relaxation = refine(compiled, interval(compiled, lower, upper))
    rng = np.random.default_rng(seed)
    which = rng.integers(0, len(lower), size=7)
    last = len(network.nodes) - 1
    forms = {node: rng.normal(size=(7, network.sizes[node])) for node in {0, last - 2, last}}
    constant = rng.normal(size=7)
    plane = backward(compiled, relaxation, forms, boxes=which, constant=constant)
    for points in samples(lower[which], upper[which], seed):
        values = compiled.forward(points)
        truth = constant + sum((a * values[node]).sum(axis=1) for node, a in forms.items())
        at = plane.constant + (plane.coefficients * points).sum(axis=1)
        slip = EPS * (1 + np.abs(truth)) + 0.01 * (network.nodes[last].radius is not None)
        assert (at <= truth + slip).all()
        assert (plane.value <= at + slip).all()


@settings(max_examples=80, deadline=None)
@case
def test_lines_hold_for_default_and_for_any_given_slope(kind, seed, width):
    network = kind(seed)
    compiled = compile_network(network)
    lower, upper = boxes(network, seed, width)
    root = interval(compiled, lower, upper)
    rng = np.random.default_rng(seed)
    for node, kind_of in enumerate(network.nodes):
        if isinstance(kind_of, Affine | Input):
            continue
        given_slopes = None
        if node in compiled.pieces:
            source = kind_of.sources[0]
            touched = span(compiled.pieces[node], root.lower[source], root.upper[source])
            codes = rng.choice([0, 7, 64, 128, 255], size=root.lower[node].shape).astype(np.uint8)
            given_slopes = slopes_of(touched, codes)
        lines = relax(compiled, root, node, given_slopes)
        below = 0.0 if lines.below is None else lines.below
        for points in samples(lower, upper, seed, 10):
            values = compiled.forward(points)
            z = values[node]
            slip = EPS * (1 + np.abs(z) + np.abs(lines.above))
            arms = [values[source] for source in kind_of.sources]
            low = sum(s * y for s, y in zip(lines.lower, arms, strict=True)) + below
            high = sum(s * y for s, y in zip(lines.upper, arms, strict=True)) + lines.above
            assert (low <= z + slip).all(), kind_of.name
            assert (z <= high + slip).all(), kind_of.name


def test_bounds_are_exact_where_nothing_is_unstable():
    network = dense((3, 8, 8, 6, 2), 4)
    compiled = compile_network(network)
    lower, upper = boxes(network, 5, 1e-4, 20)
    relaxation = refine(compiled, interval(compiled, lower, upper))
    bounds = relaxation.bounds
    calm = ~np.any([unstable(compiled, bounds, n).any(axis=1) for n in compiled.preactivations], 0)
    assert calm.sum() >= 5
    out = len(network.nodes) - 1
    plane = backward(compiled, relaxation, {out: np.tile([1.0, 0.0], (20, 1))})
    corner = np.where(plane.coefficients > 0, lower, upper)
    truth = compiled.forward(corner)[out][:, 0]
    np.testing.assert_allclose(plane.value[calm], truth[calm], atol=1e-12)


def test_default_relu_lines_are_the_triangle_with_the_smaller_area():
    compiled = compile_network(dense((1, 3, 1)))
    low, high = np.array([[-1.0, -3.0, 1.0]]), np.array([[3.0, 1.0, 2.0]])
    bounds = Bounds((low,) * 4, (high,) * 4)
    lines = relax(compiled, bounds, 2)
    np.testing.assert_array_equal(lines.lower[0], [[1.0, 0.0, 1.0]])
    np.testing.assert_array_equal(lines.upper[0], [[0.75, 0.25, 1.0]])
    np.testing.assert_array_equal(lines.above, [[0.75, 0.75, 0.0]])


def test_default_lines_of_convex_concave_and_other_pieces():
    network = KINDS[2](0)
    compiled = compile_network(network)
    ends = np.full((1, 6), -1.0), np.full((1, 6), 2.0)
    bounds = Bounds((ends[0],) * 12, (ends[1],) * 12)
    absolute, dent = relax(compiled, bounds, 4), relax(compiled, bounds, 5)
    assert absolute.lower[0][0, 0] == 1.0
    assert absolute.upper[0][0, 0] == pytest.approx(1 / 3)
    assert absolute.above[0, 0] == pytest.approx(4 / 3)
    chord = (-0.875 + 1.25) / 3  # f(2) = -0.875, f(-1) = -1.25 with f(1/4) = 0
    assert dent.lower[0][0, 0] == pytest.approx(chord)
    assert dent.upper[0][0, 0] == -0.5


def test_codes_and_slopes_are_inverse_and_default_stays_default():
    compiled = compile_network(dense((1, 4, 1)))
    low, high = np.array([[-1.0, -1.0, 0.5, -1.0]]), np.array([[1.0, 1.0, 2.0, 2.0]])
    touched = span(compiled.pieces[2], low, high)
    codes = codes_of(touched, np.array([[0.25, 1.0, 0.5, np.nan]]))
    np.testing.assert_array_equal(codes, [[32, 128, 255, 255]])
    np.testing.assert_array_equal(slopes_of(touched, codes), [[0.25, 1.0, np.nan, np.nan]])


def test_many_chunks_give_what_one_gives():
    network = dense((3, 8, 8, 6, 2), 1)
    compiled = compile_network(network)
    root = interval(compiled, *boxes(network, 1, 0.5, 9))
    forms = {len(network.nodes) - 1: np.eye(9)[:, :2] + 1}
    once = refine(compiled, root)
    first = backward(compiled, once, forms)
    small = replace(compiled, chunk=16)
    again = refine(small, root)
    second = backward(small, again, forms)
    for a, b in zip(once.bounds.lower, again.bounds.lower, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)
    np.testing.assert_allclose(first.value, second.value, atol=1e-12)
    np.testing.assert_allclose(first.coefficients, second.coefficients, atol=1e-12)


def test_cut_intervals_give_a_relaxation_that_is_tighter_on_the_cut():
    network = dense((3, 8, 8, 6, 2), 2)
    compiled = compile_network(network)
    lower, upper = boxes(network, 2, 1.0, 1)
    bounds = refine(compiled, interval(compiled, lower, upper)).bounds
    node = compiled.preactivations[0]
    neuron = int(np.argmax(np.minimum(bounds.upper[node], -bounds.lower[node])[0]))
    assert bounds.lower[node][0, neuron] < 0 < bounds.upper[node][0, neuron]
    cut = bounds.upper[node].copy()
    cut[0, neuron] = 0
    child = refine(compiled, bounds.meet(node, bounds.lower[node], cut))
    points = samples(lower, upper, 0, 4000)[:, 0]
    values = compiled.forward(points)
    inside = values[node][:, neuron] <= 0
    assert inside.sum() > 50
    out = len(network.nodes) - 1
    plane = backward(compiled, child, {out: np.array([[1.0, -1.0]])})
    whole = backward(compiled, relaxed(compiled, bounds), {out: np.array([[1.0, -1.0]])})
    truth = values[out][inside] @ np.array([1.0, -1.0])
    assert plane.value[0] <= truth.min() + EPS
    assert plane.value[0] >= whole.value[0] - EPS
