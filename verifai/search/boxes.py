"""Branch-and-bound over input boxes, in batches.

Every box inherits its parent's bounds, tightens them by CROWN, and is refuted, or split in the
middle of the input that moves the decisive form most.
Source: Bunel et al. 2020, Branch and Bound for Piecewise Linear Neural Network Verification.

May import: numpy, bounds, judge, forest, record. Must not know: processes, exact numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from verifai.bounds.compiled import Compiled
from verifai.bounds.crown import Plane, backward, refine
from verifai.bounds.interval import Bounds
from verifai.bounds.smear import gradient_ranges
from verifai.search.clauses import Array
from verifai.search.forest import Away, Forest
from verifai.search.judge import Indices, Judge
from verifai.search.record import Derive, Record, Split, Step

BATCH = 512
BATCH_VALUES = 1 << 19


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """Open boxes: their nodes in the forest, inherited bounds, and depths."""

    nodes: Indices
    bounds: Bounds
    depth: Indices
    value: Array  # how far the parent was from being refuted (negative)

    def take(self, which: Indices | slice) -> Boxes:
        """Some of the boxes."""
        return Boxes(self.nodes[which], self.bounds.take(which), self.depth[which], self.value[which])


def join_boxes(parts: list[Boxes]) -> Boxes:
    """All boxes of several groups."""
    if len(parts) == 1:
        return parts[0]
    lower = tuple(np.concatenate(a) for a in zip(*(p.bounds.lower for p in parts), strict=True))
    upper = tuple(np.concatenate(a) for a in zip(*(p.bounds.upper for p in parts), strict=True))
    return Boxes(
        np.concatenate([p.nodes for p in parts]),
        Bounds(lower, upper),
        np.concatenate([p.depth for p in parts]),
        np.concatenate([p.value for p in parts]),
    )


class BoxSearch:
    """A depth-first search over the boxes of one clause, one process's share of it.

    Attributes:
        open: groups of open boxes; the last are visited next.
        forest: what has been decided.
        hard: boxes too small to split, left for another kind of branching.
        closed: the share of the volume of the boxes given that is refuted.
    """

    def __init__(self, compiled: Compiled, judge: Judge, *, integers: Indices, max_depth: int = 400) -> None:
        """Prepares a search without boxes.

        Args:
            compiled: the network.
            judge: the clause to refute.
            integers: which columns of points are integers.
            max_depth: where boxes count as too small.
        """
        self.compiled, self.judge = compiled, judge
        self.integers, self.max_depth = integers, max_depth
        self.open: list[Boxes] = []
        self.hard: list[Boxes] = []
        self.forest = Forest()
        self.filter_points: Callable[[Array], Array] | None = None
        self.visited, self.leaves, self.closed = 0, 0, 0.0
        self.plan = (Derive(tuple(Step(node) for node in compiled.preactivations)),)
        total = sum(compiled.sizes)
        self.batch = int(min(BATCH, max(8, BATCH_VALUES // total)))

    def add(self, boxes: Boxes) -> int:
        """Gives the search boxes; the first's node in its own forest."""
        first = self.forest.grow(len(boxes.nodes))
        nodes = np.arange(first, first + len(boxes.nodes))
        self.open.append(Boxes(nodes, boxes.bounds, boxes.depth, boxes.value))
        return first

    def give(self, share: int) -> Boxes | None:
        """Takes away up to `share` of the boxes that wait longest, but never all."""
        count = sum(len(b.nodes) for b in self.open)
        if count < 2:
            return None
        everything = join_boxes(self.open)
        given = np.arange(0, min(2 * share, count // 2 * 2), 2)
        kept = np.setdiff1d(np.arange(count), given)
        self.open = [everything.take(kept)]
        return everything.take(given)

    def sent(self, boxes: Boxes, owner: int, first: int) -> None:
        """Notes where boxes that were given away now live."""
        for i, node in enumerate(boxes.nodes.tolist()):
            self.forest.outcome[node] = Away(owner, first + i)

    @property
    def worst(self) -> float:
        """The best proved lower bound of the decisive forms over all open boxes."""
        return min((float(b.value.min()) for b in (*self.open, *self.hard)), default=np.inf)

    def _pop(self) -> Boxes:
        taken, count = list[Boxes](), 0
        while self.open and count < self.batch:
            taken.append(self.open.pop())
            count += len(taken[-1].nodes)
        everything = join_boxes(taken[::-1])
        if count > self.batch:
            self.open.append(everything.take(slice(0, count - self.batch)))
            everything = everything.take(slice(count - self.batch, None))
        return everything

    def advance(self) -> Array:
        """Visits a batch of boxes; points (P, all inputs) of them that look worth trying."""
        boxes = self._pop()
        count, forms = len(boxes.nodes), self.judge.directed
        relaxation = refine(self.compiled, boxes.bounds)
        plane = self._planes(relaxation, count)
        size = len(forms.constant)
        bounds = plane.value.reshape(count, size) - forms.margin
        bounds = np.where(np.isfinite(bounds), bounds, -np.inf)
        value, which = self.judge.value(bounds)
        self.visited += count
        for i in np.flatnonzero(value > 0).tolist():
            self.forest.outcome[boxes.nodes[i]] = (*self.plan, *self.judge.records(bounds[i]))
            self.leaves += 1
            self.closed += 0.5 ** int(boxes.depth[i])
        alive = np.flatnonzero(~(value > 0))
        if not len(alive):
            return np.zeros((0, plane.coefficients.shape[1]))
        slopes = plane.coefficients.reshape(count, size, -1)[alive, which[alive]]
        rest = Boxes(boxes.nodes[alive], relaxation.bounds.take(alive), boxes.depth[alive], value[alive])
        low, high = self._ends(rest.bounds)
        self._branch(rest, self._scores(rest, which[alive]) * (high - low), low, high)
        corner = np.where(slopes > 0, low, high)
        return np.concatenate([corner, (low + high) / 2])

    def _planes(self, relaxation: object, count: int) -> Plane:
        forms = self.judge.directed
        size, inputs = len(forms.constant), sum(self.compiled.sizes[i] for i in self.compiled.inputs)
        if not forms.forms:
            zeros = np.zeros((count * size, inputs))
            return Plane(np.tile(forms.constant, count), zeros, np.tile(forms.constant, count))
        tiled = {node: np.tile(a, (count, 1)) for node, a in forms.forms.items()}
        where = np.repeat(np.arange(count), size)
        constant = np.tile(forms.constant, count)
        return backward(self.compiled, relaxation, tiled, boxes=where, constant=constant)  # type: ignore[arg-type]

    def _ends(self, bounds: Bounds) -> tuple[Array, Array]:
        low = np.concatenate([bounds.lower[i] for i in self.compiled.inputs], axis=1)
        high = np.concatenate([bounds.upper[i] for i in self.compiled.inputs], axis=1)
        return low, high

    def _scores(self, boxes: Boxes, which: Indices) -> Array:
        """How unsure the decisive form's gradient is in every input, (B, all inputs)."""
        forms = self.judge.directed.forms
        if not forms:
            return np.ones((len(which), sum(self.compiled.sizes[i] for i in self.compiled.inputs)))
        seeds = {node: a[which] for node, a in forms.items()}
        least, most = gradient_ranges(self.compiled, boxes.bounds, seeds)
        return np.asarray(most - least)

    def _branch(self, boxes: Boxes, scores: Array, low: Array, high: Array) -> None:
        """Splits every box in two; those that cannot be split count as hard."""
        every = np.arange(len(low))
        column = np.argmax(scores + 1e-9 * (high - low), axis=1)
        at = low[every, column] / 2 + high[every, column] / 2
        whole = np.isin(column, self.integers)
        at = np.where(whole, np.floor(at), at)
        right = np.where(whole, at + 1, at)
        fine = (low[every, column] <= at) & (right <= high[every, column]) & (boxes.depth < self.max_depth)
        fine &= (low[every, column] < at) | whole & (right > low[every, column])
        if not fine.all():
            self.hard.append(boxes.take(np.flatnonzero(~fine)))
        chosen = np.flatnonzero(fine)
        if len(chosen):
            self._split(boxes.take(chosen), column[chosen], at[chosen], right[chosen])

    def _split(self, boxes: Boxes, column: Array, at: Array, right: Array) -> None:
        count = len(column)
        first = self.forest.grow(2 * count)
        values = self._values()[column]
        for i, node in enumerate(boxes.nodes.tolist()):
            self.forest.split(node, self.plan, Split(int(values[i]), float(at[i])), first + 2 * i)
        twice = np.repeat(np.arange(count), 2)
        children = boxes.take(twice)
        lower, upper = list(children.bounds.lower), list(children.bounds.upper)
        low, high = self._ends(children.bounds)
        every = np.arange(count)
        high[2 * every, column] = at
        low[2 * every + 1, column] = right
        for node, part in self.compiled.split(low).items():
            lower[node] = part
        for node, part in self.compiled.split(high).items():
            upper[node] = part
        nodes = np.arange(first, first + 2 * count)
        bounds = Bounds(tuple(lower), tuple(upper))
        self.open.append(Boxes(nodes, bounds, children.depth + 1, children.value))

    def _values(self) -> Indices:
        net = self.compiled.network
        return np.concatenate([np.arange(net.offsets[i], net.offsets[i + 1]) for i in net.inputs])
