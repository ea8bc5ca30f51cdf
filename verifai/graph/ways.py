"""Which way values can move when one number of a network's inputs is raised.

A neuron that never falls moves as what it reads does; so through weights of one sign the way is
known without bounds, however its values are rounded.

May import: numpy, kernel. Must not know: how differences are written down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from verifai.kernel.functions import SMOOTH
from verifai.kernel.network import Affine, Node, Pwl, Sign, Smooth
from verifai.kernel.operator import Array, Conv, Gather, Operator

Mask = npt.NDArray[np.bool_]
RISING = frozenset(name for name, row in SMOOTH.items() if row.trend > 0)  # where defined


@dataclass(frozen=True, slots=True, eq=False)
class Directions:
    """Which values may rise and which may fall when the number is raised, (n,) each."""

    rise: Mask
    fall: Mask

    @property
    def known(self) -> Array:
        """1 where a value can only rise, -1 where it can only fall, 0 where it stays."""
        return np.where(self.rise & ~self.fall, 1.0, np.where(self.fall & ~self.rise, -1.0, 0.0))

    @property
    def is_open(self) -> Mask:
        """Where it may do both."""
        return self.rise & self.fall


@dataclass(frozen=True, slots=True)
class Moves:
    """The node of the number that is raised, and the ways of all nodes that move with it."""

    number: int
    ways: dict[int, Directions]


def placed(node: Node) -> tuple[int, Directions | None]:
    """The one number whose multiples (and zeros) a node holds, and its way; -1 of other nodes."""
    if not isinstance(node, Affine) or len(node.terms) != 1 or node.bias.any():
        return -1, None
    source, operator = node.terms[0]
    if not isinstance(operator, Gather) or operator.inputs != 1:
        return -1, None
    sign = np.where(operator.index < 0, 0.0, np.sign(operator.scale))
    return source, Directions(sign > 0, sign < 0)


def onward(node: Node, ways: Sequence[Directions | None]) -> Directions:
    """The way of a node's values, given those of its sources (None: they stay)."""
    moving = next((way for way in ways if way is not None), None)
    if isinstance(node, Affine):
        pairs = [
            (op, way) for (_, op), way in zip(node.terms, ways, strict=True) if way is not None
        ]
        each = [_through(op, way, len(node.bias)) for op, way in pairs]
        rise = np.logical_or.reduce([way.rise for way in each])
        return Directions(rise, np.logical_or.reduce([way.fall for way in each]))
    if moving is None:
        raise ValueError("nothing moves")
    if isinstance(node, Sign) or (isinstance(node, Smooth) and node.function in RISING):
        return moving
    if isinstance(node, Pwl):
        up, down = (node.slopes >= 0).all(axis=0), (node.slopes <= 0).all(axis=0)
        rise = moving.rise & ~down | moving.fall & ~up
        return Directions(rise, moving.fall & ~down | moving.rise & ~up)
    return Directions(moving.rise | moving.fall, moving.rise | moving.fall)


def _through(operator: Operator, way: Directions, size: int) -> Directions:
    if isinstance(operator, Conv):
        every = np.ones(size, dtype=bool)
        return Directions(every, every)
    if isinstance(operator, Gather):
        index = np.maximum(operator.index, 0)
        up = (operator.index >= 0) & (operator.scale > 0)
        down = (operator.index >= 0) & (operator.scale < 0)
        rise = up & way.rise[index] | down & way.fall[index]
        return Directions(rise, up & way.fall[index] | down & way.rise[index])
    columns = operator.weight.shape[1]
    up, down = ((operator.weight > 0).T, (operator.weight < 0).T)
    rise, fall = way.rise.reshape(-1, columns), way.fall.reshape(-1, columns)
    return Directions((rise @ up | fall @ down).reshape(-1), (fall @ up | rise @ down).reshape(-1))
