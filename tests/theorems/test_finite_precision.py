"""Optimality of the minimisers is checked, not believed."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sympy

from verifai.theorems.finite_precision import Proposal, distance_is_one, flaw, pair, proposals

DELTA = sympy.Rational(1, 1000)


def test_both_minimisers_are_shown_to_be_the_only_ones() -> None:
    for program, found in zip(pair(DELTA), proposals(DELTA), strict=True):
        assert flaw(program, found) == ""


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"point": (sympy.Integer(0), sympy.Integer(1))}, "does not satisfy the row"),
        ({"multiplier": sympy.Integer(2)}, "may be negative"),
        ({"multiplier": sympy.Rational(1, 2)}, "with reduced cost"),
    ],
)
def test_wrong_proposals_are_refused(wrong: dict[str, object], said: str) -> None:
    assert said in flaw(pair(DELTA)[0], replace(proposals(DELTA)[0], **wrong))


def test_a_program_with_many_minimisers_is_noticed() -> None:
    one = sympy.Integer(1)
    tied = Proposal((one, sympy.Integer(0)), one)
    assert "other minimisers" in flaw(pair(sympy.Integer(0))[1], tied)


def test_swapped_minimisers_are_refused() -> None:
    plus, minus = proposals(DELTA)
    assert flaw(pair(DELTA)[0], minus) and flaw(pair(DELTA)[1], plus)
    assert not distance_is_one(plus, plus)
