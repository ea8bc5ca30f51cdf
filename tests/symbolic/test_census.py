"""Counting counterexamples: against replaying every input."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from flint import fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.solvers.nets import random_network
from verifai.graph.formulas import atom
from verifai.graph.nodes import affine, relu
from verifai.kernel.errors import InputError
from verifai.kernel.network import Input, Network
from verifai.kernel.operator import Dense
from verifai.kernel.query import And, Or, Query, Relation
from verifai.kernel.replay import Replayer, evaluate
from verifai.symbolic.census import counterexamples


def random_query(seed: int) -> Query:
    """Three integers; half of the outputs seen are unsafe, one row cuts the domain."""
    net = random_network(seed, kinds="relu pwl sign square", depth=2)
    first, lower, upper = net.offsets[-1] - 3, (fmpq(-7, 2),) * 3, (fmpq(3), fmpq(4), fmpq(2))
    middle = evaluate(net, [fmpq(0), fmpq(1), fmpq(0)])[0][first]
    unsafe = Or(
        (atom({first: fmpq(1)}, -middle), atom({first + 1: fmpq(1), 0: fmpq(1)}, fmpq(1, 3)))
    )
    row = atom({0: fmpq(1), 1: fmpq(-1)}, fmpq(-2), Relation.LESS)
    return Query(net, lower, upper, And((unsafe,)), (row,), frozenset({0, 1, 2}))


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_the_census_is_what_replaying_every_input_finds(seed: int) -> None:
    query = random_query(seed)
    replayer = Replayer(query)
    points = list(product(*(map(fmpq, range(-3, n)) for n in (4, 5, 3))))
    expected = {p for p in points if replayer.replay(p).violates}
    found = counterexamples(query)
    assert set(found) == expected
    assert len(list(found)) == found.count == len(found) == len(expected)
    assert found.total == len(points)


def test_large_domains_are_counted_by_boxes() -> None:
    """x - y ≤ -1 for bytes: 255·256/2 pairs, found without looking at each."""
    nodes = (
        Input("x", (2,)),
        affine("d", (1,), ((0, Dense.of([[1.0, -1.0]])),)),
        relu("r", (1,), 1),
    )
    net = Network(nodes, (2,))
    ends = (fmpq(0),) * 2, (fmpq(10**3),) * 2
    unsafe = And((atom({2: fmpq(1)}, fmpq(1)),))
    query = Query(net, *ends, unsafe, (), frozenset({0, 1}))
    found = counterexamples(query)
    assert found.count == 10**3 * (10**3 + 1) // 2
    assert found.total == (10**3 + 1) ** 2
    assert len(found.boxes) < 10**4
    with pytest.raises(InputError, match="more than 100 boxes"):
        counterexamples(query, max_boxes=100)


def test_fixed_inputs_need_not_be_integers() -> None:
    net = Network((Input("x", (2,)), relu("r", (2,), 0)), (1,))
    low, high = (fmpq(1, 3), fmpq(-5)), (fmpq(1, 3), fmpq(5))
    query = Query(net, low, high, And((atom({3: fmpq(-1)}, fmpq(3)),)), (), frozenset({1}))
    assert list(counterexamples(query)) == [(fmpq(1, 3), fmpq(k)) for k in (3, 4, 5)]
    empty = replace(query, lower=(fmpq(1, 2), fmpq(-5)))
    assert counterexamples(empty).total == counterexamples(empty).count == 0
    between = replace(query, lower=(fmpq(1, 3), fmpq(1, 4)), upper=(fmpq(1, 3), fmpq(3, 4)))
    assert counterexamples(between).total == 0
    with pytest.raises(InputError, match=r"x\[1\] is not an integer"):
        counterexamples(replace(query, integers=frozenset()))


def test_constants_that_leave_an_input_open_are_said() -> None:
    node = affine("y", (1,), ((0, Dense.of([[1.0]])),), radius=0.25)
    net = Network((Input("x", (1,)), node), (1,))
    ends = (fmpq(0),), (fmpq(9),)
    query = Query(net, *ends, And((atom({1: fmpq(-1)}, fmpq(4)),)), (), frozenset({0}))
    with pytest.raises(InputError, match=r"the input \(4\) open"):
        counterexamples(query)


def test_inputs_that_play_no_part_are_not_split() -> None:
    """2^80 values of inputs that nothing depends on, beside 8 that matter."""
    weight = Dense.of([[1.0, 0.0, 0.0], [0.0, 0.0, 3.0]])
    net = Network((Input("x", (3,)), affine("a", (2,), ((0, weight),)), relu("y", (2,), 1)), (2,))
    most = fmpq(2) ** 40 - 1
    query = Query(
        net,
        (fmpq(-4), fmpq(0), fmpq(0)),
        (fmpq(3), most, most),
        And((atom({5: fmpq(-1)}, fmpq(1)),)),  # y_0 ≥ 1
        (),
        frozenset({0, 1, 2}),
    )
    found = counterexamples(query, max_boxes=100)
    assert found.count == 3 * 2**80
    assert found.total == 8 * 2**80
    with pytest.raises(InputError, match=r"ask \.count"):
        len(found)
    assert found
    first = next(iter(found))
    assert first == (fmpq(1), fmpq(0), fmpq(0))
    none = counterexamples(replace(query, unsafe=And((atom({5: fmpq(-1)}, fmpq(9)),))))
    assert (none.count, bool(none), len(none)) == (0, False, 0)


def test_a_row_of_the_domain_makes_its_inputs_play_a_part() -> None:
    net = Network((Input("x", (2,)), affine("a", (1,), ((0, Dense.of([[1.0, 0.0]])),))), (1,))
    row = atom({0: fmpq(1), 1: fmpq(-1)}, fmpq(0))  # x_0 ≤ x_1
    wholes = frozenset({0, 1})
    unsafe = And((atom({2: fmpq(-1)}, fmpq(0)),))
    query = Query(net, (fmpq(0),) * 2, (fmpq(9),) * 2, unsafe, (row,), wholes)
    assert counterexamples(query).count == 55
