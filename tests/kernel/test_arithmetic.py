"""Operations of the two arithmetics, and the root that they make of a query's box."""

from __future__ import annotations

import numpy as np
import pytest
from flint import fmpq, fmpz

from tests.kernel.distance import BOTH, query_of
from tests.kernel.false_claims import PAIR
from verifai.kernel import arithmetic
from verifai.kernel.arithmetic import MAX_BITS, Exact, Rounded, exactly, reached
from verifai.kernel.bound import Root, rounded_root
from verifai.kernel.errors import Rejection
from verifai.kernel.number import above, below
from verifai.kernel.operator import Array
from verifai.kernel.query import Query

ONE, THIRD = fmpq(1), fmpq(1, 3)
LONG = fmpq(1, fmpz(3) ** MAX_BITS)  # of more bits than are kept


def objects(*numbers: fmpq) -> Array:
    return np.array([*numbers, None], dtype=object)[:-1]


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("size", [LONG, ONE + LONG, fmpq(10) ** 3000 + LONG])
def test_long_ends_move_outwards_and_not_far(size: fmpq, sign: int) -> None:
    q = sign * size
    low, high = Exact().shortened(objects(q, ONE), objects(q, ONE))
    step = fmpq(1, fmpz(1) << MAX_BITS)
    assert low[0] < q < high[0]
    assert high[0] - low[0] == step
    assert (low[0] / step).q == 1
    assert (low[1], high[1]) == (1, 1)


def test_short_ends_stay_and_huge_ones_are_refused() -> None:
    low, high = Exact().shortened(objects(THIRD), objects(THIRD))
    assert (low[0], high[0]) == (THIRD, THIRD)
    for q in (fmpq(2) ** MAX_BITS + LONG, -(fmpq(2) ** MAX_BITS) - LONG):
        with pytest.raises(Rejection, match="finite"):
            Exact().shortened(objects(q), objects(q))


def test_a_proposed_end_is_taken_only_where_the_exact_one_reaches_it() -> None:
    sharp = objects(*[THIRD] * 6)
    proposed = [0.25, below(THIRD), above(THIRD), np.nan, np.inf, -np.inf]
    want = [0.25, below(THIRD), below(THIRD), below(THIRD), below(THIRD), below(THIRD)]
    assert reached(np.array(proposed), sharp).tolist() == want
    assert reached(np.array([0.0]), objects(fmpq(0))).tolist() == [0.0]


@pytest.mark.parametrize("stretch", [1, 7, 13, 1 << 21])
def test_exact_products_are_whole_in_parts_of_any_size(
    monkeypatch: pytest.MonkeyPatch, stretch: int
) -> None:
    monkeypatch.setattr(arithmetic, "STRETCH", stretch)
    left = np.arange(15.0).reshape(5, 3) - 4
    right = np.arange(6.0).reshape(3, 2) - 2
    right.flags.writeable = False
    ar = Exact()
    for _ in range(2):  # the second time it is kept
        assert (ar.matmul(exactly(left), right) == exactly(left @ right)).all()


@pytest.mark.parametrize("ar", [Rounded(), Exact()], ids=["rounded", "exact"])
def test_signs_choose_between_lower_and_upper(ar: Rounded | Exact) -> None:
    positive, negative = (ar.lift(np.array([row])) for row in ([2.0, 0.0], [0.0, -3.0]))
    low, high = (ar.lift(np.array([row])) for row in ([5.0, 7.0], [11.0, 13.0]))
    scaled, _ = ar.scale((positive, negative), low, high)
    assert scaled.tolist() == [[10, -39]]
    total, _ = ar.dot((positive, negative), (low, high), lambda end: end)
    assert total.tolist() == [10 - 39]
    assert ar.merge(low, high)[0].tolist() == [[16, 20]]
    assert ar.add(low, high)[0].tolist() == [[16, 20]]


# the root


def root(query: Query, *, exact: bool) -> Root:
    return Root(query, Exact(), rounded_root(query)) if exact else rounded_root(query)


@BOTH
def test_ends_of_integers_and_only_theirs_are_rounded_inwards(exact: bool) -> None:
    ends = {"lower": (fmpq(-3, 2), fmpq(-3, 2)), "upper": (fmpq(5, 4), fmpq(5, 4))}
    for marked, low, high in (({0}, [-1, -1.5], [1, 1.25]), ({1}, [-1.5, -1], [1.25, 1])):
        found = root(query_of(PAIR, integers=frozenset(marked), **ends), exact=exact)
        assert (found.low.tolist(), found.high.tolist()) == (low, high)
        assert found.magnitude.tolist() == [-l for l in low]
        assert not found.is_empty


@BOTH
def test_ends_of_a_root_are_next_to_those_of_the_query(exact: bool) -> None:
    found = root(query_of(PAIR, lower=(-THIRD, THIRD), upper=(THIRD, fmpq(2))), exact=exact)
    assert found.low.tolist() == [below(-THIRD), below(THIRD)]
    assert found.high.tolist() == [above(THIRD), 2]
    assert found.magnitude.tolist() == [above(THIRD), 2]
    low, high = found.ends(0, found.low[None], found.high[None])
    if exact:
        assert (low.tolist(), high.tolist()) == ([[-THIRD, THIRD]], [[THIRD, 2]])
        narrow = found.ends(0, found.low[None] + 0.25, found.high[None] - 0.25)
        assert narrow[0].tolist() == exactly(found.low[None] + 0.25).tolist()
        assert narrow[1].tolist() == exactly(found.high[None] - 0.25).tolist()


@BOTH
def test_a_box_out_of_order_is_empty_and_its_ends_stay_in_order(exact: bool) -> None:
    found = root(query_of(PAIR, lower=(ONE, fmpq(0)), upper=(fmpq(0), ONE)), exact=exact)
    assert found.is_empty
    assert (found.low <= found.high).all()
    whole = {"lower": (THIRD, THIRD), "upper": (fmpq(2, 3), fmpq(2, 3))}
    assert root(query_of(PAIR, integers=frozenset({1}), **whole), exact=exact).is_empty
    assert not root(query_of(PAIR, **whole), exact=exact).is_empty
