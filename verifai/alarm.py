"""A signal that ends what looks at no clock: one long step of a library, or the reading of a file.

Python runs the signal's handler between two byte codes of the main thread, where it interrupts
whatever is under way. That is given up, never finished early: what a verdict rests on is made after
the kernel has accepted it, so that an alarm can only cost an answer.

May import: the standard library. Must not know: what is interrupted.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

AGAIN = 0.4  # seconds until it rings once more, should something have swallowed the first
_DISTURBING = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGALRM") if hasattr(signal, name)
]
LONGEST = 1e8  # seconds to the first one; systems count them in small integers


class _Rung(BaseException):
    """The time of a block is over; no handler of errors is meant to see it."""

    def __init__(self, owner: _Bell) -> None:
        super().__init__("an alarm")
        self.owner = owner


class _Bell:
    """The handler of the signal while a block runs, and of the blocks around it."""

    def __init__(self, end: float, outer: _Bell | None) -> None:
        self.end, self.outer = end, outer

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Interrupts the outermost block whose time is over."""
        now, late = time.monotonic(), None
        for bell in self.all():
            late = bell if bell.end <= now else late
        if late is not None:
            raise _Rung(late)

    def all(self) -> Iterator[_Bell]:
        """Those of all blocks, the innermost first."""
        bell: _Bell | None = self
        while bell is not None:
            yield bell
            bell = bell.outer

    def set(self) -> None:
        """Lets the signal come when the first of the blocks is late."""
        first = min(bell.end for bell in self.all())
        signal.signal(signal.SIGALRM, self)
        wait = min(max(first - time.monotonic(), 1e-6), LONGEST)
        signal.setitimer(signal.ITIMER_REAL, wait, AGAIN)


@contextmanager
def alarm(seconds: float | None, error: Callable[[], Exception]) -> Iterator[None]:
    """Ends the block with this error once so many seconds are over; None: never.

    Alarms may be nested. Nothing is done outside the main thread, on systems without timers, and
    where somebody else uses the signal: there, clocks that are looked at have to do.

    Raises:
        Exception: the error.
    """
    before = signal.SIG_IGN if seconds is None else _handler()
    if seconds is None or not (before is signal.SIG_DFL or isinstance(before, _Bell)):
        yield
        return
    outer = before if isinstance(before, _Bell) else None
    bell = _Bell(time.monotonic() + seconds, outer)
    try:
        try:
            bell.set()
            yield
        finally:
            _restore(outer)
    except _Rung as rung:
        _restore(outer)  # it may have rung just before the first time
        if rung.owner is not bell:
            raise
        raise error() from None


@contextmanager
def undisturbed() -> Iterator[None]:
    """Lets signals that come during the block be heard at its end.

    For the first import of a compiled library: interrupted, it raises an error of its own and stays
    half made for as long as the process lives. Nothing is done outside the main thread, since no
    other is disturbed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard: list[tuple[int, FrameType | None]] = []
    before = {number: signal.getsignal(number) for number in _DISTURBING}
    before = {number: handler for number, handler in before.items() if callable(handler)}
    try:
        for number in before:
            signal.signal(number, lambda number, frame: heard.append((number, frame)))
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number, frame in dict(heard).items():
            handler = before[number]
            if callable(handler):
                handler(number, frame)


def _restore(outer: _Bell | None) -> None:
    """Leaves the signal to the block around, if there is one."""
    if outer is not None:
        outer.set()
        return
    signal.setitimer(signal.ITIMER_REAL, 0.0)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)


def _handler() -> object:
    """Who hears the signal; None where it is of no use."""
    if threading.current_thread() is not threading.main_thread():
        return None
    return signal.getsignal(signal.SIGALRM) if hasattr(signal, "setitimer") else None
