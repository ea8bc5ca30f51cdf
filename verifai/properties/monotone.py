"""Monotonicity: raising one input never lowers (or never raises) an output.

The query speaks about two points x and x' = x + step in direction i, and the network is in its
graph twice. A third point between them carries the derivative, for what is proved: if
y(x') < y(x) - margin, then by the mean value theorem (see `derivative`; the knots are covered
there) somewhere between x and x' the derivative is below -margin/(x'_i - x_i), hence below
-margin/width. So that is one more condition of the unsafe set, which takes nothing out of it but
triples whose third point says nothing: there is an unsafe triple just if there is an unsafe pair.
A counterexample is an exact pair; a proof may look at the derivative alone.

May import: kernel, derivative, domain, entry, join. Must not know: how a query is decided.
"""

from __future__ import annotations

import numpy as np
from flint import fmpq

from verifai.kernel.errors import InputError
from verifai.kernel.network import Input, Network, Sign, affine
from verifai.kernel.operator import Gather
from verifai.kernel.query import Atom, Formula, Query, Relation, atom, conjunction
from verifai.properties.derivative import Extension, differentiate
from verifai.properties.domain import Domain, Ends, domain_of, input_index
from verifai.properties.entry import Number, number, output_value
from verifai.properties.join import attach


def monotone(
    net: Network,
    ends: Domain | Ends,
    *,
    input: int,  # noqa: A002
    output: int = 0,
    direction: int = 1,
    margin: Number = 0,
) -> Query:
    """y(x') ≥ y(x) - margin whenever x' is x with one input raised, both in the domain.

    The query's inputs are those of the network (x), then how far the input is raised (`step`),
    then where between x_i and x'_i the derivative is looked at (`between`).

    Args:
        net: the network.
        ends: the box, one pair (lower, upper) for each input value, or a `Domain`.
        input: the number of the input that is raised.
        output: the index of the output y.
        direction: 1 if y must not fall, -1 if it must not rise.
        margin: by how much it may do so all the same; not negative.

    Raises:
        InputError: sizes do not fit, there is no such input or output, the direction is neither
            1 nor -1, the margin is negative, or the domain leaves the input no room.
    """
    region, index, slack = domain_of(net, ends), input_index(net, input), number(margin)
    value, count = output_value(net, output), len(region.lower)
    width = region.upper[index] - region.lower[index]
    if direction not in (1, -1):
        raise InputError(f"a direction of {direction!r}, neither 1 nor -1")
    if slack < 0:
        raise InputError(f"a negative margin: {slack}")
    if width <= 0:
        raise InputError(f"the domain leaves input {index} no room to be raised")
    network, low, high, slope = _triple(net, index, value)
    up = fmpq(direction)
    unsafe: list[Formula] = [atom({high: up, low: -up}, slack, Relation.LESS)]
    if slope is not None:
        unsafe.append(atom(dict.fromkeys(slope, up), slack / width, Relation.LESS))
    return Query(
        network,
        (*region.lower, fmpq(0), region.lower[index]),
        (*region.upper, width, region.upper[index]),
        conjunction(unsafe),
        _conditions(region, index),
        region.integers | ({count} if index in region.integers else set()),
    )


def _triple(net: Network, index: int, value: int) -> tuple[Network, int, int, list[int] | None]:
    """The graph of x, x' and the point between, whose inputs are its first values.

    Returns:
        The network, the value at x, that at x', and the values (at most one) whose sum is the
        derivative at the point between; None if the network has none.
    """
    sizes = [net.sizes[i] for i in net.inputs]
    graph = Extension([net.nodes[i] for i in net.inputs])
    points = list(range(len(sizes)))
    step, between = (graph.add(Input(graph.name(n), (1,))) for n in ("step", "between"))
    moved = int(np.searchsorted(np.cumsum(sizes), index, side="right"))
    place = index - sum(sizes[:moved])
    raised = [*points[:moved], _exchanged(graph, moved, place, step, True), *points[moved + 1 :]]
    other = [*points[:moved], _exchanged(graph, moved, place, between, False), *points[moved + 1 :]]
    copies = [attach(graph, net, points, "at x/"), attach(graph, net, raised, "at x'/")]
    node, which = net.owner(value)
    outputs = [copy[node] for copy in copies]
    inner_which = 0
    is_differentiable = not any(isinstance(n, Sign) for n in net.nodes)
    if is_differentiable:
        directions = np.eye(1, sum(sizes), index)
        found = differentiate(net, directions)
        slope = found.tangent(value)
        if slope is not None:
            inner, inner_which = found.network.owner(slope)
            places = attach(graph, found.network, other, "between/")
            outputs.append(places[inner])
    network = Network(tuple(graph.nodes), tuple(outputs))
    low, high = (network.value(n, which) for n in outputs[:2])
    terms = [network.value(n, inner_which) for n in outputs[2:]]
    return network, low, high, terms if is_differentiable else None


def _exchanged(graph: Extension, node: int, place: int, other: int, adds: bool) -> int:
    """A copy of an input node with one value replaced by another node's, or raised by it."""
    size = graph.size(node)
    kept = np.arange(size)
    if not adds:
        kept[place] = -1
    index = np.full(size, -1)
    index[place] = 0
    terms = ((node, Gather.of(size, kept)), (other, Gather.of(1, index)))
    stem = "x'" if adds else "x between"
    return graph.add(affine(graph.name(stem), graph.nodes[node].shape, terms))


def _conditions(region: Domain, index: int) -> tuple[Atom, ...]:
    """x' in the box, and all rows at x, at x' and (as they then hold there too) between."""
    count = len(region.lower)
    found = [atom({index: fmpq(1), count: fmpq(1)}, -region.upper[index])]
    for row in region.rows:
        terms = dict(row.terms)
        found.append(atom(terms, row.constant, row.relation))
        if index in terms:
            found.append(atom(terms | {count: terms[index]}, row.constant, row.relation))
            turned = {i: c for i, c in terms.items() if i != index}
            found.append(atom(turned | {count + 1: terms[index]}, row.constant, row.relation))
    return tuple(found)
