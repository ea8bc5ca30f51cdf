"""The smallest change that violates: known ones are enclosed, in L∞ and in L0."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
from flint import fmpq

import verifai as vf
from tests.properties.nets import mlp, random_mlp
from verifai.certify import smallest
from verifai.certify.smallest import SmallestChange
from verifai.kernel.errors import InputError
from verifai.kernel.replay import replay

LINE = mlp([[[2.0, 1.0, 0.5]]], [[0.0]])  # 2x + y + z/2


CUBE = [(0, 1)] * 3


def never_above(net: vf.Network, bound: str, box: Any) -> vf.Query:
    return vf.in_range(net, box, upper=bound)


def changed(found: SmallestChange, centre: list[fmpq]) -> list[fmpq]:
    assert found.counterexample is not None
    sides = zip(found.counterexample.inputs, centre, strict=True)
    return [abs(a - b) for a, b in sides if a != b]


def test_the_largest_change_of_one_input_is_enclosed() -> None:
    """2x + y + z/2 first exceeds 7/4 on the box where each of them is 1/2."""
    found = vf.smallest_change(never_above(LINE, "7/4", CUBE), [0, 0, 0])
    assert found.status == "converged"
    ((query, certificate),) = found.proofs
    assert found.upper is not None
    assert found.lower <= fmpq(1, 2) <= found.upper <= found.lower + fmpq(1, 1000)
    assert max(changed(found, [fmpq(0)] * 3)) == found.upper
    assert vf.check(query, certificate).leaves >= 1
    assert "is the largest change" in str(found)


@pytest.mark.parametrize(
    ("bound", "count"), [("7/4", 1), ("2", 2), ("29/10", 2), ("3", 3), ("17/5", 3)]
)
def test_how_many_inputs_must_change(bound: str, count: int) -> None:
    found = vf.smallest_change(never_above(LINE, bound, CUBE), [0, 0, 0], norm="l0", timeout=20)
    assert (found.lower, found.upper, found.status) == (count, count, "converged")
    assert len(changed(found, [fmpq(0)] * 3)) == count
    assert f"between {count} and {count} inputs change" in str(found)


@pytest.mark.parametrize("norm", ["linf", "l0"])
def test_a_property_that_holds_everywhere_needs_more_than_there_is(norm: str) -> None:
    found = vf.smallest_change(never_above(LINE, "7/2", CUBE), [0, 0, 0], norm=norm, timeout=20)
    assert found.upper is None
    assert found.status == "converged: the property holds everywhere"
    assert found.lower >= (4 if norm == "l0" else 1)


@pytest.mark.parametrize("norm", ["linf", "l0"])
def test_an_input_that_violates_needs_no_change(norm: str) -> None:
    found = vf.smallest_change(never_above(LINE, "1", CUBE), [1, 0, 0], norm=norm, timeout=20)
    assert (found.lower, found.upper, found.status) == (0, 0, "converged")


@pytest.mark.parametrize("seed", range(4))
def test_no_fewer_changes_violate_in_the_subsets_themselves(seed: int) -> None:
    net = random_mlp([4, 5, 1], seed)
    centre = [fmpq(seed - 2, 4)] * 4
    value = replay(never_above(net, "1000", [(-1, 1)] * 4), centre).outputs[0][1]
    bound = str(value + fmpq(2, 5))
    query = never_above(net, bound, [(-1, 1)] * 4)
    found = vf.smallest_change(query, centre, norm="l0", timeout=20)
    least = 5
    for size in range(1, 5):
        for free in combinations(range(4), size):
            box = [(-1, 1) if i in free else (c, c) for i, c in enumerate(centre)]
            if vf.verify(never_above(net, bound, box)).status == "falsified":
                least = min(least, size)
    assert found.lower == least
    assert found.upper == (None if least == 5 else least)


def test_conditions_of_the_domain_and_integers_come_along() -> None:
    region = vf.domain(LINE, CUBE, integers=[1], rows=[([(0, 1), (1, 1)], "<=", 1)])
    query = never_above(LINE, "9/4", region)
    found = vf.smallest_change(query, [0, 0, 0], norm="l0")  # x = 1, z > 1/2
    assert (found.lower, found.upper) == (2, 2)
    assert len(found.proofs) == 3
    for asked, certificate in found.proofs:
        assert vf.check(asked, certificate).leaves >= 1


def test_too_many_choices_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smallest, "MOST_SUBSETS", 2)
    found = vf.smallest_change(never_above(LINE, "29/10", CUBE), [0, 0, 0], norm="l0")
    assert (found.lower, found.upper) == (1, 2)
    assert found.status == "1 of 3 inputs can be chosen in 3 ways"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda q: vf.smallest_change(q, [0, 0]), "x: 2 numbers for a network of 3 inputs"),
        (lambda q: vf.smallest_change(q, [0, 2, 0]), r"x\[1\] is 2, outside of the query's box"),
        (lambda q: vf.smallest_change(q, [0, 0, 0], norm="l3"), "norm"),
        (lambda q: vf.smallest_change(q, [0, 0, 0], tolerance=0), "tolerance"),
        (lambda q: vf.smallest_change(3, [0, 0, 0]), "query"),
    ],
)
def test_mistakes_are_named(call: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call(never_above(LINE, "3", CUBE))
