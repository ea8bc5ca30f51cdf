"""Every tree node is visited, by one process or two, however many of a kind wait at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

import pytest
from flint import fmpq

from tests.kernel.distance import ABS, BOTH, A, at_least, query_of, rejected
from tests.kernel.false_claims import INPUT, PAIR, close, on
from tests.kernel.proofs import (
    Block,
    Choose,
    Close,
    Derive,
    Point,
    Split,
    Tree,
    decide,
    plan_of,
    written,
)
from verifai.graph.formulas import atom
from verifai.graph.nodes import affine, relu
from verifai.kernel import checker
from verifai.kernel.check import check
from verifai.kernel.checker import Checker
from verifai.kernel.context import Row
from verifai.kernel.errors import Rejection, Unable
from verifai.kernel.ledger import Ledger
from verifai.kernel.network import Input, Network
from verifai.kernel.query import Formula, Or, Query, Relation
from verifai.proof.files import Files
from verifai.proof.share import CAN_FORK, helper

ONE = fmpq(1)
GOOD, WRONG = close((0, 1.0)), Close()
LAST = close((-1, 1.0))


def sum_at_least(threshold: fmpq, relation: Relation = Relation.AT_MOST) -> Formula:
    """x + y is at least this, which no interval alone sees."""
    return atom({0: -ONE, 1: -ONE}, threshold, relation)


def leaves(count: int, wrong: int, bad: Tree = WRONG) -> list[Tree]:
    return [bad if i == wrong else GOOD for i in range(count)]


def balanced(trees: list[Tree], low: float = -1.0, high: float = 1.0) -> Tree:
    """Splits of x with these trees below, as many as a power of two."""
    if len(trees) == 1:
        return trees[0]
    middle, half = (low + high) / 2, len(trees) // 2
    left, right = balanced(trees[:half], low, middle), balanced(trees[half:], middle, high)
    return Split(0, middle, left, right)


@pytest.mark.skipif(not CAN_FORK, reason="one process only")
def test_no_node_is_left_out_where_two_processes_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checker, "SHARED", 4)
    query = query_of(PAIR, sum_at_least(fmpq(3)))
    files = Files.of(query)
    for wrong in range(-1, 8):
        data = files.certificate(written(balanced(leaves(8, wrong))))
        if wrong < 0:
            assert check(files.network, files.query, data, helper=helper(2)).leaves == 8
        else:
            with pytest.raises(Rejection, match="close"):
                check(files.network, files.query, data, helper=helper(2))


@pytest.mark.skipif(not CAN_FORK, reason="one process only")
def test_the_second_process_looks_at_its_own_arithmetic(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise Unable("not in binary64")

    monkeypatch.setattr(checker, "SHARED", 2)
    monkeypatch.setattr(checker, "require_binary64", refuse)
    files = Files.of(query_of(PAIR, sum_at_least(fmpq(3))))
    data = files.certificate(written(balanced(leaves(4, -1))))
    assert check(files.network, files.query, data).leaves == 4
    with pytest.raises(Unable, match="second process"):
        check(files.network, files.query, data, helper=helper(2))


@contextmanager
def swallows(task: Callable[[], bytes]) -> Iterator[Callable[[], bytes]]:
    """A helper that keeps to itself what goes wrong in either part."""
    with suppress(Rejection):
        yield task


@pytest.mark.parametrize("wrong", range(4))
def test_a_helper_that_swallows_a_rejection_makes_no_yes(
    monkeypatch: pytest.MonkeyPatch, wrong: int
) -> None:
    monkeypatch.setattr(checker, "SHARED", 2)
    files = Files.of(query_of(PAIR, sum_at_least(fmpq(3))))
    good, bad = (files.certificate(written(balanced(leaves(4, i)))) for i in (-1, wrong))
    assert check(files.network, files.query, good, helper=swallows).leaves == 4
    with pytest.raises(Unable, match="second process"):
        check(files.network, files.query, bad, helper=swallows)


@contextmanager
def at_once(task: Callable[[], bytes]) -> Iterator[Callable[[], bytes]]:
    """A helper that does its part in this process, before the other part is begun."""
    word = task()
    yield lambda: word


@pytest.mark.parametrize("wrong", range(-1, 8))
def test_a_helper_in_this_process_takes_no_node_from_the_other_part(
    monkeypatch: pytest.MonkeyPatch, wrong: int
) -> None:
    monkeypatch.setattr(checker, "SHARED", 4)
    files = Files.of(query_of(PAIR, sum_at_least(fmpq(3))))
    data = files.certificate(written(balanced(leaves(8, wrong))))
    if wrong < 0:
        assert check(files.network, files.query, data, helper=at_once).leaves == 8
    else:
        with pytest.raises(Rejection, match="close"):
            check(files.network, files.query, data, helper=at_once)


class Interrupted(list[Row]):
    """Rows that are interrupted, once, between a row's joining and the look at its place."""

    task: Callable[[], object] | None = None

    def append(self, row: Row) -> None:
        super().append(row)
        task, Interrupted.task = Interrupted.task, None
        if task is not None:
            task()


@contextmanager
def amidst(task: Callable[[], bytes]) -> Iterator[Callable[[], bytes]]:
    """A helper that does its part in a thread that runs while the other part adds a row."""
    words: list[bytes] = []
    Interrupted.task = lambda: words.append(task())
    yield words.pop


def test_a_helper_in_a_thread_adds_no_row_to_paths_of_the_other_part(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def ledger(*entries: Any) -> Ledger:
        return Ledger(*entries[:4], Interrupted(entries[4]), *entries[5:])

    monkeypatch.setattr(checker, "SHARED", 4)
    monkeypatch.setattr(checker, "Ledger", ledger)
    for threshold in (fmpq(3), fmpq(9, 5)):
        files = Files.of(query_of(PAIR, atom({0: ONE, 1: ONE}, threshold)))  # x + y ≤ -threshold
        data = files.certificate(written(balanced(leaves(8, -1))))
        if threshold > 2:
            assert check(files.network, files.query, data, helper=amidst).leaves == 8
        else:  # false at -1, -1, whose leaf a row of the second part would close
            with pytest.raises(Rejection, match="close"):
                check(files.network, files.query, data, helper=amidst)


@pytest.mark.parametrize(
    "words", [b"", b"accepte", b"accepted ", b"Accepted", b'["close"]', b"[]", b"null", b"true"]
)
def test_other_words_of_a_helper_are_no_answer(
    monkeypatch: pytest.MonkeyPatch, words: bytes
) -> None:
    monkeypatch.setattr(checker, "SHARED", 2)
    files = Files.of(query_of(PAIR, sum_at_least(fmpq(3))))
    data = files.certificate(written(balanced(leaves(4, -1))))
    with pytest.raises(Unable, match="second process"):
        check(files.network, files.query, data, helper=lambda _: nullcontext(lambda: words))


@BOTH
@pytest.mark.parametrize("wrong", [-1, 0, 1, 87, 88, 599])
def test_more_alternatives_than_a_batch_are_all_looked_at(wrong: int, exact: bool) -> None:
    parts = tuple(sum_at_least(fmpq(3 + i)) for i in range(600))
    trees = tuple(WRONG if i == wrong else LAST for i in range(600))
    query = query_of(PAIR, Or(parts))
    if wrong < 0:
        assert decide(query, Choose(0, trees), exact=exact).leaves == 600
    else:
        rejected(query, Choose(0, trees), "close", exact=exact)


@BOTH
def test_another_number_of_alternatives_is_rejected_on_either_side(exact: bool) -> None:
    query = query_of(PAIR, Or((sum_at_least(fmpq(3)), sum_at_least(fmpq(4)))))
    assert decide(query, Choose(0, (LAST,) * 2), exact=exact).leaves == 2
    for count in (1, 3, 4):
        rejected(query, Choose(0, (LAST,) * count), "choose", exact=exact)


@BOTH
@pytest.mark.parametrize("wrong", range(-1, 4))
def test_contexts_with_different_plans_are_all_followed(wrong: int, exact: bool) -> None:
    """Plan k adds k rows to the three that are there, and its leaf names the last of them."""
    query = query_of(PAIR, sum_at_least(fmpq(3)))
    trees: list[Tree] = [
        Derive((("form", 0, None),) * k, WRONG if k == wrong else close((0, 1.0), (2 + k, 0.0)))
        for k in range(4)
    ]
    if wrong < 0:
        assert decide(query, balanced(trees), exact=exact).leaves == 4
    else:
        rejected(query, balanced(trees), "close", exact=exact)


@BOTH
def test_each_context_follows_its_own_plan_only(exact: bool) -> None:
    """a ≤ 2 is derived on one side; the other derives nothing, and its leaf is not refuted."""
    query = query_of(ABS, at_least(A, fmpq(3)))
    rich = Derive(plan_of(ABS), Close())
    poor = Derive((("node", 1, None),), Close())
    assert decide(query, Split(0, 0.0, rich, rich), exact=exact).leaves == 2
    rejected(query, Split(0, 0.0, rich, poor), "close", exact=exact)
    rejected(query, Split(0, 0.0, poor, rich), "close", exact=exact)


@BOTH
def test_leaves_of_one_batch_have_blocks_and_bounds_of_their_own(exact: bool) -> None:
    """x + y ≥ 3/2 alone cannot be left of 0; right of 0 it takes x ≤ y - 1, too."""
    query = on(PAIR, (-1, -1), (1, 1), sum_at_least(fmpq(3, 2)), atom({0: ONE, 1: -ONE}, ONE))
    one, both = close((0, 1.0)), close((0, 1.0), (1, 1.0))
    assert decide(query, Split(0, 0.0, one, both), exact=exact).leaves == 2
    assert decide(query, Split(0, 0.0, both, both), exact=exact).leaves == 2
    rejected(query, Split(0, 0.0, both, one), "close", exact=exact)
    rejected(query, Split(0, 0.0, Close(), both), "close", exact=exact)


@BOTH
def test_a_point_leaf_below_an_empty_context_holds(exact: bool) -> None:
    """a ≤ 2 is derived; the intervals of a point leaf would see 4 at most."""
    query = query_of(ABS, at_least(A, fmpq(3)))
    assert decide(query, Derive((("node", 3, None),), Point()), exact=exact).leaves == 1
    rejected(query, Point(), "point", exact=exact)


@BOTH
def test_a_bound_just_below_0_is_decided_for_its_own_leaf(exact: bool) -> None:
    """Of four leaves one misses by 2^-60, one has bound 0 against a row that is not strict."""
    apart = query_of(PAIR, sum_at_least(fmpq(2) + fmpq(1, 2**60)))
    touching = query_of(PAIR, sum_at_least(fmpq(2)))
    strict = query_of(PAIR, sum_at_least(fmpq(2), Relation.LESS))
    trees = balanced([GOOD] * 4)
    assert decide(apart, trees, exact=exact).leaves == 4
    assert decide(strict, trees, exact=exact).leaves == 4
    rejected(touching, trees, "close", exact=exact)
    for wrong in range(4):
        rejected(strict, balanced(leaves(4, wrong, close((0, 0.0)))), "close", exact=exact)


def vacuous(domain: Formula, unsafe: Formula, tree: Tree, *, exact: bool) -> bool:
    query = query_of(PAIR, unsafe, domain=(domain,))  # type: ignore[arg-type]
    return decide(query, tree, exact=exact).vacuous


@BOTH
def test_a_domain_is_empty_only_by_its_own_rows(exact: bool) -> None:
    none, some = sum_at_least(fmpq(3)), sum_at_least(fmpq(1))
    far = sum_at_least(fmpq(4))
    assert vacuous(none, far, GOOD, exact=exact)
    assert not vacuous(none, far, LAST, exact=exact)  # the last row is the unsafe one
    split = Split(((0, 1.0), (1, 1.0)), 2.0, close((0, 1.0), (1, 1.0)), GOOD)
    assert not vacuous(none, far, split, exact=exact)  # row 1 is the unsafe one
    assert not vacuous(some, at_least(0, fmpq(2)), Close(), exact=exact)  # whose cut leaves none
    assert not vacuous(some, far, Point(), exact=exact)


def test_the_longest_row_of_the_query_counts_as_work() -> None:
    """32 leaves, each with 2000 multipliers of a row of 64 terms."""
    wide = Files.of(long_query())
    tree = balanced([Close(Block(rows=((0, 1.0),) * 2000))] * 32)
    with pytest.raises(Rejection, match="work"):
        check(wide.network, wide.query, wide.certificate(written(tree)))


def long_query() -> Query:
    net = Network((Input("x", (64,)),), (0,))
    return query_of(net, atom(dict.fromkeys(range(64), -ONE), fmpq(65)))


def test_exact_arithmetic_is_the_one_that_decides() -> None:
    query = on(INPUT, 0, 1, at_least(0, fmpq(1, 2)))
    assert Checker(query, exact=True).root.ar.rounds is False
    assert Checker(query).root.ar.rounds is True


@BOTH
def test_a_constant_with_a_radius_is_derived_behind_an_empty_context(exact: bool) -> None:
    """It has no source, so its magnitude is one for all contexts."""
    constant = affine("c", (1,), (), bias=1.0, radius=0.5)
    net = Network((Input("x", (2,)), constant, relu("r", (1,), 1)), (2,))
    query = query_of(net, atom({3: -ONE, 1: -ONE}, fmpq(3)))
    good = Derive((("node", 1, None), ("node", 2, None)), close((0, 1.0)))
    for at in (-2.0, 0.0, 2.0):
        assert decide(query, Split(0, at, good, good), exact=exact).leaves == 2
    reached = query_of(net, atom({3: -ONE, 1: -ONE}, fmpq(5, 2)))
    rejected(reached, Split(0, -2.0, good, good), "close", exact=exact)
