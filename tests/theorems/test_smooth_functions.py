"""Horner networks: coefficients, sizes, and enclosures of their errors."""

from __future__ import annotations

import math

import numpy as np
import pytest
from flint import fmpq

from verifai.kernel.number import nearest
from verifai.theorems.construction import exported, parameter_count, relu_network
from verifai.theorems.smooth_functions import CELLS, enclosed, width_for
from verifai.theorems.taylor import FIXED, coefficients, error_bound, horner_module, size


def test_coefficients_are_near_and_dyadic() -> None:
    for degree in range(1, 11):
        for k, c in enumerate(coefficients("exp", degree)):
            assert abs(c - fmpq(1, math.factorial(k))) <= fmpq(1, 2 * 4**degree)
            assert np.float32(nearest(c)) == nearest(c)
    assert coefficients("sin", 3)[::2] == [0, 0]


@pytest.mark.parametrize("degree", [2, 4])
def test_the_size_is_what_torch_counts(degree: int) -> None:
    fixed = FIXED * (degree - 1) + degree + 1
    assert size(degree) == parameter_count(horner_module("exp", degree)) + fixed


@pytest.mark.parametrize(("function", "degree"), [("exp", 2), ("exp", 3), ("sin", 3)])
def test_enclosures_hold_what_samples_show(function: str, degree: int) -> None:
    import torch

    module = horner_module(function, degree)
    low, high = enclosed(exported(module, 1), function)
    grid = torch.linspace(-1, 1, 2001, dtype=torch.float64)[:, None]
    with torch.no_grad():
        error = (module.double()(grid) - getattr(torch, function)(grid)).abs().max().item()
    assert error <= nearest(high) and nearest(high - low) < 1e-5
    assert nearest(low) <= error + 1e-3  # samples miss the kinks
    assert high <= error_bound(degree)


def test_an_enclosure_of_a_line() -> None:
    """sin against the constant 0: the largest error is sin 1, at an end."""
    low, high = enclosed(relu_network([([[1.0]], [0.0]), ([[0.0]], [0.0])]), "sin")
    assert abs(nearest(low) - math.sin(1)) < 1e-12
    assert 0 < high - low <= fmpq(3, 2 * CELLS**2) + fmpq(1, 10**12)


def test_widths_match_sizes() -> None:
    for parameters in (78, 222, 750):
        width = width_for(parameters)
        assert (
            width**2 + 4 * width + 1 <= parameters + 3 < (width + 1) ** 2 + 4 * (width + 1) + 1 + 3
        )
