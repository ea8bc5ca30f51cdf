"""Runs fuzzed cases in a process of their own, with limits on time and memory, and counts.

The process is a fork of the caller, which has made the seeds; when it dies or hangs, that is the
outcome of the case it was at, and another one goes on with the next. The time of a case is that
of the processor, so that a busy machine makes no hangs.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import resource
import signal
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tests.load.fuzz_cases import trial
from tests.load.fuzz_outcome import Finding

SECONDS = 10.0  # of the processor, for one file
MEMORY = 2 << 30  # bytes, beyond what the process had before
_PATIENCE = 120.0  # seconds of the clock, until a process that says nothing is hanging


@dataclass(slots=True)
class Report:
    """What happened to the files of one kind.

    Attributes:
        outcomes: how many came to what.
        details: examples: (result, reason without numbers and names) ↦ a seed.
        findings: seed ↦ what was wrong.
        slowest: seconds of the processor that reading a file took, and its seed.
        largest: bytes that reading a file added to the process, and its seed.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    details: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: dict[tuple[str, str], int] = field(default_factory=dict)
    findings: dict[int, str] = field(default_factory=dict)
    slowest: tuple[float, int] = (0.0, -1)
    largest: tuple[int, int] = (0, -1)

    @property
    def files(self) -> int:
        """How many were read."""
        return sum(self.outcomes.values())

    def add(self, seed: int, result: str, detail: str) -> None:
        """Count an outcome."""
        self.outcomes[result] += 1
        key = (result, general(detail))
        self.details[key] += 1
        self.examples.setdefault(key, seed)

    def measured(self, seed: int, seconds: float, memory: int) -> None:
        """Note what a case took."""
        self.slowest = max(self.slowest, (seconds, seed))
        self.largest = max(self.largest, (memory, seed))


def general(text: str) -> str:
    """A message without what differs from file to file."""
    return re.sub(r"'[^']*'|\([^)]*\)|[-\d.]+", "#", " ".join(text.split()))[:120]


class Hang(BaseException):
    """A case took too long; nothing may catch it."""


def fuzz(kind: str, seeds: Sequence[int], report: Report | None = None) -> Report:
    """Read the fuzzed files of these seeds, each under the limits; a report may be continued."""
    report, rest = report or Report(), list(seeds)
    while rest:
        rest = rest[_one_process(kind, rest, report) :]
    return report


def _one_process(kind: str, seeds: list[int], report: Report) -> int:
    """How many cases a process has come through before it died or was done."""
    ours, theirs = multiprocessing.Pipe(duplex=False)
    pid = os.fork()
    if pid == 0:
        ours.close()
        _work(kind, seeds, theirs)
        os._exit(0)
    theirs.close()
    done, stage = 0, "making"
    try:
        while True:
            if not ours.poll(_PATIENCE):
                os.kill(pid, signal.SIGKILL)
                break
            message = ours.recv()
            if isinstance(message, str):
                stage = message
                continue
            _note(report, seeds[done], message)
            done, stage = done + 1, "making"
    except EOFError:
        pass
    _, status = os.waitpid(pid, 0)
    ours.close()
    if done < len(seeds):
        what = f"the process ended with status {status} while {stage}"
        if stage == "reading" or stage == "making":
            report.findings[seeds[done]] = what
        report.add(seeds[done], what, "")
        done += 1
    return done


def _note(report: Report, seed: int, message: tuple[str, str, str, float, int]) -> None:
    finding, result, detail, seconds, memory = message
    if finding:
        report.findings[seed] = finding
    report.add(seed, result, detail)
    report.measured(seed, seconds, memory)


def _work(kind: str, seeds: list[int], pipe: Connection) -> None:
    """Go through cases and tell about each: how it ended, and what it took."""
    warnings.simplefilter("error")
    os.environ["PYTHONWARNINGS"] = "error"
    signal.signal(signal.SIGPROF, _hang)
    limit = _status("VmSize") + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    with tempfile.TemporaryDirectory() as folder:
        for seed in seeds:
            pipe.send(_case(kind, seed, Path(folder), pipe))


def _hang(*_: Any) -> None:
    raise Hang(f"more than {SECONDS} seconds")


def _case(kind: str, seed: int, folder: Path, pipe: Connection) -> tuple[str, str, str, float, int]:
    """(what is wrong, result, detail, seconds, bytes) of one case."""
    clock = _Clock()

    def stage(name: str) -> None:
        if name == "reading":
            clock.start()
        else:
            clock.stop()
        pipe.send(name)

    try:
        outcome = trial(kind, seed, folder, stage)
        clock.stop()
        return "", outcome.result, outcome.detail, clock.seconds, clock.memory
    except Finding as finding:
        clock.stop()
        return f"Finding: {finding}", "read wrongly", "", clock.seconds, clock.memory
    except (Exception, Hang) as error:
        clock.stop()
        frames = traceback.extract_tb(error.__traceback__)
        own = [f for f in frames if "/verifai/" in f.filename] or frames
        at = f"{Path(own[-1].filename).name}:{own[-1].lineno}"
        said = f"{type(error).__name__}: {str(error)[:200]} at {at}"
        return said, "crashed", "", clock.seconds, clock.memory


class _Clock:
    """Measures the time and the memory of one reading, and raises where it takes too long."""

    def __init__(self) -> None:
        self.seconds, self.memory, self._running = 0.0, 0, False

    def start(self) -> None:
        Path("/proc/self/clear_refs").write_text("5")  # forget the largest size so far
        self._before, self._start, self._running = _status("VmRSS"), time.process_time(), True
        signal.setitimer(signal.ITIMER_PROF, SECONDS)

    def stop(self) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        if self._running:
            self.seconds = time.process_time() - self._start
            self.memory = max(0, _status("VmHWM") - self._before)
        self._running = False


def _status(name: str) -> int:
    """A size of this process in bytes."""
    text = Path("/proc/self/status").read_text("ascii", "replace")
    match = re.search(rf"^{name}:\s+(\d+) kB$", text, re.MULTILINE)
    return int(match[1]) * 1024 if match else 0
