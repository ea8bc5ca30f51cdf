"""What a network may give at points if every node rounds as the original's runtime does.

The kernel's own image of every node, widened by the roundings of the operation: a sum of n products
in any order strays by at most γ_n of the sum of their absolute values (Higham 2002, section 3.1).
Twice as many steps and some more cover how the original splits or joins sums; functions without a
proved bound get a stated number of units in the last place.

May import: numpy, kernel, draw, grain, model. Must not know: models, queries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from verifai.kernel.arithmetic import Ends
from verifai.kernel.forward import Machine, depth
from verifai.kernel.network import Affine, Input, Node, Product, Pwl, Sign, Smooth, Square
from verifai.kernel.operator import Array, Gather
from verifai.original.draw import Draws
from verifai.original.grain import grains, snapped
from verifai.original.model import Precision

SPARE = 16  # roundings of a sum beyond twice those that its terms need
ALIKE = 8  # roundings of the largest sum of a node that every other may stray, too: its constants
# may be what the original computes from others that nearly cancel
PIECES = 8  # units in the last place of a piecewise-linear function that scales, or of a product
SMOOTH = 64  # of a smooth function
BOUNDED = frozenset(["sigmoid", "tanh", "erf", "sin", "cos", "log"])  # off by parts of 1, near 0
UNDERFLOW = 2.0**10  # smallest normal numbers that a result may be off where it underflows
SAMPLES = 3
SURE = 64.0  # how much closer to 0 than its samples stray the argument of a sign may be

Pause = Callable[[], None]


class Roundings:
    """A network whose nodes round."""

    def __init__(
        self, machine: Machine, precision: Precision, read: Mapping[int, Precision], pause: Pause
    ) -> None:
        """Prepares nothing.

        Args:
            machine: the network, in rounded arithmetic.
            precision: how its nodes round.
            read: nodes that a runtime gets as numbers of a coarser type, and how that rounds.
            pause: called between nodes.
        """
        self.machine, self.precision = machine, precision
        self.read, self.pause = read, pause
        self._grains: tuple[list[Ends], list[float]] = ([], [])

    def enclose(self, boxes: list[Ends]) -> list[Ends]:
        """Intervals of every node that hold whatever a runtime computes there; (points, n) each."""
        return self._walk(boxes, lambda i, ends, found: _widened(ends, self._radius(i, found, 2)))

    def values(self, boxes: list[Ends]) -> list[Array]:
        """The values of every node at exact points, in plain binary64; (points, n) each."""
        found = self._walk(boxes, lambda i, ends, found: _middle(ends), self._value)
        return [low for low, _ in found]

    def spread(
        self, boxes: list[Ends], base: list[Array], draws: Draws
    ) -> tuple[list[Array], Array]:
        """How far nodes stray where every rounding is drawn at random, and which points are sure.

        No bound: a first-order estimate for networks so deep that `enclose` says nothing.

        Args:
            boxes: the points.
            base: their `values`.
            draws: where the roundings come from.

        Returns:
            For each node the largest difference seen, (points, n); and where no sign is near its
            jump, (points,).
        """
        spread = [np.zeros_like(value) for value in base]
        exact, radii = [(value, value) for value in base], dict[int, Array]()

        def strayed(i: int, ends: Ends, found: list[Ends]) -> Ends:
            if i not in radii:
                radii[i] = self._radius(i, exact, 0)
            share = 2 * draws.uniform(*ends[0].shape) - 1
            value = _middle(ends)[0] + share * radii[i]
            return value, value

        for _ in range(SAMPLES):
            for i, (low, _) in enumerate(self._walk(boxes, strayed, self._value)):
                spread[i] = np.maximum(spread[i], abs(low - base[i]))
        sure = np.ones(len(base[0]), dtype=bool)
        for node in self.machine.network.nodes:
            if isinstance(node, Sign):
                reach = spread[node.source]
                near = (abs(base[node.source]) <= SURE * reach) & (reach > 0)
                sure &= ~near.any(axis=1)
        return spread, sure

    def _value(self, i: int, sources: list[Ends], batch: int) -> Ends:
        """An affine node's values, the kernel's image of others."""
        node, arithmetic = self.machine.network.nodes[i], self.machine.ar
        if not isinstance(node, Affine):
            return self.machine.image(i, sources, batch)
        total = np.repeat(node.bias[None], batch, axis=0)
        for (_, operator), (value, _) in zip(node.terms, sources, strict=True):
            total = total + operator.push(arithmetic, value)
        value = total if node.divisor is None else total / node.divisor
        return value, value

    def _walk(
        self,
        boxes: list[Ends],
        change: Callable[[int, Ends, list[Ends]], Ends],
        image: Callable[[int, list[Ends], int], Ends] | None = None,
    ) -> list[Ends]:
        found: list[Ends] = []
        given = iter(boxes)
        if self._grains[0] is not boxes:
            self._grains = boxes, grains(self.machine.network, boxes, self.precision.unit)
        grain = self._grains[1]
        for i, node in enumerate(self.machine.network.nodes):
            self.pause()
            if isinstance(node, Input):
                found.append(next(given))
                continue
            made = image or self.machine.image
            ends = made(i, [found[s] for s in node.sources], len(boxes[0][0]))
            if grain[i]:
                found.append(snapped(ends, grain[i]))
            else:
                found.append(change(i, ends, [*found, ends]))
        return found

    def _radius(self, i: int, found: list[Ends], worst: int) -> Array:
        """How far the node's values may stray by its own rounding; typically, if worst is 0."""
        node, precision = self.machine.network.nodes[i], self.precision
        sizes = {s: _size(found[s]) for s in (*node.sources, i)}
        slip = self._sum(i, node, sizes, worst) if isinstance(node, Affine) else _slip(node, sizes)
        if precision.converts:
            slip = slip + sizes[i]
        radius: Array = slip * (precision.unit * precision.factor)
        if slip.any():
            radius = radius + UNDERFLOW * precision.tiny
        if i in self.read:
            radius = radius + sizes[i] * self.read[i].unit + self.read[i].tiny
        return radius

    def _sum(self, i: int, node: Affine, sizes: Mapping[int, Array], worst: int) -> Array:
        if _is_selection(node):
            return np.zeros_like(sizes[i])
        size = self.machine.size(i, [sizes[s] for s in node.sources])
        total: Array = size if node.divisor is None else size / node.divisor
        steps = worst * depth(node) if worst else np.sqrt(depth(node))
        most: Array = total.max(axis=1, keepdims=True)
        slip: Array = total * (steps + SPARE) + ALIKE * most
        return slip


def _is_selection(node: Affine) -> bool:
    """Whether every value is one of its source's, or the negative of one."""
    if len(node.terms) != 1 or node.divisor is not None or node.radius is not None:
        return False
    operator = node.terms[0][1]
    is_kept = isinstance(operator, Gather) and bool((np.abs(operator.scale) == 1).all())
    return is_kept and not node.bias.any()


def _slip(node: Node, sizes: Mapping[int, Array]) -> Array:
    """How many units of rounding a node's values may be off, times what they are relative to."""
    size = sizes[max(sizes)]  # the node comes after its sources
    if isinstance(node, Pwl):
        if np.isin(node.slopes, (-1.0, 0.0, 1.0)).all():
            return np.zeros_like(size)
        slip: Array = PIECES * (size + np.abs(node.slopes).max(axis=0) * sizes[node.source])
        return slip
    if isinstance(node, Square | Product):
        return PIECES * size
    if isinstance(node, Smooth):
        return SMOOTH * (np.maximum(size, 1.0) if node.function in BOUNDED else size)
    return np.zeros_like(size)


def _size(ends: Ends) -> Array:
    size: Array = np.maximum(abs(ends[0]), abs(ends[1]))
    return size


def _middle(ends: Ends) -> Ends:
    middle: Array = (ends[0] + ends[1]) / 2
    return middle, middle


def _widened(ends: Ends, radius: Array) -> Ends:
    return ends[0] - radius, ends[1] + radius
