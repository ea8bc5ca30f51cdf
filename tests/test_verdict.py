"""Verdicts cannot be misread: they are no truth values, and say their status in one word."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flint import fmpq

import verifai as vf
from verifai.verdict import Effort

PROVED = vf.Verified(b"proof", "it holds")
VIOLATED = vf.Falsified(vf.Counterexample((fmpq(1),), ((fmpq(0), fmpq(1)),), fmpq(0)), "it fails")
UNKNOWN = vf.Unknown("nobody knows")
LATE = vf.Unknown("the time is spent", is_timeout=True)
ALL = [PROVED, VIOLATED, UNKNOWN, LATE]


@pytest.mark.parametrize("verdict", ALL, ids=lambda v: v.status)
@pytest.mark.parametrize(
    "used",
    [
        bool,
        lambda verdict: 1 if verdict else 2,
        lambda verdict: not verdict,
        lambda verdict: verdict or None,
        lambda verdict: any([verdict]),
        lambda verdict: list(filter(None, [verdict])),
    ],
)
def test_a_verdict_has_no_truth_value(verdict: vf.Verdict, used: Callable[[Any], Any]) -> None:
    with pytest.raises(vf.InputError, match=r'verdict\.status == "verified"'):
        used(verdict)


@pytest.mark.parametrize("verdict", ALL, ids=lambda v: v.status)
@pytest.mark.parametrize("other", ["verified", "unknown", True, False, vf.Verified, vf.Unknown])
def test_a_verdict_is_compared_by_its_status(verdict: vf.Verdict, other: Any) -> None:
    with pytest.raises(vf.InputError, match=r"verdict\.status"):
        _ = verdict == other
    with pytest.raises(vf.InputError, match=r"verdict\.status"):
        _ = other != verdict
    assert verdict != None  # noqa: E711
    assert verdict not in (None, 1)


def test_the_status_is_one_word() -> None:
    assert [v.status for v in ALL] == ["verified", "falsified", "unknown", "timeout"]


def test_equal_verdicts_say_the_same_whatever_they_cost() -> None:
    for verdict in ALL:
        later = replace(verdict, effort=Effort(seconds=9.0, nodes=7))
        assert later == verdict
        assert hash(later) == hash(verdict)
    assert len({*ALL, *ALL}) == 4
    assert vf.Unknown("x") != vf.Unknown("y")
    assert replace(PROVED, vacuous=True) != PROVED


def test_a_vacuous_proof_says_so_wherever_it_is_shown() -> None:
    vacuous = replace(PROVED, vacuous=True)
    assert "VACUOUS" in repr(vacuous)
    assert "VACUOUS" in str(vacuous)
    assert "VACUOUS" not in repr(PROVED) + str(PROVED)
