"""Monotonicity: raising one input never lowers (or never raises) an output.

The query speaks about two points, x and x' = x + step in direction i, and its graph holds the
network at both (at x' by what the step adds, see `difference`). Without a margin bounds of a
difference do not do, since it vanishes with the step. So a third point between x and x' carries the
derivative: if y(x') < y(x), then by the mean value theorem (see `derivative`; the knots are covered
there) the derivative is negative somewhere between. That is one more condition of the unsafe set:
there is an unsafe triple just if there is an unsafe pair. A counterexample is an exact pair; a
proof may look at the derivative alone.

May import: kernel, derivative, difference, domain, entry, quotients, unstable.
Must not know: how a query is decided.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from flint import fmpq

from verifai.entry import rules
from verifai.entry.numbers import Number, number
from verifai.entry.sentences import shown
from verifai.entry.takes import renamed, takes
from verifai.graph.aligned import is_aligned
from verifai.graph.attach import attach
from verifai.graph.derivative import differentiate
from verifai.graph.difference import attach_difference
from verifai.graph.formulas import atom, conjunction
from verifai.graph.graph import Graph
from verifai.graph.nodes import affine, pwl
from verifai.kernel.errors import InputError
from verifai.kernel.network import Affine, Input, Network, Sign, Smooth
from verifai.kernel.number import above, below
from verifai.kernel.operator import Gather, Operator
from verifai.kernel.query import Atom, Formula, Relation
from verifai.properties.domain import Domain, Ends, domain_of, input_index
from verifai.properties.entry import output_value
from verifai.properties.quotients import quotients
from verifai.properties.unstable import unstable_neurons
from verifai.query import Query


@renamed(ends="domain")
@takes(
    net=rules.network,
    output=rules.whole,
    direction=rules.whole,
    margin=number,
    allow_empty=rules.flag,
)
def monotone(
    net: Network,
    domain: Domain | Ends,
    *,
    input: int,  # noqa: A002
    output: int = 0,
    direction: int = 1,
    margin: Number = 0,
    allow_empty: bool = False,
) -> Query:
    """y(x') ≥ y(x) - margin whenever x' is x with one input raised, both in the domain.

    The query's inputs are those of the network (x), then how far the input is raised (`step`),
    then (with margin 0) where between x_i and x'_i the derivative is looked at (`between`).

    Args:
        net: the network.
        domain: the box, one pair (lower, upper) for each input value, or a `Domain`.
        input: the number of the input that is raised.
        output: the index of the output y.
        direction: 1 if y must not fall, -1 if it must not rise.
        margin: by how much it may do so all the same; not negative.
        allow_empty: whether a box without a point is taken, on which any property holds; the
            input that is raised must have room all the same.

    Raises:
        InputError: sizes do not fit, there is no such input or output, the direction is neither
            1 nor -1, the margin is negative, or the domain leaves the input no room.
    """
    net = quotients(net)
    region = domain_of(net, domain, allow_empty=allow_empty)
    index, slack = input_index(net, input), number(margin)
    value, count = output_value(net, output), len(region.lower)
    width = region.upper[index] - region.lower[index]
    if direction not in (1, -1):
        raise InputError(f"a direction of {shown(direction)}, neither 1 nor -1")
    if slack < 0:
        raise InputError(f"a negative margin: {slack}")
    if width <= 0:
        raise InputError(f"the domain leaves input {index} no room to be raised")
    up, has_slope = fmpq(direction), slack == 0 and _is_differentiable(net)
    graph = _Pair(net, region, index, has_slope)
    low, high = graph.values(value)
    unsafe: list[Formula] = [atom({high: up, low: -up}, slack, Relation.LESS)]
    lower, upper = (*region.lower, fmpq(0)), (*region.upper, width)
    if has_slope:
        lower, upper = (*lower, region.lower[index]), (*upper, region.upper[index])
        unsafe.append(atom(dict.fromkeys(graph.slopes(value), up), fmpq(0), Relation.LESS))
    elif (rise := graph.rise(value)) is not None:  # y(x') - y(x) by itself has sharper bounds
        unsafe.append(atom({rise: up}, slack, Relation.LESS))
    return Query(
        graph.network(),
        lower,
        upper,
        conjunction(unsafe),
        _conditions(region, index, has_slope),
        region.integers | ({count} if index in region.integers else set()),
    )


def _is_differentiable(net: Network) -> bool:
    return not any(isinstance(node, Sign) for node in net.nodes)


def _is_partial(net: Network) -> bool:
    """Whether a function is undefined somewhere: bounds of a + d may reach what x' does not."""
    kinds = [node.function for node in net.nodes if isinstance(node, Smooth)]
    return not {"log", "sqrt", "reciprocal"}.isdisjoint(kinds)


class _Pair:
    """The graph of x and x', and of the point between; its inputs are its first values."""

    def __init__(self, net: Network, region: Domain, index: int, has_slope: bool) -> None:
        self.net = net
        self.graph = graph = Graph([net.nodes[i] for i in net.inputs])
        slices = net.input_slices
        which = next(k for k, part in enumerate(slices) if index < part.stop)
        self._raised, self._place = which, index - slices[which].start
        step = graph.add(Input(graph.name("step"), (1,)))
        between = graph.add(Input(graph.name("between"), (1,))) if has_slope else -1
        points = list(range(len(net.inputs)))
        self.low = attach(graph, net, points, "at x/")
        self.is_difference = is_aligned(net, net) and not _is_partial(net)
        if self.is_difference:
            only = {net.inputs[which]: self._with("moved", step)}
            hint = unstable_neurons([net], region)
            self.high = attach_difference(graph, (net, net), self.low, hint, only)
        else:
            total, part = self._with("x + step", step, keeps=True), slices[which]
            points[which] = _kept_inside(graph, total, region.lower[part], region.upper[part])
            self.high = attach(graph, net, points, "at x'/")
        self.tangents: dict[int, int] = {}
        if has_slope:
            points[which] = self._with("x''", between, exchanges=True)
            made = differentiate(net, np.eye(1, len(net.input_values), index))
            copy = attach(graph, made.network, points, "between/")
            self.tangents = {node: copy[place] for node, place in made.tangents.items()}

    def _with(self, stem: str, other: int, *, keeps: bool = False, exchanges: bool = False) -> int:
        """Adds another node's only value in the place of the input that is raised, else zeros.

        Args:
            stem: the name.
            other: the other node.
            keeps: whether all values of the raised input node are added.
            exchanges: whether all but the one in that place are.
        """
        graph, size = self.graph, self.graph.size(self._raised)
        index, own = np.full(size, -1), np.arange(size)
        index[self._place] = 0
        terms: list[tuple[int, Operator]] = [(other, Gather.of(1, index))]
        if exchanges:
            own[self._place] = -1
        if keeps or exchanges:
            terms.insert(0, (self._raised, Gather.of(size, own)))
        shape = graph.nodes[self._raised].shape
        return graph.add(affine(graph.name(stem), shape, tuple(terms)))

    def network(self) -> Network:
        """The graph as a network; its outputs are the given one's at x, then at x'."""
        outputs = [copy[o] for copy in (self.low, self.high) for o in self.net.outputs]
        return self.graph.network(outputs)

    def values(self, value: int) -> tuple[int, int]:
        """The values that are an output value of the network at x and at x'."""
        node, index = self.net.owner(value)
        network = self.network()
        return network.value(self.low[node], index), network.value(self.high[node], index)

    def rise(self, value: int) -> int | None:
        """The value that is the difference of both, where the graph has one."""
        node, index = self.net.owner(value)
        second = self.graph.nodes[self.high[node]]
        if not self.is_difference or not isinstance(second, Affine) or len(second.terms) < 2:
            return None
        return self.network().value(second.terms[1][0], index)

    def slopes(self, value: int) -> list[int]:
        """The value that is its derivative at the point between; none if that is always zero."""
        node, index = self.net.owner(value)
        if node not in self.tangents:
            return []
        return [self.network().value(self.tangents[node], index)]


def _kept_inside(graph: Graph, node: int, lower: Sequence[fmpq], upper: Sequence[fmpq]) -> int:
    """The node's values cut to a box a little wider than the domain's: on the domain, themselves.

    Bounds of x + step alone would leave the box.
    """
    low = np.nextafter([below(v) for v in lower], -np.inf)
    high = np.nextafter([above(v) for v in upper], np.inf)
    ones, zeros = np.ones(len(low)), np.zeros(len(low))
    made = pwl(
        graph.name("x'"),
        graph.nodes[node].shape,
        node,
        np.stack([low, high]),
        np.stack([zeros, ones, zeros]),
        low,
    )
    return graph.add(made)


def _conditions(region: Domain, index: int, has_slope: bool) -> tuple[Atom, ...]:
    """x' in the box, and all rows at x, at x' and (as they then hold there too) between."""
    count = len(region.lower)
    found = [atom({index: fmpq(1), count: fmpq(1)}, -region.upper[index])]
    for row in region.rows:
        terms = dict(row.terms)
        found.append(atom(terms, row.constant, row.relation))
        if index in terms:
            found.append(atom(terms | {count: terms[index]}, row.constant, row.relation))
        if has_slope and index in terms:
            turned = {i: c for i, c in terms.items() if i != index}
            found.append(atom(turned | {count + 1: terms[index]}, row.constant, row.relation))
    return tuple(found)
