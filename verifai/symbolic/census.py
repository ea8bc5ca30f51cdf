"""All counterexamples of a query whose domain is finite, exactly.

Boxes of inputs are kept whole where the kernel's intervals already decide them; what remains is cut
down to single inputs, which the kernel replays.

May import: numpy, python-flint, entry, kernel. Must not know: the search.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from flint import fmpq

from verifai.entry import rules
from verifai.entry.takes import takes
from verifai.kernel.arithmetic import Rounded
from verifai.kernel.errors import InputError
from verifai.kernel.formula import margins
from verifai.kernel.forward import Machine
from verifai.kernel.network import Affine, Network
from verifai.kernel.number import above, below
from verifai.kernel.operator import Array
from verifai.kernel.query import And, Atom, Formula, Query
from verifai.kernel.replay import Replayer

MAX_BOXES = 5_000_000
BATCH = 256
Grid = tuple[tuple[int, int], ...]  # for every free input its least and its greatest integer


@dataclass(frozen=True, slots=True)
class Census:
    """Every counterexample of a query over a finite domain: disjoint boxes of integers.

    Attributes:
        count: how many there are.
        boxes: for every box the least and the greatest input, which hold only counterexamples.
        integers: which inputs run through integers; the others are fixed.
        total: how many inputs the box of the domain holds.
    """

    count: int
    boxes: tuple[tuple[tuple[fmpq, ...], tuple[fmpq, ...]], ...]
    integers: tuple[bool, ...]
    total: int

    def __len__(self) -> int:
        """How many counterexamples there are.

        Raises:
            InputError: more than Python's `len` can say: ask `count`.
        """
        if self.count > sys.maxsize:
            raise InputError("len() cannot say so large a number: ask .count")
        return self.count

    def __bool__(self) -> bool:
        """Whether there are any."""
        return self.count > 0

    def __iter__(self) -> Iterator[tuple[fmpq, ...]]:
        """The counterexamples, one after the other."""
        for lower, upper in self.boxes:
            point = list(lower)
            while True:
                yield tuple(point)
                axes = range(len(point) - 1, -1, -1)
                k = next((k for k in axes if self.integers[k] and point[k] < upper[k]), None)
                if k is None:
                    break
                point[k:] = [point[k] + 1, *lower[k + 1 :]]


@takes(query=rules.query, max_boxes=rules.count)
def counterexamples(query: Query, *, max_boxes: int = MAX_BOXES) -> Census:
    """Counts the counterexamples of a query whose inputs are integers, and says which they are.

    Args:
        query: every input is an integer or fixed by its box.
        max_boxes: how many boxes are looked at before giving up.

    Raises:
        InputError: an input runs through a continuum, the network's constants leave an input
            undecided, more than `max_boxes` boxes would be needed, or a value may exceed what
            double precision holds.
    """
    return _Enumeration(query).run(max_boxes)


class _Enumeration:
    """One query prepared for intervals and for replay."""

    def __init__(self, query: Query) -> None:
        self.query, self.replayer = query, Replayer(query)
        self.machine = Machine(query.network, Rounded())
        self.condition = And((*query.domain, query.unsafe))
        self.whole = tuple(v in query.integers for v in query.input_values)
        plays = _plays_part(query.network, self.condition)
        inputs = zip(query.input_values, self.whole, strict=True)
        self.sides = [k for k, v in enumerate(v for v, whole in inputs if whole) if plays[v]]
        sides = zip(query.input_values, self.whole, query.lower, query.upper, strict=True)
        for value, whole, low, high in sides:
            if not whole and low < high:
                name = query.network.describe(value)
                raise InputError(f"input {name} is not an integer: its values cannot be counted")

    def run(self, max_boxes: int) -> Census:
        grid, total = self._start()
        todo = [grid] if total else []
        found: list[Grid] = []
        seen = 0
        while todo:
            batch, todo = todo[-BATCH:], todo[:-BATCH]
            seen += len(batch)
            if seen > max_boxes:
                raise InputError(f"more than {max_boxes} boxes are needed to count")
            for box, answer in zip(batch, self._answers(batch), strict=True):
                if answer is None:
                    todo += _halves(box, self.sides)
                elif answer:
                    found.append(box)
        boxes = tuple((self._corner(box, 0), self._corner(box, 1)) for box in sorted(found))
        return Census(sum(map(_size, found)), boxes, self.whole, total)

    def _start(self) -> tuple[Grid, int]:
        """The whole box, and how many inputs it holds."""
        ends = list(zip(self.whole, self.query.lower, self.query.upper, strict=True))
        if any(low > high for _, low, high in ends):
            return (), 0
        grid = tuple((int(low.ceil()), int(high.floor())) for whole, low, high in ends if whole)
        return grid, _size(grid)

    def _corner(self, box: Grid, side: int) -> tuple[fmpq, ...]:
        free = iter(box)
        pairs = zip(self.whole, self.query.lower, strict=True)
        return tuple(fmpq(next(free)[side]) if whole else low for whole, low in pairs)

    def _answers(self, boxes: list[Grid]) -> list[bool | None]:
        """For every box: all of its inputs are counterexamples, none is, or it must be cut."""
        net = self.query.network
        lower = np.array([[below(x) for x in self._corner(box, 0)] for box in boxes])
        upper = np.array([[above(x) for x in self._corner(box, 1)] for box in boxes])
        parts = net.input_slices
        ends = self.machine.forward([(lower[:, part], upper[:, part]) for part in parts])
        low, high = (np.concatenate([e[side] for e in ends], axis=1) for side in (0, 1))
        answers: list[bool | None] = []
        for k, box in enumerate(boxes):
            if not (np.isfinite(low[k]).all() and np.isfinite(high[k]).all()):
                certain, possible = False, True
            else:
                _, _, certain, possible = margins(self.condition, low[k], high[k])
            if certain or not possible:
                answers.append(certain)
            else:
                is_point = all(box[k][0] == box[k][1] for k in self.sides)
                answers.append(self._replayed(box) if is_point else None)
        return answers

    def _replayed(self, box: Grid) -> bool:
        """The answer at any point of a box whose points differ only where nothing depends on it."""
        point = self._corner(box, 0)
        violates = self.replayer.replay(point).violates
        if violates is None:
            shown = ", ".join(map(str, point))
            raise InputError(f"constants that are not rational leave the input ({shown}) open")
        return violates


def _size(box: Grid) -> int:
    total = 1
    for low, high in box:
        total *= max(0, high - low + 1)
    return total


def _plays_part(network: Network, condition: And) -> Array:
    """Which values of a network the condition depends on, as far as its structure says."""
    plays = np.zeros(network.offsets[-1])
    todo: list[Formula] = [condition]
    while todo:
        part = todo.pop()
        if isinstance(part, Atom):
            plays[[value for value, _ in part.terms]] = 1.0
        else:
            todo += part.parts
    ends = list(pairwise(network.offsets))
    algebra = Rounded()
    for position in reversed(range(len(network.nodes))):
        node, own = network.nodes[position], plays[slice(*ends[position])]
        if isinstance(node, Affine):
            for source, operator in node.terms:
                reached = operator.mapped(np.abs).pull(algebra, own[None])[0] > 0
                np.maximum(plays[slice(*ends[source])], reached, out=plays[slice(*ends[source])])
        else:
            for source in node.sources:
                np.maximum(plays[slice(*ends[source])], own, out=plays[slice(*ends[source])])
    return plays > 0


def _halves(box: Grid, sides: list[int]) -> list[Grid]:
    """The box cut across the longest of these sides."""
    k = max(sides, key=lambda i: box[i][1] - box[i][0])
    low, high = box[k]
    middle = (low + high) // 2
    return [(*box[:k], part, *box[k + 1 :]) for part in ((low, middle), (middle + 1, high))]
