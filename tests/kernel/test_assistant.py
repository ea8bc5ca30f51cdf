"""Sharing a check with a second process changes nothing but the time."""

import os
import signal
from collections.abc import Callable

import numpy as np
import pytest
from flint import fmpq

from tests.kernel.proofs import Block, Close, Split, Tree, written
from verifai.kernel import assistant, checker
from verifai.kernel.assistant import Assistant
from verifai.kernel.check import check
from verifai.kernel.errors import Rejection, Unable
from verifai.kernel.network import Input, Network, affine
from verifai.kernel.operator import Gather
from verifai.kernel.query import And, Query, atom
from verifai.proof.files import Files


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
    return check(files.network, files.query, files.certificate(written(tree)), processes=processes)


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


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _crash() -> None:
    raise ZeroDivisionError


def _exit() -> None:
    os._exit(0)


@pytest.mark.parametrize("task", [_kill, _crash, _exit])
def test_a_process_that_ends_without_its_word_is_no_answer(task: Callable[[], None]) -> None:
    with pytest.raises(Unable, match="second process"), Assistant(task):
        np.zeros(1)


def _out_of_memory() -> None:
    raise MemoryError


def test_memory_that_runs_out_in_the_second_process_is_no_answer() -> None:
    with pytest.raises(Unable, match="memory"), Assistant(_out_of_memory):
        np.zeros(1)


def _says(words: bytes) -> Callable[[Callable[[], None]], bytes]:
    return lambda task: task() or words  # type: ignore[func-returns-value]


@pytest.mark.parametrize(
    "words", [b"", b"accepte", b"accepted ", b"Accepted", b'["close"]', b"[]", b"null", b"true"]
)
def test_other_words_are_no_answer(monkeypatch: pytest.MonkeyPatch, words: bytes) -> None:
    monkeypatch.setattr(assistant, "_answer", _says(words))
    with pytest.raises(Unable), Assistant(lambda: None):
        np.zeros(1)


@pytest.mark.parametrize("end", ["kill", "code"])
def test_the_word_of_a_process_that_ends_badly_does_not_count(
    monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """It wrote its word, and then something went wrong in it."""
    leave = os._exit
    monkeypatch.setattr(os, "_exit", lambda _: _kill() if end == "kill" else leave(3))
    with pytest.raises(Unable), Assistant(lambda: None):
        np.zeros(1)


def test_a_rejection_of_the_second_process_keeps_its_rule() -> None:
    def refuse() -> None:
        raise Rejection("close", "no")

    with pytest.raises(Rejection, match="close: no"), Assistant(refuse):
        np.zeros(1)


def test_an_error_here_ends_the_other_process() -> None:
    with pytest.raises(Rejection, match="here"), Assistant(lambda: signal.pause() and None):
        raise Rejection("here", "first")
