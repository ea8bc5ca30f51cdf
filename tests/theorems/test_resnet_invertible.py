"""Norms of trained weights, inverses, trajectories: exact, and refused where they fail."""

from __future__ import annotations

from functools import cache

import pytest
from flint import fmpq

from verifai.theorems.claim import Outcome
from verifai.theorems.resnet_invertible import (
    SLOPES,
    Residual,
    bijection,
    collision,
    euler,
    inverses,
    norm_at_most,
    not_contracting,
    trained_residual,
)


@cache
def residual(is_projected: bool) -> Residual:
    return trained_residual(0, 60, is_projected=is_projected)


def test_projected_weights_have_norms_below_one() -> None:
    assert bijection(lambda: residual(True)).outcome is Outcome.PROVED


def test_free_weights_may_not() -> None:
    large = Residual(
        residual(True).module,
        residual(True).network,
        ([[8 * entry for entry in row] for row in residual(True).weights[0]],) * 2,
    )
    found = bijection(lambda: large)
    assert found.outcome is Outcome.REFUTED
    assert "x = (" in found.counterexample


def test_norm_of_a_known_matrix() -> None:
    weight = [[fmpq(3)], [fmpq(4)]]
    assert norm_at_most(weight, fmpq(5)).outcome is Outcome.PROVED
    assert norm_at_most(weight, fmpq(49, 10)).outcome is Outcome.REFUTED


def test_preimages_are_enclosed() -> None:
    assert inverses(lambda: residual(True), 2, 0).outcome is Outcome.PROVED


def test_a_preimage_that_iteration_does_not_find_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("verifai.theorems.resnet_invertible.ITERATIONS", 2)
    assert inverses(lambda: residual(True), 2, 0).outcome is Outcome.REFUTED


def test_trajectories_stay_apart() -> None:
    assert euler(lambda: residual(False), 1, 0).outcome is Outcome.PROVED


def test_the_control_collides() -> None:
    found = collision(fmpq(5, 4))
    assert found.outcome is Outcome.REFUTED
    assert "= 4" in found.counterexample and "= -1" in found.counterexample


def test_the_nearest_control_has_slope_one() -> None:
    assert collision(fmpq(1)).outcome is Outcome.REFUTED


@pytest.mark.parametrize("bound", [fmpq(1), fmpq(2)])
def test_bounds_whose_product_is_not_below_one_prove_no_bijection(bound: fmpq) -> None:
    found = bijection(lambda: residual(True), bound)
    assert found.outcome is Outcome.REFUTED
    assert "is not below 1" in found.counterexample


@pytest.mark.parametrize("slope", SLOPES)
def test_a_map_that_is_no_bijection_is_not_proved_to_be_one(slope: fmpq) -> None:
    found = not_contracting(slope)
    assert found.outcome is Outcome.REFUTED
    assert "not below 1" in found.counterexample
