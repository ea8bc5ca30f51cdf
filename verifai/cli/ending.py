"""How a command's process ends: SIGTERM as Ctrl-C does, and without taking apart what it loaded.

May import: the standard library, streams. Must not know: commands.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from verifai.streams import flush_libraries, leave_output


def leave(code: int) -> NoReturn:
    """Ends the process, with all that was to be done at its end, but takes no module apart.

    The memory is the system's anyway, and freeing every object of the libraries first costs a small
    query a quarter of its time. Where another thread runs, Python ends as it always does.
    """
    if threading.active_count() > 1:
        sys.exit(code)
    try:
        atexit._run_exitfuncs()
        leave_output()
        flush_libraries()
    finally:
        os._exit(code)


def hear_signals() -> None:
    """Ends the wait of Ctrl-C and SIGTERM for somebody to answer; what came meanwhile comes now."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGTERM))


@contextmanager
def interrupted_by_sigterm() -> Iterator[None]:
    """Within the block, SIGTERM raises KeyboardInterrupt, once; a second one ends the process.

    Nothing is done outside the main thread, and where somebody else has a use for the signal.
    Processes that are forked from this one end at once, as without a handler.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    owner = os.getpid()

    def interrupt(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if os.getpid() != owner:
            os.kill(os.getpid(), signal.SIGTERM)
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
