"""Brackets of a radius that is known: the distance to a plane."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from flint import fmpq

import verifai as vf
from verifai.kernel.network import Network
from verifai.theorems.claim import Outcome
from verifai.theorems.digits_robustness import (
    CLOSED,
    KINDS,
    Bracket,
    Setting,
    above,
    bracket,
    certified,
    ordered,
)

X = np.array([0.5, 0.25], dtype=np.float32)


def linear() -> Network:
    """Scores x and y: at (1/2, 1/4) the first wins up to the radius 1/8."""
    net = torch.nn.Linear(2, 2, bias=False)
    with torch.no_grad():
        net.weight.copy_(torch.eye(2))
    return vf.load(net.eval(), torch.zeros(1, 2))


def test_the_bracket_holds_the_radius_and_is_closed() -> None:
    found = bracket(linear(), X, 0)
    assert found.why == ""
    assert found.lower < fmpq(1, 8) <= found.upper
    assert found.upper - found.lower <= CLOSED
    assert found.query is not None and found.certificate is not None
    vf.check(found.query, found.certificate)
    assert max(found.query.upper[0] - fmpq(1, 2), fmpq(0)) == found.lower
    assert found.fooling[0] <= found.fooling[1]


def test_radius_zero_is_certified_too() -> None:
    found = bracket(linear(), np.array([0.5, 0.49951171875], dtype=np.float32), 0)
    assert found.lower < fmpq(1, 4096) <= found.upper
    assert found.certificate is not None


def test_what_fools_at_the_upper_end_is_replayed() -> None:
    net, found = linear(), bracket(linear(), X, 0)
    setting = Setting({"plain": net}, ((7, X, 0),), ())
    again = above(lambda: setting, "plain", 0, lambda: found)
    assert again.outcome is Outcome.REFUTED
    assert "image 7, a 0" in again.counterexample
    harmless = Bracket(found.lower, found.upper, None, None, (fmpq(1, 2), fmpq(1, 4)), 1)
    assert above(lambda: setting, "plain", 0, lambda: harmless).outcome is Outcome.OPEN


def test_an_open_bracket_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("verifai.theorems.digits_robustness.SECONDS", 0.0)
    found = bracket(linear(), X, 0)
    assert found.why
    assert certified(lambda: found).outcome is Outcome.OPEN


def test_radii_are_in_order_only_where_brackets_part() -> None:
    """What is certified of one kind must lie above what fools the kind before."""

    def made(low: int, high: int) -> Bracket:
        return Bracket(fmpq(low, 16), fmpq(high, 16), None, None, (), 0)

    def kinds(**ends: tuple[tuple[int, int], ...]) -> dict[str, list[Callable[[], Bracket]]]:
        return {name: [partial(made, *pair) for pair in pairs] for name, pairs in ends.items()}

    apart = kinds(plain=((1, 2), (3, 4)), adversarial=((4, 5), (3, 4)), certifiable=((6, 7),) * 2)
    assert ordered(apart, KINDS).outcome is Outcome.PROVED
    assert ordered(apart, KINDS[::-1]).outcome is Outcome.REFUTED
    overlapping = kinds(plain=((1, 3),), adversarial=((3, 4),), certifiable=((6, 7),))
    found = ordered(overlapping, KINDS)
    assert found.outcome is Outcome.REFUTED and "means" in found.counterexample
