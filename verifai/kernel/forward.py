"""Evaluation of a network by intervals, in either arithmetic; on a point it is exact evaluation.

May import: numpy, network, lines, arithmetic. Must not know: queries, certificates.
"""

from __future__ import annotations

import numpy as np

from verifai.kernel.arithmetic import Arithmetic, Ends
from verifai.kernel.lines import Shape, image
from verifai.kernel.network import Affine, Input, Network, Pwl
from verifai.kernel.operator import Array


class Machine:
    """A network prepared for one arithmetic."""

    def __init__(self, network: Network, ar: Arithmetic) -> None:
        """Prepares absolute weights, their parts, and the shapes of piecewise-linear nodes."""
        self.network, self.ar = network, ar
        self.zero = ar.zeros(1, 1)[0, 0]
        self.shapes = {i: Shape(n, ar) for i, n in enumerate(network.nodes) if isinstance(n, Pwl)}
        affine = [(i, n.terms) for i, n in enumerate(network.nodes) if isinstance(n, Affine)]
        self.absolute, self.plus, self.minus = (
            {i: [op.mapped(part) for _, op in terms] for i, terms in affine}
            for part in (np.abs, lambda w: np.maximum(w, 0), lambda w: np.maximum(-w, 0))
        )

    def forward(self, boxes: list[Ends]) -> list[Ends]:
        """Intervals of every node's values; each contains every value reachable from the box.

        Args:
            boxes: lower and upper ends of every input node's values, (batch, n).
        """
        ends: list[Ends] = []
        given, batch = iter(boxes), len(boxes[0][0]) if boxes else 1
        for i, node in enumerate(self.network.nodes):
            sources = [ends[s] for s in node.sources]
            ends.append(next(given) if isinstance(node, Input) else self.image(i, sources, batch))
        return ends

    def image(self, i: int, sources: list[Ends], batch: int) -> Ends:
        """Intervals (batch, n) of a node that is no input from those of its sources."""
        node = self.network.nodes[i]
        if isinstance(node, Input):
            raise TypeError(f"the image of the input {node.name!r}")
        if isinstance(node, Affine):
            return self._affine(i, node, sources, batch)
        return image(node, self.shapes.get(i), sources, self.ar)

    def _affine(self, i: int, node: Affine, sources: list[Ends], batch: int) -> Ends:
        """Lower ends from what weights > 0 make of lower ends and weights < 0 of upper ones."""
        ar = self.ar
        bias = np.repeat(ar.lift(node.bias)[None], batch, axis=0)
        lower = upper = bias
        below = above = abs(bias)
        parts = zip(node.terms, self.plus[i], self.minus[i], sources, strict=True)
        for (_, op), plus, minus, (l, u) in parts:
            if not ar.rounds and (l == u).all():
                exact = op.push(ar, l)
                lower, upper = lower + exact, upper + exact
                continue
            lower = lower + (plus.push(ar, l) - minus.push(ar, u))
            upper = upper + (plus.push(ar, u) - minus.push(ar, l))
            if ar.rounds:
                below = below + (plus.push(ar, abs(l)) + minus.push(ar, abs(u)))
                above = above + (plus.push(ar, abs(u)) + minus.push(ar, abs(l)))
        steps = depth(node)
        lower, upper = lower - ar.forward(steps, below), upper + ar.forward(steps, above)
        if node.radius is not None:
            size = self.size(i, [np.maximum(abs(l), abs(u)) for l, u in sources])
            spread = ar.radius(ar.lift(node.radius), size)
            lower, upper = lower - spread, upper + spread
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
        return self.ar.at_least(total)


def depth(node: Affine) -> int:
    """How many products and sums one output of the node, or of its transpose, adds at most."""
    return sum(op.depth() + 1 for _, op in node.terms) + 1
