"""The signal that ends what looks at no clock."""

from __future__ import annotations

import contextlib
import signal
import threading
import time

import pytest

from verifai.alarm import alarm


class Late(Exception):
    """What the tests' alarms raise."""


class Later(Exception):
    """What those around them raise."""


def spin() -> None:
    """Work that looks at no clock, and takes every error for its own."""
    while True:
        with contextlib.suppress(Exception):
            sum(range(1000))


def is_quiet() -> bool:
    return signal.getsignal(signal.SIGALRM) is signal.SIG_DFL and not any(
        signal.getitimer(signal.ITIMER_REAL)
    )


def test_a_block_that_is_late_ends() -> None:
    with pytest.raises(Late), alarm(0.05, Late):
        spin()
    assert is_quiet()


def test_a_block_in_time_leaves_nothing_behind() -> None:
    with alarm(60, Late):
        pass
    assert is_quiet()
    with alarm(None, Late):
        assert is_quiet()
    with pytest.raises(KeyError), alarm(60, Late):
        raise KeyError("its own")
    assert is_quiet()


def test_the_block_whose_time_is_over_ends_and_no_other() -> None:
    with alarm(60, Later):
        with pytest.raises(Late), alarm(0.05, Late):
            spin()
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 1
    assert is_quiet()
    with pytest.raises(Later), alarm(0.05, Later), alarm(60, Late):
        spin()
    assert is_quiet()


def test_somebody_elses_alarm_is_left_alone() -> None:
    def theirs(number: int, frame: object) -> None:
        raise AssertionError

    signal.signal(signal.SIGALRM, theirs)
    try:
        with alarm(1e-3, Late):
            time.sleep(0.02)
            assert signal.getsignal(signal.SIGALRM) is theirs
    finally:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)


def test_other_threads_do_without() -> None:
    ended = list[bool]()

    def work() -> None:
        with alarm(1e-3, Late):
            time.sleep(0.02)
            ended.append(is_quiet())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ended == [True]
