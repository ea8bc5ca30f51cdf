"""Affine and piecewise-linear nodes as exact scalar data: what every export and solver reads.

May import: numpy, python-flint, kernel. Must not know: any solver, any format.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from flint import fmpq

from verifai.kernel.arithmetic import Rounded
from verifai.kernel.lines import heights
from verifai.kernel.network import Affine, Network, Pwl
from verifai.kernel.number import exact
from verifai.kernel.operator import Operator

CHUNK = 1 << 20  # matrix entries that are unrolled at a time
ZERO = fmpq(0)


@dataclass(frozen=True, slots=True)
class AffineValue:
    """One value of an affine node: Σ factor·value + constant + δ with |δ| ≤ spread.

    spread = Σ weight·|value| + offset, where `spread` lists the weights.

    Attributes:
        terms: (value number, factor), in the order of values, no factor zero.
        constant: what is added.
        spread: (value number, weight ≥ 0); empty where the node has no radius.
        offset: what is added to the spread.
    """

    terms: tuple[tuple[int, fmpq], ...]
    constant: fmpq
    spread: tuple[tuple[int, fmpq], ...] = ()
    offset: fmpq = ZERO

    @property
    def is_exact(self) -> bool:
        """Whether δ is always zero."""
        return not self.spread and self.offset == 0


@dataclass(frozen=True, slots=True)
class Stretch:
    """slope·x + constant, right up to `end` (None: without end)."""

    end: fmpq | None
    slope: fmpq
    constant: fmpq


def affine_rows(network: Network, position: int) -> Iterator[AffineValue]:
    """The rows of the affine node at this position, exactly, in the order of its values.

    Raises:
        TypeError: the node is not affine.
    """
    node = network.nodes[position]
    if not isinstance(node, Affine):
        raise TypeError(f"node {node.name!r} is not affine")
    sparse = [_unrolled(op, network.sizes[s], network.offsets[s]) for s, op in node.terms]
    for k in range(network.sizes[position]):
        parts = [pair for rows in sparse for pair in next(rows)]
        divisor = fmpq(1) if node.divisor is None else exact(node.divisor[k])
        radius = ZERO if node.radius is None else exact(node.radius[k])
        bias = exact(node.bias[k])
        spread = _merged((v, abs(w) * radius / divisor) for v, w in parts) if radius else ()
        terms = _merged((v, w / divisor) for v, w in parts)
        yield AffineValue(terms, bias / divisor, spread, abs(bias) * radius / divisor)


def _merged(pairs: Iterator[tuple[int, fmpq]]) -> tuple[tuple[int, fmpq], ...]:
    total: dict[int, fmpq] = {}
    for value, factor in pairs:
        total[value] = total.get(value, ZERO) + factor
    return tuple(sorted((value, factor) for value, factor in total.items() if factor != 0))


def _unrolled(operator: Operator, inputs: int, first: int) -> Iterator[list[tuple[int, fmpq]]]:
    """The operator's rows. Pulling a unit vector adds one weight to zeros, which is exact."""
    outputs = operator.size(inputs)
    step = max(1, CHUNK // max(inputs, outputs))
    for start in range(0, outputs, step):
        count = min(step, outputs - start)
        unit = np.zeros((count, outputs))
        unit[np.arange(count), start + np.arange(count)] = 1.0
        for row in operator.pull(Rounded(), unit):
            used = np.flatnonzero(row)
            yield [(first + j, exact(w)) for j, w in zip(used.tolist(), row[used], strict=True)]


def pieces(node: Pwl) -> list[list[Stretch]]:
    """The linear pieces from left to right: one list a column (one in all, or one a value)."""
    result: list[list[Stretch]] = []
    levels = heights(node)
    for c in range(node.knots.shape[1]):
        knots = [exact(x) for x in node.knots[:, c]]
        slopes = [exact(x) for x in node.slopes[:, c]]
        places = [(knots[0], levels[0][c]), *zip(knots, (row[c] for row in levels), strict=True)]
        ends: list[fmpq | None] = [*knots, None]
        each = zip(ends, slopes, places, strict=True)
        result.append([Stretch(end, s, y - s * x) for end, s, (x, y) in each])
    return result
