"""The networks that fold a sum and clamp an input, and the questions about inputs near bits.

May import: the gallery's parts, graph, kernel. Must not know: how a question is decided, files.
"""

from __future__ import annotations

from flint import fmpq

from verifai.graph.attach import attach
from verifai.graph.formulas import atom
from verifai.graph.graph import Graph
from verifai.kernel.network import Input, Network
from verifai.kernel.query import Query, Relation
from verifai.theorems.construction import Layer, relu_network
from verifai.theorems.distance import avoids, beyond, output

HALF = fmpq(1, 2)


def layers(bits: int, *, last: float = -2.0) -> list[Layer]:
    """The layers that fold the sum; `last` replaces the factor -2 of the last fold."""
    made: list[Layer] = []
    read: list[list[float]] = [[1.0] * bits]
    for power in reversed(range((bits - 1).bit_length())):
        made.append((read * 2, [0.0, -float(1 << power)]))
        read = [[1.0, -2.0]]
    return [*made, ([[1.0, last]], [0.0])]


def largest_delta(bits: int) -> fmpq:
    """A little less than 1/(2n): all that the certificate's rounding leaves of it."""
    return fmpq(1, 2 * bits) * (1 - fmpq(1, 1 << 20))


def near_bits(net: Network, delta: fmpq, relation: Relation = Relation.AT_MOST) -> Query:
    """Is |y - r| < 1/2 for all bits with Σ b = 2k + r and all inputs within delta of them?

    With LESS: is it ≤ 1/2?

    The graph's inputs are the bits, what is added to them, k and r; row 0 of the domain is
    Σ b - 2k - r = 0.
    """
    bits = net.sizes[net.inputs[0]]
    graph = Graph((Input("bits", (1, bits)),))
    near, half, parity = (
        graph.add(Input(name, shape))
        for name, shape in (("offsets", (1, bits)), ("half", (1,)), ("parity", (1,)))
    )
    places = attach(graph, net, [graph.total("near bits", [(0, 1.0), (near, 1.0)])], "")
    whole = Network(tuple(graph.nodes), (places[net.outputs[0]],))
    k, r = whole.value(half, 0), whole.value(parity, 0)
    zero, one = fmpq(0), fmpq(1)
    link = atom({**dict.fromkeys(range(bits), one), k: fmpq(-2), r: fmpq(-1)}, zero, Relation.EQUAL)
    ends = [(zero, one)] * bits + [(-delta, delta)] * bits
    return avoids(
        whole,
        beyond({output(whole): 1, r: -1}, HALF, relation),
        [*ends, (zero, fmpq(bits // 2)), (zero, one)],
        domain=(link,),
        integers=frozenset((*range(bits), k, r)),
    )


def fold_query(bits: int, delta: fmpq, *, last: float = -2.0) -> Query:
    """The query about the folds of this many bits: |y - r| < 1/2."""
    return near_bits(relu_network(layers(bits, last=last)), delta)


def tight_query(bits: int, delta: fmpq) -> Query:
    """The query that leaves no room at delta = 1/(2n): |y - r| ≤ 1/2."""
    return near_bits(relu_network(layers(bits)), delta, Relation.LESS)


def clamp_layers(weight: int) -> list[Layer]:
    """The layers of the clamp of one input."""
    w = float(weight)
    return [([[w], [w]], [-(w - 1) / 2, -(w + 1) / 2]), ([[1.0, -1.0]], [0.0])]


def clamp_query(weight: int) -> Query:
    """Is the clamp of x exactly b for b in {0, 1} and x within 1/2 - 1/(2W) of b?"""
    net = relu_network(clamp_layers(weight))
    graph = Graph((Input("bit", (1, 1)), Input("offset", (1, 1))))
    places = attach(graph, net, [graph.total("near bit", [(0, 1.0), (1, 1.0)])], "")
    whole = Network(tuple(graph.nodes), (places[net.outputs[0]],))
    delta = HALF - fmpq(1, 2 * weight)
    ends = ((fmpq(0), fmpq(1)), (-delta, delta))
    off = beyond({output(whole): 1, 0: -1}, fmpq(0))
    return avoids(whole, off, ends, integers=frozenset((0,)))
