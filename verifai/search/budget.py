"""What a search may spend, and the two ways in which it ends early.

May import: the standard library, numpy, kernel errors, rank. Must not know: networks, bounds,
proofs.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from verifai.kernel.errors import InputError

if TYPE_CHECKING:
    from verifai.search.rank.protocol import Rank

GRACE = 0.25  # seconds by which work may be late that looks at no clock
NO_MEMORY = "there is not enough memory for this search"


@dataclass(frozen=True, slots=True)
class Options:
    """Budgets of one search.

    Attributes:
        timeout: seconds, including the kernel's acceptance; None: no limit.
        nodes: subproblems visited; None: no limit.
        memory_mib: what the open subproblems of all processes may hold.
        workers: processes; a search on a device has one.
        seed: of the attacks.
        device: where bounds are computed: None for numpy on the processor, or a device of torch
            ("cuda", "cuda:1", "cpu").
        rank: which input or neuron is split, by name or by a function; None: what fits the search.
    """

    timeout: float | None = None
    nodes: int | None = None
    memory_mib: int = 8192
    workers: int = 2
    seed: int = 0
    device: str | None = None
    rank: str | Rank | None = None

    def __post_init__(self) -> None:
        if self.timeout is not None and not self.timeout >= 0:
            raise InputError(f"a timeout of {self.timeout} seconds")
        if self.nodes is not None and self.nodes < 1:
            raise InputError(f"a budget of {self.nodes} subproblems")
        if self.memory_mib < 1:
            raise InputError(f"a memory budget of {self.memory_mib} MiB")
        if self.workers < 1:
            raise InputError(f"{self.workers} workers")
        if self.rank is not None:
            from verifai.search.rank.select import rank_of  # searches without do without

            rank_of(self.rank)

    @property
    def processes(self) -> int:
        """How many there may be: forks of a process that has used a device are none of them."""
        return self.workers if self.device is None else 1


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a search is.

    Attributes:
        seconds: since the start.
        nodes: subproblems visited.
        open: subproblems waiting.
        bound: the least proved bound of the decisive forms over what is open, if known.
        closed_fraction: the share of the domain's volume that is refuted, 0 to 1.
        rate: subproblems a second.
    """

    seconds: float
    nodes: int
    open: int
    bound: float | None
    closed_fraction: float
    rate: float


def unhurried() -> float:
    """The seconds that are left where there is no limit."""
    return math.inf


class Found(Exception):
    """A counterexample was replayed: the search is over."""

    def __init__(self, point: tuple[object, ...]) -> None:
        super().__init__("a counterexample was found")
        self.point = point


class Stopped(Exception):
    """A budget is spent."""

    def __init__(self, reason: str, *, is_timeout: bool = False) -> None:
        super().__init__(reason)
        self.is_timeout = is_timeout


class Stuck(Stopped):
    """One way to search leads nowhere, whatever it may spend; another one may do."""


@dataclass(slots=True)
class Meter:
    """Counts what is spent and reports it.

    Attributes:
        aside: bytes that searches hold which rest while another one goes on.
    """

    options: Options
    report: Callable[[Progress], None] | None = None
    start: float = field(default_factory=time.perf_counter)
    nodes: int = 0
    leaves: int = 0
    last: Progress | None = None
    aside: int = 0

    @property
    def deadline(self) -> float:
        """The reading of `time.perf_counter` at which everything must end.

        Nothing is kept back for the kernel's check: a search that goes on loses no answer by it,
        and whatever proof it finds has all the time that is left.
        """
        timeout = self.options.timeout
        return math.inf if timeout is None else self.start + timeout

    def left(self) -> float:
        """How many seconds are left; negative when they are over."""
        return self.deadline - time.perf_counter()

    @property
    def grace(self) -> float | None:
        """How many seconds from now on an alarm ends what looks at no clock; None: never."""
        return None if self.options.timeout is None else max(self.left(), 0.0) + GRACE

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.perf_counter() - self.start

    def watch(self) -> None:
        """Nothing, in time.

        Raises:
            Stopped: the time budget is spent.
        """
        timeout = self.options.timeout
        if timeout is not None and self.seconds > timeout:
            raise self.late()

    def late(self) -> Stopped:
        """What ends a search whose time is over."""
        return Stopped(f"the time budget of {self.options.timeout:g} s is spent", is_timeout=True)

    def check(
        self, *, open_count: int, bytes_held: int, bound: float, closed: float, nodes: int
    ) -> None:
        """Reports progress.

        Raises:
            Stopped: a budget is spent.
        """
        seconds = self.seconds
        known = bound if np.isfinite(bound) else None
        self.last = Progress(seconds, nodes, open_count, known, closed, nodes / max(seconds, 1e-9))
        if self.report is not None:
            self.report(self.last)
        self.watch()
        if self.options.nodes is not None and nodes >= self.options.nodes:
            raise Stopped(f"the budget of {self.options.nodes} subproblems is spent")
        if bytes_held + self.aside > self.options.memory_mib << 20:
            raise Stuck(f"the open subproblems hold more than {self.options.memory_mib} MiB")


Points = npt.NDArray[np.floating[Any]]
