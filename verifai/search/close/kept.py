"""A network of ReLUs' program over its inputs and unstable neurons, kept for the next region.

A split changes ends only, so that the dual simplex method goes on where it was.

May import: numpy, bounds, solvers, columns, formulation. Must not know: trees, records, processes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np

from verifai.bounds.dual import Rows
from verifai.bounds.interval import Bounds
from verifai.bounds.maps import Array
from verifai.search.budget import unhurried
from verifai.search.close.columns import Substituted, Units
from verifai.search.close.formulation import Duals, Formulation
from verifai.search.close.heads import CHORD, LEFT, RIGHT
from verifai.solvers.linear_program import Optimum, Simplex

EMPTY = 1e-9  # intervals whose ends cross by less do not count as empty


class KeptFormulation(Formulation):
    """A program whose heads are the unstable neurons, m of them."""

    def __init__(
        self,
        substituted: Substituted,
        units: Units,
        rows: Rows,
        left: Callable[[], float] = unhurried,
    ) -> None:
        """The program for regions inside one box.

        Args:
            substituted: a network of ReLUs in terms of its inputs and unstable neurons.
            units: these neurons.
            rows: K rows, alike for all boxes, on nodes that are substituted.
            left: how many seconds a solve may take.
        """
        super().__init__(substituted, rows, partial(Simplex, left=left))
        self.units, self.count, self.inputs = units, self.heads.count, self.heads.first
        self.reads = self.heads.reads[0]

    def visit(self, bounds: Bounds) -> tuple[Array, Array] | None:
        """Enters one region; its neurons' ends, or None where they exclude each other."""
        (low,), (high,) = self.units.ends(bounds)
        if (low > high + EMPTY * np.maximum(1, np.abs(low))).any():
            return None
        self.enter(bounds)
        return low, np.maximum(low, high)

    def fix(self, neuron: int, low: float, high: float, *, active: bool) -> None:
        """Makes an open neuron active, or inactive, with these ends before it."""
        self.simplex.set_column(int(self.reads[neuron]), *((0.0, high) if active else (low, 0.0)))
        free = -math.inf, math.inf
        self._set(neuron, CHORD, free)
        self._set(neuron, LEFT, free if active else (0.0, 0.0))
        self._set(neuron, RIGHT, (0.0, 0.0) if active else free)

    def loosen(self, neuron: int, low: float, high: float) -> None:
        """Undoes `fix`."""
        self.simplex.set_column(int(self.reads[neuron]), low, high)
        for line in (CHORD, LEFT, RIGHT):
            ends = self.lines.low[line, neuron], self.lines.high[line, neuron]
            self._set(neuron, line, (float(ends[0]), float(ends[1])))

    def _set(self, neuron: int, line: int, ends: tuple[float, float]) -> None:
        """New ends of one line."""
        if line == LEFT and self.heads.is_flat[neuron]:
            self.simplex.set_column(self.heads.first + neuron, *ends)
        else:
            rows, which = self._line(line)
            self.simplex.set_row(int(rows[np.searchsorted(which, neuron)]), *ends)

    def hold(self, *, is_held: bool) -> None:
        """Makes the unsafe rows premises and the cost zero, or the cost what it was."""
        self.simplex.set_cost(self.value, 0.0 if is_held else 1.0)
        self.simplex.set_column(self.value, -math.inf, 0.0 if is_held else math.inf)

    def aim(self, neuron: int, factor: float) -> None:
        """The cost of a neuron's pre-activation."""
        self.simplex.set_cost(int(self.reads[neuron]), factor)

    def heights(self) -> Array:
        """The pre-activations at the solution just found, (m,)."""
        return np.asarray(self.simplex.point()[self.reads])

    def gaps(self, point: Array) -> Array:
        """How far each neuron's value exceeds its function at a solution, (m,)."""
        z, y = point[self.inputs : self.inputs + self.count], point[self.reads]
        return np.asarray(np.maximum(z - np.maximum(y, 0), 0))

    def pulls(self, optimum: Optimum) -> Array:
        """How fast the program's value rises as each neuron's chord is lowered, (m,)."""
        return np.asarray(np.maximum(-optimum.row_duals[self._line(CHORD)[0]], 0))

    def proofs_of(self, ray: Array | None) -> tuple[Duals, ...]:
        """Of a proof that a region is empty, if any, whose sign is not known: both."""
        size = 0.0 if ray is None else np.abs(ray).max(initial=0.0)
        if ray is None or not size > 0 or not np.isfinite(size):
            return ()
        left = self.simplex.left_by(ray / size)
        return (
            self.read(math.inf, ray / size, left),
            self.read(math.inf, -ray / size, -left),
        )
