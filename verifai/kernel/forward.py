"""Evaluation of a network by intervals, in either arithmetic; on a point it is exact evaluation.

May import: numpy, network, lines, arithmetic. Must not know: queries, certificates.
"""

from __future__ import annotations

import numpy as np

from verifai.kernel.arithmetic import SLACK, TINY, Arithmetic
from verifai.kernel.lines import Shape, image
from verifai.kernel.network import Affine, Input, Network, Pwl
from verifai.kernel.operator import Array

Ends = tuple[Array, Array]


class Machine:
    """A network prepared for one arithmetic."""

    def __init__(self, network: Network, ar: Arithmetic) -> None:
        """Prepares absolute weights and the shapes of piecewise-linear nodes."""
        self.network, self.ar = network, ar
        self.zero = ar.zeros(1, 1)[0, 0]
        self.shapes = {i: Shape(n, ar) for i, n in enumerate(network.nodes) if isinstance(n, Pwl)}
        self.absolute = {
            i: tuple(op.absolute() for _, op in n.terms)
            for i, n in enumerate(network.nodes)
            if isinstance(n, Affine)
        }

    def forward(self, boxes: list[Ends]) -> list[Ends]:
        """Intervals of every node's values; each contains every value reachable from the box.

        Args:
            boxes: lower and upper ends of every input node's values, (batch, n).
        """
        ends: list[Ends] = []
        given, batch = iter(boxes), len(boxes[0][0]) if boxes else 1
        for i, node in enumerate(self.network.nodes):
            sources = [ends[s] for s in node.sources]
            if isinstance(node, Input):
                ends.append(next(given))
            elif isinstance(node, Affine):
                ends.append(self._affine(i, node, sources, batch))
            else:
                ends.append(image(node, self.shapes.get(i), sources, self.ar))
        return ends

    def _affine(self, i: int, node: Affine, sources: list[Ends], batch: int) -> Ends:
        ar = self.ar
        centre = np.repeat(ar.lift(node.bias)[None], batch, axis=0)
        spread = centre * self.zero
        for (_, op), wide, (l, u) in zip(node.terms, self.absolute[i], sources, strict=True):
            middle = l + (u - l) / 2
            radius = np.maximum(u - middle, middle - l)
            centre = centre + op.push(ar, middle)
            if ar.rounds or radius.any():
                spread = spread + wide.push(ar, radius)
        if ar.rounds or node.radius is not None:
            size = self.size(i, [np.maximum(abs(l), abs(u)) for l, u in sources])
            spread = spread + ar.slip(2 * depth(node) + 64, size)
            if node.radius is not None:
                spread = spread + ar.lift(node.radius) * size * (SLACK if ar.rounds else 1)
        lower, upper = centre - spread, centre + spread
        if node.divisor is not None:
            lower, upper = lower / ar.lift(node.divisor), upper / ar.lift(node.divisor)
        return lower, upper

    def size(self, i: int, magnitudes: list[Array]) -> Array:
        """At least Σ |operator|(magnitude) + |bias| of the affine node i, before its divisor."""
        node = self.network.nodes[i]
        if not isinstance(node, Affine):
            raise TypeError(f"node {node.name!r} is not affine")
        total = abs(self.ar.lift(node.bias))[None]
        for op, magnitude in zip(self.absolute[i], magnitudes, strict=True):
            total = total + op.push(self.ar, magnitude)
        return total * SLACK + TINY if self.ar.rounds else total


def depth(node: Affine) -> int:
    """How many products and sums one output of the node, or of its transpose, adds at most."""
    return sum(op.depth() + 1 for _, op in node.terms) + 1
