"""Upper bounds of a Jacobian's norm: of the slopes first, then of the network that they make.

May import: kernel, bounds, graph, properties. Must not know: points, how anything is searched.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

import numpy as np
from flint import fmpq

from verifai.bounds.certified import output_bounds
from verifai.graph.derivative import differentiate, tangents
from verifai.graph.graph import Graph
from verifai.graph.nodes import affine, pwl
from verifai.graph.partials import Partials, slopes
from verifai.kernel.bound import rounded_root
from verifai.kernel.errors import InputError
from verifai.kernel.network import Affine, Input, Network, Pwl, Smooth
from verifai.kernel.number import exact
from verifai.kernel.operator import Array, Dense
from verifai.kernel.query import And, Query
from verifai.properties.domain import Domain

Interval = tuple[fmpq, fmpq]
MAX_VALUES = 20_000  # of a graph for which linear bounds are derived
BELL = fmpq(113, 100)  # at least 2/√π = 1.1283…, the steepest slope of erf
GLOBAL: dict[str, Interval] = {
    "tanh": (fmpq(0), fmpq(1)),
    "sigmoid": (fmpq(0), fmpq(1, 4)),
    "erf": (fmpq(0), BELL),
    "sin": (fmpq(-1), fmpq(1)),
    "cos": (fmpq(-1), fmpq(1)),
}


@dataclass(frozen=True, slots=True)
class SlopeBounds:
    """Where the slopes of a network's nonlinear nodes lie.

    Attributes:
        partials: for each such node what it reads and the node of its partial derivative.
        intervals: for each of these nodes, an interval for each of its values.
    """

    partials: Partials
    intervals: dict[int, list[Interval]]


def slopes_anywhere(net: Network) -> SlopeBounds:
    """The slopes as far as the functions alone bound them; partials stand for themselves.

    Raises:
        InputError: a function's slopes have no bound.
    """
    partials, found = Partials(), dict[int, list[Interval]]()
    for position, node in enumerate(net.nodes):
        if isinstance(node, Pwl):
            columns = [[exact(s) for s in column] for column in node.slopes.T.tolist()]
            each = [(min(column), max(column)) for column in columns]
            found[position] = each if len(each) > 1 else each * net.sizes[position]
        elif isinstance(node, Smooth) and node.function in GLOBAL:
            found[position] = [GLOBAL[node.function]] * net.sizes[position]
        elif not isinstance(node, Input | Affine):
            raise InputError(f"node {node.name!r} has slopes without a bound: give a box")
        if position in found:
            partials[position] = ((node.sources[0], position),)
    return SlopeBounds(partials, found)


def slopes_on(net: Network, region: Domain) -> SlopeBounds:
    """The network's partials, and intervals that hold their values on the box.

    Raises:
        InputError: a node has no derivative, or values that may exceed every bound.
    """
    made = slopes(net)
    wanted = sorted({partial for pairs in made.partials.values() for _, partial in pairs})
    found: dict[int, list[Interval]] = {}
    if wanted:
        graph = Network(made.nodes, tuple(wanted))
        each = iter(_intervals(graph, region.lower, region.upper))
        found = {place: [next(each) for _ in range(graph.sizes[place])] for place in wanted}
    return SlopeBounds(made.partials, found)


def norms(net: Network, bounds: SlopeBounds, directions: Array) -> list[fmpq]:
    """For each output at least the absolute sum of its Jacobian's row, slopes being in bounds.

    Raises:
        InputError: values that may exceed every bound.
    """
    graph, places = Graph([Input("nothing", (1,))]), dict[int, int]()
    for place, pairs in bounds.intervals.items():
        places[place] = graph.add(Input(graph.name(f"slope {place}"), (len(pairs),)))
    free = {
        node: tuple((source, places[partial]) for source, partial in pairs)
        for node, pairs in bounds.partials.items()
    }
    found = tangents(graph, net, free, directions)
    network = _with_norms(graph, net, found, len(directions))
    every = [(fmpq(0), fmpq(0)), *chain.from_iterable(bounds.intervals.values())]
    low, high = zip(*every, strict=True)
    return [upper for _, upper in _intervals(network, low, high)]


def steepness(net: Network, directions: Array) -> Network:
    """The network whose outputs are the absolute row sums of the Jacobian, in the same inputs.

    Raises:
        InputError: a node has no derivative.
    """
    made = differentiate(net, directions)
    return _with_norms(Graph(made.network.nodes), net, made.tangents, len(directions))


def _with_norms(graph: Graph, net: Network, found: dict[int, int], rows: int) -> Network:
    """The graph with Σ over directions of |tangent| for each output value."""
    outputs = []
    for node in net.outputs:
        size, name = net.sizes[node], net.nodes[node].name
        if node not in found:
            outputs.append(graph.constant(f"{name}/norm", np.zeros(size)))
            continue
        shape = graph.nodes[found[node]].shape
        absolute = pwl(graph.name(f"{name}/absolute"), shape, found[node], [0.0], [-1.0, 1.0])
        total = Dense.of(np.tile(np.eye(size), rows))
        term = (graph.add(absolute), total)
        outputs.append(graph.add(affine(graph.name(f"{name}/norm"), (size,), (term,))))
    return Network(tuple(graph.nodes), tuple(outputs))


def _intervals(net: Network, lower: tuple[fmpq, ...], upper: tuple[fmpq, ...]) -> list[Interval]:
    """Certified intervals of the outputs: one CROWN pass, or for large graphs intervals alone."""
    query = Query(net, lower, upper, And(()))
    if net.offsets[-1] <= MAX_VALUES:
        return output_bounds(query)
    root = rounded_root(query)
    return [
        (exact(float(root.low[value])), exact(float(root.high[value])))
        for value in net.output_values
    ]
