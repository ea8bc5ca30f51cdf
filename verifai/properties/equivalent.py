"""Equivalence: two networks differ by no more than a tolerance on a common domain.

May import: kernel, bounds, difference, domain, entry, join. Must not know: how a query is decided.
"""

from __future__ import annotations

import numpy as np
from flint import fmpq

from verifai.bounds.compiled import compile_network
from verifai.bounds.crown import refine
from verifai.bounds.interval import interval
from verifai.kernel.errors import InputError
from verifai.kernel.network import Network, Pwl
from verifai.kernel.number import nearest
from verifai.kernel.query import Formula, Or, Query, Relation, atom, conjunction
from verifai.properties.derivative import Extension
from verifai.properties.difference import Mask, attach_difference, is_aligned, is_relu
from verifai.properties.domain import Domain, Ends, domain_of, query_on
from verifai.properties.entry import Number, number, output_values
from verifai.properties.join import attach


def equivalent(
    first: Network, second: Network, ends: Domain | Ends, *, tolerance: Number = 0
) -> Query:
    """Every output of the one network is within the tolerance of the same output of the other.

    Reaching the tolerance is allowed. The graph of the query holds the first network, and the
    second by its own nodes or (where both have the same structure) by what it adds to the first.

    Args:
        first: a network.
        second: another one with inputs and outputs of the same sizes.
        ends: the box, one pair (lower, upper) for each input value, or a `Domain`.
        tolerance: the greatest difference allowed, in output units.

    Raises:
        InputError: sizes do not fit, or the tolerance is negative.
    """
    region, limit = domain_of(first, ends), number(tolerance)
    if limit < 0:
        raise InputError(f"a negative tolerance: {limit}")
    counts = [len(output_values(net)) for net in (first, second)]
    if counts[0] != counts[1]:
        raise InputError(f"networks of {counts[0]} and {counts[1]} outputs")
    graph = Extension([first.nodes[i] for i in first.inputs])
    inputs = range(len(first.inputs))
    here = attach(graph, first, inputs, "first/")
    if is_aligned(first, second):
        there = attach_difference(graph, (first, second), here, _unstable((first, second), region))
    else:
        there = attach(graph, second, inputs, "second/")
    ones, twos = [here[o] for o in first.outputs], [there[o] for o in second.outputs]
    network = Network(tuple(graph.nodes), (*ones, *twos))
    values = output_values(network)
    unsafe: list[Formula] = []
    for a, b in zip(values[: counts[0]], values[counts[0] :], strict=True):
        for sign in (fmpq(1), fmpq(-1)):
            unsafe.append(atom({a: sign, b: -sign}, limit, Relation.LESS))
    return query_on(network, region, conjunction([Or(tuple(unsafe))]))


def _unstable(nets: tuple[Network, Network], region: Domain) -> dict[int, Mask]:
    """For relu nodes, the neurons that may have both phases in either network (a hint only)."""
    found: dict[int, Mask] = {}
    lower = np.array([[nearest(v) for v in region.lower]])
    upper = np.maximum(lower, np.array([[nearest(v) for v in region.upper]]))
    for net in nets:
        compiled = compile_network(net)
        bounds = refine(compiled, interval(compiled, lower, upper)).bounds
        for position, node in enumerate(net.nodes):
            if isinstance(node, Pwl) and is_relu(node):
                low, high = bounds.lower[node.source][0], bounds.upper[node.source][0]
                mask = (low < 0) & (high > 0)
                found[position] = mask | found[position] if position in found else mask
    return found
