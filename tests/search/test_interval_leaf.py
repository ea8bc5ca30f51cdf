"""Least values of exactly 0: decided at the root, in exact arithmetic."""

from __future__ import annotations

import pytest
from flint import fmpq

from verifai.graph.formulas import atom, conjunction
from verifai.graph.nodes import affine, relu
from verifai.kernel.bound import rounded_root
from verifai.kernel.network import Input, Network
from verifai.kernel.operator import Dense
from verifai.kernel.query import Query, Relation
from verifai.search.clauses import problem_of
from verifai.search.close.intervals import interval_refutation
from verifai.verdict import Falsified, Verified
from verifai.verify import Options, verify

WEIGHTS = [[0.1, 0.7], [0.3, 0.9]]


def query(relation: Relation, constant: fmpq, sign: int = 1) -> Query:
    """Whether sign·(0.1·relu(a) + 0.7·relu(b)) + constant is at most (less than) 0 somewhere."""
    net = Network(
        (
            Input("x", (2,)),
            affine("a", (2,), ((0, Dense.of(WEIGHTS)),), bias=[-0.1, 0.2]),
            relu("h", (2,), 1),
            affine("y", (1,), ((2, Dense.of([[0.1, 0.7]])),)),
        ),
        (3,),
    )
    row = atom({net.value(3, 0): fmpq(sign)}, constant, relation)
    return Query(net, (fmpq(-1),) * 2, (fmpq(1),) * 2, conjunction([row]))


def test_a_least_value_of_zero_refutes_a_strict_row() -> None:
    verdict = verify(query(Relation.LESS, fmpq(0)), Options(timeout=120))
    assert isinstance(verdict, Verified)
    assert verdict.effort.nodes == 0
    assert verdict.effort.leaves == 1


def test_it_does_not_refute_a_row_that_is_not_strict() -> None:
    reached = query(Relation.AT_MOST, fmpq(0))
    assert interval_refutation(rounded_root(reached), problem_of(reached)) is None
    assert isinstance(verify(reached, Options(timeout=120)), Falsified)


@pytest.mark.parametrize("constant", [fmpq(1, 10**30), fmpq(-1, 10**30)])
def test_what_rounding_cannot_see_is_decided(constant: fmpq) -> None:
    asked = query(Relation.AT_MOST, constant)
    block = interval_refutation(rounded_root(asked), problem_of(asked))
    assert (block is not None) == (constant > 0)


def test_what_is_far_from_refuted_costs_no_exact_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise AssertionError("exact arithmetic was used")

    monkeypatch.setattr("verifai.search.close.intervals.Exact", refuse)
    far = query(Relation.LESS, fmpq(1), -1)
    assert interval_refutation(rounded_root(far), problem_of(far)) is None
