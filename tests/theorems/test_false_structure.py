"""Stripes, networks on stripes, and positions where a statement fails."""

from __future__ import annotations

import numpy as np
import torch
from flint import fmpq

from verifai.kernel.replay import Replayer
from verifai.theorems.claim import Outcome
from verifai.theorems.false_structure import (
    HIGH,
    LOW,
    SHADES,
    STEP,
    directed,
    follows,
    follows_query,
    masks,
    mean,
    on_stripes,
)

SIZE = 8


def by_sum() -> torch.nn.Module:
    """Positive exactly above the middle shade: the centred sum of the pixels."""
    net = torch.nn.Sequential(torch.nn.Linear(SIZE**2, 1), torch.nn.Identity())
    with torch.no_grad():
        net[0].weight.fill_(1.0)
        net[0].bias.zero_()
    return net.eval()


def test_the_intervals_hold_the_shades_of_the_data() -> None:
    one, two = (fmpq(*shade.as_integer_ratio()) for shade in SHADES)
    assert two - one == STEP
    assert LOW[0] < one < LOW[1] < HIGH[0] < two < HIGH[1]


def test_stripes_are_three_rows_or_columns() -> None:
    found = masks(SIZE).reshape(2, SIZE, SIZE, SIZE)
    assert (found.sum((2, 3)) == 3 * SIZE).all()
    assert found[0, SIZE - 1, 0].all() and found[0, SIZE - 1, 1].all()
    assert (found[1] == np.swapaxes(found[0], 1, 2)).all()


def test_the_network_on_stripes_sees_centred_images() -> None:
    net = on_stripes(by_sum(), SIZE)
    replayer = Replayer(follows_query(net, LOW, 1, [0]))
    outputs = replayer.replay([fmpq(1)]).outputs
    wanted = 3 * SIZE - SIZE**2 * fmpq(*mean(SIZE).as_integer_ratio())
    assert {low for low, _ in outputs} == {wanted}


def test_the_sum_of_pixels_follows_the_shade_everywhere() -> None:
    net = on_stripes(by_sum(), SIZE)
    for ends, sign in ((LOW, -1), (HIGH, 1)):
        found = follows(lambda: net, ends, sign)
        assert found.outcome is Outcome.PROVED
        assert found.detail.startswith(f"{2 * SIZE} of {2 * SIZE} positions; false at: none")
    assert directed(lambda: net, 1).outcome is Outcome.REFUTED


def test_positions_where_it_fails_are_listed() -> None:
    net = by_sum()
    with torch.no_grad():
        net[0].weight.view(SIZE, SIZE)[0, 0] = 5.0
    found = follows(lambda: on_stripes(net, SIZE), LOW, -1)
    assert found.outcome is Outcome.PROVED
    listed = found.detail.splitlines()[0]
    assert listed.startswith(f"{2 * SIZE - 6} of {2 * SIZE} positions")
    assert "horizontal 6 (" in listed and "vertical 0 (" in listed
