"""Subproblems without unstable neurons, decided by a linear program over all values.

May import: numpy, bounds, solvers, record, exact, formulation, protocol. Must not know: trees,
processes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from verifai.bounds.compiled import Compiled
from verifai.bounds.crown import relaxed
from verifai.bounds.dual import Rows
from verifai.bounds.interval import Bounds
from verifai.proof.record import Block
from verifai.search.close.columns import Substituted, every_value, substitute
from verifai.search.close.exact import TIGHT, Leaf
from verifai.search.close.formulation import SMALL, Duals, Formulation
from verifai.search.close.protocol import LeafAnswer
from verifai.solvers.linear_program import MOST_ITERATIONS, Optimum, Simplex

MOST_SECONDS = 30.0  # of one solve
FLOOR = -1e6  # of the program's value, which no row may bound


class LeafSolver:
    """Decides subproblems of one network by linear programs: a `Closer`."""

    def __init__(self, compiled: Compiled, deadline: Callable[[], float]) -> None:
        """Builds nothing yet.

        Args:
            compiled: the network.
            deadline: the reading of `time.perf_counter` at which a solve must end.
        """
        self.compiled, self.deadline = compiled, deadline
        self.substituted: Substituted | None = None

    def __call__(self, bounds: Bounds, rows: Rows) -> LeafAnswer:
        """The block that refutes the one subproblem, and the least unsafe input, where they exist.

        Both come where the program's value is 0 up to rounding: who is right, exact arithmetic
        decides. What a solver in floats proposes is believed only where it refutes the subproblem
        for sure; otherwise exact duals come first, where the program is small.
        """
        leaf, near, point = Leaf(self.compiled, relaxed(self.compiled, bounds), rows), None, None
        for presolve in (True, False):
            solved = self._solved(leaf, presolve=presolve)
            if solved is not None and solved[1].value < TIGHT:
                point = solved[1].point[: self.compiled.width]
            if solved is not None and solved[1].value > -TIGHT:
                block = _block(solved[0], solved[0].duals())
                if leaf.is_sure(block):
                    return LeafAnswer(block, point)
                near = block if near is None and leaf.is_near(block) else near
            exact = leaf.exact_block(lambda: self._seconds() < 0) if presolve else None
            if exact is not None or near is not None:
                return LeafAnswer(exact or near, point)
        return LeafAnswer(None, point)

    def _solved(self, leaf: Leaf, *, presolve: bool) -> tuple[Formulation, Optimum] | None:
        """The program with its optimum, which HiGHS may fail to find.

        Where the bounds alone exclude each other, they give way as the unsafe rows do.
        """
        bounds, nodes = leaf.base.bounds, range(len(self.compiled.network.nodes))
        if self.substituted is None:
            self.substituted = substitute(every_value(self.compiled), bounds, nodes)
        for is_elastic in (False, True):
            program = Formulation(
                replace(self.substituted, bounds=bounds),
                leaf.rows,
                partial(Simplex, left=self._seconds, presolve=presolve),
                is_elastic=is_elastic,
            )
            program.enter(bounds, leaf.own_ends)
            program.floor(FLOOR)
            if program.simplex.solve(MOST_ITERATIONS).is_optimal:
                optimum = program.simplex.optimum()
                if np.isfinite(optimum.value):
                    return program, optimum
        return None

    def _seconds(self) -> float:
        return min(self.deadline() - time.perf_counter(), MOST_SECONDS)


def _block(program: Formulation, duals: Duals) -> Block:
    """Weights of the rows, multipliers of intervals and slopes, as the kernel names them."""
    rows = tuple((k, w) for k, w in enumerate(duals.weights.tolist()) if w > SMALL)
    values, multipliers = program.columns.values, duals.multipliers
    ends = tuple((int(values[k]), -float(multipliers[k])) for k in np.flatnonzero(multipliers))
    first, concave = program.heads.first, program.lines.is_concave
    slopes = tuple(
        (int(values[first + k]), int(concave[k]), float(duals.slopes[k]))
        for k in np.flatnonzero(~np.isnan(duals.slopes))
    )
    return Block(rows, ends, slopes, b"")
