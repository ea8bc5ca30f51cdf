"""How many boxes splitting inputs will take, told from the first ones.

Bounds rise as boxes shrink: quickly where few inputs matter, hardly at all where hundreds do. What
is missing on average over the domain, by depth, says how deep the tree will be.

May import: numpy, frontier. Must not know: how boxes are bounded, clocks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from verifai.search.loop.frontier import TreeSearch


@dataclass(slots=True)
class Forecast:
    """What is known of a search's first boxes.

    Attributes:
        missing: from refuting the root, as its own bound has it; None before it was visited.
    """

    missing: float | None = None

    def boxes(self, search: TreeSearch[Any]) -> float:
        """How many boxes the whole tree will have, about; infinite where bounds do not rise.

        What is missing is taken to fall by as much at every level as it has so far, on average
        over the domain, where refuted boxes miss nothing.
        """
        left = float(sum((0.5**group.depth * -group.value).sum() for group in search.open))
        if self.missing is None:
            self.missing = left
        levels = math.log2(search.visited + 1) - 1
        gained = self.missing - left
        if left == 0 or not np.isfinite(gained):
            return float(search.visited) if left == 0 else math.inf
        depth = levels * self.missing / gained if gained > 0 else math.inf
        return float(2.0 ** min(depth + 1, 1000.0))

    def is_half_done(self, search: TreeSearch[Any]) -> bool:
        """Whether less than half of what the root missed is left."""
        left = sum((0.5**group.depth * -group.value).sum() for group in search.open)
        return self.missing is not None and bool(left < self.missing / 2)
