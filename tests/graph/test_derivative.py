"""Derivatives inside the graph are those of the network."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from flint import fmpq

from tests.properties.nets import mlp, random_mlp
from verifai.api import load
from verifai.graph.derivative import differentiate
from verifai.graph.nodes import affine, pwl
from verifai.graph.patterns import extremum
from verifai.kernel.errors import InputError
from verifai.kernel.network import FUNCTIONS, Input, Network, Product, Sign, Smooth, Square
from verifai.kernel.number import exact
from verifai.kernel.operator import Conv, Gather
from verifai.kernel.replay import evaluate

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
        for value in net.output_values:
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


class _Powers(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x**3 - 2 * x**5 + (x * x) ** 2
        return y * y + x**7


class _Extremes(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pairs = torch.maximum(x[:, :3], 2 * x[:, 3:]), torch.minimum(x[:, :3], x[:, 3:])
        rest = torch.cat([pairs[0], pairs[1][:, :1], x[:, :1]], dim=1)
        return torch.cat([rest.amax(1), rest.amin(1), torch.relu(x).amax(1) - torch.relu(-x).sum()])


@pytest.mark.parametrize(
    ("module", "shape"),
    [
        (_Powers(), (1, 2)),
        (_Extremes(), (1, 6)),
        (torch.nn.MaxPool2d(2, padding=1), (1, 1, 3, 3)),
        (torch.nn.Sequential(torch.nn.Linear(3, 6), torch.nn.MaxPool1d(3)), (1, 3)),
    ],
)
def test_of_powers_maxima_minima_and_shared_signs(
    module: torch.nn.Module, shape: tuple[int, ...]
) -> None:
    torch.manual_seed(0)
    net, rng = load(module.eval(), torch.zeros(shape)), np.random.default_rng(4)
    for _ in range(8):
        assert jacobian_gap(net, rng.uniform(-1, 1, int(np.prod(shape))).tolist()) < 1e-9


def test_a_maximum_of_nothing_that_it_is_not_is_refused() -> None:
    """b + relu(a - c), a - b without the sign, another place: not one of them is a maximum."""
    x = Input("x", (3,))

    def net(first: list[int], second: list[int], kept: list[int], scale: float = -1.0) -> Network:
        gap = ((0, Gather.of(3, first)), (0, Gather.of(3, second, scale)))
        nodes = (x, affine("z", (1,), gap), pwl("r", (1,), 1, [0.0], [0.0, 1.0]))
        last = affine("y", (1,), ((0, Gather.of(3, kept)), (2, Gather.of(1, [0]))))
        return Network((*nodes, last), (3,))

    assert extremum(net([0], [1], [1]), 3) is not None
    assert extremum(net([0], [1], [2]), 3) is None
    assert extremum(net([0], [1], [0]), 3) is None
    assert extremum(net([0], [1], [1], 1.0), 3) is None
    assert extremum(net([0], [1], [1], -2.0), 3) is None
    assert extremum(net([0], [-1], [1]), 3) is None
    for kept in ([1], [2], [0]):
        assert jacobian_gap(net([0], [1], kept), [0.25, -0.5, 0.75]) == 0
        assert jacobian_gap(net([0], [1], kept), [-0.5, 0.25, 0.75]) == 0
