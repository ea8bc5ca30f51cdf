"""Contexts that are judged together are judged as each would be alone."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from flint import fmpq

from tests.kernel.adversarial import Target, random_tree, smooth_target, target
from tests.kernel.distance import BOTH, query_of, rejected
from tests.kernel.false_claims import close
from tests.kernel.proofs import Close, Derive, Split, Tree, decide, written
from verifai.kernel import checker
from verifai.kernel.checker import Checker, OpenLeaf
from verifai.kernel.network import Input, Network, affine, relu
from verifai.kernel.number import nearest
from verifai.kernel.operator import Dense, Gather
from verifai.kernel.query import Or, atom

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
