"""Bounds of hidden values where the property is violated: linear programs with the unsafe rows.

What reaches the unsafe set at all is often a small part of a region, so that hidden values vary
much less there. New bounds make the next ones tighter, until the rows exclude themselves.
Source: Kotha et al. 2023, Provably Bounding Neural Network Preimages (INVPROP).

May import: numpy, formulation, kept. Must not know: trees, certificates, processes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from verifai.bounds.maps import Array, Mask
from verifai.search.close.formulation import Duals
from verifai.search.close.kept import KeptFormulation

MOST_ITERATIONS = 2000  # of one bound
LEAST_GAIN = 0.01  # of an interval's width, below which an end was tried in vain
LONGEST_WAIT = 7  # rounds that an end is left alone
SAMPLE = 6  # tries in vain that spare the rest of a node a round


class Hidden(NamedTuple):
    """A proposed bound: of a neuron's pre-activation from below (side 0) or above (1)."""

    neuron: int
    side: int
    duals: Duals


@dataclass(slots=True)
class Patience:
    """What is known of the ends of one goal's neurons, by side and neuron.

    Attributes:
        vain: how often each was tried in vain of late, (2, m).
        wait: how many rounds to leave each alone, (2, m).
        bases: where the solve of each ended.
    """

    vain: Array
    wait: Array
    bases: dict[tuple[int, int], object] = field(default_factory=dict)

    @staticmethod
    def of(count: int) -> Patience:
        """Nothing was tried yet."""
        return Patience(np.zeros((2, count)), np.zeros((2, count)))

    def due(self, is_open: Mask) -> Mask:
        """Which ends to try now, (2, m)."""
        due = is_open & (self.wait <= 0)
        self.wait = np.maximum(self.wait - is_open, 0)
        return np.asarray(due, dtype=bool)

    def note(self, side: int, neuron: int, *, is_gain: bool) -> None:
        """What came of a try."""
        self.vain[side, neuron] = 0 if is_gain else self.vain[side, neuron] + 1
        self.wait[side, neuron] = min(2.0 ** self.vain[side, neuron] - 1, LONGEST_WAIT)


@dataclass(slots=True)
class Premises:
    """Rounds over the open neurons of regions, the last node first."""

    expired: Callable[[], bool]

    def round(
        self, program: KeptFormulation, ends: tuple[Array, Array], patience: Patience
    ) -> list[Hidden]:
        """Better bounds of the region that the program is set to, while time is left.

        Args:
            program: set to a region; afterwards as before, but for its basis.
            ends: of the neurons there.
            patience: of the program's goal.
        """
        is_open = (ends[0] < 0) & (ends[1] > 0)
        due, nodes = patience.due(np.stack([is_open, is_open])), program.units.node
        start, found = program.simplex.basis, list[Hidden]()
        program.hold(is_held=True)
        if program.simplex.solve(MOST_ITERATIONS).is_optimal:
            for node in np.unique(nodes[due.any(axis=0)])[::-1].tolist():
                found += self._of_node(program, ends, patience, due & (nodes == node))
        program.hold(is_held=False)
        program.simplex.resume(start)
        return found

    def _of_node(
        self, program: KeptFormulation, ends: tuple[Array, Array], patience: Patience, due: Mask
    ) -> list[Hidden]:
        """Better bounds of one node's neurons; none if a sample, farthest first, is in vain."""
        found, tries, heights = list[Hidden](), 0, program.heights()
        while due.any() and (found or tries < SAMPLE) and not self.expired():
            side, neuron = _next(due, heights, ends, is_far=tries < SAMPLE)
            due[side, neuron] = False
            end, tries = (side, neuron), tries + 1
            known = ends[0][neuron] if side == 0 else -ends[1][neuron]
            least = float(known + LEAST_GAIN * (ends[1][neuron] - ends[0][neuron]))
            duals, heights = self._solve(program, end, patience, (least, heights))
            patience.note(side, neuron, is_gain=duals is not None)
            if duals is not None:
                found.append(Hidden(neuron, side, duals))
        return found

    def _solve(
        self,
        program: KeptFormulation,
        end: tuple[int, int],
        patience: Patience,
        before: tuple[float, Array],
    ) -> tuple[Duals | None, Array]:
        """The duals of one bound where it exceeds the least; the last solution's pre-activations.

        Args:
            program: whose rows are held.
            end: side and neuron.
            patience: of its goal.
            before: the least bound that is worth having, and the solution so far.
        """
        (side, neuron), known = end, patience.bases.get(end)
        least, heights = before
        if known is not None:
            program.simplex.resume(known)
        program.aim(neuron, 1.0 if side == 0 else -1.0)
        solved, duals = program.simplex.solve(MOST_ITERATIONS, is_primal=known is None), None
        if solved.is_optimal:
            patience.bases[end] = program.simplex.basis
            heights = program.heights()
            duals = program.duals() if solved.value > least else None
        program.aim(neuron, 0.0)
        return duals, heights


def _next(due: Mask, heights: Array, ends: tuple[Array, Array], *, is_far: bool) -> tuple[int, int]:
    """The side and neuron whose end is nearest to the last solution, or farthest from it."""
    width = np.maximum(ends[1] - ends[0], 1e-12)
    far = np.stack([heights - ends[0], ends[1] - heights]) / width
    far = np.where(due, -far if is_far else far, np.inf)
    side, neuron = divmod(int(far.argmin()), len(heights))
    return side, neuron
