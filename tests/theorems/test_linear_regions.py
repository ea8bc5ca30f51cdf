"""Regions, their bound, and the pieces that they form."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from flint import fmpq

from verifai.symbolic.line import pieces
from verifai.symbolic.polytope import Polytope
from verifai.symbolic.regions import regions
from verifai.theorems.claim import Outcome
from verifai.theorems.construction import relu_network
from verifai.theorems.linear_regions import (
    KNOWN,
    Count,
    Known,
    Parameters,
    at_most,
    bound,
    count,
    known_count,
    layers,
    one_piece,
)
from verifai.theorems.pieces import maximal_pieces, share_facet


def box(lower: list[int], upper: list[int]) -> Polytope:
    return Polytope.box([fmpq(x) for x in lower], [fmpq(x) for x in upper])


def test_the_bound_of_the_literature() -> None:
    assert bound((3, 4, 3, 3, 2)) == 960
    assert bound((1, 5, 1)) == 6  # one hidden layer on a line: w + 1


def test_one_input_gives_the_pieces_on_the_line() -> None:
    for seed in range(4):
        net = relu_network(layers((1, 3, 3, 1), seed))
        found = list(regions(net, [fmpq(-2)], [fmpq(2)]))
        line = pieces(net, lower=fmpq(-2), upper=fmpq(2))
        assert maximal_pieces(found) == len(line.slopes)


def test_regions_are_those_of_sampling() -> None:
    """Every phase pattern that random points show belongs to a region."""
    net_layers = layers((2, 4, 4, 1), 1)
    counted = count(relu_network(net_layers), 2)
    assert counted.is_complete
    points = np.random.default_rng(0).uniform(-2, 2, size=(4000, 2))
    shown, value = [], points
    for weight, bias in net_layers[:-1]:
        before = value @ np.array(weight).T + np.array(bias)
        shown.append(before > 0)
        value = np.maximum(before, 0)
    patterns = {tuple(map(bool, row)) for row in np.concatenate(shown, axis=1)}
    assert patterns <= set(counted.phases)
    assert len(patterns) > 10


def test_a_count_with_a_gap_is_not_complete() -> None:
    whole = count(relu_network(layers((2, 3, 1), 0)), 1)
    gap = whole.covered - whole.found[0].volume
    assert whole.is_complete
    assert not Count(whole.found[1:], whole.phases[1:], gap, whole.volume).is_complete


def test_boxes_share_a_facet_or_not() -> None:
    assert share_facet(box([0], [1]), box([1], [2]))
    assert not share_facet(box([0], [1]), box([2], [3]))
    assert share_facet(box([0, 0], [1, 2]), box([1, 1], [2, 5]))
    assert not share_facet(box([0, 0], [1, 1]), box([1, 1], [2, 2]))  # a corner
    assert share_facet(box([0, 0, 0], [1, 2, 2]), box([1, 1, 1], [2, 5, 5]))
    assert not share_facet(box([0, 0, 0], [1, 1, 1]), box([1, 0, 1], [2, 1, 2]))  # an edge


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known.words)
def test_networks_made_to_have_many_regions_have_them(known: Known) -> None:
    assert known_count(known).outcome is Outcome.PROVED
    for wrong in (
        dataclasses.replace(known, regions=known.regions + 1),
        dataclasses.replace(known, pieces=1),
    ):
        assert known_count(wrong).outcome is Outcome.REFUTED


def test_no_smaller_bound_holds() -> None:
    assert at_most(KNOWN[1], fmpq(1)).outcome is Outcome.PROVED
    assert at_most(KNOWN[1], fmpq(10, 11)).outcome is Outcome.REFUTED
    assert one_piece(Parameters()).outcome is Outcome.REFUTED
