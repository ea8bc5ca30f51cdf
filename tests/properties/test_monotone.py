"""Monotonicity: proofs with margin 0, counterexamples that are exact pairs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from flint import fmpq

import verifai
from tests.properties.nets import mlp, random_mlp
from verifai.api import check, load, verify
from verifai.graph.nodes import affine
from verifai.kernel.errors import InputError
from verifai.kernel.network import Input, Network, Sign, Smooth
from verifai.kernel.operator import Array, Dense
from verifai.kernel.query import Relation
from verifai.kernel.replay import evaluate, replay
from verifai.properties.domain import domain
from verifai.properties.in_range import in_range
from verifai.properties.monotone import monotone
from verifai.verdict import Falsified, Verified

HAT = mlp([[[1.0], [1.0]], [[1.0, -2.0]]], [[0.0, -0.5], [0.0]])  # rises to 1/2, then falls


@pytest.mark.parametrize("function", ["relu", "tanh", "sigmoid"])
@pytest.mark.parametrize("sizes", [[2, 16, 16, 1], [20, 12, 1]])
def test_weights_that_are_not_negative_need_no_margin(function: str, sizes: list[int]) -> None:
    net = random_mlp(sizes, 5, function=function, is_positive=True)
    query = monotone(net, [(-1, 1)] * sizes[0], input=1)
    verdict = verify(query, timeout=120)
    assert isinstance(verdict, Verified)
    assert check(query, verdict.certificate, exact=True).leaves == 1
    falling = verify(monotone(net, [(-1, 1)] * sizes[0], input=1, direction=-1), timeout=120)
    assert isinstance(falling, Falsified)


def test_a_network_that_is_monotone_by_its_values_is_proved_by_branching() -> None:
    steep = random_mlp([2, 16, 16, 1], 3)
    skip = Dense.of([[2.0, 0.0]])
    last = steep.nodes[-1]
    terms = (*last.terms, (0, skip))  # type: ignore[union-attr]
    nodes = (*steep.nodes[:-1], affine("y", (1,), terms))
    verdict = verify(monotone(Network(nodes, steep.outputs), [(-1, 1)] * 2, input=0), timeout=120)
    assert isinstance(verdict, Verified)


def test_a_counterexample_is_a_pair_at_which_the_output_falls() -> None:
    verdict = verify(monotone(HAT, [(0, 1)], input=0), timeout=120)
    assert isinstance(verdict, Falsified)
    x, step, _ = verdict.counterexample.inputs
    assert 0 <= x <= x + step <= 1
    before, after = (evaluate(HAT, [v])[0][-1] for v in (x, x + step))
    assert after < before


def test_the_margin_is_where_it_turns() -> None:
    more = verify(monotone(HAT, [(0, 1)], input=0, margin="0.501"), timeout=120)
    assert isinstance(more, Verified)
    less = verify(monotone(HAT, [(0, 1)], input=0, margin="0.49"), timeout=120)
    assert isinstance(less, Falsified)
    assert isinstance(verify(monotone(HAT, [(0, "0.49")], input=0), timeout=120), Verified)


@pytest.mark.parametrize("function", ["reciprocal", "log", "sqrt"])
def test_functions_that_are_not_defined_everywhere(function: str) -> None:
    falls = Dense.of([[-1.0]])  # 1.5 - x is positive at x and x', but not by bounds of x + step
    nodes = (
        Input("x", (1,)),
        affine("a", (1,), ((0, falls),), bias=[1.5]),
        Smooth("f", (1,), 1, function),
    )
    direction = 1 if function == "reciprocal" else -1
    query = monotone(Network(nodes, (2,)), [(-1, 1)], input=0, direction=direction)
    assert isinstance(verify(query, timeout=120), Verified)


def test_integers_and_rows_hold_for_both_points() -> None:
    region = domain(HAT, [(0, 3)], integers=[0], rows=[({0: 1}, "<=", "5/2")])
    query = monotone(HAT, region, input=0)
    assert query.integers == {0, 1}
    assert replay(query, [fmpq(1), fmpq(1), fmpq(3, 2)]).violates is True
    assert replay(query, [fmpq(1), fmpq(2), fmpq(3, 2)]).in_domain is False  # x' breaks the row
    assert replay(query, [fmpq(1), fmpq(1), fmpq(11, 4)]).in_domain is False  # so does between
    assert replay(query, [fmpq(1), fmpq(1, 2), fmpq(1)]).in_domain is False  # no integer


def test_outputs_that_do_not_depend_on_the_input() -> None:
    net = random_mlp([2, 6, 1], 6)
    nodes = (Input("free", (1,)), *(_later(node) for node in net.nodes))
    wide = Network(nodes, (len(nodes) - 1,))
    assert isinstance(verify(monotone(wide, [(0, 1)] * 3, input=0), timeout=120), Verified)


def _later(node: Any) -> Any:
    from dataclasses import replace

    if hasattr(node, "terms"):
        return replace(node, terms=tuple((s + 1, op) for s, op in node.terms))
    return replace(node, source=node.source + 1) if hasattr(node, "source") else node


def test_steps_are_compared_without_a_derivative() -> None:
    net = Network((Input("x", (1,)), Sign("s", (1,), 0)), (1,))
    query = monotone(net, [(-1, 1)], input=0)
    assert [part.relation for part in query.unsafe.parts] == [Relation.LESS] * 2  # type: ignore[union-attr]
    assert len(query.input_values) == 2
    assert replay(query, [fmpq(-1), fmpq(2)]).violates is False
    falling = verify(monotone(net, [(-1, 1)], input=0, direction=-1), timeout=120)
    assert isinstance(falling, Falsified)


def test_random_networks_are_never_proved_where_a_pair_falls() -> None:
    rng = np.random.default_rng(7)
    for seed in range(12):
        net = random_mlp([2, 4, 1], seed)
        verdict = verify(monotone(net, [(-1, 1)] * 2, input=0), timeout=5)
        points = rng.uniform(-1, 1, (60, 3))
        falls = False
        for x, other, z in points.tolist():
            low, high = min(x, other), max(x, other)
            ends = [
                evaluate(net, [fmpq(*v.as_integer_ratio()), fmpq(*z.as_integer_ratio())])
                for v in (low, high)
            ]
            falls |= ends[1][0][-1] < ends[0][1][-1]
        assert not (falls and isinstance(verdict, Verified))


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"input": 1}, "no input 1"),
        ({"input": 0, "output": 1}, "no output 1"),
        ({"input": 0, "direction": 0}, "direction"),
        ({"input": 0, "margin": -1}, "negative margin"),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict[str, Any], match: str) -> None:
    with pytest.raises(InputError, match=match):
        monotone(HAT, [(0, 1)], **options)
    with pytest.raises(InputError, match="no room"):
        monotone(HAT, [(1, 1)], input=0)


class _Odd(torch.nn.Module):
    def __init__(self, power: int) -> None:
        super().__init__()
        self.power = power

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x**self.power


class _Nothing(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(x) - torch.relu(-x) - x


@pytest.mark.parametrize("pool", [torch.nn.MaxPool2d(2), torch.nn.MaxPool2d(3)])
def test_a_maximum_rises_with_each_of_its_inputs(pool: torch.nn.Module) -> None:
    size = int(pool.kernel_size)
    net = load(pool.eval(), torch.zeros(1, 1, size, size))
    for input in range(size * size):  # noqa: A001
        query = monotone(net, [(-1, 1)] * size**2, input=input)
        assert isinstance(verify(query, timeout=120, workers=1), Verified)
    falling = monotone(net, [(-1, 1)] * size**2, input=0, direction=-1)
    assert isinstance(verify(falling, timeout=120, workers=1), Falsified)


@pytest.mark.parametrize("power", [3, 5, 7])
@pytest.mark.parametrize("ends", [(-1, 1), ("-1/3", 2)])
def test_odd_powers_rise_through_zero(power: int, ends: Any) -> None:
    net = load(_Odd(power).eval(), torch.zeros(1, 1))
    assert isinstance(verify(monotone(net, [ends], input=0), timeout=120, workers=1), Verified)
    even = load(_Odd(power + 1).eval(), torch.zeros(1, 1))
    assert isinstance(verify(monotone(even, [ends], input=0), timeout=120, workers=1), Falsified)


@pytest.mark.parametrize("direction", [1, -1])
def test_what_is_always_the_same_neither_rises_nor_falls(direction: int) -> None:
    net = load(_Nothing().eval(), torch.zeros(1, 1))
    query = monotone(net, [(-1, 1)], input=0, direction=direction)
    verdict = verify(query, timeout=120, workers=1)
    assert isinstance(verdict, Verified)
    assert check(query, verdict.certificate, exact=True).leaves >= 1


def steps(weights: list[Array], seed: int) -> Network:
    """Dense layers with steps between them."""
    rng = np.random.default_rng(seed)
    nodes: list[Any] = [Input("x", (weights[0].shape[1],))]
    for k, weight in enumerate(weights):
        bias = rng.normal(size=len(weight))
        term = (len(nodes) - 1, Dense.of(weight))
        nodes.append(affine(f"a{k}", (len(weight),), (term,), bias=bias))
        if k < len(weights) - 1:
            nodes.append(Sign(f"s{k}", (len(weight),), len(nodes) - 1))
    return Network(tuple(nodes), (len(nodes) - 1,))


def test_steps_rise_with_what_they_read() -> None:
    net = Network((Input("x", (1,)), Sign("s", (1,), 0)), (1,))
    assert isinstance(verify(monotone(net, [(-1, 1)], input=0), timeout=120, workers=1), Verified)
    rng = np.random.default_rng(1)
    weights = [np.abs(rng.normal(size=shape)) for shape in ((4, 2), (3, 4), (1, 3))]
    turned = [-weights[0], weights[1], -weights[2]]
    for each in (weights, turned):
        query = monotone(steps(each, 2), [(-1, 1)] * 2, input=1)
        assert isinstance(verify(query, timeout=120, workers=1), Verified)


@pytest.mark.parametrize("seed", range(6))
def test_steps_of_any_signs_are_never_proved_where_a_pair_falls(seed: int) -> None:
    rng = np.random.default_rng(seed)
    net = steps([rng.normal(size=shape) for shape in ((4, 2), (3, 4), (1, 3))], seed)
    query = monotone(net, [(-1, 1)] * 2, input=0)
    verdict = verify(query, timeout=2, workers=1)
    low = [[fmpq(a, 8), fmpq(b, 8)] for a in range(-8, 8) for b in range(-8, 9)]
    falls = any(
        replay(query, [*x, fmpq(k, 8)]).violates is True for x in low for k in (1, 4) if x[0] < 1
    )
    assert not (falls and isinstance(verdict, Verified))
    for x in low[::37]:
        step = min(fmpq(1, 2), 1 - x[0])
        first, second = (evaluate(net, p)[0][-1] for p in (x, [x[0] + step, x[1]]))
        assert [end for end, _ in replay(query, [*x, step]).outputs] == [first, second]


def test_parity_of_bits_has_its_ends() -> None:
    """Constant bounds at points of an integer domain are evaluated, not guessed to be met."""
    net = load(Path(verifai.__file__).parent / "data" / "parity_8.onnx")
    bits = domain(net, [(0, 1)] * 8, integers=range(8))
    assert isinstance(verify(in_range(net, bits, lower=0, upper=1), workers=1), Verified)
