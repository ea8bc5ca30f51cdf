"""A second network as what it adds to a first one of the same structure.

Two networks that differ little have bounds far looser apart than together: each copy pays for its
own relaxation. So beside the values a of the first network the graph carries the differences
d = b - a, and the second network's outputs are a + d. That is an identity, not an approximation:

    affine:  d = op_b(a) + op_b(d) - op_a(a) and so on, where equal parts cancel;
    relu:    relu(a + d) - relu(a), or the same as relu(d - relu(-a)) - relu(-d - relu(-a - d)),
             whose two parts lie between 0 and |d| however wide the range of a is;
    sign:    sign(a + d) - sign(a) = sign(d)·|sign(a + d) - sign(a)|;
    smooth:  tanh(a + d) - tanh(a) = tanh(d)·(1 - tanh(a)·tanh(a + d)), and others like it.

Where a neuron has one phase the first form is exact for linear bounds, else the second is tighter;
which one is taken changes no value.

Source: Paulsen et al. 2020, ReluDiff: Differential Verification of Deep Neural Networks (the idea
of bounding differences; here it lies in the graph, so that no new rule is needed).

May import: kernel, graph, aligned, patterns, ways. Must not know: any particular property.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from verifai.graph.aligned import change, divisors, entries, minus
from verifai.graph.graph import Graph, Terms, rewired
from verifai.graph.nodes import affine, pwl, relu
from verifai.graph.patterns import Mask, is_relu
from verifai.graph.ways import Moves, onward, placed
from verifai.kernel.network import Affine, Input, Network, Node, Product, Pwl, Sign, Smooth, Square
from verifai.kernel.operator import Array, Gather, Operator

Unstable = Mapping[int, Mask]
IDENTITIES = ("tanh", "sigmoid", "exp", "reciprocal")  # of functions whose differences factor


def attach_difference(
    graph: Graph,
    nets: tuple[Network, Network],
    places: Mapping[int, int],
    unstable: Unstable,
    moved: Mapping[int, int] | None = None,
) -> dict[int, int]:
    """Adds the second network's outputs to a graph that holds the first network.

    Args:
        graph: what is extended.
        nets: two aligned networks.
        places: where the first network's nodes stand.
        unstable: for relu nodes, the neurons that may have both phases; a hint only.
        moved: for input nodes, the node by which the second network's input differs.

    Returns:
        The node of every output of the second network, by its node there.
    """
    first, second = nets
    gaps = dict(moved or {})
    moves = _moves(graph, second, gaps if first is second else {})
    made = _Difference(graph, places, gaps, unstable, moves)
    for position, pair in enumerate(zip(first.nodes, second.nodes, strict=True)):
        made.add(position, *pair)
    outputs = {}
    for o in second.outputs:
        terms = [(places[o], 1.0)] + ([(gaps[o], 1.0)] if o in gaps else [])
        outputs[o] = graph.total(f"second/{second.nodes[o].name}", terms)
    return outputs


def _moves(graph: Graph, net: Network, moved: Mapping[int, int]) -> Moves:
    """How nodes move with the one number by which inputs differ; nothing where they are several."""
    if len(moved) != 1:
        return Moves(-1, {})
    ((position, gap),) = moved.items()
    number, way = placed(graph.nodes[gap])
    ways = {} if way is None else {position: way}
    for place, node in enumerate(net.nodes):
        if any(source in ways for source in node.sources):
            ways[place] = onward(node, [ways.get(source) for source in node.sources])
    return Moves(number, ways)


@dataclass(frozen=True, slots=True)
class _Difference:
    """What the second network adds to the first one, as far as it is written down.

    Attributes:
        graph: what is extended.
        places: where the first network's nodes stand: their values are a.
        gaps: where differences stand that are not zero: their values are d.
        unstable: for relu nodes, the neurons that may have both phases.
        moves: how nodes move with the one number by which inputs differ.
    """

    graph: Graph
    places: Mapping[int, int]
    gaps: dict[int, int]
    unstable: Unstable
    moves: Moves

    def add(self, position: int, before: Node, node: Node) -> None:
        """Adds the difference of a node of the second network to its like, if it is not zero."""
        name = f"difference/{node.name}"
        if isinstance(node, Affine) and isinstance(before, Affine):
            made = self._affine(name, position, before, node)
            if made is not None:
                self.gaps[position] = made
        elif not isinstance(node, Input | Affine) and any(s in self.gaps for s in node.sources):
            self.gaps[position] = self._nonlinear(name, position, node)

    def _affine(self, name: str, position: int, a: Affine, b: Affine) -> int | None:
        """The difference of two affine nodes; None if it is zero."""
        terms: list[tuple[int, Operator]] = []
        bias, places, gaps = minus(b.bias, a.bias), self.places, self.gaps
        same_divisor = np.array_equal(divisors(a), divisors(b))
        changes = [change(x, y) for (_, x), (_, y) in zip(a.terms, b.terms, strict=True)]
        if bias is not None and same_divisor and None not in changes:
            for (source, _), by in zip(b.terms, changes, strict=True):
                if by is not None and entries(by).any():
                    terms.append((places[source], by))
        else:
            terms = [(places[source], op) for source, op in b.terms]
            terms.append((places[position], Gather.of(len(b.bias), None, -divisors(b))))
            bias = b.bias
        terms += [(gaps[source], op) for source, op in b.terms if source in gaps]
        if not terms:
            if not np.any(bias):
                return None
            terms = [(places[position], Gather.of(len(b.bias), None, 0.0))]
        name = self.graph.name(name)
        return self.graph.add(affine(name, b.shape, tuple(terms), bias=bias, divisor=b.divisor))

    def _nonlinear(
        self, name: str, position: int, node: Product | Pwl | Sign | Square | Smooth
    ) -> int:
        """f(a + d) - f(a) of a nonlinear node."""
        graph, place = self.graph, self.places[position]
        if isinstance(node, Product):
            return self._product(name, node)
        source = node.source
        moved = self._moved(f"{name}/moved", source)
        if isinstance(node, Square):
            total = graph.total(f"{name}/sum", [(self.places[source], 1.0), (moved, 1.0)])
            return graph.times(name, self.gaps[source], total)
        value = graph.add(rewired(node, {source: moved}, graph.name(f"{name}/second")))
        if isinstance(node, Sign):
            return self._step(name, source, place, value)
        if isinstance(node, Smooth) and node.function in IDENTITIES:
            return _factored(graph, name, node.function, _Change(self.gaps[source], place, value))
        mask = self.unstable.get(position)
        if is_relu(node) and mask is not None and mask.any():
            picked = np.flatnonzero(mask)
            rise, fall = self._parts(name, source, moved, picked)
            size = mask.size
            back, rest = np.full(size, -1), np.where(mask, -1, np.arange(size))
            back[picked] = np.arange(len(picked))
            terms = [
                (value, Gather.of(size, rest)),
                (place, Gather.of(size, rest, -1.0)),
                (rise, Gather.of(len(picked), back)),
                (fall, Gather.of(len(picked), back, -1.0)),
            ]
            kept = tuple(terms if not mask.all() else terms[2:])
            return graph.add(affine(graph.name(name), node.shape, kept))
        return graph.total(name, [(value, 1.0), (place, -1.0)])

    def _parts(self, name: str, source: int, moved: int, picked: Array) -> tuple[int, int]:
        """relu(d - relu(-a)) and relu(-d - relu(-a - d)) of some neurons."""
        below = self._negative(f"{name}/below", picked, self.places[source])
        again = self._negative(f"{name}/below second", picked, moved)
        gap = self.gaps[source]
        rise = self._clipped(f"{name}/rise", picked, gap, 1.0, below)
        return rise, self._clipped(f"{name}/fall", picked, gap, -1.0, again)

    def _negative(self, name: str, picked: Array, source: int) -> int:
        """relu(-a) of some neurons."""
        term = (source, Gather.of(self.graph.size(source), picked, -1.0))
        return self._relu(name, "minus", len(picked), (term,))

    def _clipped(self, name: str, picked: Array, gap: int, sign: float, part: int) -> int:
        """relu(±d - part) of some neurons."""
        terms = (
            (gap, Gather.of(self.graph.size(gap), picked, sign)),
            (part, Gather.of(len(picked), None, -1.0)),
        )
        return self._relu(name, "rest", len(picked), terms)

    def _relu(self, name: str, stem: str, size: int, terms: Terms) -> int:
        """max(0, Σ operator(source))."""
        graph = self.graph
        made = graph.add(affine(graph.name(f"{name}/{stem}"), (size,), terms))
        return graph.add(relu(graph.name(name), (size,), made))

    def _step(self, name: str, source: int, place: int, value: int) -> int:
        """sign(a + d) - sign(a) = sign(d)·|sign(a + d) - sign(a)|, as sign never falls.

        Where d can only rise with the number that moves everything, or only fall, its sign is that
        of the number or its negative.
        """
        graph, gap = self.graph, self.gaps[source]
        rise = graph.total(f"{name}/rise", [(value, 1.0), (place, -1.0)])
        shape = graph.nodes[rise].shape
        length = graph.add(pwl(graph.name(f"{name}/size"), shape, rise, [0.0], [-1.0, 1.0]))
        way, terms = self.moves.ways.get(source), list[tuple[int, Operator]]()
        if way is not None and way.known.any():
            kind = Sign(graph.name(f"{name}/step"), (1,), self.moves.number)
            index = np.where(way.known == 0, -1, 0)
            terms.append((graph.add(kind), Gather.of(1, index, way.known)))
        if way is None or way.is_open.any() or not terms:
            size = graph.size(gap)
            here = None if way is None else np.where(way.is_open, np.arange(size), -1)
            kind = Sign(graph.name(f"{name}/sign"), shape, gap)
            terms.append((graph.add(kind), Gather.of(size, here)))
        sign = graph.add(affine(graph.name(f"{name}/way"), shape, tuple(terms)))
        return graph.times(name, sign, length)

    def _product(self, name: str, node: Product) -> int:
        """(x + d)(y + e) - xy = d(y + e) + xe."""
        graph, gaps = self.graph, self.gaps
        terms: list[tuple[int, Array | float]] = []
        if node.left in gaps:
            right = self._moved(f"{name}/moved", node.right)
            terms.append((graph.times(f"{name}/left", gaps[node.left], right), 1.0))
        if node.right in gaps:
            made = graph.times(f"{name}/right", self.places[node.left], gaps[node.right])
            terms.append((made, 1.0))
        return graph.total(name, terms)

    def _moved(self, name: str, source: int) -> int:
        """a + d."""
        if source not in self.gaps:
            return self.places[source]
        return self.graph.total(name, [(self.places[source], 1.0), (self.gaps[source], 1.0)])


@dataclass(frozen=True, slots=True)
class _Change:
    """The nodes of d, f(a) and f(a + d)."""

    gap: int
    before: int
    after: int


def _factored(graph: Graph, name: str, function: str, by: _Change) -> int:
    """f(a + d) - f(a) as a product with a factor of d's sign.

    tanh(a + d) - tanh(a) = tanh(d)·(1 - tanh(a)·tanh(a + d)), sigmoid the same as
    sigmoid(a) = (1 + tanh(a/2))/2; exp(a + d) - exp(a) = (exp(d) - 1)·exp(a);
    1/(a + d) - 1/a = -d/(a·(a + d)).
    """
    if function == "exp":
        power = graph.function(f"{name}/exp", by.gap, "exp")
        return graph.times(name, graph.total(f"{name}/rise", [(power, 1.0)], -1.0), by.before)
    if function == "reciprocal":
        both = graph.times(f"{name}/both", by.before, by.after)
        return graph.times(name, graph.total(f"{name}/minus", [(by.gap, -1.0)]), both)
    values, scale, angle = [by.before, by.after], 1.0, by.gap
    if function == "sigmoid":
        values = [graph.total(f"{name}/side", [(value, 2.0)], -1.0) for value in values]
        scale = 0.5
    both = graph.times(f"{name}/both", *values)
    factor = graph.total(f"{name}/factor", [(both, -scale)], scale)
    if function == "sigmoid":
        angle = graph.total(f"{name}/half", [(by.gap, 0.5)])
    return graph.times(name, graph.function(f"{name}/tanh", angle, "tanh"), factor)
