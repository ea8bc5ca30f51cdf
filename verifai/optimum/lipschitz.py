"""Lipschitz constants from L∞ to L∞, between two certified ends.

‖y(x') - y(x)‖∞ ≤ L·‖x' - x‖∞ holds on a convex domain just if no row of the Jacobian has an
absolute sum above L there (almost everywhere; `graph.derivative` says why its values at knots
do no harm). The slopes of all nonlinear nodes are bounded first: globally by what the functions
allow, on a box by the kernel's own derivation. Then the Jacobian, a network whose inputs are those
slopes, is bounded by the kernel in the same way. On a box both can be done at once and exactly: the
absolute row sum is an output of a network in x, to be maximised by branch-and-bound.

The lower end is a difference quotient of two exact points, which the kernel evaluated.

Source: Jordan and Dimakis 2020, Exactly Computing the Local Lipschitz Constant of ReLU Networks.
May import: kernel, bounds, properties, maximize. Must not know: files, the command line.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np
from flint import fmpq

from verifai.bounds.certified import output_bounds
from verifai.bounds.compiled import compile_network
from verifai.entry import Number, network, optional, positive, renamed, seconds, takes
from verifai.graph.derivative import differentiate, tangents
from verifai.graph.graph import Graph
from verifai.graph.partials import Partials, slopes
from verifai.kernel.bound import rounded_root
from verifai.kernel.errors import InputError
from verifai.kernel.network import Affine, Input, Network, Pwl, Smooth, affine, pwl
from verifai.kernel.number import exact, nearest
from verifai.kernel.operator import Array, Dense
from verifai.kernel.query import And, Query
from verifai.kernel.replay import evaluate
from verifai.optimum.maximize import maximize
from verifai.properties.domain import Domain, Ends, box_of

Interval = tuple[fmpq, fmpq]
SAMPLES = 256  # points among which the steepest is sought
TRIED = 3  # of them from which exact pairs are made
MAX_VALUES = 20_000  # of a graph for which linear bounds are derived
FAR = 4  # the samples of a global constant lie in a box with these ends
STEP = fmpq(1, 1 << 20)  # the first distance of the two points, in widths of the box
ATTEMPTS = 3  # how often that distance is cut
BELL = fmpq(113, 100)  # at least 2/√π = 1.1283…, the steepest slope of erf
GLOBAL: dict[str, Interval] = {
    "tanh": (fmpq(0), fmpq(1)),
    "sigmoid": (fmpq(0), fmpq(1, 4)),
    "erf": (fmpq(0), BELL),
    "sin": (fmpq(-1), fmpq(1)),
    "cos": (fmpq(-1), fmpq(1)),
}


@dataclass(frozen=True, slots=True)
class LipschitzBound:
    """The Lipschitz constant from L∞ to L∞ lies in [lower, upper].

    Attributes:
        lower: the difference quotient of `points`, exact.
        upper: no pair of points of the domain has a greater quotient.
        points: two exact inputs; None where all outputs are constant.
        certificates: for each output the query and the certificate that prove `upper`, where
            branch-and-bound did; else empty, and the kernel derived it in rounded arithmetic with
            all errors counted.
    """

    lower: fmpq
    upper: fmpq
    points: tuple[tuple[fmpq, ...], tuple[fmpq, ...]] | None
    certificates: tuple[tuple[Query, bytes], ...] = field(default=(), repr=False)


@renamed(ends="domain", tol="tolerance")
@takes(net=network, tolerance=optional(positive), timeout=optional(seconds))
def lipschitz(
    net: Network,
    domain: Domain | Ends | None = None,
    *,
    tolerance: Number | None = None,
    timeout: float | None = None,
) -> LipschitzBound:
    """A certified bracket of the Lipschitz constant (L∞ to L∞), on a box or everywhere.

    Args:
        net: the network.
        domain: the box, one pair (lower, upper) for each input value, or a `Domain` that is a box;
            None: all of space.
        tolerance: on a box, how close the upper end is to be to the supremum of the Jacobian's
            norm, by branch-and-bound; None: one pass of bounds.
        timeout: seconds for the branch-and-bound; None: no limit.

    Returns:
        The bracket; the lower end is found by sampling and may be far off.

    Raises:
        InputError: sizes do not fit, the box is empty, a node has no derivative, a tolerance
            without a box, (without a box) a function whose slopes have no bound, or slopes or
            values on the box that may exceed every bound.
    """
    if domain is None:
        if tolerance is not None:
            raise InputError("branch-and-bound on the Lipschitz constant needs a box")
        reach = [fmpq(FAR)] * len(net.input_values)
        low, high = [-v for v in reach], reach
        upper = max(_norms(net, _global_slopes(net), np.eye(len(reach))))
        return _bracket(net, (low, high), upper, [], ())
    low, high = box_of(net, domain)
    if any(l > u for l, u in zip(low, high, strict=True)):
        raise InputError("the box is empty: a lower end lies above its upper end")
    moving = [l < u for l, u in zip(low, high, strict=True)]
    if not any(moving):
        return LipschitzBound(fmpq(0), fmpq(0), None)
    directions = np.eye(len(low))[moving]
    norms = _norms(net, _local_slopes(net, low, high), directions)
    starts: list[tuple[fmpq, ...]] = []
    proofs: list[tuple[Query, bytes]] = []
    if tolerance is not None:
        steepness, limit = _steepness(net, directions), timeout
        for output, norm in enumerate(norms):
            start = time.perf_counter()
            share = None if limit is None else limit / (len(norms) - output)
            ball = list(zip(low, high, strict=True))
            found = maximize(steepness, output, ball, tolerance=tolerance, timeout=share)
            starts.append(found.point)
            if found.upper is not None and found.upper < norm:
                norms[output] = found.upper
            if found.query is not None and found.certificate is not None:
                proofs.append((found.query, found.certificate))
            limit = None if limit is None else limit - (time.perf_counter() - start)
    return _bracket(net, (low, high), max(norms), starts, tuple(proofs))


def _intervals(net: Network, low: list[fmpq], high: list[fmpq]) -> list[Interval]:
    """Certified intervals of the outputs: one CROWN pass, or for large graphs intervals alone."""
    query = Query(net, tuple(low), tuple(high), And(()))
    if net.offsets[-1] <= MAX_VALUES:
        return output_bounds(query)
    root = rounded_root(query)
    return [
        (exact(float(root.low[value])), exact(float(root.high[value])))
        for value in net.output_values
    ]


def _global_slopes(net: Network) -> tuple[Partials, dict[int, list[Interval]]]:
    """Partials that stand for themselves, and an interval for each of their values."""
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
    return partials, found


def _local_slopes(
    net: Network, low: list[fmpq], high: list[fmpq]
) -> tuple[Partials, dict[int, list[Interval]]]:
    """The partials of the network, and intervals that hold their values on the box."""
    made = slopes(net)
    wanted = sorted({partial for pairs in made.partials.values() for _, partial in pairs})
    found: dict[int, list[Interval]] = {}
    if wanted:
        graph = Network(made.nodes, tuple(wanted))
        ends = iter(_intervals(graph, low, high))
        found = {place: [next(ends) for _ in range(graph.sizes[place])] for place in wanted}
    return made.partials, found


def _norms(
    net: Network, bounds: tuple[Partials, dict[int, list[Interval]]], directions: Array
) -> list[fmpq]:
    """For each output at least the absolute sum of its Jacobian's row, slopes being in bounds."""
    partials, intervals = bounds
    graph = Graph([Input("nothing", (1,))])
    low, high = [fmpq(0)], [fmpq(0)]
    places: dict[int, int] = {}
    for place, ends in intervals.items():
        places[place] = graph.add(Input(graph.name(f"slope {place}"), (len(ends),)))
        low += [pair[0] for pair in ends]
        high += [pair[1] for pair in ends]
    free = {
        node: tuple((source, places[partial]) for source, partial in pairs)
        for node, pairs in partials.items()
    }
    found = tangents(graph, net, free, directions)
    network = _with_norms(graph, net, found, len(directions))
    return [upper for _, upper in _intervals(network, low, high)]


def _steepness(net: Network, directions: Array) -> Network:
    """The network whose outputs are the absolute row sums of the Jacobian, in the same inputs."""
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


def _bracket(
    net: Network,
    ends: tuple[list[fmpq], list[fmpq]],
    upper: fmpq,
    starts: list[tuple[fmpq, ...]],
    certificates: tuple[tuple[Query, bytes], ...],
) -> LipschitzBound:
    """The bracket with this upper end; the lower end from samples and these points."""
    best: fmpq = fmpq(0)
    pair = None
    low, high = ends
    widths = [u - l for l, u in zip(low, high, strict=True)]
    reach = min(w for w in widths if w > 0) * STEP
    for point, signs in _steepest(net, ends, starts):
        for attempt in range(ATTEMPTS):
            step = reach / (1 << 4 * attempt)
            two = _pair(point, signs, ends, step)
            quotient = _quotient(net, *two)
            if quotient > best:
                best, pair = quotient, two
    return LipschitzBound(best, upper, pair, certificates)


def _steepest(
    net: Network, ends: tuple[list[fmpq], list[fmpq]], starts: list[tuple[fmpq, ...]]
) -> list[tuple[list[fmpq], Array]]:
    """Points with large row sums of the Jacobian, with the signs of that row; in floats."""
    compiled, rng = compile_network(net), np.random.default_rng(0)
    lower, upper = (np.array([nearest(v) for v in side]) for side in ends)
    moving = upper > lower
    points = lower + rng.uniform(size=(SAMPLES, len(lower))) * (upper - lower)
    given = np.array([[nearest(v) for v in start] for start in starts]).reshape(-1, len(lower))
    points = np.concatenate([given, points])
    values = compiled.forward(points)
    found: list[tuple[float, int, Array]] = []
    for node in net.outputs:
        for index in range(net.sizes[node]):
            seed = np.zeros((len(points), net.sizes[node]))
            seed[:, index] = 1.0
            rows = compiled.gradient(values, {node: seed}) * moving
            sums = np.abs(rows).sum(axis=1)
            found += [(float(sums[k]), int(k), rows[k]) for k in np.argsort(-sums)[:TRIED]]
    found.sort(key=lambda item: -item[0])
    return [([exact(x) for x in points[k].tolist()], row) for _, k, row in found[:TRIED]]


def _pair(
    point: list[fmpq], signs: Array, ends: tuple[list[fmpq], list[fmpq]], step: fmpq
) -> tuple[tuple[fmpq, ...], tuple[fmpq, ...]]:
    """Two points of the box on both sides of a point, 2·step apart, along the signs."""
    first, second = [], []
    for x, sign, low, high in zip(point, signs.tolist(), *ends, strict=True):
        inside = min(max(x, low + step), high - step) if low < high else low
        by = step if low < high else fmpq(0)
        by = by if sign >= 0 else -by
        first.append(inside + by)
        second.append(inside - by)
    return tuple(first), tuple(second)


def _quotient(net: Network, first: tuple[fmpq, ...], second: tuple[fmpq, ...]) -> fmpq:
    """At most the difference quotient of two exact points."""
    gap = max(abs(a - b) for a, b in zip(first, second, strict=True))
    (low, high), (other_low, other_high) = evaluate(net, first), evaluate(net, second)
    rises = [max(low[v] - other_high[v], other_low[v] - high[v]) for v in net.output_values]
    quotient: fmpq = max(rises) / gap
    return quotient
