"""Subproblems decided by a linear program: its duals are the leaf's multipliers.

Every value is a variable; piecewise-linear values obey the lines of their pieces. The program
minimises the greatest of the unsafe rows: above zero, its duals refute the subproblem.
Source: Ehlers 2017, Formal Verification of Piece-Wise Linear Feed-Forward Neural Networks.

May import: numpy, bounds, solvers, record, exact, protocol. Must not know: trees, processes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from verifai.bounds.bands import BandMap
from verifai.bounds.compiled import Compiled
from verifai.bounds.crown import relaxed
from verifai.bounds.dual import Rows
from verifai.bounds.interval import Bounds
from verifai.bounds.lines import span
from verifai.bounds.maps import Array, ConvMap, Map
from verifai.kernel.network import Affine, Input, Pwl
from verifai.proof.record import Block
from verifai.search.close.exact import TIGHT, Leaf
from verifai.search.close.protocol import LeafAnswer
from verifai.solvers.linear_program import LinearProgram, Optimum

SMALL = 1e-12


@dataclass(slots=True)
class _Model:
    """The program under construction, and where its duals go."""

    program: LinearProgram
    goals: list[int] = field(default_factory=list)
    sides: dict[int, list[tuple[int, int, float]]] = field(
        default_factory=dict
    )  # value: row, place, slope
    ends: list[tuple[int, int]] = field(default_factory=list)  # value, row


class LeafSolver:
    """Decides subproblems of one network by linear programs: a `Closer`."""

    def __init__(self, compiled: Compiled, deadline: Callable[[], float]) -> None:
        """Reads off the matrices of all affine nodes.

        Args:
            compiled: the network.
            deadline: the reading of `time.perf_counter` at which a solve must end.
        """
        self.compiled, self.deadline = compiled, deadline
        self.matrices: dict[int, list[tuple[int, Array]]] = {}

    def __call__(self, bounds: Bounds, rows: Rows) -> LeafAnswer:
        """The block that refutes the one subproblem, and the least unsafe input, where they exist.

        Both come where the program's value is 0 up to rounding: who is right, exact arithmetic
        decides. What a solver in floats proposes is believed only where it refutes the subproblem
        for sure; otherwise exact duals come first, where the program is small.
        """
        leaf, near, point = Leaf(self.compiled, relaxed(self.compiled, bounds), rows), None, None
        for presolve in (True, False):
            model, optimum = self._solved(leaf, presolve=presolve)
            if optimum is not None and optimum.value < TIGHT:
                offsets = self.compiled.network.offsets
                parts = [optimum.point[offsets[i] : offsets[i + 1]] for i in self.compiled.inputs]
                point = np.concatenate(parts)
            if optimum is not None and optimum.value > -TIGHT:
                block = self._block(model, optimum)
                if leaf.is_sure(block):
                    return LeafAnswer(block, point)
                near = block if near is None and leaf.is_near(block) else near
            exact = leaf.exact_block(lambda: self._seconds() < 0) if presolve else None
            if exact is not None or near is not None:
                return LeafAnswer(exact or near, point)
        return LeafAnswer(None, point)

    def _solved(self, leaf: Leaf, *, presolve: bool) -> tuple[_Model, Optimum | None]:
        """The program with its optimum, which HiGHS may fail to find."""
        model = self._model(leaf)
        optimum = model.program.solve(self._seconds(), presolve=presolve)
        if optimum is None:  # perhaps because the bounds alone exclude each other
            model = self._model(leaf, is_elastic=True)
            optimum = model.program.solve(self._seconds(), presolve=presolve)
        return model, optimum

    def _seconds(self) -> float:
        return min(self.deadline() - time.perf_counter(), 30.0)

    def _model(self, leaf: Leaf, *, is_elastic: bool = False) -> _Model:
        """The program; elastic: the intervals of hidden values give way as the unsafe rows do."""
        net, bounds = self.compiled.network, leaf.base.bounds
        total = net.offsets[-1]
        lower, upper = np.full(total + 1, -math.inf), np.full(total + 1, math.inf)
        for known in {*self.compiled.inputs, *self.compiled.preactivations}:
            where = slice(net.offsets[known], net.offsets[known + 1])
            lower[where], upper[where] = leaf.own_ends(known)
        cost = np.zeros(total + 1)
        cost[total], lower[total] = 1.0, -1e6
        model = _Model(LinearProgram(cost, lower, np.maximum(lower, upper)))
        if is_elastic:
            self._give_way(model)
        lines = leaf.base.lines
        for i, node in enumerate(net.nodes):
            if isinstance(node, Affine):
                self._affine(model, i)
            elif isinstance(node, Pwl):
                self._pieces(model, bounds, i)
            elif not isinstance(node, Input):
                self._lines(model, i, node.sources, lines[i])
        self._goals(model, leaf.rows)
        return model

    def _give_way(self, model: _Model) -> None:
        """Turns the intervals of hidden values into rows that hold up to the program's value."""
        offsets, program = self.compiled.network.offsets, model.program
        total = offsets[-1]
        for node in sorted({*self.compiled.preactivations} - {*self.compiled.inputs}):
            for value in range(offsets[node], offsets[node + 1]):
                pair = np.array([value, total])
                low, high = float(program.lower[value]), float(program.upper[value])
                below = program.add_row(pair, np.array([1.0, 1.0]), low, math.inf)
                above = program.add_row(pair, np.array([1.0, -1.0]), -math.inf, high)
                model.ends += [(value, below), (value, above)]
                program.lower[value], program.upper[value] = -math.inf, math.inf

    def _affine(self, model: _Model, i: int) -> None:
        """y - Σ W x = b, in a radius' reach; the kernel takes off the rest."""
        if i not in self.matrices:
            data = self.compiled.linear[i]
            scale = 1.0 if data.scale is None else data.scale[:, None]
            self.matrices[i] = [
                (source, self._matrix(i, source, a_map) * scale) for source, a_map in data.terms
            ]
        offsets, bias = self.compiled.network.offsets, self.compiled.linear[i].bias
        for k in range(self.compiled.sizes[i]):
            columns, factors = [np.array([offsets[i] + k])], [np.ones(1)]
            for source, matrix in self.matrices[i]:
                used = np.flatnonzero(matrix[k])
                columns.append(offsets[source] + used)
                factors.append(-matrix[k, used])
            merged, inverse = np.unique(np.concatenate(columns), return_inverse=True)
            values = np.zeros(len(merged))
            np.add.at(values, inverse, np.concatenate(factors))
            model.program.add_row(merged, values, float(bias[k]), float(bias[k]))

    def _matrix(self, node: int, source: int, a_map: Map | BandMap) -> Array:
        """A term of an affine node as a matrix, (n, m)."""
        rows, columns = (np.arange(self.compiled.sizes[i]) for i in (node, source))
        if isinstance(a_map, ConvMap):
            return a_map.matrix(rows, columns)
        return a_map.pull(np.eye(len(rows)))

    def _pieces(self, model: _Model, bounds: Bounds, i: int) -> None:
        pieces, offsets = self.compiled.pieces[i], self.compiled.network.offsets
        low, high = bounds.lower[pieces.source], bounds.upper[pieces.source]
        touched = span(pieces, low, high)
        ends = pieces.value(low)[0], pieces.value(high)[0]
        for k in range(self.compiled.sizes[i]):
            y, z = offsets[pieces.source] + k, offsets[i] + k
            left, right = float(touched.left[0, k]), float(touched.right[0, k])
            if not touched.is_split[0, k]:
                at = ends[0][k] - left * low[0, k]
                model.program.add_row(np.array([y, z]), np.array([-left, 1.0]), at, at)
                continue
            chord = (ends[1][k] - ends[0][k]) / (high[0, k] - low[0, k])
            steps = [
                (left, ends[0][k] - left * low[0, k]),
                (right, ends[1][k] - right * high[0, k]),
            ]
            across = (chord, ends[0][k] - chord * low[0, k])
            if len(pieces.knots) > 1:
                self._loose(model, bounds, i, k)
            elif left <= right:
                self._add_lines(model, z, y, below=steps, above=[across])
            else:
                self._add_lines(model, z, y, below=[across], above=steps)

    def _loose(self, model: _Model, bounds: Bounds, i: int, k: int) -> None:
        """The default lines of a value with several pieces."""
        pieces, offsets = self.compiled.pieces[i], self.compiled.network.offsets
        lines = relaxed(self.compiled, bounds).lines[i]
        below = 0.0 if lines.below is None else float(lines.below[0, k])
        y, z = offsets[pieces.source] + k, offsets[i] + k
        lower, upper = float(lines.lower[0][0, k]), float(lines.upper[0][0, k])
        self._add_lines(
            model, z, y, below=[(lower, below)], above=[(upper, float(lines.above[0, k]))]
        )

    def _add_lines(
        self,
        model: _Model,
        z: int,
        y: int,
        *,
        below: list[tuple[float, float]],
        above: list[tuple[float, float]],
    ) -> None:
        for place, lines in enumerate((below, above)):
            for slope, at in lines:
                low, high = (at, math.inf) if place == 0 else (-math.inf, at)
                row = model.program.add_row(np.array([y, z]), np.array([-slope, 1.0]), low, high)
                model.sides.setdefault(z, []).append((row, place, slope))

    def _lines(self, model: _Model, i: int, sources: tuple[int, ...], lines: object) -> None:
        """Other nonlinear nodes: their default lines, with no slopes to choose."""
        from verifai.bounds.lines import Envelope

        if not isinstance(lines, Envelope):
            raise TypeError("a nonlinear node without lines")
        offsets = self.compiled.network.offsets
        for k in range(self.compiled.sizes[i]):
            for slopes, at, place in ((lines.lower, lines.below, 0), (lines.upper, lines.above, 1)):
                columns, factors = [offsets[i] + k], [1.0]
                for source, slope in zip(sources, slopes, strict=True):
                    columns.append(offsets[source] + k)
                    factors.append(-float(slope[0, k]))
                end = 0.0 if at is None else float(at[0, k])
                merged = {
                    c: sum(f for d, f in zip(columns, factors, strict=True) if d == c)
                    for c in columns
                }
                ends = (end, math.inf) if place == 0 else (-math.inf, end)
                model.program.add_row(
                    np.array(list(merged)), np.array(list(merged.values())), *ends
                )

    def _goals(self, model: _Model, rows: Rows) -> None:
        offsets, total = self.compiled.network.offsets, self.compiled.network.offsets[-1]
        for k in range(rows.count):
            columns, factors = [np.array([total])], [-np.ones(1)]
            for node, a in rows.forms.items():
                used = np.flatnonzero(a[k])
                columns.append(offsets[node] + used)
                factors.append(a[k, used])
            end = -float(rows.constant[k])
            row = model.program.add_row(
                np.concatenate(columns), np.concatenate(factors), -math.inf, end
            )
            model.goals.append(row)

    def _block(self, model: _Model, optimum: Optimum) -> Block:
        """Weights of the rows, multipliers of intervals and slopes, as the duals say."""
        weights = [max(0.0, -float(optimum.row_duals[row])) for row in model.goals]
        rows = tuple((k, w) for k, w in enumerate(weights) if w > SMALL)
        ends, offsets = [], self.compiled.network.offsets
        for node in self.compiled.preactivations:
            if node in self.compiled.inputs:
                continue  # the box is used in any case
            reduced = optimum.reduced[offsets[node] : offsets[node + 1]]
            for k in np.flatnonzero(np.abs(reduced) > SMALL).tolist():
                ends.append((offsets[node] + k, float(reduced[k])))
        for value, row in model.ends:
            if abs(dual := float(optimum.row_duals[row])) > SMALL:
                ends.append((value, dual))
        slopes = []
        for value, sides in model.sides.items():
            for place in (0, 1):
                here = [(abs(float(optimum.row_duals[r])), s) for r, p, s in sides if p == place]
                weight = sum(w for w, _ in here)
                if len(here) == 2 and weight > SMALL:
                    slopes.append((value, place, sum(w * s for w, s in here) / weight))
        return Block(rows, tuple(ends), tuple(slopes), b"")
