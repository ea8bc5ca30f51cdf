"""Symbolic layers and torch layers: which commute and which do not."""

from __future__ import annotations

import pytest
import sympy

import verifai as vf
from verifai.theorems.claim import Outcome
from verifai.theorems.equivariance import by_structure, commutes
from verifai.theorems.moved_layers import Case, both_orders
from verifai.theorems.structure import are_same
from verifai.theorems.symbolic_layers import (
    attention,
    convolution,
    deep_sets,
    padded,
    strided,
    subsampled,
)


def test_convolutions_of_every_width_commute() -> None:
    assert convolution(4).outcome is Outcome.PROVED


def test_symbolic_layers_are_what_they_say() -> None:
    x = sympy.symbols("x:2")
    f, a, b, c = sympy.Function("f"), *sympy.symbols("a b c")
    assert deep_sets(x)[1] == f(a * x[1] + b * (x[0] + x[1]) + c)
    s, v = sympy.Function("s"), sympy.Function("v")
    weights = [sympy.exp(s(x[0], y)) for y in x]
    mean = (weights[0] * v(x[0]) + weights[1] * v(x[1])) / sum(weights)
    assert sympy.simplify(attention(x)[0] - mean) == 0


def test_subsampling_does_not_commute() -> None:
    found = subsampled()
    assert found.outcome is Outcome.REFUTED
    assert "[0, 1]" in found.counterexample


def test_padding_with_zeros_leaves_the_centre_tap_only() -> None:
    assert padded(5).outcome is Outcome.PROVED
    assert strided(6).outcome is Outcome.PROVED


KEPT = [
    Case("circular", (1, 1, 5)),
    Case("relu", (1, 1, 5)),
    Case("strided", (1, 1, 4), shift=2),
    Case("sets", (1, 4, 1)),
    Case("attention", (1, 2, 1)),
    Case("quotient", (1, 3, 1)),
]
BROKEN = [
    Case("zeros", (1, 1, 5)),
    Case("strided", (1, 1, 4)),
    Case("strided", (1, 1, 4), shift=2, shift_behind=2),
    Case("sets", (1, 3, 1), positions=2.0**-12),
    Case("attention", (1, 2, 1), positions=2.0**-10),
]


@pytest.mark.parametrize("case", KEPT, ids=lambda case: case.kind)
def test_layers_that_commute_are_one_expression(case: Case) -> None:
    found = by_structure(case, 3)
    assert found.outcome is Outcome.PROVED
    assert "one expression" in found.detail


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: f"{case.kind}-{case.positions}")
def test_the_slightest_asymmetry_is_refuted(case: Case) -> None:
    found = by_structure(case, 3)
    assert found.outcome is Outcome.REFUTED
    assert "violated by" in found.counterexample


def test_the_search_proves_a_circular_convolution_exactly() -> None:
    assert isinstance(vf.verify(commutes(KEPT[0], 3), timeout=60), vf.Verified)


def test_structure_tells_networks_apart() -> None:
    nets = [both_orders(case, 3)[0] for case in KEPT[:2]]
    assert are_same(nets[0], nets[0])
    assert not are_same(nets[0], nets[1])
