"""Lipschitz constants: known ones, and brackets that no pair of points leaves."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from flint import fmpq

from tests.properties.nets import mlp, random_mlp
from verifai.api import bounds, check
from verifai.bounds.compiled import compile_network
from verifai.kernel.errors import InputError
from verifai.kernel.network import Input, Network, Sign, Smooth, Square
from verifai.kernel.replay import evaluate
from verifai.optimum.lipschitz import LipschitzBound, lipschitz

HAT = mlp([[[1.0], [1.0]], [[1.0, -4.0]]], [[0.0, -0.5], [0.0]])  # slopes 0, 1, -3
NEAR = fmpq(1, 10**9)


def quotient(net: Network, found: LipschitzBound) -> fmpq:
    assert found.points is not None
    first, second = found.points
    gap = max(abs(a - b) for a, b in zip(first, second, strict=True))
    ends = [evaluate(net, point)[0][net.offsets[net.outputs[0]] :] for point in found.points]
    return max(abs(a - b) for a, b in zip(*ends, strict=True)) / gap


def test_affine_networks_have_the_norm_of_their_matrix() -> None:
    net = mlp([[[1.0, -2.0], [0.5, 0.25]]], [[3.0, 4.0]])
    for ends in (None, [(0, 1), (5, 7)]):
        found = lipschitz(net, ends)
        assert found.lower == 3
        assert 3 <= found.upper <= 3 + NEAR
        assert quotient(net, found) == 3


@pytest.mark.parametrize(
    ("ends", "constant"), [([(-2, -1)], 0), ([(-1, "0.4")], 1), ([(0, 1)], 3), ([("0.6", 1)], 3)]
)
def test_a_hat_on_boxes(ends: Any, constant: int) -> None:
    found = lipschitz(HAT, ends, tolerance="1e-3")
    assert found.lower == constant
    assert found.lower <= found.upper <= constant + fmpq(1, 1000) + NEAR


def test_everywhere_signs_of_paths_count() -> None:
    found = lipschitz(HAT)
    assert found.lower == 3
    assert 4 <= found.upper <= 4 + NEAR  # the second slope without the first


@pytest.mark.parametrize(("function", "steepest"), [("tanh", 1), ("sigmoid", 0.25), ("sin", 1)])
def test_smooth_functions(function: str, steepest: float) -> None:
    net = Network((Input("x", (1,)), Smooth("f", (1,), 0, function)), (1,))
    found = lipschitz(net)
    assert float(found.upper.p) / float(found.upper.q) == pytest.approx(steepest)
    away = lipschitz(net, [(1, "1.1")])
    assert found.lower <= found.upper
    assert away.upper < found.upper
    assert away.lower > away.upper * fmpq(9, 10)


@pytest.mark.parametrize("function", ["relu", "tanh"])
@pytest.mark.parametrize("seed", range(3))
def test_no_pair_of_points_is_steeper(seed: int, function: str) -> None:
    net = random_mlp([3, 6, 6, 2], seed, function=function)
    rng = np.random.default_rng(seed)
    compiled = compile_network(net)
    for ends in (None, [(-0.5, 0.5)] * 3):
        found = lipschitz(net, ends)
        assert quotient(net, found) == found.lower or function == "tanh"
        assert 0 < found.lower <= found.upper
        first, second = (rng.uniform(-0.5, 0.5, (5000, 3)) for _ in range(2))
        rises = np.abs(compiled.forward(first)[-1] - compiled.forward(second)[-1]).max(axis=1)
        steepest = (rises / np.abs(first - second).max(axis=1)).max()
        assert steepest <= float(Fraction(int(found.upper.p), int(found.upper.q))) + 1e-9


def test_branching_tightens_and_is_certified() -> None:
    net = random_mlp([2, 6, 1], 1)
    plain = lipschitz(net, [(-1, 1)] * 2)
    found = lipschitz(net, [(-1, 1)] * 2, tolerance="1e-2", timeout=120)
    assert found.lower <= found.upper <= plain.upper
    ((query, certificate),) = found.certificates
    assert check(query, certificate, exact=True).leaves >= 1


def test_inputs_without_room_do_not_count() -> None:
    net = mlp([[[1.0, -2.0]]], [[0.0]])
    assert lipschitz(net, [(0, 1), (3, 3)]).upper <= 1 + NEAR
    still = lipschitz(net, [(0, 0), (3, 3)])
    assert (still.lower, still.upper, still.points) == (0, 0, None)


def test_what_makes_no_sense_is_refused() -> None:
    step = Network((Input("x", (1,)), Sign("s", (1,), 0)), (1,))
    square = Network((Input("x", (1,)), Square("q", (1,), 0)), (1,))
    with pytest.raises(InputError, match="'s' is a step"):
        lipschitz(step, [(0, 1)])
    with pytest.raises(InputError, match="'s' has slopes without a bound"):
        lipschitz(step)
    with pytest.raises(InputError, match="'q' has slopes without a bound"):
        lipschitz(square)
    assert lipschitz(square, [(0, 3)]).upper <= 6 + NEAR
    with pytest.raises(InputError, match="needs a box"):
        lipschitz(square, tolerance=1)
    with pytest.raises(InputError, match="empty"):
        lipschitz(square, [(1, 0)])


def test_a_root_down_to_zero_is_a_sentence_and_no_rejection() -> None:
    root = Network((Input("x", (1,)), Smooth("r", (1,), 0, "sqrt")), (1,))
    for tol in (None, 1):
        with pytest.raises(InputError, match="values leave what can be bounded"):
            lipschitz(root, [(0, 1)], tolerance=tol, timeout=5)
    assert lipschitz(root, [(1, 4)]).upper <= fmpq(1, 2) + NEAR
    with pytest.raises(InputError, match="values leave what can be bounded"):
        bounds(root, [(-1, 1)])
