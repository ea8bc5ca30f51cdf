"""Maxima: both ends are certified, and known ones are found."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flint import fmpq

import verifai
from tests.properties.nets import mlp, random_mlp
from verifai.api import check, load
from verifai.bounds.compiled import compile_network
from verifai.graph.nodes import affine
from verifai.kernel.errors import InputError
from verifai.kernel.network import Input, Network, Smooth, Square
from verifai.kernel.operator import Dense
from verifai.kernel.replay import evaluate
from verifai.optimum.maximize import maximize
from verifai.properties.domain import domain

DATA = Path(verifai.__file__).parent / "data"
TOL = fmpq(1, 10**6)
HAT = mlp([[[1.0], [1.0]], [[1.0, -2.0]]], [[0.0, -0.5], [0.0]])  # rises to 1/2 at 1/2, then falls


def test_a_known_maximum_is_enclosed() -> None:
    found = maximize(HAT, 0, [(0, 1)])
    assert found.is_converged
    assert found.upper is not None and found.query is not None and found.certificate is not None
    assert found.lower <= fmpq(1, 2) <= found.upper <= found.lower + TOL
    assert evaluate(HAT, found.point)[0][-1] == found.lower
    assert check(found.query, found.certificate, exact=True).leaves >= 1


def test_minima_are_maxima_of_the_negative() -> None:
    found = maximize(HAT, {0: -1}, [(0, 2)])
    assert found.upper is not None
    assert found.lower <= 1 <= found.upper <= found.lower + TOL  # y(2) = -1


def test_forms_over_several_outputs_and_rows() -> None:
    net = Network((Input("x", (2,)), affine("y", (2,), ((0, Dense.of(np.eye(2))),))), (1,))
    region = domain(net, [(0, 1)] * 2, rows=[([(0, 1), (1, 1)], "<=", "1.5")])
    found = maximize(net, {0: 1, 1: 2}, region, tolerance="1e-4")
    assert found.upper is not None
    assert found.lower <= fmpq(5, 2) <= found.upper <= found.lower + fmpq(1, 10**4)
    assert sum(found.point, fmpq(0)) <= fmpq(3, 2)


def test_integers() -> None:
    nodes = (
        Input("x", (1,)),
        affine("shift", (1,), ((0, Dense.of([[1.0]])),), bias=[-1.625]),
        Square("square", (1,), 1),
        affine("y", (1,), ((2, Dense.of([[-1.0]])),)),
    )
    net = Network(nodes, (3,))
    found = maximize(net, 0, domain(net, [(0, 3)], integers=[0]))
    assert found.point == (fmpq(2),)
    assert found.lower == -fmpq(9, 64)
    assert found.is_converged


def test_a_smooth_maximum() -> None:
    net = Network((Input("x", (1,)), Smooth("sin", (1,), 0, "sin")), (1,))
    found = maximize(net, 0, [(0, 3)], tolerance="1e-4", timeout=120)
    assert found.upper is not None
    assert found.lower <= 1 <= found.upper <= found.lower + fmpq(1, 10**4)


@pytest.mark.parametrize("seed", range(4))
def test_no_sample_exceeds_the_upper_end(seed: int) -> None:
    net = random_mlp([2, 10, 10, 1], seed)
    found = maximize(net, 0, [(-1, 1)] * 2, tolerance="1e-3", timeout=120)
    assert found.is_converged and found.upper is not None
    points = np.random.default_rng(seed).uniform(-1, 1, (20_000, 2))
    values = compile_network(net).forward(points)[-1]
    assert values.max() <= float(Fraction(int(found.upper.p), int(found.upper.q))) + 1e-9


def test_a_classifier_around_an_image() -> None:
    net = load(DATA / "digits_mlp.onnx")
    with np.load(DATA / "digits_test.npz") as file:
        pixels = file["images"][0].reshape(-1) / 16
    ball = [
        (Fraction(p) - Fraction(1, 100), Fraction(p) + Fraction(1, 100)) for p in pixels.tolist()
    ]
    assert maximize(net, {3: 1, 0: -1}, ball, timeout=120).is_converged


def test_without_time_the_bracket_stays_open_but_sound() -> None:
    net = random_mlp([12, 40, 40, 1], 1)
    found = maximize(net, 0, [(-1, 1)] * 12, timeout=2)
    assert not found.is_converged
    assert found.status != "converged"
    assert found.upper is None or found.upper > found.lower + TOL
    assert evaluate(net, found.point)[0][-1] == found.lower


@pytest.mark.parametrize(
    ("form", "ends", "tol", "match"),
    [
        (1, [(0, 1)], 1, "no output 1"),
        ({0: 0}, [(0, 1)], 1, "without terms"),
        (0, [(0, 1)], 0, "not positive"),
        (0, [(1, 0)], 1, "the domain is empty"),
    ],
)
def test_what_makes_no_sense_is_refused(form: Any, ends: Any, tol: Any, match: str) -> None:
    with pytest.raises(InputError, match=match):
        maximize(HAT, form, ends, tolerance=tol)


def test_a_domain_without_points_is_refused() -> None:
    with pytest.raises(InputError, match="row 0 holds nowhere"):
        domain(HAT, [(0, 1)], rows=[({0: 1}, ">=", 2)])
    rows = [({0: 1}, ">=", "3/4"), ({0: 1}, "<=", "1/4")]
    region = domain(HAT, [(0, 1)], rows=rows)
    with pytest.raises(InputError, match="no point"):
        maximize(HAT, 0, region, timeout=5)
