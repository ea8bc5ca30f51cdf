"""Optimised slopes and multipliers give bounds that hold and are never below CROWN's."""

from dataclasses import replace

import numpy as np
import pytest

from tests.bounds.nets import KINDS, dense
from verifai.bounds import optimize as module
from verifai.bounds.compiled import compile_network
from verifai.bounds.crown import backward, refine, relaxed, unstable
from verifai.bounds.dual import DualPoint, DualProblem, Rows, gradient
from verifai.bounds.interval import interval
from verifai.bounds.kinds.codes import slopes_of
from verifai.bounds.optimize import Ascent, _Moments, optimize

EPS = 1e-9


def case(kind, seed, width=0.5, count=3):
    network = kind(seed)
    compiled, rng = compile_network(network), np.random.default_rng(seed)
    middle = rng.normal(size=(count, len(network.input_values)))
    lower, upper = middle - width, middle + width
    return compiled, lower, upper, refine(compiled, interval(compiled, lower, upper))


def rows_of(compiled, seed, count=3):
    rng, out = np.random.default_rng(seed), len(compiled.sizes) - 1
    return Rows({out: rng.normal(size=(count, compiled.sizes[out]))}, rng.normal(size=count))


def cut(compiled, relaxation, seed):
    """Splits some unstable values at zero, to the centre's side: relaxation, what was split."""
    inputs = [
        (relaxation.bounds.lower[i] + relaxation.bounds.upper[i]) / 2 for i in compiled.inputs
    ]
    values = compiled.forward(np.concatenate(inputs, axis=1))
    rng, bounds, splits = np.random.default_rng(seed), relaxation.bounds, {}
    for node in compiled.preactivations:
        mask = (
            unstable(compiled, bounds, node) & (bounds.lower[node] < 0) & (bounds.upper[node] > 0)
        )
        mask &= rng.uniform(size=mask.shape) < 0.4
        side = values[node] > 0
        low = np.where(mask & side, 0, bounds.lower[node])
        bounds = bounds.meet(node, low, np.where(mask & ~side, 0, bounds.upper[node]))
        splits[node] = mask
    return relaxed(compiled, bounds), splits


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(4))
def test_optimised_bounds_hold_and_are_never_below_crown(kind, seed):
    compiled, lower, upper, relaxation = case(kind, seed)
    rows, out = rows_of(compiled, seed, 1), len(compiled.sizes) - 1
    plain = backward(compiled, relaxation, {out: np.tile(rows.forms[out], (3, 1))})
    found = optimize(compiled, relaxation, rows, ascent=Ascent(steps=15))
    assert (found.value >= plain.value + rows.constant - EPS).all()
    rng = np.random.default_rng(seed)
    for _ in range(200):
        points = rng.uniform(lower, upper)
        truth = rows.at(compiled.forward(points))[:, 0]
        assert (found.value <= truth + 1e-2 * (kind is KINDS[1]) + EPS).all()


def test_optimising_helps_on_most_networks():
    gains = []
    for seed in range(10):
        compiled, _, _, relaxation = case(KINDS[0], seed, 1.0)
        rows, out = rows_of(compiled, seed, 1), len(compiled.sizes) - 1
        plain = backward(compiled, relaxation, {out: np.tile(rows.forms[out], (3, 1))})
        found = optimize(compiled, relaxation, rows, ascent=Ascent(steps=30))
        gains += list(found.value - plain.value - rows.constant)
    assert np.mean(np.array(gains) > 1e-3) > 0.7


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(4))
def test_multipliers_of_cut_intervals_keep_bounds_true_on_the_cut(kind, seed):
    compiled, lower, upper, relaxation = case(kind, seed, 1.0)
    child, splits = cut(compiled, relaxation, seed)
    rows = rows_of(compiled, seed, 1)
    found = optimize(compiled, child, rows, splits=splits, ascent=Ascent(steps=20))
    without = optimize(compiled, child, rows, ascent=Ascent(steps=0))
    assert (found.value >= without.value - EPS).all()
    rng, bounds, seen = np.random.default_rng(seed), child.bounds, 0
    for _ in range(600):
        middle, reach = (lower + upper) / 2, rng.choice([0.02, 0.2, 1.0])
        values = compiled.forward(middle + reach * rng.uniform(lower - middle, upper - middle))
        inside = np.ones(len(lower), bool)
        for node in compiled.preactivations:
            inside &= (values[node] >= bounds.lower[node] - EPS).all(axis=1)
            inside &= (values[node] <= bounds.upper[node] + EPS).all(axis=1)
        truth = rows.at(values)[:, 0]
        slip = 1e-2 * (kind is KINDS[1]) + EPS
        assert (found.value <= truth + slip)[inside].all()
        seen += int(inside.sum())
    assert seen > 100


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_gradient_agrees_with_finite_differences(kind, seed):
    compiled, _, _, relaxation = case(kind, seed, 1.0)
    child, splits = cut(compiled, relaxation, seed)
    rows, rng = rows_of(compiled, seed), np.random.default_rng(seed + 1)
    spans = module._spans(compiled, child)
    free = module._families(compiled, child)
    problem = DualProblem(compiled, child, rows, 3, spans, splits, free)
    slopes = {}
    for node, touched in spans.items():
        share = rng.uniform(0.1, 0.9, size=touched.left.shape)
        slopes[node] = touched.left + share * (touched.right - touched.left)
    weights = rng.uniform(0.1, 1, size=(3, rows.count))
    signed = {i: np.where(m, rng.normal(size=m.shape), 0) for i, m in splits.items()}
    shares = {s: rng.uniform(0.1, 0.9, size=f.is_free.shape) for s, f in free.items()}
    point = DualPoint(slopes, signed, weights, shares)
    seen = {}
    plane, relaxation = problem.plane(point, seen)
    slope, _ = gradient(problem, point, plane, relaxation, seen)
    widths = [np.where(t.is_split, t.right - t.left, 0) for t in spans.values()]
    moves = [*widths, *(f.is_free for f in free.values()), *splits.values(), 1]
    for k, array in enumerate(point.arrays()):
        factor = np.broadcast_to(np.where(moves[k] != 0, moves[k], 1), array.shape)
        step = np.where(moves[k] != 0, 1e-7 * rng.normal(size=array.shape), 0)
        ahead, back = point.copy(), point.copy()
        ahead.arrays()[k][...] += step
        back.arrays()[k][...] -= step
        change = (problem.plane(ahead)[0].value - problem.plane(back)[0].value) / 2
        predicted = (slope[k] * step / factor).sum(axis=1)
        size = 1 + np.abs(plane.value).max()
        np.testing.assert_allclose(predicted, change, atol=1e-12 * size, rtol=1e-4)


@pytest.mark.parametrize("kind", KINDS[:3])
def test_codes_alone_reproduce_the_bound(kind):
    compiled, _, _, relaxation = case(kind, 2, 1.0)
    rows = rows_of(compiled, 2)
    found = optimize(compiled, relaxation, rows, ascent=Ascent(steps=10))
    spans = module._spans(compiled, relaxation)
    slopes = {node: slopes_of(spans[node], codes) for node, codes in found.codes.items()}
    again = relaxed(compiled, relaxation.bounds, slopes)
    forms, constant = rows.mix(found.point.weights)
    plane = backward(compiled, again, forms, constant=constant)
    np.testing.assert_allclose(plane.value, found.value, atol=1e-10)
    assert any((codes < 255).any() for codes in found.codes.values())


def test_weights_refute_rows_that_no_single_row_refutes():
    network = dense((2, 4, 2), 0)
    compiled = compile_network(network)
    relaxation = refine(compiled, interval(compiled, -np.ones((1, 2)), np.ones((1, 2))))
    rows = Rows({0: np.array([[1.0, 0.3], [-1.0, 0.2]])}, np.array([0.6, 0.6]))  # x_1 > -1.2 …
    found = optimize(compiled, relaxation, rows, ascent=Ascent(steps=30, target=0.0))
    singles = [
        optimize(compiled, relaxation, Rows({0: rows.forms[0][[k]]}, rows.constant[[k]])).value[0]
        for k in (0, 1)
    ]
    assert max(singles) < 0 < found.value[0]
    assert found.point.weights[0].sum() == pytest.approx(1)


def test_a_premise_may_take_any_weight():
    network = dense((2, 4, 2), 0)
    compiled = compile_network(network)
    relaxation = refine(compiled, interval(compiled, -np.ones((1, 2)), np.ones((1, 2))))
    rows = Rows({0: np.array([[3.0, 0.0], [-1.0, 0.0]])}, np.array([1.0, 0.1]), premises=1)
    found = optimize(compiled, relaxation, rows, ascent=Ascent(steps=60))
    assert found.value[0] > 1.0  # 3·x + 1 + 3·(0.1 - x) = 1.3 at best
    assert found.point.weights[0, 1] > 2


def test_a_start_is_taken_up_and_parts_give_what_the_whole_gives():
    compiled, _, _, relaxation = case(KINDS[0], 3, 1.0, 40)
    rows = rows_of(compiled, 3, 2)
    found = optimize(compiled, relaxation, rows, ascent=Ascent(steps=12))
    kept = optimize(compiled, relaxation, rows, start=found.point, ascent=Ascent(steps=0))
    np.testing.assert_allclose(kept.value, found.value, atol=1e-10)
    again = optimize(replace(compiled, chunk=16), relaxation, rows, ascent=Ascent(steps=12))
    np.testing.assert_allclose(again.value, found.value, atol=1e-10)


def test_many_rows_may_share_one_box():
    compiled, _, _, relaxation = case(KINDS[1], 1, 0.3, 1)
    out = len(compiled.sizes) - 1
    each = np.concatenate([np.eye(2), -np.eye(2)])[:, None]
    found = optimize(compiled, relaxation, Rows({out: each}, np.zeros((4, 1))))
    one = [
        optimize(compiled, relaxation, Rows({out: each[k]}, np.zeros(1))).value[0] for k in range(4)
    ]
    np.testing.assert_allclose(found.value, one, atol=1e-10)


def test_a_gradient_that_is_only_rounding_moves_nothing() -> None:
    moments = _Moments(np.zeros((2, 3)))
    step = moments.direction(np.array([[1.0, -0.5, 1e-16], [1e-16, 0.0, -1e-16]]))
    assert step[0, :2] == pytest.approx([1.0, -1.0])
    assert abs(step[0, 2]) < 1e-6
    assert step[1] == pytest.approx([1.0, 0.0, -1.0])  # nothing larger to compare with
