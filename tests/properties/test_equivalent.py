"""Equivalence: the second network is what it should be, and differences are decided exactly."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from flint import fmpq

import verifai
from tests.properties.nets import mlp, random_mlp, rounded_mlp
from verifai.api import check, load, verify
from verifai.bounds.compiled import compile_network
from verifai.graph.aligned import is_aligned
from verifai.graph.nodes import affine, pwl
from verifai.kernel.errors import InputError
from verifai.kernel.network import Input, Network, Product, Smooth, Square
from verifai.kernel.number import exact
from verifai.kernel.operator import Dense
from verifai.kernel.query import And, Query
from verifai.kernel.replay import evaluate
from verifai.properties.equivalent import equivalent
from verifai.verdict import Falsified, Verified

DATA = Path(verifai.__file__).parent / "data"


def outputs(net: Network, point: list[fmpq]) -> list[tuple[fmpq, fmpq]]:
    low, high = evaluate(net, point)
    return [(low[v], high[v]) for v in net.output_values]


def mixed(seed: int) -> Network:
    """Every nonlinear kind once, with a divisor."""
    rng = np.random.default_rng(seed)
    w = [Dense.of(rng.normal(size=(3, 2))), *(Dense.of(rng.normal(size=(3, 3))) for _ in range(4))]
    return Network(
        (
            Input("x", (2,)),
            affine("a", (3,), ((0, w[0]),), bias=rng.normal(size=3), divisor=3.0),
            pwl("relu", (3,), 1, [0.0], [0.0, 1.0]),
            affine("b", (3,), ((2, w[1]), (1, w[2])), bias=rng.normal(size=3)),
            Square("square", (3,), 3),
            Product("product", (3,), 4, 2),
            Smooth("tanh", (3,), 3, "tanh"),
            pwl("leaky", (3,), 3, [0.5], [0.25, 1.0], 0.0),
            Smooth("sigmoid", (3,), 3, "sigmoid"),
            Smooth("exp", (3,), 6, "exp"),
            Smooth("reciprocal", (3,), 9, "reciprocal"),
            Smooth("sin", (3,), 1, "sin"),
            affine(
                "y",
                (3,),
                tuple((s, w[k % 5]) for k, s in enumerate((5, 6, 7, 8, 10, 11), 1) if k % 5),
                bias=rng.normal(size=3),
            ),
        ),
        (12, 2, 8, 9, 10, 11),
    )


@pytest.mark.parametrize("bits", [4, 9])
def test_the_query_holds_both_networks_exactly(bits: int) -> None:
    rng = np.random.default_rng(bits)
    for first in (random_mlp([2, 6, 5, 2], 1), mixed(2)):
        second = _shifted(first, rng)
        assert is_aligned(first, second)
        query = equivalent(first, second, [(-2, 2)] * 2, tolerance=1)
        for _ in range(20):
            point = [exact(v) for v in rng.uniform(-2, 2, 2).tolist()]
            both = outputs(query.network, point)
            wanted = [*outputs(first, point), *outputs(second, point)]
            for (low, high), (a, b) in zip(both, wanted, strict=True):
                assert low <= b and a <= high  # enclosures of one number
                assert high - low < fmpq(1, 1 << 60)


def _shifted(net: Network, rng: np.random.Generator) -> Network:
    """The network with weights and biases that differ, in part by what is no double."""
    nodes = []
    for node in net.nodes:
        if hasattr(node, "terms"):
            terms = tuple(
                (s, Dense.of(op.weight + rng.choice([0, 0.25, 0.1], op.weight.shape)))
                for s, op in node.terms
            )
            bias = node.bias + rng.choice([0, 0.1])
            node = affine(node.name, node.shape, terms, bias=bias, divisor=node.divisor)
        nodes.append(node)
    return Network(tuple(nodes), net.outputs)


def test_networks_of_other_structure_are_joined_all_the_same() -> None:
    first, second = random_mlp([2, 5, 1], 1), random_mlp([2, 4, 4, 1], 2)
    assert not is_aligned(first, second)
    query = equivalent(first, second, [(0, 1)] * 2, tolerance="0.1")
    point = [fmpq(1, 3), fmpq(2, 3)]
    assert outputs(query.network, point) == [*outputs(first, point), *outputs(second, point)]


def test_a_known_distance_is_reached_but_not_exceeded() -> None:
    first = mlp([[[1.0], [-1.0]], [[1.0, 1.0]]], [[0.0, 0.0], [0.0]])  # |x|
    second = mlp([[[1.0], [-1.0]], [[1.0, 0.5]]], [[0.0, 0.0], [0.0]])  # x, or -x/2
    reached = equivalent(first, second, [(-1, 1)], tolerance="1/2")
    assert isinstance(verify(reached, timeout=120), Verified)
    less = verify(equivalent(first, second, [(-1, 1)], tolerance="0.4999"), timeout=120)
    assert isinstance(less, Falsified)
    assert isinstance(verify(equivalent(first, first, [(-1, 1)]), timeout=120), Verified)


def test_a_rounded_network_is_near_and_not_nearer() -> None:
    first = random_mlp([2, 8, 8, 1], 0)
    second = rounded_mlp(first, 12)
    points = np.random.default_rng(1).uniform(-1, 1, (3000, 2))
    gaps = [compile_network(net).forward(points)[-1] for net in (first, second)]
    seen = float(np.abs(gaps[0] - gaps[1]).max())
    assert seen < 1e-3
    query = equivalent(first, second, [(-1, 1)] * 2, tolerance="1/1000")
    verdict = verify(query, timeout=120)
    assert isinstance(verdict, Verified)
    assert check(query, verdict.certificate, exact=True).leaves >= 1
    less = verify(equivalent(first, second, [(-1, 1)] * 2, tolerance=0.98 * seen), timeout=120)
    assert isinstance(less, Falsified)


def test_a_classifier_and_its_rounded_copy() -> None:
    net = load(DATA / "digits_mlp.onnx")
    copy = rounded_mlp(net, 16)
    with np.load(DATA / "digits_test.npz") as file:
        pixels = file["images"][0].reshape(-1) / 16
    ball = [(Fraction(p) - Fraction(1, 50), Fraction(p) + Fraction(1, 50)) for p in pixels.tolist()]
    assert isinstance(
        verify(equivalent(net, copy, ball, tolerance="1/1000"), timeout=120), Verified
    )
    less = verify(equivalent(net, copy, ball, tolerance="1/10000"), timeout=120)
    assert isinstance(less, Falsified)


def test_what_makes_no_sense_is_refused() -> None:
    net = random_mlp([2, 3, 1], 0)
    with pytest.raises(InputError, match="negative tolerance"):
        equivalent(net, net, [(0, 1)] * 2, tolerance=-1)
    with pytest.raises(InputError, match="1 and 2 outputs"):
        equivalent(net, random_mlp([2, 3, 2], 0), [(0, 1)] * 2)
    with pytest.raises(InputError, match="inputs of"):
        equivalent(net, random_mlp([3, 3, 1], 0), [(0, 1)] * 2)


def test_the_query_speaks_about_every_output_both_ways() -> None:
    net = random_mlp([2, 3, 2], 0)
    query = equivalent(net, net, [(0, 1)] * 2, tolerance=1)
    assert isinstance(query, Query)
    (choice,) = query.unsafe.parts
    assert not isinstance(choice, And)
    assert len(choice.parts) == 4  # type: ignore[union-attr]
