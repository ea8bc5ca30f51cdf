"""The second reader's numbers: spread over [0, 1), the same for a seed, others for another."""

from __future__ import annotations

import numpy as np
import pytest

from verifai.original.draw import Draws


@pytest.mark.parametrize("seed", [0, 1, 7, 2**63, -1])
def test_numbers_are_spread_and_do_not_follow_each_other(seed: int) -> None:
    numbers = Draws(seed).uniform(20_000)
    assert numbers.min() >= 0
    assert numbers.max() < 1
    counts = np.histogram(numbers, bins=16, range=(0, 1))[0]
    assert abs(counts - 1250).max() < 200
    assert abs(np.corrcoef(numbers[:-1], numbers[1:])[0, 1]) < 0.03


def test_a_seed_gives_one_sequence_however_it_is_cut() -> None:
    draws = Draws(5)
    parts = [draws.uniform(3), draws.uniform(2, 2).reshape(-1), draws.uniform(4)]
    assert (np.concatenate(parts) == Draws(5).uniform(11)).all()
    assert not np.isin(Draws(6).uniform(11), Draws(5).uniform(11)).any()
