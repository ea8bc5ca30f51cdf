"""Standard output is for what a command says: whatever libraries print goes to standard error.

Libraries written in C print to the first descriptor, past anything that Python could put in its
place (HiGHS its name, a BLAS its warnings). So what they know as that descriptor is standard error,
in processes that are started later too, and Python's `sys.stdout` has the real one.

May import: the standard library. Must not know: what is printed.
"""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer


@contextmanager
def own_output(*, for_good: bool = False) -> Iterator[None]:
    """Within the block, standard output gets what Python prints, and nothing else.

    Args:
        for_good: leave it so afterwards, since libraries may print when the process ends.
    """
    _open_all()
    before, kept = sys.stdout, os.dup(1)
    with suppress(OSError, ValueError):  # a pipe is closed: what is printed next will say so
        before.flush()
    is_first = _number(before) == 1
    if is_first:
        sys.stdout = _text(_Output(os.dup(1), "wb"), before.encoding, before.errors)
    os.dup2(2, 1)
    try:
        yield
    finally:
        if for_good:
            os.close(kept)
        else:
            flush_libraries()
            os.dup2(kept, 1)
            os.close(kept)
            if is_first:
                sys.stdout, own = before, sys.stdout
                with suppress(OSError, ValueError):
                    own.close()


@contextmanager
def hushed() -> Iterator[None]:
    """Within the block, what libraries print to standard output is lost, if no other thread runs.

    For what prints before it can be told not to.
    """
    if threading.active_count() > 1:
        yield
        return
    try:
        kept = os.dup(1)
    except OSError:  # it is closed
        yield
        return
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(null)
        os.close(kept)


def leave_output() -> None:
    """Lets Python end in peace when what it printed last could not be written."""
    null = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            number = _number(stream)
            if number is not None:
                os.dup2(null, number)
    os.close(null)


def _open_all() -> None:
    """Opens nothing in the place of standard streams that are closed.

    Otherwise a file that is opened next would be one of them, and get what is printed there.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    sys.stdout = sys.stdout or _text(_Output(os.dup(1), "wb"), "utf-8", "replace")
    sys.stderr = sys.stderr or _text(io.FileIO(os.dup(2), "wb"), "utf-8", "replace")


def _number(stream: TextIO) -> int | None:
    try:
        return stream.fileno()
    except (OSError, ValueError, AttributeError):
        return None


class _Output(io.FileIO):
    """Standard output, which the error calls so when nothing more can be written there.

    But not when nobody reads it any more: then nothing is to be told.
    """

    def write(self, data: Buffer, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OSError(error.errno, error.strerror, "standard output") from None


def _text(raw: io.FileIO, encoding: str, errors: str | None) -> TextIO:
    """A stream of text to a descriptor, which `raw` owns."""
    line_buffering = os.isatty(raw.fileno())
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding, errors, line_buffering=line_buffering)


def flush_libraries() -> None:
    """Lets libraries write out what they have printed, while it goes elsewhere."""
    with suppress(ImportError, OSError, AttributeError, TypeError):
        import ctypes

        ctypes.CDLL(None).fflush(None)
