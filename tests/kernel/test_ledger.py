"""Rows that cut, and multipliers of rows and ends: each context's own, on either side."""

from __future__ import annotations

import pytest
from flint import fmpq

from tests.kernel.distance import BOTH, at_least, query_of, rejected
from tests.kernel.false_claims import INPUT, PAIR, at_most, chain, close, on
from tests.kernel.proofs import Close, Split, decide
from verifai.graph.formulas import atom
from verifai.graph.nodes import affine
from verifai.kernel.errors import InputError
from verifai.kernel.operator import Gather
from verifai.kernel.query import Query, Relation
from verifai.kernel.replay import evaluate, replay

ONE, THIRD = fmpq(1), fmpq(1, 3)
LESS, EQUAL = Relation.LESS, Relation.EQUAL


@BOTH
@pytest.mark.parametrize("factor", [1, -1, 3, -3])
@pytest.mark.parametrize("other", [at_least(0, fmpq(3, 2)), at_most(0, fmpq(1, 2))])
def test_an_equality_of_either_sign_cuts_both_ends(factor: int, other: object, exact: bool) -> None:
    """x = 1 leaves nothing of x ≥ 3/2, nor of x ≤ 1/2."""
    equal = atom({0: fmpq(factor)}, fmpq(-factor), EQUAL)
    assert decide(on(INPUT, 0, 2, equal, other), Close(), exact=exact).leaves == 1  # type: ignore[arg-type]
    touching = on(INPUT, 0, 2, equal, at_least(0, ONE), at_most(0, ONE))
    rejected(touching, Close(), "close", exact=exact)


@BOTH
@pytest.mark.parametrize("factor", [1, -1, 3, -3])
def test_a_row_that_is_no_equality_cuts_one_end(factor: int, exact: bool) -> None:
    row = atom({0: fmpq(factor)}, fmpq(-factor))  # x ≤ 1 or x ≥ 1
    other = at_most(0, fmpq(1, 2)) if factor > 0 else at_least(0, fmpq(3, 2))
    rejected(on(INPUT, 0, 2, row, other), Close(), "close", exact=exact)
    apart = at_least(0, fmpq(3, 2)) if factor > 0 else at_most(0, fmpq(1, 2))
    assert decide(on(INPUT, 0, 2, row, apart), Close(), exact=exact).leaves == 1


@BOTH
@pytest.mark.parametrize("sign", [1, -1])
def test_an_end_is_that_of_the_leaf_that_weighs_it(sign: int, exact: bool) -> None:
    """Of the two sides of a split at 0 only one refutes ±x + y ≥ 1/2 with y = 0."""
    query = on(PAIR, (-1, 0), (1, 0), atom({0: fmpq(-sign), 1: -ONE}, fmpq(1, 2)))
    leaf = close((0, 1.0), bounds=((0, -float(sign)),))
    rejected(query, Split(0, 0.0, leaf, leaf), "close", exact=exact)
    apart = query_of(
        PAIR,
        *query.unsafe.parts,
        atom({0: fmpq(sign)}, fmpq(0)),
        lower=query.lower,
        upper=query.upper,
    )
    assert decide(apart, Split(0, 0.0, leaf, leaf), exact=exact).leaves == 2


def test_a_weighed_end_is_as_sharp_as_the_query_says() -> None:
    """x + y > 1/3 where x ≤ 1/3 and y = 0: a bound of exactly 0, against a strict row."""
    for sign in (1, -1):
        unsafe = atom({0: fmpq(-sign), 1: -ONE}, THIRD, LESS)
        low, high = ((0, 0), (THIRD, 0)) if sign > 0 else ((-THIRD, 0), (0, 0))
        query = on(PAIR, low, high, unsafe)
        leaf = close((0, 1.0), bounds=((0, -float(sign)),))
        assert decide(query, leaf, exact=True).leaves == 1
        weak = atom({0: fmpq(-sign), 1: -ONE}, THIRD)
        rejected(on(PAIR, low, high, weak), leaf, "close", exact=True)


@BOTH
def test_an_integer_beside_a_real_value_is_cut_alone(exact: bool) -> None:
    """2y ≤ 1 says y ≤ 0 of an integer, y ≤ 1/2 of a real number."""
    row, over = atom({1: fmpq(2)}, -ONE), at_least(1, fmpq(1, 4))
    box: dict[str, object] = {"lower": (fmpq(0),) * 2, "upper": (ONE,) * 2}
    whole = query_of(PAIR, row, over, integers=frozenset({1}), **box)
    assert decide(whole, Close(), exact=exact).leaves == 1
    other = query_of(PAIR, row, over, integers=frozenset({0}), **box)
    rejected(other, Close(), "close", exact=exact)


def within_a_half() -> Query:
    net = chain(affine("y", (1,), ((0, Gather.of(1)),), radius=0.5))
    return on(net, 0, 2, at_least(1, ONE))


def test_the_margin_of_a_replay_holds_for_every_program_within_the_radius() -> None:
    assert replay(within_a_half(), (fmpq(2),)).margin == 0
    found = replay(within_a_half(), (ONE,))
    assert (found.margin, found.outputs) == (fmpq(-1, 2), ((fmpq(1, 2), fmpq(3, 2)),))


@pytest.mark.parametrize("count", [0, 2])
def test_a_replay_takes_a_number_for_every_input(count: int) -> None:
    with pytest.raises(InputError, match=f"{count} numbers for 1 inputs"):
        replay(within_a_half(), (ONE,) * count)
    with pytest.raises(InputError, match=f"{count} numbers for 1 inputs"):
        evaluate(INPUT, [ONE] * count)
