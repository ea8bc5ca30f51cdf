"""Sharing a check with a second process changes nothing but the time."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest
from flint import fmpq

from tests.kernel.proofs import Block, Close, Split, Tree, written
from verifai.graph.formulas import atom
from verifai.graph.nodes import affine
from verifai.kernel import binary64, checker
from verifai.kernel.binary64 import require_binary64
from verifai.kernel.check import check
from verifai.kernel.checker import YES
from verifai.kernel.errors import Rejection
from verifai.kernel.network import Input, Network
from verifai.kernel.operator import Gather
from verifai.kernel.query import And, Query
from verifai.proof.files import Files
from verifai.proof.share import Forked, helper


def chain(depth: int, low: float, high: float, wrong: int = -1) -> Tree:
    """A balanced tree of splits of the first input; leaf number `wrong` has none."""
    leaves = iter(range(1 << depth))

    def build(level: int, low: float, high: float) -> Tree:
        if level == 0:
            return Close(Block()) if next(leaves) == wrong else Close(Block(rows=((0, 1.0),)))
        middle = (low + high) / 2
        return Split(0, middle, build(level - 1, low, middle), build(level - 1, middle, high))

    return build(depth, low, high)


def decide(query: Query, tree: Tree, processes: int) -> checker.Accepted:
    files = Files.of(query)
    return check(
        files.network, files.query, files.certificate(written(tree)), helper=helper(processes)
    )


@pytest.fixture
def query() -> Query:
    """On [-1, 1], y = x: unsafe where x + y + 3 ≤ 0, which single intervals do not refute."""
    net = Network((Input("x", (1,)), affine("y", (1,), ((0, Gather.of(1)),))), (1,))
    unsafe = atom({0: fmpq(1), 1: fmpq(1)}, fmpq(3))
    return Query(net, (fmpq(-1),), (fmpq(1),), And((unsafe,)))


def test_two_processes_accept_what_one_accepts(query: Query) -> None:
    tree = chain(9, -1.0, 1.0)
    assert decide(query, tree, 1) == decide(query, tree, 2)
    assert decide(query, tree, 2).leaves == 512


def test_a_wrong_leaf_is_found_in_either_half(query: Query) -> None:
    for wrong in range(0, 512, 37):
        with pytest.raises(Rejection) as one:
            decide(query, chain(9, -1.0, 1.0, wrong), 1)
        with pytest.raises(Rejection) as two:
            decide(query, chain(9, -1.0, 1.0, wrong), 2)
        assert one.value.rule == two.value.rule == "close"


def _kill() -> bytes:
    os.kill(os.getpid(), signal.SIGKILL)
    return YES


def _crash() -> bytes:
    raise ZeroDivisionError


def _exit() -> bytes:
    os._exit(0)


def _out_of_memory() -> bytes:
    raise MemoryError


def _other_arithmetic() -> bytes:
    binary64.PRODUCT = lambda a, b: a @ b * 0  # type: ignore[assignment]
    require_binary64()
    return YES


@pytest.mark.parametrize("task", [_kill, _crash, _exit, _out_of_memory, _other_arithmetic])
def test_a_process_that_ends_without_its_word_has_no_answer(task: Callable[[], bytes]) -> None:
    with Forked(task) as answer:
        assert answer() == b""


@pytest.mark.parametrize("end", ["kill", "code"])
def test_the_word_of_a_process_that_ends_badly_does_not_count(
    monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """It wrote its word, and then something went wrong in it."""
    leave = os._exit
    monkeypatch.setattr(os, "_exit", lambda _: _kill() if end == "kill" else leave(3))
    with Forked(lambda: YES) as answer:
        assert answer() == b""


def test_a_process_that_does_its_part_says_so() -> None:
    with Forked(lambda: YES) as answer:
        assert answer() == YES


def test_a_rejection_of_the_second_process_keeps_its_rule() -> None:
    def refuse() -> bytes:
        raise Rejection("close", "no")

    with pytest.raises(Rejection, match="close: no"), Forked(refuse) as answer:
        answer()


def test_an_error_here_ends_the_other_process() -> None:
    def waits() -> bytes:
        signal.pause()
        return YES

    other = Forked(waits)
    with pytest.raises(Rejection, match="here"), other:
        raise Rejection("here", "first")
    with pytest.raises(ChildProcessError):
        os.waitpid(other.process, os.WNOHANG)
