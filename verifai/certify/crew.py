"""Several processes on a list of tasks: each takes one task after the other; none outlives us.

Only this process hears what they find, and so it alone keeps it. A process that is ended (by the
system, short of memory) loses its task, and another takes its place.

May import: the standard library, kernel errors. Must not know: what the tasks are.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any

from verifai.kernel.errors import InputError

CAN_FORK = hasattr(os, "fork")
JOINING = 5.0  # seconds that a process which has closed its pipe may take to end
LOOKING = 0.5  # seconds of work between two looks at whether the parent lives
Say = Callable[[Any], None]
Hear = Callable[["Heard"], None]


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of a task.

    Attributes:
        number: which task.
        kind: "note" (something on the way), "done" (its result), "lost" (why there is none).
        what: the note, the result, or the reason.
    """

    number: int
    kind: str
    what: Any


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def work(task: Callable[[int, Say], Any], count: int, jobs: int, hear: Hear) -> None:
    """Does the tasks 0, 1, …; `hear` is told what comes of them, as it comes.

    Args:
        task: given its number and whom to tell on the way; its result and notes can be pickled.
        count: how many there are.
        jobs: processes; with 1 everything is done in this one.
        hear: called in this process.

    Raises:
        InputError: a task refused what it was given.
        RuntimeError: a task failed.
    """
    if jobs == 1 or count < 2 or not CAN_FORK:
        for number in range(count):

            def say(note: Any, number: int = number) -> None:
                hear(Heard(number, "note", note))

            hear(Heard(number, "done", task(number, say)))
        return
    crew = _Crew(task, count, jobs)
    try:
        crew.run(hear)
    finally:
        crew.end()


class _Crew:
    """The processes, and what is left to do."""

    def __init__(self, task: Callable[[int, Say], Any], count: int, jobs: int) -> None:
        self.task, self.waiting = task, iter(range(count))
        self.parent = os.getpid()
        self.members: dict[Any, _Member] = {}
        for _ in range(min(jobs, count)):
            self._hire()

    def run(self, hear: Hear) -> None:
        from multiprocessing.connection import wait

        while self.members:
            for pipe in wait(list(self.members)):
                member = self.members[pipe]
                try:
                    kind, what = member.pipe.recv()
                except (EOFError, OSError):
                    hear(Heard(member.number, "lost", self._dismiss(member)))
                    self._hire()
                    continue
                if kind == "refused":
                    raise what
                if kind == "failed":
                    raise RuntimeError(f"a process failed:\n{what}")
                hear(Heard(member.number, kind, what))
                if kind == "done" and not self._assign(member):
                    self._dismiss(member)

    def _hire(self) -> None:
        """Starts a process, if there is something to do."""
        number = next(self.waiting, None)
        if number is None:
            return
        member = _Member(self, number)
        self.members[member.pipe] = member

    def _assign(self, member: _Member) -> bool:
        number = next(self.waiting, None)
        if number is not None:
            member.number = number
            member.give(number)
        return number is not None

    def _dismiss(self, member: _Member) -> str:
        """How the process ended; it is gone then."""
        del self.members[member.pipe]
        member.pipe.close()
        member.process.join(JOINING)
        code = member.process.exitcode
        member.process.kill()
        member.process.join()
        how = f"by signal {-code}" if code is not None and code < 0 else f"with exit code {code}"
        return f"its process was ended {how}"

    def end(self) -> None:
        for member in self.members.values():
            member.process.kill()
            member.process.join()
            member.pipe.close()


class _Member:
    """A process, as we see it, and the task that it has."""

    def __init__(self, crew: _Crew, number: int) -> None:
        from multiprocessing import get_context  # one process does without

        context = get_context("fork")
        self.number = number
        self.pipe, theirs = context.Pipe()
        others = [member.pipe for member in crew.members.values()]
        told = crew, theirs, [self.pipe, *others]
        self.process = context.Process(target=_serve, args=told, daemon=True)
        self.process.start()
        theirs.close()
        self.give(number)

    def give(self, number: int) -> None:
        try:
            self.pipe.send(number)
        except OSError:
            return  # it is gone, as the next word of its pipe will say


def _serve(crew: _Crew, pipe: Any, parents_ends: list[Any]) -> None:
    """What a process does until nobody gives it tasks."""
    import traceback

    for number in (signal.SIGINT, signal.SIGTERM):  # the parent hears them, too, and ends this
        signal.signal(number, signal.SIG_IGN)
    for end in parents_ends:
        end.close()
    _end_with(crew.parent)
    if "torch" in sys.modules:  # its threads did not come along
        sys.modules["torch"].set_num_threads(1)
    try:
        while True:
            number = pipe.recv()
            result = crew.task(number, lambda note: pipe.send(("note", note)))
            pipe.send(("done", result))
    except (EOFError, BrokenPipeError):
        return
    except InputError as error:
        pipe.send(("refused", error))
    except Exception:
        pipe.send(("failed", traceback.format_exc()))


def _end_with(parent: int) -> None:
    """Has this process end once its parent is gone, whatever it is computing.

    By the clock of its own work, as searches use the other one; who waits sees a closed pipe.
    """

    def look(number: int, frame: FrameType | None) -> None:
        if os.getppid() != parent:
            os._exit(1)

    signal.signal(signal.SIGVTALRM, look)
    signal.setitimer(signal.ITIMER_VIRTUAL, LOOKING, LOOKING)
