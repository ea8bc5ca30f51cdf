"""The halves of subproblems over phases: where they start, and what bounds them at once.

May import: numpy, bounds, goals, frontier, rank. Must not know: trees, records, programs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import numpy as np

from verifai.bounds.arrays import host, placed
from verifai.bounds.compiled import Compiled
from verifai.bounds.crown import relaxed
from verifai.bounds.dual import DualPoint, DualProblem
from verifai.bounds.interval import Bounds
from verifai.bounds.kinds.pieces import span
from verifai.bounds.optimize import Optimized
from verifai.search.clauses import Array
from verifai.search.goals import Goals
from verifai.search.judge import Indices
from verifai.search.loop.frontier import Regions
from verifai.search.rank.protocol import Trial
from verifai.search.split.inherited import Inherited

T = TypeVar("T")


class Halves:
    """How subproblems of one search are halved."""

    def __init__(self, compiled: Compiled, fast: Compiled, goals: Goals) -> None:
        """For a network; `fast` is the same one where bounds are computed."""
        self.compiled, self.fast, self.goals = compiled, fast, goals
        self.offsets = np.array(compiled.network.offsets)

    def trial(
        self,
        regions: Regions[Inherited],
        found: Optimized,
        rest: Indices,
        splits: tuple[Array, Array],
    ) -> Trial:
        """What the halves of open subproblems are bounded by, as `Splits.halves` says.

        Args:
            regions: bounded subproblems.
            found: by what.
            rest: which of them are open.
            splits: where their values would be split, and the multipliers of the halves.
        """
        at, forces = splits

        def pair(which: Indices, columns: Indices) -> Array:
            here = rest[which]
            split = columns, at[here, columns], forces[:, here, columns]
            return self._pair(regions, found, here, split)

        return pair

    def forces(self, point: DualPoint, seen: Mapping[int, Array]) -> Array:
        """The multipliers of the lower and of the upper half of every value, (2, M, N).

        With them a half's bound is no worse than its parent's: what the parent's lower line has and
        the half's exact line lacks, the multiplier makes up for.
        """
        found = np.zeros((2, len(point.weights), int(self.offsets[-1])))
        for node, slopes in point.slopes.items():
            pieces = self.compiled.pieces[node]
            if pieces.is_relu and node in seen:
                start, end = self.offsets[pieces.source : pieces.source + 2].tolist()
                where, used = slice(start, end), np.maximum(seen[node], 0)
                found[0][:, where] += used * slopes
                found[1][:, where] -= used * (1 - slopes)
        return found

    def _pair(
        self,
        regions: Regions[Inherited],
        found: Optimized,
        which: Indices,
        split: tuple[Indices, Array, Array],
    ) -> Array:
        """The bounds of the two children, (len(which), 2)."""
        value, at, forces = split
        children = self.children(regions.bounds.take(np.repeat(which, 2)), value, at)
        twice = np.repeat(which, 2)
        multipliers = {i: a[twice] for i, a in found.point.multipliers.items()}
        self.press(multipliers, value, forces)
        base = relaxed(self.compiled, children)
        slopes = {i: self._usable(children, i, a[twice]) for i, a in found.point.slopes.items()}
        rows = self._put(self.goals.rows(regions.state.goal[twice]))
        problem = DualProblem(self.fast, self._put(base), rows, len(twice), {}, {})
        point = DualPoint(slopes, multipliers, found.point.weights[twice])
        return host(problem.plane(self._put(point))[0].value).reshape(-1, 2)

    def press(self, multipliers: dict[int, Array], value: Indices, forces: Array) -> None:
        """Sets the multipliers of split values in pairs of halves, lower ones first."""
        node = np.searchsorted(self.offsets, value, side="right") - 1
        for n in np.unique(node).tolist():
            here = np.flatnonzero(node == n)
            column = value[here] - self.offsets[n]
            if n not in multipliers:
                multipliers[n] = np.zeros((2 * len(value), self.compiled.sizes[n]))
            multipliers[n][2 * here, column] = forces[0, here]
            multipliers[n][2 * here + 1, column] = forces[1, here]

    def children(self, bounds: Bounds, value: Indices, at: Array) -> Bounds:
        """Doubled bounds, cut from above in the first of each pair, from below in the second."""
        node = np.searchsorted(self.offsets, value, side="right") - 1
        lower, upper = list(bounds.lower), list(bounds.upper)
        for n in np.unique(node).tolist():
            here = np.flatnonzero(node == n)
            column = value[here] - self.offsets[n]
            lower[n], upper[n] = lower[n].copy(), upper[n].copy()
            upper[n][2 * here, column] = at[here]
            lower[n][2 * here + 1, column] = at[here]
        return Bounds(tuple(lower), tuple(upper))

    def _usable(self, bounds: Bounds, node: int, slopes: Array) -> Array:
        """Slopes of a parent, exact where the child's interval has one piece."""
        pieces = self.compiled.pieces[node]
        touched = span(pieces, bounds.lower[pieces.source], bounds.upper[pieces.source])
        return np.where(touched.is_split, slopes, touched.left)

    def _put(self, data: T) -> T:
        return placed(data, self.fast.like)
