"""Searches in several processes: who works, what is counted, and how the loss of one ends."""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
from types import SimpleNamespace

import numpy as np
import pytest
from flint import fmpq

from tests.bounds.nets import dense
from tests.processes import PATIENCE, is_left_alone, members, wait_for_helper
from tests.search.test_endings import hard as hard
from tests.search.test_endings import start
from verifai.bounds.compiled import compile_network
from verifai.bounds.interval import interval
from verifai.graph.formulas import atom
from verifai.kernel.query import And, Query
from verifai.search import driver
from verifai.search.budget import NO_MEMORY, Meter, Stopped
from verifai.search.loop import frontier, team
from verifai.search.loop.forest import Away, Forest
from verifai.search.loop.frontier import Regions, root_region
from verifai.search.loop.team import Team
from verifai.search.split.inputs import BoxSearch
from verifai.verdict import Unknown, Verified
from verifai.verify import Options, verify

INPUTS = 5


@pytest.fixture(autouse=True)
def _eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Helpers at once, batches so small that there is something to hand over."""
    monkeypatch.setattr(team, "PATIENCE", 0.0)
    monkeypatch.setattr(driver, "ATTACK_SECONDS", 0.02)
    monkeypatch.setattr(frontier, "BATCH_VALUES", 1 << 10)


def long(share: float = 0.05, width: int = 20) -> Query:
    """A property that takes thousands of boxes; the less the share, the more."""
    network = dense((INPUTS, width, width, 1), seed=3)
    compiled, rng = compile_network(network), np.random.default_rng(0)
    seen = compiled.forward(rng.uniform(-1, 1, size=(20_000, INPUTS)))[-1]
    threshold = fmpq(int(1000 * (seen.max() + share * np.ptp(seen))), 1000)
    out = int(network.offsets[network.outputs[0]])
    ends = (fmpq(-1),) * INPUTS, (fmpq(1),) * INPUTS
    return Query(network, *ends, And((atom({out: fmpq(-1)}, threshold),)))


@pytest.mark.parametrize("workers", [2, 4])
def test_every_process_works_and_the_proof_of_all_is_accepted(
    workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    forests: dict[int, Forest] = {}
    run = Team.run

    def noted(self: Team, most: int | None = None) -> bool:
        is_done = run(self, most)
        forests.update(self.forests)
        return is_done

    monkeypatch.setattr(Team, "run", noted)
    found = verify(long(), Options(timeout=PATIENCE, workers=workers))
    assert isinstance(found, Verified), str(found)
    assert len(forests) == workers
    for number, forest in forests.items():
        closed = [o for o in forest.outcome if o is not None and not isinstance(o, Away)]
        assert len(closed) > 10, f"process {number} did nothing"
    assert not multiprocessing.active_children()


def test_a_killed_helper_ends_the_search_as_unknown(hard: tuple[str, str]) -> None:
    process = start(hard, "--timeout", "600")
    wait_for_helper(process)
    (helper,) = set(members(process.pid)) - {process.pid}
    os.kill(helper, signal.SIGKILL)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2, out + err
    assert "search process 1 was ended by signal 9" in out
    assert "Traceback" not in err
    assert is_left_alone(process.pid)


def in_helpers(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Makes what only helpers do raise an error."""

    def raises(*_: object) -> None:
        raise error

    monkeypatch.setattr(team, "_promising", raises)


def test_a_helper_that_fails_is_an_error_with_its_traceback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    in_helpers(monkeypatch, ValueError("seven"))
    with pytest.raises(RuntimeError, match=r"(?s)a search process failed.*ValueError: seven"):
        verify(long(), Options(timeout=PATIENCE, workers=3))
    assert not multiprocessing.active_children()


def test_a_helper_without_memory_ends_the_search_as_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    in_helpers(monkeypatch, MemoryError())
    found = verify(long(), Options(timeout=PATIENCE, workers=2))
    assert isinstance(found, Unknown)
    assert found.reason == NO_MEMORY
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("workers", [1, 2])
def test_more_memory_than_allowed_ends_with_the_best_bound(
    workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frontier, "BATCH_VALUES", 1 << 19)  # wide, so that many boxes are open
    found = verify(long(0.08, width=80), Options(timeout=PATIENCE, workers=workers, memory_mib=1))
    assert isinstance(found, Unknown), str(found)
    assert "hold more than 1 MiB" in found.reason
    assert found.bound is not None
    assert -np.inf < found.bound < 0
    assert 0 < found.open_fraction <= 1
    assert not multiprocessing.active_children()


def search_of(boxes: int) -> BoxSearch:
    """A search with so many equal boxes open."""
    compiled = compile_network(dense((INPUTS, 20, 20, 1)))
    judge = SimpleNamespace(clause=SimpleNamespace(ors=()))
    search = BoxSearch(compiled, judge, integers=np.zeros(0, int), climber=None)
    search.add(many(search, boxes))
    return search


def many(search: BoxSearch, count: int) -> Regions:
    ends = np.full((1, INPUTS), -1.0), np.full((1, INPUTS), 1.0)
    return root_region(interval(search.compiled, *ends)).take(np.zeros(count, int))


@pytest.mark.parametrize("workers", [1, 3])
def test_a_search_that_rests_loses_nothing(workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What helpers hold comes back when it rests; the next turn has helpers of its own."""
    monkeypatch.setattr(team, "PATIENCE", 0.0)
    turns, whole = list[int](), Team.run

    def in_parts(self: Team, most: int | None = None) -> bool:
        while not whole(self, 100):
            turns.append(self.meter.nodes)
        return True

    monkeypatch.setattr(Team, "run", in_parts)
    verdict = verify(long(), Options(timeout=PATIENCE, workers=workers))
    assert isinstance(verdict, Verified)
    assert len(turns) > 3
    assert turns == sorted(set(turns))
    assert verdict.effort.nodes >= turns[-1]
    assert not multiprocessing.active_children()


def test_what_helpers_hold_counts() -> None:
    search = search_of(10)
    assert search.held == 10 * (16 * sum(search.compiled.sizes) + 24)
    crew = Team(search, Meter(Options(memory_mib=1)), lambda _: None)
    crew._measure()
    crew.helpers = [SimpleNamespace(state=team._State(held=1 << 20))]
    with pytest.raises(Stopped, match="more than 1 MiB"):
        crew._measure()


def test_boxes_on_their_way_to_a_helper_are_in_the_bound() -> None:
    """A helper says nothing before its first batch is done."""
    search = search_of(3)
    helper = object.__new__(team._Helper)
    helper.state, helper.pipe = team._State(), SimpleNamespace()
    helper.pipe.send, helper.pipe.recv = (lambda _: None), (lambda: ("first", 0))
    helper.pipe.poll = lambda _: True
    boxes = many(search, 2)
    boxes.value[:] = -7.0, -8.0
    assert helper.take(boxes, lambda _: None) == 0
    assert (helper.state.worst, helper.state.waiting) == (-8.0, 2)
    assert helper.state.held == boxes.bytes
    assert not helper.is_idle


def test_a_batch_ends_about_when_the_time_does() -> None:
    search = search_of(100)
    search.batch, search.pace = 20, 0.25
    assert len(search.pop()) == 20  # no deadline
    search.left = lambda: 1.0
    assert len(search.pop()) == 1.0 / 0.25
    search.left = lambda: -10.0
    assert len(search.pop()) == 1
    search.left = lambda: 30.0
    assert len(search.pop()) == 20
    assert search.waiting == 100 - 20 - 4 - 1 - 20


@pytest.mark.parametrize("left", [-math.inf, -1e9, -10.0, 0.0, 1e-9, math.inf])
@pytest.mark.parametrize("pace", [0.0, 5e-324, 1e-3, math.inf])
def test_a_batch_holds_something_whatever_the_clock_says(left: float, pace: float) -> None:
    """A clock that stood still during a batch, and one that has gone far past the end."""
    search = search_of(30)
    search.batch, search.pace, search.left = 20, pace, lambda: left
    assert 1 <= len(search.pop()) <= 20


def test_what_is_left_of_a_group_does_not_keep_the_rest_in_memory() -> None:
    search = search_of(100)
    search.batch = 90
    search.pop()
    assert all(a.base is None or len(a.base) == 10 for a in search.open[0].bounds.lower)


def test_the_oldest_boxes_are_given_away() -> None:
    search = search_of(100)
    search.add(many(search, 300))
    given = search.give(64)
    assert given is not None
    assert given.nodes.tolist() == list(range(0, 128, 2))
    kept = np.concatenate([group.nodes for group in search.open])
    assert sorted([*kept.tolist(), *given.nodes.tolist()]) == list(range(400))
    assert search.open[-1].nodes[-1] == 399  # visited next, as before
