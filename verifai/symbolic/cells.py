"""Where a piecewise-linear network is affine: its domain cut along every neuron's knots.

May import: numpy, python-flint, kernel, solvers.rows. Must not know: expressions, queries.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np
from flint import fmpq

from verifai.kernel.arithmetic import Exact
from verifai.kernel.errors import InputError
from verifai.kernel.network import Affine, Input, Network, Pwl
from verifai.kernel.operator import Array
from verifai.solvers.rows import Stretch, pieces

Forms = Array  # (inputs + 1, values) of rationals: the coefficients, then the constants
ZERO = fmpq(0)


class Cell(Protocol):
    """A convex set that can be cut."""

    def range(self, factors: Sequence[fmpq], constant: fmpq) -> tuple[fmpq | None, fmpq | None]:
        """The least and the greatest value of an affine form; None where it is unbounded."""
        ...

    def cut(self: C, factors: Sequence[fmpq], constant: fmpq) -> C:
        """The part where the form is at most 0."""
        ...


C = TypeVar("C", bound=Cell)


@dataclass(frozen=True, slots=True)
class Affinity(Generic[C]):
    """A cell, and the outputs there: output k at x is jacobian[k]·x + offset[k]."""

    cell: C
    jacobian: tuple[tuple[fmpq, ...], ...]
    offset: tuple[fmpq, ...]


def require_piecewise_linear(net: Network) -> None:
    """Return if the network is made of exact affine and piecewise-linear nodes.

    Raises:
        InputError: another node, or one with a radius; it is named.
    """
    for node in net.nodes:
        if not isinstance(node, Input | Affine | Pwl):
            kind = type(node).__name__.lower()
            raise InputError(f"node {node.name!r} is no piecewise-linear function ({kind})")
        if isinstance(node, Affine) and node.radius is not None and node.radius.any():
            raise InputError(f"node {node.name!r} has a constant that is not rational")


def cells(net: Network, start: C) -> Iterator[Affinity[C]]:
    """The maximal parts of `start` on which no neuron changes its piece, in no special order.

    They cover `start` and overlap on boundaries only; all have interior points.

    Args:
        net: the network.
        start: a cell with as many coordinates as the network has inputs.

    Raises:
        InputError: a node is not piecewise linear; it is named.
    """
    require_piecewise_linear(net)
    walk = _Walk(net)
    todo: list[tuple[C, tuple[Forms, ...]]] = [(start, ())]
    while todo:
        cell, forms = todo.pop()
        while len(forms) < len(net.nodes):
            i = len(forms)
            node = net.nodes[i]
            if isinstance(node, Pwl):
                (cell, form), *others = walk.split(cell, i, forms[node.source])
                todo += [(part, (*forms, other)) for part, other in others]
            else:
                form = walk.forward(i, forms)
            forms = (*forms, form)
        outputs = np.concatenate([forms[o] for o in net.outputs], axis=1)
        yield Affinity(
            cell, tuple(map(tuple, outputs[:-1].T.tolist())), tuple(outputs[-1].tolist())
        )


class _Walk:
    """One network prepared for exact affine forms."""

    def __init__(self, net: Network) -> None:
        self.net, self.ar = net, Exact()
        self.inputs = len(net.input_values)
        self.tables = {i: pieces(n) for i, n in enumerate(net.nodes) if isinstance(n, Pwl)}
        starts = [part.start for part in net.input_slices]
        self.first = dict(zip(net.inputs, starts, strict=True))

    def forward(self, i: int, forms: tuple[Forms, ...]) -> Forms:
        """The forms of an input or affine node."""
        node, size = self.net.nodes[i], self.net.sizes[i]
        total = self.ar.zeros(self.inputs + 1, size)
        if isinstance(node, Input):
            for k in range(size):
                total[self.first[i] + k, k] = fmpq(1)
        if isinstance(node, Affine):
            for source, operator in node.terms:
                total = total + operator.push(self.ar, forms[source])
            total[-1] += self.ar.lift(node.bias)
            if node.divisor is not None:
                total = total / self.ar.lift(node.divisor)
        return total

    def split(self, cell: C, i: int, source: Forms) -> list[tuple[C, Forms]]:
        """The cell cut along the knots of all values of a node, with the node's forms on it."""
        table = self.tables[i]
        open_parts: list[tuple[C, list[Stretch]]] = [(cell, [])]
        for k in range(self.net.sizes[i]):
            column = table[k if len(table) > 1 else 0]
            factors, constant = source[:-1, k].tolist(), source[-1, k]
            open_parts = [
                (part, [*chosen, piece])
                for whole, chosen in open_parts
                for part, piece in _parts(whole, factors, constant, column)
            ]
        result = []
        for part, chosen in open_parts:
            slopes = self.ar.rationals([p.slope for p in chosen])
            form = source * slopes
            form[-1] += self.ar.rationals([p.constant for p in chosen])
            result.append((part, form))
        return result


def _parts(
    cell: C, factors: list[fmpq], constant: fmpq, column: list[Stretch]
) -> Iterator[tuple[C, Stretch]]:
    """The parts of the cell on which the form stays within one piece."""
    low, high = cell.range(factors, constant)
    start: fmpq | None = None
    for piece in column:
        end = piece.end
        if low is not None and low == high:  # the form is constant here
            if end is None or low <= end:
                yield cell, piece
                return
        elif start is not None and high is not None and high <= start:
            return
        elif end is None or low is None or low < end:
            part = cell
            if start is not None and (low is None or low < start):
                part = part.cut([-a for a in factors], start - constant)
            if end is not None and (high is None or high > end):
                part = part.cut(factors, constant - end)
            yield part, piece
        start = end
