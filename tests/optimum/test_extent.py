"""Least values and ranges: certified ends, attained values, and what is said of mistakes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from flint import fmpq

import verifai as vf
from tests.properties.nets import mlp, random_mlp
from verifai.kernel.errors import InputError
from verifai.kernel.replay import evaluate

HAT = mlp([[[1.0], [1.0]], [[1.0, -2.0]]], [[0.0, -0.5], [0.0]])  # rises to 1/2 at 1/2, then falls
TOL = fmpq(1, 10**6)


def test_a_known_minimum_is_enclosed_with_its_proof() -> None:
    found = vf.minimize(HAT, 0, [(0, 2)])
    assert found.is_converged
    assert found.lower is not None and found.query is not None and found.certificate is not None
    assert found.upper - TOL <= found.lower <= fmpq(-1) <= found.upper
    assert evaluate(HAT, found.point)[0][-1] == found.upper
    assert vf.check(found.query, found.certificate).leaves >= 1


def test_forms_are_minimized() -> None:
    net = mlp([[[1.0, 0.0], [0.0, 1.0]]], [[0.0, 0.0]])
    found = vf.minimize(net, {0: 2, 1: "-1/2"}, [(0, 1), (-1, 4)])
    assert found.lower is not None
    assert found.lower <= -2 <= found.upper <= found.lower + TOL
    assert found.point == (0, 4)


@pytest.mark.parametrize("seed", range(3))
def test_ranges_hold_on_points_and_are_nearly_attained(seed: int) -> None:
    net = random_mlp([2, 6, 3], seed)
    found = vf.output_range(net, [(-1, 1)] * 2, tolerance="1/1000")
    assert [each.output for each in found] == [0, 1, 2]
    rng = np.random.default_rng(seed)
    points = [[fmpq(int(n), 64) for n in rng.integers(-64, 65, 2)] for _ in range(200)]
    values = [evaluate(net, each)[0][-3:] for each in points]
    for i, each in enumerate(found):
        assert each.lower is not None and each.upper is not None and each.is_converged
        assert all(each.lower <= value[i] <= each.upper for value in values)
        assert evaluate(net, each.least.point)[0][-3:][i] - each.lower <= fmpq(1, 1000)
        assert each.upper - evaluate(net, each.greatest.point)[0][-3:][i] <= fmpq(1, 1000)
        assert f"output {i} within [" in str(each)


def test_some_outputs_in_the_order_asked() -> None:
    net = mlp([[[1.0], [2.0], [3.0]]], [[0.0, 0.0, 0.0]])
    found = vf.output_range(net, [(0, 1)], outputs=[2, 0], timeout=30)
    assert [(each.output, float(str(each.greatest.lower))) for each in found] == [(2, 3), (0, 1)]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: vf.output_range(HAT, [(0, 1)], outputs=[1]), "no output 1: the network has 1"),
        (lambda: vf.output_range(HAT, [(0, 1)], outputs=[]), "outputs: one index at least"),
        (lambda: vf.output_range(HAT, [(1, 0)]), "the domain is empty"),
        (lambda: vf.minimize(HAT, {}, [(0, 1)]), "a form without terms"),
        (lambda: vf.minimize(HAT, 0, [(0, 1)], tolerance=0), "a tolerance of 0"),
        (lambda: vf.minimize(HAT, 0, [(0, 1)], timeout="soon"), "timeout"),
    ],
)
def test_mistakes_are_named(call: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()
