"""Symbolic layers and torch layers: which commute and which do not."""

from __future__ import annotations

import pytest
import sympy
from flint import fmpq

import verifai as vf
from verifai.theorems.claim import Outcome
from verifai.theorems.equivariance import attention, commutes, convolution, deep_sets, subsampled


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


@pytest.mark.parametrize(
    ("kind", "shape", "kept"),
    [
        ("circular", (1, 1, 5), True),
        ("zeros", (1, 1, 5), False),
        ("strided", (1, 1, 4), False),
        ("positions", (1, 2, 1), False),
    ],
)
def test_torch_layers(kind: str, shape: tuple[int, ...], kept: bool) -> None:
    query = commutes(kind, shape, 3, fmpq(1, 4), fmpq(0))
    verdict = vf.verify(query, timeout=60)
    assert isinstance(verdict, vf.Verified if kept else vf.Falsified)
