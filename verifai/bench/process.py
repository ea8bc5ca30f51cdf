"""One process, timed from outside with start-up, its memory measured, its end enforced.

May import: the standard library. Must not know: what the process does.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import verifai


@dataclass(frozen=True, slots=True)
class Ended:
    """A process that has ended: exit code, wall seconds, peak memory, what it printed."""

    code: int
    seconds: float
    peak_mib: float
    was_killed: bool
    output: str
    errors: str

    def answer(self) -> dict[str, Any]:
        """The JSON object it printed, or one with an error if it printed none."""
        try:
            said = json.loads(self.output)
        except ValueError:
            said = None
        return said if isinstance(said, dict) else {"error": self.complaint}

    @property
    def complaint(self) -> str:
        """The last line it wrote to standard error, or its exit code."""
        lines = (self.errors.strip() or self.output.strip()).splitlines()
        return lines[-1] if lines else f"exit code {self.code}"


class Fleet:
    """The process groups that are running, started by several threads.

    Attributes:
        is_over: whether all were ended, and those to come will be.
    """

    def __init__(self) -> None:
        self._lock, self._groups, self.is_over = threading.Lock(), set[int](), False

    def add(self, group: int) -> None:
        """Notes a group; kills it at once if all is over."""
        with self._lock:
            self._groups.add(group)
            if self.is_over:
                _end(group)

    def remove(self, group: int) -> None:
        """Kills what is left of a group."""
        with self._lock:
            self._groups.discard(group)
            _end(group)

    def end(self) -> None:
        """Kills all groups, and those that are still to come."""
        with self._lock:
            self.is_over = True
            for group in self._groups:
                _end(group)


def measure(
    command: Sequence[str], *, limit: float, home: Path | None = None, fleet: Fleet | None = None
) -> Ended:
    """Run a process in a group of its own and kill the group after `limit` seconds.

    Args:
        command: the program and its arguments.
        limit: wall seconds.
        home: where the package is imported from; None: this very package.
        fleet: where it is noted while it runs.
    """
    fleet = fleet or Fleet()
    package = Path(verifai.__file__).parents[1] if home is None else home
    environment = dict(os.environ, PYTHONPATH=str(package))
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        start = time.monotonic()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            cwd=home,
            env=environment,
            start_new_session=True,
        )
        killed = threading.Event()

        def kill() -> None:
            killed.set()
            _end(process.pid)

        timer = threading.Timer(limit, kill)
        try:
            fleet.add(process.pid)
            timer.start()
            _, status, usage = os.wait4(process.pid, 0)
        finally:
            timer.cancel()
            fleet.remove(process.pid)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - start
        texts = []
        for file in (output, errors):
            file.seek(0)
            texts.append(file.read().decode("utf-8", "replace"))
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    peak = usage.ru_maxrss / unit
    return Ended(process.returncode, seconds, peak, killed.is_set(), texts[0], texts[1])


def _end(group: int) -> None:
    """Kill what is left of a process group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
