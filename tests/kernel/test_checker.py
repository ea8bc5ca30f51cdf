"""The five rules: what each accepts, in both arithmetics, and what each rejects."""

from dataclasses import replace

import pytest
from flint import fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernel.distance import (
    ABS,
    BOTH,
    CLOSE,
    EQUAL,
    LESS,
    ONE,
    SIDE,
    A,
    D,
    X,
    Y,
    at_least,
    below_zero,
    far,
    query_of,
    rejected,
)
from tests.kernel.proofs import (
    Block,
    Choose,
    Close,
    Derive,
    Point,
    Split,
    below_query,
    decide,
    plan_of,
    random_network,
    written,
)
from verifai.graph.formulas import atom
from verifai.graph.nodes import affine
from verifai.kernel.checker import Checker
from verifai.kernel.errors import Rejection
from verifai.kernel.network import Input, Network, Sign, Square
from verifai.kernel.operator import Dense
from verifai.kernel.query import And, Or, Relation


@BOTH
def test_close_accepts_above_zero_and_rejects_at_zero(exact: bool) -> None:
    assert decide(query_of(ABS, far(3)), CLOSE, exact=exact).leaves == 1
    rejected(query_of(ABS, far(2)), CLOSE, "close", exact=exact)


@BOTH
def test_close_accepts_zero_against_a_strict_row(exact: bool) -> None:
    """Rounded bounds that miss 0 by little are decided in exact arithmetic."""
    strict, weak = query_of(ABS, below_zero(fmpq(0), LESS)), query_of(ABS, below_zero(fmpq(0)))
    split = Split(D, 0.0, SIDE, SIDE)
    assert decide(strict, split, exact=exact).nodes == 3
    rejected(weak, split, "close", exact=exact)
    zero = Close(Block(rows=((0, 1.0), (-1, 0.0))))
    rejected(strict, Split(D, 0.0, zero, zero), "close", exact=exact)


@BOTH
def test_split_needs_both_sides(exact: bool) -> None:
    query = query_of(ABS, below_zero(fmpq(1, 100)))
    rejected(query, CLOSE, "close", exact=exact)
    decide(query, Split(D, 0.0, SIDE, SIDE), exact=exact)
    rejected(query, Split(D, 0.5, SIDE, SIDE), "close", exact=exact)
    rejected(query, Split(D, 0.0, SIDE, Close()), "close", exact=exact)
    rejected(query, Split(D, 0.0, Close(), SIDE), "close", exact=exact)


@BOTH
def test_a_split_on_a_form_gives_rows_with_their_signs(exact: bool) -> None:
    """y ≥ x + 3/2 contradicts either side of x - y ≤ 0 only on the right one."""
    query = query_of(ABS, atom({X: ONE, Y: -ONE}, fmpq(3, 2)))
    form = ((X, 1.0), (Y, -1.0))
    use = Close(Block(rows=((0, 1.0), (-1, 1.0))))
    rejected(query, Split(form, 0.0, use, use), "close", exact=exact)
    high = query_of(ABS, atom({X: ONE, Y: -ONE}, fmpq(5, 2)))
    left = Close(Block(rows=((0, 1.0),)))
    decide(high, Split(form, 0.0, left, use), exact=exact)


@BOTH
def test_siblings_see_nothing_of_each_other(exact: bool) -> None:
    """The right child would close with the left one's row or cuts."""
    query = query_of(ABS, at_least(X, fmpq(-2)))
    contradiction = Close(Block(rows=((0, 1.0), (1, 1.0)), bounds=((X, 1.0),)))
    rejected(query, Split(X, -0.5, contradiction, contradiction), "close", exact=exact)
    checker = Checker(query, exact=exact)
    leaves = checker.open_leaves(written(Split(X, -0.5, Close(), Close())))
    failures = {leaf.context.position: leaf.reason for leaf in leaves}
    assert sorted(failures) == [1, 2]


@BOTH
def test_choose_asks_for_every_alternative(exact: bool) -> None:
    far = [at_least(A, fmpq(5)), And((at_least(X, fmpq(1, 2)), atom({X: ONE}, fmpq(0))))]
    query = query_of(ABS, Or(tuple(far)))
    last = Close(Block(rows=((-1, 1.0),)))
    both = Choose(0, (Derive(plan_of(ABS), last), Close(Block(rows=((0, 1.0), (1, 1.0))))))
    decide(query, both, exact=exact)
    rejected(query, Choose(0, (Derive(plan_of(ABS), last),)), "choose", exact=exact)
    rejected(query, Choose(1, both.children), "choose", exact=exact)
    rejected(query, Choose(-1, both.children), "choose", exact=exact)
    rejected(query, Choose(0, (Choose(0, both.children),) * 2), "choose", exact=exact)


@BOTH
def test_disjunctions_inside_alternatives_open_with_them(exact: bool) -> None:
    inner = Or((at_least(X, fmpq(2)), at_least(Y, fmpq(2))))
    outer = Or((And((at_least(A, fmpq(1)), inner)), at_least(A, fmpq(5))))
    query = query_of(ABS, outer, at_least(X, fmpq(-3)))
    last = Close(Block(rows=((-1, 1.0),)))
    tree = Choose(0, (Choose(0, (last, last)), Derive(plan_of(ABS), last)))
    decide(query, tree, exact=exact)
    swapped = Choose(0, (Derive(plan_of(ABS), last), Choose(0, (last, last))))
    rejected(query, swapped, "choose", exact=exact)


@BOTH
def test_choose_does_not_keep_what_it_has_chosen(exact: bool) -> None:
    """The second disjunction stays open; the first is gone."""
    first = Or((at_least(X, fmpq(2)), at_least(X, fmpq(0))))
    second = Or((at_least(Y, fmpq(2)), at_least(Y, fmpq(3))))
    query = query_of(ABS, first, second)
    last = Close(Block(rows=((-1, 1.0),)))
    decide(query, Choose(1, (last, last)), exact=exact)
    decide(query, Choose(0, (last, Choose(0, (last, last)))), exact=exact)
    rejected(query, Choose(0, (last, Choose(1, (last, last)))), "choose", exact=exact)


@BOTH
def test_derive_with_multipliers_uses_the_unsafe_rows(exact: bool) -> None:
    """With x + y ≥ 2 - 1/8 each of them is at least 7/8, so x - y ≤ 1/8."""
    near = atom({X: -ONE, Y: -ONE}, fmpq(15, 8))
    query = query_of(ABS, near, atom({X: -ONE, Y: ONE}, fmpq(1, 4)))
    block = Block(rows=((0, 1.0),))
    plan = (("form", X, block), ("form", Y, block))
    finish = Close(Block(rows=((1, 1.0),)))
    decide(query, Derive(plan, finish), exact=exact)
    rejected(query, Derive((("form", X, None), ("form", Y, None)), finish), "close", exact=exact)


@BOTH
def test_form_steps_become_rows_in_their_order(exact: bool) -> None:
    """x - y ≥ -2 and x + y ≥ -2: twice x is at least -4, which only the sum of the rows says."""
    query = query_of(ABS, atom({X: ONE, Y: fmpq(0)}, fmpq(1, 2)), low=-1)
    plan = (("form", ((X, 1.0), (Y, -1.0)), None), ("form", ((X, 1.0), (Y, 1.0)), None))
    third = query_of(ABS, atom({X: ONE, D: ONE}, fmpq(21, 5)))
    decide(
        third,
        Derive((("form", ((X, 1.0), (D, 1.0)), None),), Close(Block(rows=((0, 1.0), (1, 1.0))))),
        exact=exact,
    )
    rejected(
        query, Derive(plan, Close(Block(rows=((0, 1.0), (1, 0.5), (2, 0.5))))), "close", exact=exact
    )
    rejected(query, Derive(plan, Close(Block(rows=((3, 1.0),)))), "multiplier", exact=exact)
    rejected(query, Derive(plan, Close(Block(rows=((-4, 1.0),)))), "multiplier", exact=exact)


@BOTH
def test_steps_of_one_run_see_the_context_before_it(exact: bool) -> None:
    query = query_of(ABS, atom({X: -ONE, Y: -ONE}, fmpq(15, 8)))
    block = Block(rows=((0, 1.0),))
    late = Block(rows=((1, 1.0),))
    both = Derive((("form", X, block), ("form", Y, late)), CLOSE)
    rejected(query, both, "multiplier", exact=exact)
    apart = Derive((("form", X, block), ("node", 1, None), ("form", Y, late)), CLOSE)
    rejected(query, apart, "close", exact=exact)


@BOTH
def test_integer_splits_leave_no_gap_between_integers(exact: bool) -> None:
    """2x - 2y = 1 has no integer solution: the split at 0.5 refutes both sides."""
    parity = atom({X: fmpq(2), Y: fmpq(-2)}, fmpq(-1), EQUAL)
    whole = query_of(ABS, parity, low=-9, high=9, integers=frozenset({X, Y}))
    form = ((X, 1.0), (Y, -1.0))
    left = Close(Block(rows=((0, -0.5), (1, 1.0))))
    right = Close(Block(rows=((0, 0.5), (1, 1.0))))
    decide(whole, Split(form, 0.75, left, right), exact=exact)
    real = query_of(ABS, parity, low=-9, high=9)
    rejected(real, Split(form, 0.75, left, right), "close", exact=exact)
    one = query_of(ABS, parity, low=-9, high=9, integers=frozenset({X}))
    rejected(one, Split(form, 0.75, left, right), "close", exact=exact)
    half = Split(((X, 0.5), (Y, -0.5)), 0.375, left, right)
    rejected(whole, half, "close", exact=exact)


@BOTH
def test_integer_values_of_hidden_nodes_follow_from_the_inputs(exact: bool) -> None:
    """|x - y| of integers is an integer: between 1/4 and 3/4 there is none."""
    between = (at_least(A, fmpq(1, 4)), atom({A: ONE}, fmpq(-3, 4)))
    query = query_of(ABS, *between, integers=frozenset({X, Y}))
    decide(query, Split(A, 0.5, Close(), Close()), exact=exact)
    real = query_of(ABS, *between)
    rejected(real, Split(A, 0.5, Close(), Close()), "close", exact=exact)


@pytest.mark.parametrize("change", ["weight", "bias", "divisor", "radius"])
def test_one_constant_that_is_no_integer_makes_a_value_real(change: str) -> None:
    from verifai.kernel.integers import integer_values

    data: dict[str, object] = {"bias": 1.0, "divisor": None, "radius": None}
    weight = 0.5 if change == "weight" else 2.0
    data |= {"bias": {"bias": 0.5}, "divisor": {"divisor": 2.0}, "radius": {"radius": 0.1}}.get(
        change, {}
    )
    net = Network(
        (Input("x", (1,)), affine("y", (1,), ((0, Dense.of([[weight]])),), **data)),  # type: ignore[arg-type]
        (1,),
    )
    query = query_of(net, integers=frozenset({0}))
    assert integer_values(query).tolist() == [True, False]
    plain = Network((net.nodes[0], affine("y", (1,), ((0, Dense.of([[2.0]])),), bias=1.0)), (1,))
    assert integer_values(query_of(plain, integers=frozenset({0}))).tolist() == [True, True]


@BOTH
def test_equality_rows_take_multipliers_of_either_sign(exact: bool) -> None:
    equal = atom({X: ONE, Y: -ONE}, fmpq(0), EQUAL)
    for sign in (1, -1):
        wrong = atom({X: fmpq(-sign), Y: fmpq(sign)}, fmpq(1, 2))  # ±(x - y) ≥ 1/2
        tree = Close(Block(rows=((0, 1.0), (1, float(sign)))))
        decide(query_of(ABS, wrong, equal), tree, exact=exact)
        flipped = Close(Block(rows=((0, 1.0), (1, float(-sign)))))
        rejected(query_of(ABS, wrong, equal), flipped, "close", exact=exact)
    low = replace(equal, relation=Relation.AT_MOST)
    negative = Close(Block(rows=((0, 1.0), (1, -1.0))))
    rejected(
        query_of(ABS, atom({X: ONE, Y: -ONE}, fmpq(1, 2)), low), negative, "multiplier", exact=exact
    )


@BOTH
def test_bounds_as_rows_have_the_sign_of_their_factor(exact: bool) -> None:
    """x + relu(x - y) ≥ 5 on the box: the upper end of relu stands in for its lines."""
    query = query_of(ABS, atom({X: -ONE, 4: -ONE}, fmpq(5)))
    decide(query, Close(Block(rows=((0, 1.0),), bounds=((4, -1.0),))), exact=exact)
    wrong = Close(Block(rows=((0, 1.0),), bounds=((4, 3.0),)))
    rejected(query, wrong, "close", exact=exact)


@BOTH
def test_point_refutes_by_evaluation(exact: bool) -> None:
    query = query_of(ABS, at_least(A, fmpq(3, 2)), low=0, high=1, integers=frozenset({X, Y}))
    points = Split(X, 0.0, Split(Y, 0.0, Point(), Point()), Split(Y, 0.0, Point(), Point()))
    assert decide(query, points, exact=exact).leaves == 4
    true = query_of(ABS, at_least(A, ONE), low=0, high=1, integers=frozenset({X, Y}))
    rejected(true, points, "point", exact=exact)
    rejected(query, Split(X, 0.0, Point(), Close()), "close", exact=exact)


@BOTH
def test_point_looks_at_domain_and_formula(exact: bool) -> None:
    """No part alone is impossible at x = y = 0, but the domain atom is false there."""
    net = Network((Input("x", (2,)), Square("q", (2,), 0)), (1,))
    outside = atom({X: -ONE, Y: -ONE}, fmpq(1))
    query = query_of(net, Or((at_least(2, fmpq(0)), at_least(3, ONE))), low=0, high=0)
    rejected(query, Point(), "point", exact=exact)
    decide(replace(query, domain=(outside,)), Point(), exact=exact)


@BOTH
def test_an_empty_context_closes_by_itself_but_keeps_its_form(exact: bool) -> None:
    query = query_of(ABS, at_least(X, fmpq(2)))
    assert decide(query, Close(), exact=exact).leaves == 1
    rejected(query, Choose(0, (Close(), Close())), "choose", exact=exact)
    rejected(query_of(ABS, far(5)), Close(), "close", exact=exact)
    derived = query_of(ABS, at_least(A, fmpq(3)))  # a is at most 2, but 4 by intervals
    rejected(derived, Close(), "close", exact=exact)
    decide(derived, Derive((("node", 3, None),), Close()), exact=exact)
    upper = ((A, -1.0),)
    decide(derived, Derive((("form", upper, None),), Close()), exact=exact)


@BOTH
def test_an_empty_box_is_vacuous(exact: bool) -> None:
    query = query_of(ABS, low=1, high=0)
    assert decide(query, Close(), exact=exact).vacuous
    between = query_of(
        ABS, integers=frozenset({X}), lower=(fmpq(1, 3),) * 2, upper=(fmpq(2, 3),) * 2
    )
    assert decide(between, Close(), exact=exact).vacuous
    real = replace(between, integers=frozenset())
    rejected(real, Close(), "close", exact=exact)


@BOTH
def test_a_strict_row_is_not_taken_for_one_that_is_not(exact: bool) -> None:
    """x > 1 is impossible on the box, but x ≥ 1 is not; the closed cut must not decide it."""
    rejected(query_of(ABS, at_least(X, ONE)), CLOSE, "close", exact=exact)
    strict = query_of(ABS, at_least(X, ONE, LESS))
    rejected(strict, Close(), "close", exact=exact)
    if exact:
        decide(strict, CLOSE, exact=True)


@BOTH
def test_sign_at_zero_is_zero(exact: bool) -> None:
    net = Network((Input("x", (1,)), Sign("s", (1,), 0)), (1,))
    zero = query_of(net, atom({1: ONE}, fmpq(0), EQUAL))
    every = Split(0, -0.5, Derive(plan_of(net), Close()), Split(0, 0.5, Close(), Close()))
    rejected(zero, every, "close", exact=exact)
    half = query_of(net, atom({1: ONE}, fmpq(-1, 2), EQUAL))
    decide(half, Split(1, 0.25, Close(), Close()), exact=exact)


@given(st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_what_rounded_accepts_with_a_margin_exact_accepts(seed: int) -> None:
    network = random_network(seed, depth=4)
    tree = Split(0, 0.25, *[Derive(plan_of(network), CLOSE)] * 2)
    root = Checker(below_query(network, fmpq(0))).root
    top = float(root.high[-1])
    for k in range(8):
        threshold = fmpq(*(top * k / 4).as_integer_ratio())
        try:
            decide(below_query(network, threshold), tree, exact=False)
        except Rejection:
            continue
        margin = fmpq(*(1e-6 * (1 + float(root.magnitude.max()) ** 2)).as_integer_ratio())
        decide(below_query(network, threshold + margin), tree, exact=True)
        break
