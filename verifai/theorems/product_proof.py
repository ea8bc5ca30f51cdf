"""Certificates by hand for the product network: one leaf for every region where it is affine.

Boxes of side h = 2^-m, in which |x|/2 and |y|/2 stay between knots of f_m; a box whose middle
diagonal is a knot of |x + y|/2 is cut along it. With a, b the distances from the box's corner where
x and y are odd multiples of h, in units of h, the error is 4^-m (a + b - a b - 1) or, in the boxes
that are cut, 4^-m (|a - b| + a b - 1): both reach -4^-m at that corner only.

May import: kernel, proof. Must not know: how networks are made, files.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flint import fmpq

from verifai.kernel.network import Affine, Network, Product, Pwl
from verifai.kernel.number import nearest
from verifai.kernel.query import Query
from verifai.kernel.replay import evaluate
from verifai.proof.record import Block, Choose, Close, Derive, Form, Record, Split, Step

X, Y = 0, 1  # numbers of the inputs
SUM = Form((X, Y), (1.0, 1.0))
Gradient = tuple[fmpq, fmpq]


@dataclass(frozen=True, slots=True)
class _Place:
    """A region of the tree: a box in units of h, how it was cut, and the rows of its path.

    Attributes:
        corner: its least x and y, in units of h.
        side: 0 if it is not cut, else -1 or 1 for x + y below or above the middle.
        rows: how many rows the path has; the cut's is the last one.
    """

    corner: tuple[int, int]
    side: int
    rows: int


class ProductRecords:
    """The records for one query about the product network of depth m."""

    def __init__(self, query: Query, m: int) -> None:
        """Finds the nodes that feed neurons and the product, if there is one."""
        self.net: Network = query.network
        self.h, self.m = fmpq(1, 2**m), m
        nodes = self.net.nodes
        bent = [node for node in nodes if isinstance(node, Pwl | Product)]
        feeding = {source for node in bent for source in node.sources}
        self.feeding = [i for i in sorted(feeding) if isinstance(nodes[i], Affine)]
        products = [i for i, node in enumerate(nodes) if isinstance(node, Product)]
        self.product = self.net.offsets[products[0]] if products else None
        ends = zip(query.lower, query.upper, strict=True)
        self.ranges = [(_units(low, m), _units(high, m)) for low, high in ends]

    def records(self) -> Iterator[Record]:
        """The whole tree in preorder."""
        yield from self._across(X, (), 0)

    def _across(self, axis: int, chosen: tuple[int, ...], rows: int) -> Iterator[Record]:
        """Cuts an axis into cells, one after the other, and goes on inside each."""
        if axis > Y:
            yield from self._box((chosen[0], chosen[1]), rows)
            return
        low, high = self.ranges[axis]
        for cell in range(low, high - 1):
            yield Split(axis, nearest((cell + 1) * self.h))
            yield from self._across(axis + 1, (*chosen, cell), rows + cell - low + 1)
        last = max(low, high - 1)
        yield from self._across(axis + 1, (*chosen, last), rows + last - low)

    def _box(self, corner: tuple[int, int], rows: int) -> Iterator[Record]:
        if self.product is None or sum(corner) % 2 == 0:
            yield from self._region(_Place(corner, 0, rows))
            return
        yield Split(SUM, nearest((sum(corner) + 1) * self.h))
        for side in (-1, 1):
            yield from self._region(_Place(corner, side, rows + 1))

    def _region(self, place: _Place) -> Iterator[Record]:
        """Bounds of all pre-activations, then both sides of the unsafe formula."""
        gradients = self._gradients(place)
        plan: list[Step] = []
        for node in self.feeding:
            plan.append(Step(node))
            if place.side:
                start, end = self.net.offsets[node], self.net.offsets[node + 1]
                sizes = {abs(gx) for gx, gy in gradients[start:end] if gx == gy and gx != 0}
                for size in sorted(sizes):
                    plan.append(Step(node, Block(rows=((place.rows - 1, nearest(size)),))))
        yield Derive(tuple(plan))
        yield Choose(0, 2)
        yield Close(Block(rows=((-1, 1.0),)))
        yield self._lower(place)

    def _lower(self, place: _Place) -> Close:
        """The side on which the bound is attained: along the cut, tangent at the peak's corner."""
        if not place.side or self.product is None:
            return Close(Block(rows=((-1, 1.0),)))
        peaks = [nearest((c + 1 - c % 2) * self.h) for c in place.corner]
        slopes = ((self.product, 2, peaks[Y]), (self.product, 3, peaks[X]))
        return Close(Block(rows=((-1, 1.0), (place.rows - 1, 2.0**-self.m)), slopes=slopes))

    def _gradients(self, place: _Place) -> list[Gradient]:
        """The gradient of every value inside the region, from exact evaluations."""
        if not place.side:
            return []
        step = self.h / 8
        x, y = ((c + fmpq(1, 2)) * self.h + place.side * step for c in place.corner)
        base, right, up = (
            evaluate(self.net, point)[0] for point in ([x, y], [x + step, y], [x, y + step])
        )
        pairs = zip(base.tolist(), right.tolist(), up.tolist(), strict=True)
        return [((r - b) / step, (u - b) / step) for b, r, u in pairs]


def _units(end: fmpq, m: int) -> int:
    """An end of the domain, which is a multiple of 2^-m, in these units."""
    return int((end * 2**m).p)
