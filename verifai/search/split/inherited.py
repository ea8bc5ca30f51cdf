"""What subproblems over phases inherit besides their bounds.

May import: numpy, bounds, judge. Must not know: trees, records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from verifai.bounds.dual import DualPoint
from verifai.bounds.maps import Array, Mask
from verifai.search.judge import Indices


@dataclass(frozen=True, slots=True, eq=False)
class Inherited:
    """What M subproblems have from their parents.

    Attributes:
        goal: which conjunction each is to refute, (M,).
        stale: whether the bounds are to be tightened anew, (M,).
        climbed: whether an ascent has bounded the subproblem, or its parent, (M,).
        halved: inputs halved on the path, (M,).
        before: the value before hidden values were bounded anew, NaN where they were not, (M,).
        marks: which values were split on the path, (M, N).
        point: where the parents' ascents ended; of slopes and weights, NaN where nowhere.
    """

    goal: Indices
    stale: Mask
    climbed: Mask
    halved: Indices
    before: Array
    marks: Mask
    point: DualPoint

    def _arrays(self) -> list[npt.NDArray[Any]]:
        own = (self.goal, self.stale, self.climbed, self.halved, self.before, self.marks)
        return [*own, *self.point.arrays()]

    @property
    def bytes(self) -> int:
        """What the arrays hold."""
        return sum(int(a.nbytes) for a in self._arrays())

    def take(self, which: Indices | slice) -> Inherited:
        """That of some subproblems."""
        point = DualPoint(
            {i: a[which] for i, a in self.point.slopes.items()},
            {i: a[which] for i, a in self.point.multipliers.items()},
            self.point.weights[which],
        )
        return Inherited(
            self.goal[which],
            self.stale[which],
            self.climbed[which],
            self.halved[which],
            self.before[which],
            self.marks[which],
            point,
        )

    def join(self, others: Sequence[Inherited]) -> Inherited:
        """That of these subproblems and then of others."""
        parts = (self, *others)
        points = [p.point for p in parts]
        point = DualPoint(
            _stacked([p.slopes for p in points]),
            _stacked([p.multipliers for p in points]),
            np.concatenate([p.weights for p in points]),
        )
        return Inherited(
            np.concatenate([p.goal for p in parts]),
            np.concatenate([p.stale for p in parts]),
            np.concatenate([p.climbed for p in parts]),
            np.concatenate([p.halved for p in parts]),
            np.concatenate([p.before for p in parts]),
            np.concatenate([p.marks for p in parts]),
            point,
        )

    def after(self, point: DualPoint) -> Inherited:
        """The same, but what an ascent has moved is where that ended."""
        slopes, multipliers = self.point.slopes, self.point.multipliers
        moved = slopes | point.slopes, multipliers | point.multipliers
        return replace(self, point=DualPoint(*moved, point.weights))


def _stacked(tables: Sequence[Mapping[int, Array]]) -> dict[int, Array]:
    return {i: np.concatenate([table[i] for table in tables]) for i in tables[0]}
