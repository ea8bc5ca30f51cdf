"""Equivalence: two networks differ by no more than a tolerance on a common domain.

May import: kernel, attach, difference, domain, entry, quotients, unstable.
Must not know: how a query is decided.
"""

from __future__ import annotations

from flint import fmpq

from verifai.entry import rules
from verifai.entry.numbers import Number, number
from verifai.entry.takes import renamed, takes
from verifai.graph.aligned import is_aligned
from verifai.graph.attach import attach
from verifai.graph.difference import attach_difference
from verifai.graph.formulas import atom, conjunction
from verifai.graph.graph import Graph
from verifai.graph.reading import readings_of
from verifai.kernel.errors import InputError
from verifai.kernel.network import Network
from verifai.kernel.query import Formula, Or, Relation
from verifai.properties.domain import Domain, Ends, domain_of, query_on
from verifai.properties.quotients import quotients
from verifai.properties.unstable import unstable_neurons
from verifai.query import Query


@renamed(ends="domain")
@takes(first=rules.network, second=rules.network, tolerance=number, allow_empty=rules.flag)
def equivalent(
    first: Network,
    second: Network,
    domain: Domain | Ends,
    *,
    tolerance: Number = 0,
    allow_empty: bool = False,
) -> Query:
    """Every output of the one network is within the tolerance of the same output of the other.

    Reaching the tolerance is allowed. The graph of the query holds the first network, and the
    second by its own nodes or (where both have the same structure) by what it adds to the first.

    Args:
        first: a network.
        second: another one with inputs and outputs of the same sizes.
        domain: the box, one pair (lower, upper) for each input value, or a `Domain`.
        tolerance: the greatest difference allowed, in output units.
        allow_empty: whether a box without a point is taken, on which any property holds.

    Raises:
        InputError: sizes do not fit, the tolerance is negative, or the box is empty.
    """
    first, second = quotients(first), quotients(second)
    region, limit = domain_of(first, domain, allow_empty=allow_empty), number(tolerance)
    if limit < 0:
        raise InputError(f"a negative tolerance: {limit}")
    counts = [len(net.output_values) for net in (first, second)]
    if counts[0] != counts[1]:
        raise InputError(f"networks of {counts[0]} and {counts[1]} outputs")
    graph = Graph([first.nodes[i] for i in first.inputs])
    inputs = range(len(first.inputs))
    here = attach(graph, first, inputs, "first/")
    if is_aligned(first, second):
        nets = (first, second)
        there = attach_difference(graph, nets, here, unstable_neurons(nets, region))
        own = dict(zip(second.inputs, inputs, strict=True)) | there
        graph.readings += [reading.moved(own) for reading in readings_of(second)]
    else:
        there = attach(graph, second, inputs, "second/")
    ones, twos = [here[o] for o in first.outputs], [there[o] for o in second.outputs]
    network = graph.network((*ones, *twos))
    values = network.output_values
    unsafe: list[Formula] = []
    for a, b in zip(values[: counts[0]], values[counts[0] :], strict=True):
        for sign in (fmpq(1), fmpq(-1)):
            unsafe.append(atom({a: sign, b: -sign}, limit, Relation.LESS))
    return query_on(network, region, conjunction([Or(tuple(unsafe))]))
