"""The nearest-neighbour network computes distances, and sep/2 is its radius."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flint import fmpq

import verifai as vf
from verifai.kernel.network import Network
from verifai.kernel.replay import replay
from verifai.theorems.claim import Outcome
from verifai.theorems.construction import relu_network
from verifai.theorems.stable_exists import (
    CLOSE,
    Data,
    Parameters,
    construct,
    drawn,
    fit,
    refuted,
    right,
    stable_query,
    too_far,
    unstable,
)

DATA = Data(((0, 0), (16, 8), (40, 40), (64, 0)), (0, 1, 0, 1))


def test_separation_is_the_least_distance_of_different_labels() -> None:
    assert DATA.separation() == fmpq(16, 64)
    assert set(DATA.nearest_pair()) == {0, 1}


def test_scores_are_minus_the_distances() -> None:
    query = stable_query(DATA, lambda: construct(DATA), 0, fmpq(1))
    found = replay(query, [fmpq(1, 8), fmpq(1, 16)])
    assert [low for low, _ in found.outputs] == [fmpq(-1, 8), fmpq(-1, 8)]


def test_it_is_stable_below_half_the_separation_and_not_above() -> None:
    def net() -> Network:
        return construct(DATA)

    assert right(DATA, net).outcome is Outcome.PROVED
    query = stable_query(DATA, net, 0, fmpq(127, 1024))
    assert isinstance(vf.verify(query, timeout=30), vf.Verified)
    assert too_far(DATA, net).outcome is Outcome.REFUTED


def test_a_network_of_other_data_is_not_right() -> None:
    other = replace(DATA, labels=(1, 0, 1, 0))
    assert right(DATA, lambda: construct(other)).outcome is Outcome.REFUTED


def test_a_network_that_is_wrong_on_the_data_shows_nothing() -> None:
    sizes = Parameters(points=4, steps=1)
    net = next(fit(DATA, sizes, 0))
    assert unstable(DATA, net, fmpq(1, 100)).outcome is Outcome.OPEN
    zero = relu_network([([[0.0, 0.0]], [0.0]), ([[0.0], [0.0]], [0.0, 0.0])])  # ties everywhere
    assert unstable(DATA, zero, fmpq(1, 100)).outcome is Outcome.OPEN
    assert refuted(DATA, [zero, net], fmpq(1, 100)).outcome is Outcome.OPEN


@pytest.mark.parametrize("seed", range(2, 6))
def test_a_training_that_misses_a_point_is_not_the_last(seed: int) -> None:
    sizes = Parameters(seed=seed)
    data = drawn(sizes)
    radius = data.separation() / 2 * (1 - CLOSE)
    found = refuted(data, fit(data, sizes, 0), radius)
    assert found.outcome is Outcome.REFUTED, found.detail


def test_points_that_do_not_fit_are_refused() -> None:
    with pytest.raises(vf.InputError, match="do not fit"):
        drawn(Parameters(points=64, inputs=1, gap=32))
