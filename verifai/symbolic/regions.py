"""Activation regions of a piecewise-linear network on a box, and what follows from them, exactly.

May import: python-flint, kernel, cells, polytope. Must not know: expressions, queries.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from flint import fmpq

from verifai.kernel.errors import InputError
from verifai.kernel.network import Network
from verifai.symbolic.cells import cells
from verifai.symbolic.polytope import Point, Polytope

MAX_REGIONS = 100_000
MAX_INPUTS = 10  # a box has 2^n vertices


@dataclass(frozen=True, slots=True)
class Region:
    """A part of the box on which no neuron changes its piece.

    Attributes:
        polytope: its vertices.
        jacobian: of the outputs there, one row an output.
        offset: output k is jacobian[k]·x + offset[k].
    """

    polytope: Polytope
    jacobian: tuple[tuple[fmpq, ...], ...]
    offset: tuple[fmpq, ...]

    @property
    def point(self) -> Point:
        """An exact point in its interior."""
        return self.polytope.centre

    @property
    def volume(self) -> fmpq:
        """Exact: a length with one input, an area with two, and so on."""
        return self.polytope.volume

    @property
    def lipschitz(self) -> fmpq:
        """The largest 1-norm of a row: how much an output can change per unit of L∞ distance."""
        return max(sum((abs(a) for a in row), fmpq(0)) for row in self.jacobian)


@dataclass(frozen=True, slots=True)
class Lipschitz:
    """An exact local Lipschitz constant from L∞ to L∞, and a point near which it is reached."""

    constant: fmpq
    point: Point


def regions(
    net: Network, lower: Sequence[fmpq], upper: Sequence[fmpq], *, most: int = MAX_REGIONS
) -> Iterator[Region]:
    """The activation regions with interior points in a box, in no special order.

    Args:
        net: a network of exact affine and piecewise-linear nodes.
        lower: the box's lower ends, one an input.
        upper: its upper ends, above the lower ones.
        most: how many regions are found before giving up.

    Raises:
        InputError: sizes do not fit, a node is not piecewise linear (it is named), there are too
            many inputs, or more than `most` regions.
    """
    inputs = len(net.input_values)
    if not len(lower) == len(upper) == inputs:
        raise InputError(f"{len(lower)} lower and {len(upper)} upper ends for {inputs} inputs")
    if inputs > MAX_INPUTS:
        raise InputError(f"regions of a network with {inputs} inputs (at most {MAX_INPUTS})")
    if not all(low < high for low, high in zip(lower, upper, strict=True)):
        raise InputError("a box without interior points")
    for count, part in enumerate(cells(net, Polytope.box(lower, upper))):
        if count >= most:
            raise InputError(f"more than {most} regions")
        yield Region(part.cell, part.jacobian, part.offset)


def lipschitz(net: Network, lower: Sequence[fmpq], upper: Sequence[fmpq]) -> Lipschitz:
    """The least L with |N(x) - N(y)| ≤ L·|x - y| on the box, both in the maximum norm.

    Args:
        net: a network of exact affine and piecewise-linear nodes.
        lower: the box's lower ends, one an input.
        upper: its upper ends, above the lower ones.

    Raises:
        InputError: as `regions`.
    """
    steepest = max(regions(net, lower, upper), key=lambda region: region.lipschitz)
    return Lipschitz(steepest.lipschitz, steepest.point)
