"""Derivatives inside the graph are those of the network."""

from __future__ import annotations

import numpy as np
import pytest
from flint import fmpq

from tests.properties.nets import mlp, random_mlp
from verifai.kernel.errors import InputError
from verifai.kernel.network import (
    FUNCTIONS,
    Input,
    Network,
    Product,
    Sign,
    Smooth,
    Square,
    affine,
    pwl,
)
from verifai.kernel.number import exact
from verifai.kernel.operator import Conv, Gather
from verifai.kernel.replay import evaluate
from verifai.properties.derivative import differentiate
from verifai.properties.entry import output_values

STEP = fmpq(1, 1 << 24)


def jacobian_gap(net: Network, x: list[float]) -> float:
    """How far the graph's derivatives are from central difference quotients, exactly evaluated."""
    count = len(x)
    made, point = differentiate(net, np.eye(count)), [exact(v) for v in x]
    low, high = evaluate(made.network, point)
    worst = 0.0
    for i in range(count):
        up, down = list(point), list(point)
        up[i], down[i] = up[i] + STEP, down[i] - STEP
        after, before = evaluate(net, up)[0], evaluate(net, down)[0]
        for value in output_values(net):
            quotient = (after[value] - before[value]) / (2 * STEP)
            place = made.tangent(value, i)
            ends = (low[place], high[place]) if place is not None else (fmpq(0), fmpq(0))
            worst = max(
                worst, *(abs(float((e - quotient).p) / float((e - quotient).q)) for e in ends)
            )
    return worst


def test_of_relu_networks_it_is_exact_off_the_knots() -> None:
    net, rng = random_mlp([3, 5, 4, 2], 1), np.random.default_rng(2)
    for _ in range(10):
        assert jacobian_gap(net, rng.uniform(-1, 1, 3).tolist()) == 0


@pytest.mark.parametrize("function", FUNCTIONS)
def test_of_smooth_functions(function: str) -> None:
    net = Network((Input("x", (2,)), Smooth("f", (2,), 0, function)), (1,))
    assert jacobian_gap(net, [0.75, 1.5]) < 1e-9


def test_of_polynomials_convolutions_and_other_pieces() -> None:
    operator = Conv.of(
        np.arange(8.0).reshape(2, 1, 4) - 3.5, (6,), stride=(2,), padding=((1,), (1,))
    )
    slopes = np.array([[0.1], [-1.0], [0.3]])  # differences that no double is
    net = Network(
        (
            Input("x", (6,)),
            affine("conv", (2, 3), ((0, operator),), divisor=3.0),
            pwl("zigzag", (2, 3), 1, [-0.5, 0.25], slopes, 0.125),
            Square("square", (6,), 1),
            Product("product", (6,), 2, 3),
            affine(
                "last", (3,), ((4, Gather.of(6, [0, 3, 5], -0.5)), (0, Gather.of(6, [1, 1, -1])))
            ),
        ),
        (5,),
    )
    rng = np.random.default_rng(3)
    for _ in range(5):
        assert jacobian_gap(net, rng.uniform(-1, 1, 6).tolist()) < 1e-9


def test_at_a_knot_it_is_the_mean_of_both_slopes() -> None:
    net = Network((Input("x", (1,)), pwl("f", (1,), 0, [0.5], [0.1, 0.3], 0.0)), (1,))
    made = differentiate(net, np.eye(1))
    low, high = evaluate(made.network, [fmpq(1, 2)])
    place = made.tangent(1)
    assert low[place] == high[place] == (exact(0.1) + exact(0.3)) / 2


def test_what_does_not_move_has_no_tangent() -> None:
    net = mlp([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 1.0]]], [[0.0, 0.0], [0.0]])
    nodes = (*net.nodes, Input("z", (1,)))
    wide = Network(nodes, net.outputs)
    assert differentiate(wide, np.array([[0.0, 0.0, 1.0]])).tangents.keys() == {len(nodes) - 1}


def test_a_step_has_no_derivative() -> None:
    net = Network((Input("x", (1,)), Sign("s", (1,), 0)), (1,))
    with pytest.raises(InputError, match="'s' is a step"):
        differentiate(net, np.eye(1))


def test_names_that_are_taken_are_not_taken_again() -> None:
    once = differentiate(random_mlp([2, 3, 1], 4, function="tanh"), np.eye(2)).network
    twice = differentiate(once, np.ones((1, 2)))
    assert len({node.name for node in twice.network.nodes}) == len(twice.network.nodes)
