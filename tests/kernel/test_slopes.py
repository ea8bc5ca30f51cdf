"""Slopes of a block go to the values, places and steps that they are given for."""

from __future__ import annotations

import pytest
from flint import fmpq

from tests.kernel.distance import ABS, BOTH, query_of, rejected
from tests.kernel.false_claims import at_most, chain, close, on
from tests.kernel.proofs import Block, Close, Derive, Split, decide, written
from verifai.graph.formulas import atom
from verifai.graph.nodes import affine, relu
from verifai.kernel.checker import Checker
from verifai.kernel.network import Input, Network, Product, Sign, Square
from verifai.kernel.operator import Gather
from verifai.kernel.query import And

ONE, X, R = fmpq(1), 0, 4
NEARLY_0 = fmpq(1, 1000)  # so that a row cuts no interval
GIVEN = {
    "relu": (chain(relu("y", (1,), 0)), (-1, 1), 1, 0),
    "sign": (chain(Sign("y", (1,), 0)), (-1, 1), 1, -1),
    "square": (chain(Square("y", (1,), 0)), (-1, 1), 1, -1),
}


@BOTH
@pytest.mark.parametrize("name", GIVEN)
def test_a_bad_slope_spoils_its_own_side_only(name: str, exact: bool) -> None:
    """By default y is seen to be at most and at least so much; by slope -5, or 5, it is not."""
    net, (low, high), most, least = GIVEN[name]
    above = on(net, low, high, atom({1: -ONE, 0: NEARLY_0}, fmpq(most) + fmpq(1, 8)))
    below = on(net, low, high, atom({1: ONE, 0: NEARLY_0}, fmpq(1, 8) - least))
    for query, place in ((above, 1), (below, 0)):
        leaf = close((0, 1.0))
        assert decide(query, leaf, exact=exact).leaves == 1
        for slope in (5.0, -5.0):
            wrong = Close(Block(rows=((0, 1.0),), slopes=((1, place, slope),)))
            other = Close(Block(rows=((0, 1.0),), slopes=((1, 1 - place, slope),)))
            both = Close(Block(rows=((0, 1.0),), slopes=((1, place, slope), (1, place, 0.0))))
            rejected(query, wrong, "close", exact=exact)
            assert decide(query, other, exact=exact).leaves == 1
            assert decide(query, both, exact=exact).leaves == 1  # the last given counts


@BOTH
def test_each_side_and_source_of_a_product_has_a_slope_of_its_own(exact: bool) -> None:
    """x·z with both in [-1, 1] lies within 1 by planes without slopes; a bad slope spoils that."""
    net = Network((Input("x", (1,)), Input("z", (1,)), Product("y", (1,), 0, 1)), (2,))
    box = {"lower": (-ONE, -ONE), "upper": (ONE, ONE)}
    above = query_of(net, atom({2: -ONE, 0: NEARLY_0}, fmpq(9, 8)), **box)
    below = query_of(net, atom({2: ONE, 0: NEARLY_0}, fmpq(9, 8)), **box)
    for query, mine in ((above, (2, 3)), (below, (0, 1))):
        assert decide(query, close((0, 1.0)), exact=exact).leaves == 1
        for place in range(4):
            leaf = Close(Block(rows=((0, 1.0),), slopes=((2, place, 5.0),)))
            if place in mine:
                rejected(query, leaf, "close", exact=exact)
            else:
                assert decide(query, leaf, exact=exact).leaves == 1


@BOTH
def test_codes_of_one_step_are_not_those_of_another(exact: bool) -> None:
    """r + x/2 is at least -1/2 by the default slope 0, but not by slope 1, which 128 says."""
    form = ((R, 1.0), (X, 0.5))
    steep = Block(codes=(128, 128))
    query = query_of(ABS, atom({R: ONE, X: fmpq(1, 2)}, fmpq(3, 4)))
    for blocks, good in (((None, steep), 0), ((steep, None), 1), ((steep, Block()), 1)):
        plan = tuple(("form", form, block) for block in blocks)
        for which in (0, 1):
            rows = (0, 1.0), (1 + which, 1.0)  # they cancel, so that codes play no part
            tree = Derive(plan, Close(Block(rows=rows, codes=(128, 128))))
            if which == good:
                assert decide(query, tree, exact=exact).leaves == 1
            else:
                rejected(query, tree, "close", exact=exact)


@BOTH
def test_of_leaves_that_are_judged_together_each_has_its_slopes(exact: bool) -> None:
    net, *_ = GIVEN["relu"]
    query = on(net, -1, 1, atom({1: -ONE, 0: NEARLY_0}, fmpq(9, 8)))
    good = close((0, 1.0))
    bad = Close(Block(rows=((0, 1.0),), slopes=((1, 1, 5.0),)))
    inner = Split(0, -0.5, good, Split(0, 0.5, good, bad))
    for tree, positions in (
        (Split(0, 0.0, good, bad), [2]),
        (Split(0, 0.0, bad, good), [1]),
        (Split(0, 0.0, bad, bad), [1, 2]),
        (inner, [4]),
    ):
        leaves = Checker(query, exact=exact).open_leaves(written(tree))
        assert sorted(leaf.context.position for leaf in leaves) == positions


@BOTH
def test_a_row_without_values_counts_in_a_step(exact: bool) -> None:
    """1 ≤ 0 ten times puts the lower end of x above the upper one."""
    query = query_of(ABS, atom({}, ONE), atom({X: ONE, 1: ONE}, fmpq(0)))
    step = Derive((("node", 1, Block(rows=((0, 10.0),))),), Close())
    assert decide(query, step, exact=exact).leaves == 1
    weak = query_of(ABS, atom({}, fmpq(0)), atom({X: ONE, 1: ONE}, fmpq(0)))
    rejected(weak, step, "close", exact=exact)


@BOTH
def test_a_slope_that_is_given_where_a_function_is_0_moves_its_line(exact: bool) -> None:
    """Left of -1/4 relu(x) is 0: of slope -5 a line below it has an intercept of -5 there."""
    net = chain(relu("r", (2,), 0), inputs=2)
    rows = atom({2: ONE, 1: ONE}, fmpq(-1, 2)), atom({0: ONE, 1: ONE}, fmpq(1, 2))
    right = close((1, 1.0), (2, 1.0))
    for place, slope in ((0, -5.0), (0, 5.0), (1, -5.0), (1, 5.0)):
        left = Close(Block(rows=((0, 1.0),), slopes=((2, place, slope),)))
        query = on(net, (-1, 0), (1, 0), *rows)  # so it is at x = -1
        rejected(query, Split(0, -0.25, left, right), "close", exact=exact)
        above = atom({2: -ONE, 1: ONE}, fmpq(0)), rows[1]
        rejected(
            on(net, (-1, 0), (1, 0), *above), Split(0, -0.25, left, right), "close", exact=exact
        )


@BOTH
def test_rows_of_nested_conjunctions_are_numbered_as_they_stand(exact: bool) -> None:
    far, near, none = (atom({0: -ONE, 1: -ONE}, fmpq(c)) for c in (9, 1, 0))
    query = query_of(ABS, none, And((near, And((near, far)), near)), near)
    for row in range(6):
        if row == 3:
            assert decide(query, close((row, 1.0)), exact=exact).leaves == 1
        else:
            rejected(query, close((row, 1.0)), "close", exact=exact)


@BOTH
def test_a_step_with_a_block_takes_its_slopes_not_those_of_the_step_before(exact: bool) -> None:
    """relu(x) - x/2 is at least -1/2 by the default slope 0, and at least 0 by slope 1/2."""
    both = (1, Gather.of(1)), (0, Gather.of(1, None, -0.5))
    net = chain(relu("r", (1,), 0), affine("a", (1,), both))
    query = on(net, -1, 1, at_most(2, fmpq(-1, 4)))
    half = Block(slopes=((1, 0, 0.5),))
    for blocks, good in (((None, half), True), ((half,), True), ((None, None), False)):
        tree = Derive(tuple(("node", 2, block) for block in blocks), Close())
        if good:
            assert decide(query, tree, exact=exact).leaves == 1
        else:
            rejected(query, tree, "close", exact=exact)
