"""Open subproblems of a branch-and-bound, and one process's share of the search.

May import: numpy, bounds, budget, forest, judge. Must not know: how subproblems are bounded or
split.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, Self, TypeVar

import numpy as np

from verifai.bounds.arrays import free_bytes, placed
from verifai.bounds.compiled import Compiled
from verifai.bounds.interval import Bounds
from verifai.search.budget import unhurried
from verifai.search.clauses import Array
from verifai.search.judge import Indices
from verifai.search.loop.forest import Away, Forest

BATCH_VALUES = 1 << 19
DEVICE_BATCH = 8192  # subproblems that keep a graphics card busy
BATCHES = 64  # that its free memory has room for: what is open, and what a visit makes besides


class State(Protocol):
    """What a kind of search knows of subproblems besides bounds, a row for each."""

    @property
    def bytes(self) -> int:
        """What its arrays hold."""
        ...

    def take(self, which: Indices | slice, /) -> Self:
        """That of some subproblems."""
        ...

    def join(self, others: Sequence[Self], /) -> Self:
        """That of these subproblems and then of others."""
        ...


@dataclass(frozen=True, slots=True)
class Stateless:
    """Nothing besides bounds."""

    bytes: int = 0

    def take(self, _: Indices | slice) -> Stateless:
        """Nothing."""
        return self

    def join(self, _: Sequence[Stateless]) -> Stateless:
        """Nothing."""
        return self


S = TypeVar("S", bound=State)


@dataclass(frozen=True, slots=True, eq=False)
class Regions(Generic[S]):
    """Open subproblems.

    Attributes:
        nodes: their places in the forest.
        bounds: what is known of all values, inherited from the parent and cut by the split; they
            stay where the search's network is, all else is numpy's.
        depth: splits on the path.
        value: how far the parent was from being refuted (not positive).
        state: what the kind of search knows besides.
    """

    nodes: Indices
    bounds: Bounds
    depth: Indices
    value: Array
    state: S

    def __len__(self) -> int:
        return len(self.nodes)

    @property
    def bytes(self) -> int:
        """What their arrays hold."""
        arrays = (*self.bounds.lower, *self.bounds.upper, self.nodes, self.depth, self.value)
        return self.state.bytes + sum(int(a.nbytes) for a in arrays)

    def take(self, which: Indices | slice) -> Regions[S]:
        """Some of the subproblems."""
        bounds, state = (
            self.bounds.take(placed(which, self.bounds.lower[0])),
            self.state.take(which),
        )
        return Regions(self.nodes[which], bounds, self.depth[which], self.value[which], state)


def root_region(bounds: Bounds) -> Regions[Stateless]:
    """The whole problem as one subproblem."""
    zero = np.zeros(1, dtype=np.int64)
    return Regions(zero, bounds, zero, np.full(1, -np.inf), Stateless())


def join_regions(parts: list[Regions[S]]) -> Regions[S]:
    """All subproblems of several groups."""
    if len(parts) == 1:
        return parts[0]
    lower = tuple(np.concatenate(a) for a in zip(*(p.bounds.lower for p in parts), strict=True))
    upper = tuple(np.concatenate(a) for a in zip(*(p.bounds.upper for p in parts), strict=True))
    return Regions(
        np.concatenate([p.nodes for p in parts]),
        Bounds(lower, upper),
        np.concatenate([p.depth for p in parts]),
        np.concatenate([p.value for p in parts]),
        parts[0].state.join([p.state for p in parts[1:]]),
    )


def batch_size(compiled: Compiled, most: int) -> int:
    """How many subproblems to visit together: as many as a cache holds, or a device's memory."""
    free, values = free_bytes(compiled.like), sum(compiled.sizes)
    if free is None:
        return min(most, max(4, BATCH_VALUES // values))
    return max(4, min(DEVICE_BATCH, free // (BATCHES * 16 * values)))


class TreeSearch(ABC, Generic[S]):
    """A depth-first branch-and-bound of one process's share of it.

    Attributes:
        open: groups of open subproblems; the last are visited next.
        forest: what has been decided.
        hard: subproblems that this kind of branching cannot decide.
        closed: the share of the tree that is refuted, each split counting one half.
        batch: how many subproblems are visited together.
        left: how many seconds are left, which a batch should not outlive.
        pace: seconds for each subproblem of the last batch.
        filter_points: keeps the points that are worth sending to another process.
    """

    def __init__(self, compiled: Compiled, batch: int) -> None:
        """A search without subproblems."""
        self.compiled = compiled
        self.filter_points: Callable[[Array], Array] | None = None
        self.batch = batch_size(compiled, batch)
        self.left, self.pace = unhurried, 0.0
        self.clear()

    def clear(self) -> None:
        """Forgets all subproblems and results."""
        self.open: list[Regions[S]] = []
        self.hard: list[Regions[S]] = []
        self.forest = Forest()
        self.visited, self.leaves, self.closed = 0, 0, 0.0

    @abstractmethod
    def advance(self) -> Array:
        """Visits a batch of subproblems; points (P, all inputs) that look worth trying."""

    def step(self) -> Array:
        """Visits a batch as `advance` does, and notes how long that takes."""
        start, before = time.perf_counter(), self.visited
        points = self.advance()
        self.pace = (time.perf_counter() - start) / max(1, self.visited - before)
        return points

    def add(self, regions: Regions[S]) -> int:
        """Gives the search subproblems; the first's node in its own forest."""
        first = self.forest.grow(len(regions))
        nodes = np.arange(first, first + len(regions))
        bounds = placed(regions.bounds, self.compiled.like)
        self.open.append(Regions(nodes, bounds, regions.depth, regions.value, regions.state))
        return first

    @property
    def waiting(self) -> int:
        """How many subproblems are open."""
        return sum(len(group) for group in self.open)

    @property
    def held(self) -> int:
        """How many bytes the open and the hard subproblems hold; all are alike."""
        groups = [group for group in (*self.open, *self.hard) if len(group)]
        count = sum(len(group) for group in groups)
        return groups[0].bytes // len(groups[0]) * count if groups else 0

    @property
    def worst(self) -> float:
        """The best proved lower bound of the decisive forms over all that is open."""
        return min((float(g.value.min()) for g in (*self.open, *self.hard)), default=np.inf)

    def give(self, share: int) -> Regions[S] | None:
        """Takes away up to `share` of the subproblems that wait longest, but never all."""
        if self.waiting < 2:
            return None
        taken, count = list[Regions[S]](), 0
        while self.open and count < 2 * share:
            taken.append(self.open.pop(0))
            count += len(taken[-1])
        oldest = join_regions(taken)
        given = np.arange(0, min(2 * share, count // 2 * 2), 2)
        self.open.insert(0, oldest.take(np.setdiff1d(np.arange(count), given)))
        return oldest.take(given)

    def sent(self, regions: Regions[S], owner: int, first: int) -> None:
        """Notes where subproblems that were given away now live."""
        for i, node in enumerate(regions.nodes.tolist()):
            self.forest.outcome[node] = Away(owner, first + i)

    def pop(self) -> Regions[S]:
        """The next batch; a smaller one where a whole one would outlive the deadline."""
        taken, count, most = list[Regions[S]](), 0, self._affordable()
        while self.open and count < most:
            taken.append(self.open.pop())
            count += len(taken[-1])
        everything = join_regions(taken[::-1])
        if count > most:  # what stays is copied: a view would keep all of it in memory
            self.open.append(everything.take(np.arange(count - most)))
            everything = everything.take(slice(count - most, None))
        self.visited += len(everything)
        return everything

    def _affordable(self) -> int:
        """How many subproblems the time left allows to visit together, at least one."""
        left = max(self.left(), 0.0)
        if self.pace * self.batch <= left:
            return self.batch
        return max(1, int(left / self.pace))

    def input_ends(self, bounds: Bounds) -> tuple[Array, Array]:
        """The box of every subproblem, (B, all inputs) each."""
        low = np.concatenate([bounds.lower[i] for i in self.compiled.inputs], axis=1)
        high = np.concatenate([bounds.upper[i] for i in self.compiled.inputs], axis=1)
        return low, high
