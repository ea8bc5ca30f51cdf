"""Several processes on one branch-and-bound: the first holds the strings, the others take boxes.

Processes are forked once a query has proved worth it. Each has its own open boxes and forest;
whoever runs dry gets some of the largest boxes of another.

May import: kernel errors, frontier, forest, budget. Must not know: queries, exact numbers.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from verifai.kernel.errors import InputError
from verifai.search.budget import NO_MEMORY, Meter, Points, Stopped
from verifai.search.loop.forest import Away, Forest
from verifai.search.loop.frontier import Regions, TreeSearch

SHARE = 64  # boxes handed over at once
PATIENCE = 1.0  # seconds before other processes are started
JOINING = 5.0  # seconds that a process which has closed its pipe may take to end


class Team:
    """A search with helpers.

    Attributes:
        forests: what has been decided, by process; those of helpers that have gone stay.
    """

    def __init__(
        self, search: TreeSearch[Any], meter: Meter, attempt: Callable[[Points], None]
    ) -> None:
        """Takes over a search; `attempt` tries points and raises `Found`."""
        self.search, self.meter, self.attempt = search, meter, attempt
        self.helpers: list[_Helper] = []
        self.forests, self.counted = {0: search.forest}, search.visited
        search.left = meter.left

    def run(self, most: int | None = None) -> bool:
        """Searches until no box is open, or about so many were visited; whether none is open.

        Args:
            most: boxes to visit before the search rests; it can be run on later. None: all.

        Raises:
            Found, Stopped: as `attempt` and the meter do; Stopped, too, where a helper was killed.
            InputError: what a ranking rule gives is of no use.
            RuntimeError: a helper failed.
        """
        first = self.counted
        try:
            while self._is_busy():
                if most is not None and self.counted - first >= most:
                    break
                if self.search.open:
                    self.attempt(self.search.step())
                self._talk(wait=not self.search.open)
                self._measure()
            self._collect()
            return not self.search.open
        finally:
            for helper in self.helpers:
                helper.stop()
            self.helpers = []

    def _is_busy(self) -> bool:
        return bool(self.search.open) or any(not helper.is_idle for helper in self.helpers)

    def _measure(self) -> None:
        parts: list[TreeSearch[Any] | _State] = [self.search, *(h.state for h in self.helpers)]
        visited = sum(int(p.visited) for p in parts)
        self.meter.nodes += visited - self.counted
        self.counted = visited
        self.meter.check(
            open_count=sum(int(p.waiting) for p in parts),
            bytes_held=sum(int(p.held) for p in parts),
            bound=min(float(p.worst) for p in parts),
            closed=sum(float(p.closed) for p in parts),
            nodes=self.meter.nodes,
        )

    def _talk(self, *, wait: bool) -> None:
        """Hears helpers, gives boxes to idle ones, and asks busy ones when this process is idle."""
        if not self.helpers:
            if (
                self.meter.options.processes > 1
                and self.meter.seconds > PATIENCE
                and self.search.waiting > 1
            ):
                first, count = len(self.forests), self.meter.options.processes - 1
                numbers = range(first, first + count)
                self.helpers = [_Helper(self.search, n, self.meter) for n in numbers]
            else:
                return
        for helper in self.helpers:
            helper.hear(self.attempt, 0.02 if wait else 0.0)
            if helper.is_idle and self.search.waiting > 1:
                given = self.search.give(SHARE)
                if given is not None:
                    self.search.sent(given, helper.number, helper.take(given, self.attempt))
        if not self.search.open:
            for helper in self.helpers:
                if not helper.is_idle and not self.search.open:
                    helper.ask(self.search, self.attempt)

    def _collect(self) -> None:
        """Takes over from the helpers what they decided, and the boxes they still have."""
        search = self.search
        for helper in self.helpers:
            share = helper.finish(self.attempt)
            self.forests[helper.number] = share.forest
            search.leaves += share.leaves
            search.visited += share.visited
            search.closed += share.closed
            for boxes in (*share.open, *share.hard):
                first = search.add(boxes)
                for i, node in enumerate(boxes.nodes.tolist()):
                    share.forest.outcome[node] = Away(0, first + i)
            hard = len(share.hard)
            search.hard += search.open[len(search.open) - hard :]
            del search.open[len(search.open) - hard :]


@dataclass(frozen=True, slots=True)
class _Share:
    """What a helper hands over at its end."""

    forest: Forest
    hard: list[Regions[Any]]
    open: list[Regions[Any]]
    leaves: int
    visited: int
    closed: float


class _State(NamedTuple):
    """What a helper last said about itself."""

    visited: int = 0
    closed: float = 0.0
    worst: float = np.inf
    waiting: int = 0
    held: int = 0


class _Helper:
    """Another process, as the first sees it."""

    def __init__(self, search: TreeSearch[Any], number: int, meter: Meter) -> None:
        from multiprocessing import get_context  # easy queries do without

        context = get_context("fork")
        self.number, self.state, self.is_idle, self.meter = number, _State(), True, meter
        self.pipe, theirs = context.Pipe()
        told = search, theirs, self.pipe
        self.process = context.Process(target=_work, args=told, daemon=True)
        self.process.start()
        theirs.close()

    def hear(self, attempt: Callable[[Points], None], seconds: float) -> None:
        """Reads what the helper has said, waiting at most so long for the first word."""
        while self.pipe.poll(seconds):
            self._note(self._receive(), attempt)
            seconds = 0.0

    def _send(self, *message: Any) -> None:
        try:
            self.pipe.send(message)
        except OSError:
            raise self._lost() from None

    def _receive(self) -> tuple[Any, ...]:
        try:
            while not self.pipe.poll(0.1):
                self.meter.watch()
            message: tuple[Any, ...] = self.pipe.recv()
        except (EOFError, OSError):
            raise self._lost() from None
        return message

    def _lost(self) -> Stopped:
        """What to raise when the process is gone; its part of the proof is, too."""
        self.meter.watch()
        self.process.join(JOINING)
        code = self.process.exitcode
        how = f"by signal {-code}" if code is not None and code < 0 else f"with exit code {code}"
        return Stopped(f"search process {self.number} was ended {how}, and its work is lost")

    def _note(self, message: tuple[Any, ...], attempt: Callable[[Points], None]) -> None:
        kind, *rest = message
        if kind == "points":
            attempt(rest[0])
        elif kind == "state":
            (self.state,) = rest
            self.is_idle = self.state.waiting == 0
        elif kind == "memory":
            raise Stopped(NO_MEMORY)
        elif kind == "refused":
            raise InputError(rest[0])
        elif kind == "failed":
            raise RuntimeError(f"a search process failed:\n{rest[0]}")

    def _await(self, kind: str, attempt: Callable[[Points], None]) -> Any:
        while True:
            message = self._receive()
            if message[0] == kind:
                return message[1]
            self._note(message, attempt)

    def take(self, boxes: Regions[Any], attempt: Callable[[Points], None]) -> int:
        """Gives the helper boxes; the first's node in its forest."""
        self._send("take", boxes)
        worst = float(boxes.value.min())  # until it speaks, this is what it has
        self.is_idle = False
        self.state = self.state._replace(waiting=len(boxes), held=boxes.bytes, worst=worst)
        return int(self._await("first", attempt))

    def ask(self, search: TreeSearch[Any], attempt: Callable[[Points], None]) -> None:
        """Asks the helper for boxes."""
        self._send("give", SHARE)
        boxes = self._await("given", attempt)
        if boxes is not None:
            self._send("sent", search.add(boxes))

    def finish(self, attempt: Callable[[Points], None]) -> _Share:
        """All that the helper has, which is its last word."""
        self._send("finish")
        share: _Share = self._await("share", attempt)
        return share

    def stop(self) -> None:
        """Ends the process."""
        self.process.kill()
        self.process.join()
        self.pipe.close()


def _work(search: TreeSearch[Any], pipe: Any, parents_end: Any) -> None:
    """What a helper does until it is told to finish, or its parent is gone."""
    import traceback

    parents_end.close()
    for number in (signal.SIGINT, signal.SIGTERM):  # the parent hears them, too, and ends this
        signal.signal(number, signal.SIG_IGN)
    search.clear()
    try:
        _serve(search, pipe)
    except (EOFError, BrokenPipeError, Stopped):
        return
    except MemoryError:
        pipe.send(("memory",))
    except InputError as error:
        pipe.send(("refused", str(error)))
    except Exception:
        pipe.send(("failed", traceback.format_exc()))


def _serve(search: TreeSearch[Any], pipe: Any) -> None:
    said = 0.0
    while True:
        while not search.open or pipe.poll():
            kind, *rest = pipe.recv()
            if kind == "take":
                pipe.send(("first", search.add(rest[0])))
            elif kind == "give":
                given = search.give(rest[0])
                pipe.send(("given", given))
                if given is not None:
                    search.sent(given, 0, pipe.recv()[1])
            elif kind == "finish":
                counts = search.leaves, search.visited, search.closed
                pipe.send(("share", _Share(search.forest, search.hard, search.open, *counts)))
                return
        points = search.step()
        good = _promising(search, points)
        if len(good):
            pipe.send(("points", good))
        if not search.open or time.monotonic() - said > 0.1:
            pipe.send(("state", _about(search)))
            said = time.monotonic()


def _about(search: TreeSearch[Any]) -> _State:
    """What a helper says about itself."""
    return _State(search.visited, search.closed, search.worst, search.waiting, search.held)


def _promising(search: TreeSearch[Any], points: Points) -> Points:
    """The points at which the search's own clause nearly holds."""
    filter_points = search.filter_points
    return points if filter_points is None else filter_points(points)
