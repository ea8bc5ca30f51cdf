"""The signal that ends what looks at no clock."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from verifai.alarm import alarm, undisturbed


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


def test_what_must_not_be_disturbed_hears_signals_at_its_end() -> None:
    done = list[str]()

    def whole(work: Callable[[], None]) -> None:
        with undisturbed():
            work()
            done.append(work.__name__)

    def long() -> None:
        time.sleep(0.1)

    def twice() -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)  # heard once

    with pytest.raises(Late), alarm(0.01, Late):
        whole(long)
    assert is_quiet()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            whole(twice)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert done == ["long", "twice"]


def test_an_interrupted_import_is_an_interrupt(tmp_path: Path) -> None:
    """A compiled library that is interrupted while it is imported says "initialization failed"."""
    (tmp_path / "onnxruntime.py").write_text(
        "import os, signal\ntry:\n    os.kill(os.getpid(), signal.SIGINT)\n    sum(range(1000))\n"
        "except KeyboardInterrupt:\n    raise ImportError('initialization failed')\n"
    )
    program = "from verifai.load.onnx.execution import refusals\nrefusals()"
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join([str(tmp_path), *sys.path]))
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "KeyboardInterrupt" in done.stderr
    assert "initialization" not in done.stderr
