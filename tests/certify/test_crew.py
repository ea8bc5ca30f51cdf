"""Several processes on a list of tasks: all are done once, and an ended process loses its own."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import pytest

from tests.processes import members
from verifai.certify.crew import CAN_FORK, Heard, Say, processors, work
from verifai.kernel.errors import InputError

pytestmark = pytest.mark.skipif(not CAN_FORK, reason="the system cannot fork")


def heard_of(task: Any, count: int, jobs: int) -> list[Heard]:
    found: list[Heard] = []
    work(task, count, jobs, found.append)
    return found


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_every_task_is_done_once_after_its_notes(jobs: int) -> None:
    def task(number: int, say: Say) -> int:
        say(f"note {number}")
        return number * number

    found = heard_of(task, 20, jobs)
    done = {each.number: each.what for each in found if each.kind == "done"}
    assert done == {i: i * i for i in range(20)}
    for number in range(20):
        of = [each.kind for each in found if each.number == number]
        assert of == ["note", "done"]


def test_they_are_other_processes() -> None:
    found = heard_of(lambda number, say: os.getpid(), 6, 2)
    assert os.getpid() not in {each.what for each in found}
    assert heard_of(lambda number, say: os.getpid(), 1, 2)[0].what == os.getpid()


def test_a_process_that_is_ended_loses_its_task_only() -> None:
    def task(number: int, say: Say) -> int:
        say("begun")
        if number in (1, 4):
            os.kill(os.getpid(), signal.SIGKILL)
        if number == 6:
            os._exit(3)
        return number

    found = heard_of(task, 8, 2)
    lost = {each.number: each.what for each in found if each.kind == "lost"}
    assert set(lost) == {1, 4, 6}
    assert "signal 9" in lost[1] and "exit code 3" in lost[6]
    assert {each.number for each in found if each.kind == "done"} == {0, 2, 3, 5, 7}
    assert sum(each.kind == "note" for each in found) == 8


def test_refusals_and_failures_are_raised_here() -> None:
    def refusing(number: int, say: Say) -> int:
        if number == 3:
            raise InputError("X[3]: nonsense")
        return number

    def failing(number: int, say: Say) -> int:
        raise ZeroDivisionError("by zero")

    with pytest.raises(InputError, match="nonsense"):
        heard_of(refusing, 6, 2)
    with pytest.raises(RuntimeError, match="by zero"):
        heard_of(failing, 6, 2)


def test_a_busy_process_ends_with_its_parent() -> None:
    def busy(number: int, say: Say) -> int:
        while True:
            pass

    child = os.fork()
    if child == 0:
        os.setsid()
        try:
            work(busy, 2, 2, lambda heard: None)
        finally:
            os._exit(1)
    end = time.monotonic() + 60
    while len(members(child)) < 3:
        assert time.monotonic() < end
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while members(child):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_there_is_a_processor() -> None:
    assert processors() >= 1
