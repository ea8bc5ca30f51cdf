"""SMT solvers behind one small interface, each in a process of its own, several side by side.

What a solver says is a proposal: a model is a point to replay, "unsat" is a claim.

May import: entry, python-flint, kernel errors and numbers, smtlib. Must not know:
networks, verdicts.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from enum import Enum
from queue import Empty, Queue
from threading import Thread
from typing import Protocol

from flint import fmpq

from verifai.entry.sentences import missing_package
from verifai.kernel.errors import InputError
from verifai.kernel.number import rational, text
from verifai.solvers.smtlib import Script

NAMES = ("z3", "cvc5")
MEMORY_MIB = 4096
LONGEST_WAIT = 1e5  # seconds of one wait for a process
HALVINGS = 30  # how finely an irrational value is isolated before it is given up
_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]);"
    "from verifai.solvers.smt_worker import main; main()"
)


class Status(Enum):
    """What a solver says of a script."""

    SAT = "sat"
    UNSAT = "unsat"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class EngineReply:
    """What one call of an engine found.

    Attributes:
        status: its answer.
        ends: of a satisfiable script: an interval for every input, without width where the value
            is rational.
        reason: of an unknown one: why.
    """

    status: Status
    ends: tuple[tuple[fmpq, fmpq], ...] = ()
    reason: str = ""


class Engine(Protocol):
    """A solver in this process."""

    name: str

    def check(self, script: Script) -> EngineReply:
        """The answer to a script, with intervals around the model's inputs."""
        ...


@dataclass(frozen=True, slots=True)
class SolverAnswer:
    """What one solver's process said, untrusted.

    Attributes:
        solver: its name.
        status: sat only with a rational point.
        inputs: of a satisfiable script: the point, one number an input.
        reason: of an unknown one: why.
        is_timeout: whether its time was over.
        seconds: how long it took, with the start of its process.
    """

    solver: str
    status: Status
    inputs: tuple[fmpq, ...] = ()
    reason: str = ""
    is_timeout: bool = False
    seconds: float = 0.0

    def __str__(self) -> str:
        """What is left to report once a model, if it had one, has failed its replay."""
        if self.status is Status.UNSAT:
            return f"claimed unsat by {self.solver}, without a certificate"
        if self.status is Status.SAT:
            return f"the counterexample of {self.solver} did not survive exact replay"
        return f"{self.solver}: {self.reason}"


def require_solver(name: str) -> None:
    """Return if a solver of this name is installed.

    Raises:
        InputError: there is no such solver, or its package is missing; the extra is named.
    """
    if name not in NAMES:
        raise InputError(f"no solver {name!r} (one of {', '.join(NAMES)})")
    from importlib.util import find_spec

    if find_spec(name) is None:
        raise missing_package(ModuleNotFoundError(name=name))


def rational_model(engine: Engine, script: Script) -> EngineReply:
    """The engine's answer with a point whose numbers are all rational, where it finds one.

    An irrational value is pinned to the ends or the middle of its interval if the script stays
    satisfiable, else isolated in one half of it.
    """
    found = engine.check(script)
    for k, symbol in enumerate(script.inputs):
        for _ in range(HALVINGS):
            if found.status is not Status.SAT or found.ends[k][0] == found.ends[k][1]:
                break
            low, high = found.ends[k]
            middle = (low + high) / 2
            cuts = ((low, low), (high, high), (middle, middle), (low, middle), (middle, high))
            script, found = _pinned(engine, script, symbol, cuts)
        if found.status is Status.SAT and found.ends[k][0] == found.ends[k][1]:
            script = script.pinned(symbol, *found.ends[k])
    if found.status is Status.SAT and any(low != high for low, high in found.ends):
        return EngineReply(Status.UNKNOWN, reason="its model is irrational")
    return found


def _pinned(
    engine: Engine, script: Script, symbol: str, cuts: tuple[tuple[fmpq, fmpq], ...]
) -> tuple[Script, EngineReply]:
    for low, high in cuts:
        narrower = script.pinned(symbol, low, high)
        found = engine.check(narrower)
        if found.status is Status.SAT:
            return narrower, found
    return script, EngineReply(Status.UNKNOWN, reason="its model is irrational")


def race(
    scripts: Mapping[str, Script], timeout: float | None = None
) -> Generator[SolverAnswer, None, None]:
    """The answers of several solvers in the order in which they come; closing it ends the rest.

    Args:
        scripts: for every solver's name what it is asked.
        timeout: seconds for all together; a process that is not done then is killed.
    """
    answers: Queue[SolverAnswer | Exception] = Queue()
    runs = [_Run(name, script, timeout) for name, script in scripts.items()]
    threads = [Thread(target=_wait, args=(run, answers)) for run in runs]
    try:
        for thread in threads:
            thread.start()
        for _ in runs:
            found = _heard(answers)
            if isinstance(found, Exception):
                raise found
            yield found
    finally:
        for run in runs:
            run.process.kill()
        for thread in threads:
            thread.join()


def _heard(answers: Queue[SolverAnswer | Exception]) -> SolverAnswer | Exception:
    """The next answer; awake now and then, for a signal just before a wait does not end it."""
    while True:
        with contextlib.suppress(Empty):
            return answers.get(timeout=0.2)


def _wait(run: _Run, answers: Queue[SolverAnswer | Exception]) -> None:
    """Puts the run's answer, or what it failed of: whoever waits must hear something."""
    try:
        answers.put(run.finish())
    except Exception as error:
        answers.put(error)


class _Run:
    """One solver's process."""

    def __init__(self, name: str, script: Script, timeout: float | None) -> None:
        self.name, self.timeout, self.start = name, timeout, time.perf_counter()
        self.request = json.dumps(
            {
                "solver": name,
                "body": script.body,
                "inputs": script.inputs,
                "logic": script.logic,
                "seconds": timeout,
                "memory_mib": MEMORY_MIB,
            }
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", _START, json.dumps(sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def finish(self) -> SolverAnswer:
        """Waits for the answer, kills the process when its time is over."""
        try:
            out, complaint = self._communicate()
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            return self._unknown(f"no answer in {self.timeout:g} s", is_timeout=True)
        except (BrokenPipeError, ValueError):  # it was killed while it was being asked
            return self._unknown("its process was ended")
        try:
            said = json.loads(out)
            point = tuple(rational(x) for x in said["inputs"])
            status = Status(said["status"])
            reason, seconds = str(said["reason"]), time.perf_counter() - self.start
        except (ValueError, KeyError, TypeError, InputError):
            last = complaint.strip().splitlines()[-1:] or [f"code {self.process.returncode}"]
            return self._unknown(f"its process ended without an answer ({last[0]})")
        return SolverAnswer(self.name, status, point, reason, seconds=seconds)

    def _communicate(self) -> tuple[str, str]:
        """What the process printed; TimeoutExpired once its time is over.

        One wait is short, however long the time: systems count it in small integers.
        """
        request: str | None = self.request
        while True:
            left = None
            if self.timeout is not None:
                left = max(0.0, self.timeout - (time.perf_counter() - self.start))
            wait = None if left is None else min(left, LONGEST_WAIT)
            try:
                return self.process.communicate(request, wait)
            except subprocess.TimeoutExpired:
                if left is None or left <= LONGEST_WAIT:
                    raise
                request = None  # it has it already

    def _unknown(self, reason: str, *, is_timeout: bool = False) -> SolverAnswer:
        seconds = time.perf_counter() - self.start
        return SolverAnswer(self.name, Status.UNKNOWN, (), reason, is_timeout, seconds)


def encode_answer(model: EngineReply) -> str:
    """A model as the worker prints it."""
    inputs = [text(low) for low, _ in model.ends]
    return json.dumps({"status": model.status.value, "inputs": inputs, "reason": model.reason})
