"""Contexts that are judged together are judged as each would be alone."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from flint import fmpq

from tests.kernel.adversarial import Target, random_tree, smooth_target, target
from tests.kernel.distance import ABS, BOTH, query_of, rejected
from tests.kernel.false_claims import close
from tests.kernel.proofs import Block, Choose, Close, Derive, Split, Tree, decide, written
from verifai.graph.formulas import atom
from verifai.graph.nodes import affine, relu
from verifai.kernel import checker
from verifai.kernel.checker import Checker, OpenLeaf
from verifai.kernel.network import Input, Network
from verifai.kernel.number import nearest
from verifai.kernel.operator import Dense, Gather
from verifai.kernel.query import And, Or

ONE, ZERO = fmpq(1), fmpq(0)

# x, y; d = (x, -x, y); r = relu(d); a = sums of r, with a radius for the last
MIRROR = Network(
    (
        Input("x", (2,)),
        affine("d", (3,), ((0, Dense.of([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]])),)),
        relu("r", (3,), 1),
        affine("a", (2,), ((2, Dense.of([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])),)),
        affine("b", (2,), ((2, Gather.of(3, [0, 1])),), radius=2.0**-4),
    ),
    (3, 4),
)
X, D, A, B = 0, 2, 8, 10


@BOTH
@pytest.mark.parametrize("value", [A, A + 1, B, B + 1])
@pytest.mark.parametrize("node", [None, 3, 4])
def test_what_is_0_on_one_side_is_not_0_on_the_other(
    value: int, node: int | None, exact: bool
) -> None:
    """relu(x) is 0 left of 0 and 1 at x = 1; relu(-x) the other way round."""
    query = query_of(MIRROR, atom({value: -ONE, 1: -ONE}, fmpq(2)))
    leaf: Tree = close((0, 1.0))
    if node is not None:
        leaf = Derive((("node", node, None),), leaf)
    rejected(query, Split(D, 0.0, leaf, leaf), "close", exact=exact)
    rejected(query, Split(D + 1, 0.0, leaf, leaf), "close", exact=exact)
    rejected(query, Split(X, 0.0, leaf, leaf), "close", exact=exact)
    far = query_of(MIRROR, atom({value: -ONE, 1: -ONE}, fmpq(17, 8)))
    assert decide(far, Split(D, 0.0, leaf, leaf), exact=exact).leaves == 2


@BOTH
@pytest.mark.parametrize("value", [A, A + 1])
def test_a_plan_bounds_every_context_by_its_own_intervals(value: int, exact: bool) -> None:
    """On the side where d is negative a is 0 after the plan, on the other it is up to 1."""
    query = query_of(MIRROR, atom({value: -ONE, 1: ZERO}, fmpq(1, 2)))
    plan = (("node", 3, None),)
    rejected(query, Split(D, 0.0, *[Derive(plan, Close())] * 2), "close", exact=exact)
    cut = atom({D + value - A: ONE}, ZERO)
    narrow = query_of(MIRROR, *query.unsafe.parts, cut)
    assert decide(narrow, Split(X + 1, 0.0, *[Derive(plan, Close())] * 2), exact=exact).leaves == 2


def open_leaves(claim: Target, tree: Tree, *, exact: bool) -> list[OpenLeaf]:
    found = Checker(claim.query, exact=exact).open_leaves(written(tree))
    return sorted(found, key=lambda leaf: leaf.context.position)


def alike(one: float, other: float) -> bool:
    return one == other or abs(one - other) <= 1e-9 * max(1.0, abs(one), abs(other))


def assert_same(one: OpenLeaf, other: OpenLeaf) -> None:
    assert one.context.position == other.context.position
    assert one.reason.rule == other.reason.rule
    for end in ("low", "high"):
        a, b = getattr(one.context, end), getattr(other.context, end)
        assert np.allclose(a, b, rtol=1e-9, atol=1e-9), end
    assert len(one.rows) == len(other.rows)
    for row, same in zip(one.rows, other.rows, strict=True):
        assert row._replace(constant=ZERO) == same._replace(constant=ZERO)
        assert alike(nearest(row.constant), nearest(same.constant))


@pytest.mark.parametrize("seed", [*range(6), *range(100, 103)])
def test_a_batch_finds_what_single_contexts_find(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Of smooth networks from 100 on; some in exact arithmetic."""
    make, exact = target if seed < 100 else smooth_target, seed < 2
    claim = make(seed)
    random = Random(seed)
    ors = tuple(p for p in claim.query.unsafe.parts if isinstance(p, Or))
    rows = len(claim.query.unsafe.parts) - len(ors)
    trees = [random_tree(random, claim, 3, rows, ors) for _ in range(4)]
    together = [open_leaves(claim, tree, exact=exact) for tree in trees]
    monkeypatch.setattr(checker, "MAX_BATCH", 1)
    for tree, leaves in zip(trees, together, strict=True):
        alone = open_leaves(claim, tree, exact=exact)
        assert [leaf.context.position for leaf in leaves] == [
            leaf.context.position for leaf in alone
        ]
        for one, other in zip(leaves, alone, strict=True):
            assert_same(one, other)


@BOTH
def test_behind_an_empty_context_others_have_their_own_intervals(exact: bool) -> None:
    """The first alternative cuts y to -1/2 and is empty; in the second relu(y) reaches 1."""
    none = And((atom({1: ONE}, fmpq(1, 2)), atom({X: -ONE}, fmpq(2))))
    tree = Choose(0, (Derive((("node", 2, None),), Close()),) * 2)
    query = query_of(MIRROR, Or((none, atom({D + 5: -ONE}, ONE))))
    rejected(query, tree, "close", exact=exact)
    far = query_of(MIRROR, Or((none, atom({D + 5: -ONE}, fmpq(9, 8)))))
    assert decide(far, tree, exact=exact).leaves == 2
    forms = Choose(0, (Derive((("form", ((D + 5, -1.0),), None),), Close()),) * 2)
    rejected(query, forms, "close", exact=exact)
    assert decide(far, forms, exact=exact).leaves == 2


@BOTH
@pytest.mark.parametrize("plan", [(), (("node", 1, None),), (("image", 1, None),)])
def test_a_radius_reaches_as_far_as_each_context(
    plan: tuple[tuple[str, int, None], ...], exact: bool
) -> None:
    """y is within x/2 of x: up to 3/2 right of 1/4, up to 3/8 left of it."""
    net = Network((Input("x", (1,)), affine("y", (1,), ((0, Gather.of(1)),), radius=0.5)), (1,))
    leaf: Tree = close((0, 1.0))
    if plan:
        leaf = Derive(plan, leaf)
    for threshold, holds in ((fmpq(5, 4), True), (fmpq(3, 2), True), (fmpq(13, 8), False)):
        query = query_of(net, atom({1: -ONE}, threshold), low=0)
        if holds:
            rejected(query, Split(0, 0.25, leaf, leaf), "close", exact=exact)
        else:
            assert decide(query, Split(0, 0.25, leaf, leaf), exact=exact).leaves == 2
        mirrored = query_of(net, atom({1: ONE}, threshold), high=0)
        if holds:
            rejected(mirrored, Split(0, -0.25, leaf, leaf), "close", exact=exact)
        else:
            assert decide(mirrored, Split(0, -0.25, leaf, leaf), exact=exact).leaves == 2


@BOTH
def test_rows_of_a_matrix_and_what_is_0_in_them_are_told_apart(exact: bool) -> None:
    """Forty forms at once, each of one of twenty rows that share a weight."""
    weight = Dense.of([[1.0, -1.0], [0.0, 2.0]])
    nodes = (Input("x", (40,)), relu("r", (40,), 0), affine("y", (40,), ((1, weight),)))
    net = Network((*nodes, relu("z", (40,), 2)), (3,))
    lower = tuple(fmpq(-1 if i % 4 else 0) for i in range(40))
    upper = tuple(fmpq(0 if i % 3 == 0 else 1) for i in range(40))
    plan = Derive((("node", 1, None), ("node", 2, None), ("node", 3, None)), Close())
    for i in range(20):
        most = 2 * upper[2 * i + 1]
        value = 120 + 2 * i + 1
        for gap, holds in ((ZERO, True), (fmpq(1, 8), False)):
            query = query_of(net, atom({value: -ONE}, most + gap), lower=lower, upper=upper)
            if holds:
                rejected(query, plan, "close", exact=exact)
            else:
                assert decide(query, plan, exact=exact).leaves == 1


@BOTH
@pytest.mark.parametrize("kind", ["node", "form"])
def test_a_step_weighs_the_rows_of_each_path(kind: str, exact: bool) -> None:
    """Left of the split x - y ≤ 0 is a row; right of it the row of that number says the reverse."""
    block = Block(rows=((1, 1.0),))
    form = ((0, 1.0), (1, -1.0))
    query = query_of(ABS, atom({0: -ONE, 1: ONE}, ONE))  # x - y ≥ 1
    if kind == "node":
        step = Derive((("node", 1, block),), close((0, 1.0), bounds=((2, -1.0),)))
    else:
        less = ((0, -1.0), (1, 1.0))
        step = Derive((("form", less, block),), close((0, 1.0), (2, 1.0)))
    rejected(query, Split(form, 0.0, step, step), "close", exact=exact)
    rejected(query, Split(form, 0.0, step, close((0, 1.0))), "close", exact=exact)
    below = query_of(ABS, atom({0: -ONE, 1: ONE}, ONE), atom({0: ONE, 1: -ONE}, fmpq(-1, 2)))
    right = close((0, 1.0), (1, 1.0))
    shifted = Block(rows=((2, 1.0),))
    if kind == "form":
        step = Derive((("form", less, shifted),), close((0, 1.0), (3, 1.0)))
    else:
        step = Derive((("node", 1, shifted),), close((0, 1.0), bounds=((2, -1.0),)))
    assert decide(below, Split(form, 0.0, step, right), exact=exact).leaves == 2


@BOTH
def test_each_form_of_a_run_has_a_bound_of_its_own(exact: bool) -> None:
    """x ≥ -1 and x + 3y ≥ -4; were the second bound the first, x + 3y ≤ -2 would be refuted."""
    form = ((0, 1.0), (1, 3.0))
    plan = ("form", 0, None), ("form", form, None), ("form", 1, None)
    tree = Derive(plan, close((0, 1.0), (2, 1.0)))
    reached = query_of(ABS, atom({0: ONE, 1: fmpq(3)}, fmpq(2)))
    rejected(reached, tree, "close", exact=exact)
    far = query_of(ABS, atom({0: ONE, 1: fmpq(3)}, fmpq(9, 2)))
    assert decide(far, tree, exact=exact).leaves == 1


@BOTH
@pytest.mark.parametrize("sign", [1, -1])
def test_an_image_step_meets_what_is_known(sign: int, exact: bool) -> None:
    """A row cuts r, whose image is [0, 2], to at most 1/2, or to at least 3/2."""
    r, near = 4, fmpq(1, 1000)
    cut = atom({r: fmpq(sign)}, fmpq(-1, 2) if sign > 0 else fmpq(3, 2))
    other = atom({r: fmpq(-sign), 0: near}, fmpq(3, 4) if sign > 0 else -ONE)
    tree = Derive((("image", 2, None),), close((1, 1.0), bounds=((r, -float(sign)),)))
    assert decide(query_of(ABS, cut, other), tree, exact=exact).leaves == 1
    rejected(query_of(ABS, other, atom({0: near, 1: near}, -ONE)), tree, "close", exact=exact)
