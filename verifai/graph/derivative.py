"""The derivative of a network as a network: forward differentiation inside the graph.

For every nonlinear node z ↦ f(z) the graph gets a *partial* f'(z); then *tangents* carry the
derivatives along given directions of the inputs through the affine nodes and the partials.

At a knot of a piecewise-linear node the partial is the mean of the slopes beside it, which need
not be a derivative of the network. It does not matter along a segment: on it every value is a
piecewise smooth function of the segment's parameter, and at all but finitely many points either no
pre-activation that moves sits at a knot, so that the chain rule holds; or it does not move nearby,
and then its tangent is zero and so is the product, whatever the partial. So on a segment in
direction v the network's increase is the integral of the tangent along v.

Where constants are enclosed (`radius`), they are read as fixed: the tangent has the same radius.

May import: kernel, reading, patterns. Must not know: queries, any particular property.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from verifai.graph.graph import Graph
from verifai.graph.patterns import Extremum, extremum, origin, powers
from verifai.graph.reading import readings_of, require_function
from verifai.kernel.errors import InputError
from verifai.kernel.network import (
    Affine,
    Input,
    Network,
    Node,
    Product,
    Pwl,
    Sign,
    Smooth,
    Square,
    affine,
)
from verifai.kernel.number import exact
from verifai.kernel.operator import Array, Conv, Dense, Gather, Operator

Partials = dict[int, tuple[tuple[int, int], ...]]  # nonlinear node: (source, its partial's node)
UNIT = 2.0**-52  # at least the relative error of a constant written as the nearest double


@dataclass(frozen=True, slots=True)
class Slopes:
    """A network followed by the partials of its nonlinear nodes.

    Attributes:
        nodes: the network's nodes, then those that compute partials.
        partials: where the partial derivatives by each source stand.
    """

    nodes: tuple[Node, ...]
    partials: Partials


def slopes(net: Network) -> Slopes:
    """The network with the partials of every nonlinear node.

    Raises:
        InputError: a node has no derivative.
    """
    graph, partials = Graph(net.nodes), Partials()
    found, signs = powers(net), _Signs(graph, net)
    for position, node in enumerate(net.nodes):
        stem = f"{node.name}/slope"
        if isinstance(node, Sign):
            raise InputError(f"node {node.name!r} is a step, which has no derivative")
        base, exponent = found[position]
        if isinstance(node, Product | Square) and exponent > 1:
            below = _power(graph, f"{stem}/power", base, exponent - 1)
            partials[position] = ((base, graph.total(stem, [(below, float(exponent))])),)
        elif isinstance(node, Product):
            partials[position] = ((node.left, node.right), (node.right, node.left))
        elif isinstance(node, Pwl):
            partials[position] = ((node.source, _pwl_slope(graph, stem, node, signs)),)
        elif isinstance(node, Smooth):
            made = _SMOOTH[node.function](graph, stem, position, node.source)
            partials[position] = ((node.source, made),)
    return Slopes(tuple(graph.nodes), partials)


def _power(graph: Graph, stem: str, base: int, exponent: int) -> int:
    """base^exponent, elementwise: even powers as squares, which are never negative."""
    if exponent == 1:
        return base
    if exponent % 2:
        return graph.times(stem, base, _power(graph, stem, base, exponent - 1))
    return graph.squared(stem, _power(graph, stem, base, exponent // 2))


class _Signs:
    """The steps (1 + sign(z))/2 of pre-activations z; those of the same values share signs."""

    def __init__(self, graph: Graph, net: Network) -> None:
        """Counts for every node how many piecewise-linear nodes turn where its values do."""
        self._graph, self._made = graph, dict[int, int]()
        self._origins = {
            node.source: origin(net, node.source) for node in net.nodes if isinstance(node, Pwl)
        }
        bases = [base for base, _, _ in self._origins.values()]
        self._shared = {base for base in bases if bases.count(base) > 1}

    def step(self, stem: str, node: Pwl) -> int:
        """The step of a node at its knot 0: 0 below, 1/2 there, 1 above."""
        graph = self._graph
        base, index, sign = self._origins[node.source]
        if base not in self._shared:
            made = graph.add(Sign(graph.name(f"{stem}/sign"), node.shape, node.source))
            return graph.total(f"{stem}/step", [(made, 0.5)], 0.5)
        if base not in self._made:
            kind = Sign(graph.name(f"{stem}/sign"), graph.nodes[base].shape, base)
            self._made[base] = graph.add(kind)
        term = (self._made[base], Gather.of(graph.size(base), index, 0.5 * sign))
        return graph.add(affine(graph.name(f"{stem}/step"), node.shape, (term,), bias=0.5))


def _pwl_slope(graph: Graph, stem: str, node: Pwl, signs: _Signs) -> int:
    """s_0 + Σ (s_{j+1} - s_j)·(1 + sign(z - k_j))/2: the mean of both slopes at a knot."""
    terms: list[tuple[int, Array | float]] = []
    for knot, before, after in zip(node.knots, node.slopes, node.slopes[1:], strict=False):
        if knot.any():
            place = graph.total(f"{stem}/gap", [(node.source, 1.0)], -_full(graph, node, knot))
            sign = graph.add(Sign(graph.name(f"{stem}/sign"), node.shape, place))
            step = graph.total(f"{stem}/step", [(sign, 0.5)], 0.5)
        else:
            step = signs.step(stem, node)
        parts = (after - before,) if _is_exact_difference(after, before) else (after, -before)
        terms += [(step, _full(graph, node, part)) for part in parts if part.any()]
    if not terms:  # all slopes alike
        terms = [(node.source, 0.0)]
    return graph.total(stem, terms, _full(graph, node, node.slopes[0]))


def _is_exact_difference(after: Array, before: Array) -> bool:
    """Whether the float difference is the real one, entry by entry."""
    pairs = zip(after.tolist(), before.tolist(), strict=True)
    return all(exact(a - b) == exact(a) - exact(b) for a, b in set(pairs))


def _full(graph: Graph, node: Pwl, row: Array) -> Array:
    return np.array(np.broadcast_to(row, (graph.size(node.source),)))


def _tanh(graph: Graph, stem: str, value: int, source: int) -> int:
    return graph.total(stem, [(graph.squared(f"{stem}/square", value), -1.0)], 1.0)


def _sigmoid(graph: Graph, stem: str, value: int, source: int) -> int:
    centred = graph.total(f"{stem}/centred", [(value, 1.0)], -0.5)
    return graph.total(stem, [(graph.squared(f"{stem}/square", centred), -1.0)], 0.25)


def _exp(graph: Graph, stem: str, value: int, source: int) -> int:
    return value


def _log(graph: Graph, stem: str, value: int, source: int) -> int:
    return graph.function(stem, source, "reciprocal")


def _reciprocal(graph: Graph, stem: str, value: int, source: int) -> int:
    return graph.total(stem, [(graph.squared(f"{stem}/square", value), -1.0)])


def _sqrt(graph: Graph, stem: str, value: int, source: int) -> int:
    twice = graph.total(f"{stem}/twice", [(value, 2.0)])
    return graph.function(stem, twice, "reciprocal")


def _erf(graph: Graph, stem: str, value: int, source: int) -> int:
    minus = graph.total(f"{stem}/minus", [(graph.squared(f"{stem}/square", source), -1.0)])
    bell = graph.function(f"{stem}/bell", minus, "exp")
    size, factor = graph.size(bell), 2 / math.sqrt(math.pi)
    term = (bell, Gather.of(size, None, factor))
    shape = graph.nodes[bell].shape
    return graph.add(affine(graph.name(stem), shape, (term,), radius=4 * UNIT))


def _sin(graph: Graph, stem: str, value: int, source: int) -> int:
    return graph.function(stem, source, "cos")


def _cos(graph: Graph, stem: str, value: int, source: int) -> int:
    return graph.total(stem, [(graph.function(f"{stem}/sin", source, "sin"), -1.0)])


_SMOOTH: dict[str, Callable[[Graph, str, int, int], int]] = {
    "tanh": _tanh,
    "sigmoid": _sigmoid,
    "exp": _exp,
    "log": _log,
    "reciprocal": _reciprocal,
    "sqrt": _sqrt,
    "erf": _erf,
    "sin": _sin,
    "cos": _cos,
}


def tangents(graph: Graph, net: Network, partials: Partials, directions: Array) -> dict[int, int]:
    """Adds the derivatives of every node of the network along every direction.

    Args:
        graph: nodes that the partials are among.
        net: the network that is differentiated.
        partials: as `slopes` gives them.
        directions: (D, all inputs), exact doubles.

    Returns:
        For each node of the network that moves, the node that holds its tangents, (D, n) in
        row-major order.

    Raises:
        InputError: the network stands for programs.
    """
    require_function(net)
    found: dict[int, int] = {}
    fixed: dict[int, Array] = {}  # tangents that are the same everywhere, exactly
    rows, start = len(directions), 0
    for position, node in enumerate(net.nodes):
        stem = f"{node.name}/tangent"
        if isinstance(node, Input):
            part = directions[:, start : start + net.sizes[position]]
            start += net.sizes[position]
            if part.any():
                found[position] = graph.constant(stem, part)
                fixed[position] = part.reshape(-1)
        elif isinstance(node, Affine):
            pair = extremum(net, position)
            if pair is None:
                moving = tuple((found[s], widened(op, rows)) for s, op in node.terms if s in found)
                value = _fixed(node, moving, {found[s]: v for s, v in fixed.items()})
                if value is not None:
                    fixed[position] = value
            else:
                moving = _of_extremum(graph, stem, pair, (partials, found, rows))
            if moving:
                shape = (rows, net.sizes[position])
                extra = (node.divisor, node.radius)
                divisor, radius = (None if a is None else np.tile(a, rows) for a in extra)
                made = affine(graph.name(stem), shape, moving, divisor=divisor, radius=radius)
                found[position] = graph.add(made)
        else:
            parts: list[tuple[int, Array | float]] = []
            for source, partial in partials[position]:
                if source not in found:
                    continue
                wide = _tiled(graph, partial, rows)
                if source in fixed:
                    parts.append((wide, fixed[source]))
                else:
                    parts.append((graph.times(f"{stem}/part", wide, found[source]), 1.0))
            if parts:
                is_product = len(parts) == 1 and not isinstance(parts[0][1], np.ndarray)
                found[position] = parts[0][0] if is_product else graph.total(stem, parts)
    return found


def _fixed(
    node: Affine, terms: Sequence[tuple[int, Operator]], known: dict[int, Array]
) -> Array | None:
    """What an affine node makes of vectors, if that is one product of doubles for each value.

    A product with a power of two is exact; None where it is not, or for other operators.
    """
    if len(terms) != 1 or node.divisor is not None or node.radius is not None:
        return None
    ((source, operator),) = terms
    vector = known.get(source)
    if vector is None or isinstance(operator, Conv):
        return None
    if not (np.abs(np.frexp(vector)[0]) % 0.5 == 0).all():
        return None
    if isinstance(operator, Gather):
        chosen = np.where(operator.index < 0, 0.0, vector[operator.index])
        return np.asarray(chosen * operator.scale)
    blocks = vector.reshape(-1, operator.weight.shape[1])
    count = (blocks != 0).astype(float) @ (operator.weight != 0).T.astype(float)
    return (blocks @ operator.weight.T).reshape(-1) if (count <= 1).all() else None


def _of_extremum(
    graph: Graph,
    stem: str,
    node: Extremum,
    where: tuple[Partials, dict[int, int], int],
) -> tuple[tuple[int, Operator], ...]:
    """The terms of the tangent of max(a, b): h·a' + (1 - h)·b', which has the signs of both.

    h is the slope of relu(a - b); of min(a, b) it is b' that h belongs to.
    """
    partials, found, rows = where
    ((_, slope),) = partials[node.relu]
    terms = [(found[s], widened(op, rows)) for s, op in node.others if s in found]
    shape = (rows, len(node.place))
    places = np.tile(node.place, rows)
    back = np.full((rows, len(node.chosen)), -1)
    back[:, node.chosen] = np.arange(rows * len(node.place)).reshape(shape)
    for (source, index), is_first in ((node.first, True), (node.second, False)):
        if source not in found:
            continue
        sign, bias = (1.0, 0.0) if is_first is node.is_greatest else (-1.0, 1.0)
        share = (slope, Gather.of(graph.size(slope), places, sign))
        weight = graph.add(affine(graph.name(f"{stem}/share"), shape, (share,), bias=bias))
        size = graph.size(found[source])
        rowed = (np.arange(rows)[:, None] * (size // rows) + index).reshape(-1)
        side = (found[source], Gather.of(size, rowed))
        moved = graph.add(affine(graph.name(f"{stem}/side"), shape, (side,)))
        part = graph.times(f"{stem}/part", weight, moved)
        terms.append((part, Gather.of(graph.size(part), back.reshape(-1))))
    return tuple(terms)


@dataclass(frozen=True, slots=True)
class Differentiated:
    """A network with its derivatives along some directions.

    Attributes:
        network: the given nodes at their old places, then partials and tangents; same outputs.
        tangents: the node that holds a node's tangents, (D, n); missing where all are zero.
    """

    network: Network
    tangents: dict[int, int]

    def tangent(self, value: int, direction: int = 0) -> int | None:
        """The value that is the derivative of a value; None if it is zero everywhere."""
        node, index = self.network.owner(value)
        if node not in self.tangents:
            return None
        return self.network.value(self.tangents[node], direction * self.network.sizes[node] + index)


def differentiate(net: Network, directions: Array) -> Differentiated:
    """The network with its derivatives along directions (D, all inputs), which are exact doubles.

    Raises:
        InputError: a node has no derivative, or the network stands for programs.
    """
    made = slopes(net)
    graph = Graph(made.nodes, readings_of(net))
    found = tangents(graph, net, made.partials, directions)
    return Differentiated(graph.network(net.outputs), found)


def _tiled(graph: Graph, node: int, rows: int) -> int:
    """The node's values repeated for every direction."""
    if rows == 1:
        return node
    size = graph.size(node)
    term = (node, Gather.of(size, np.tile(np.arange(size), rows)))
    return graph.add(affine(graph.name(f"{graph.nodes[node].name}/tiled"), (rows, size), (term,)))


def widened(operator: Operator, rows: int) -> Operator:
    """The operator that works on each of `rows` vectors laid end to end."""
    if rows == 1 or isinstance(operator, Dense):
        return operator
    if isinstance(operator, Gather):
        step = np.arange(rows)[:, None] * operator.inputs
        index = np.where(operator.index < 0, -1, operator.index + step).reshape(-1)
        return Gather.of(rows * operator.inputs, index, np.tile(operator.scale, rows))
    weight = np.tile(operator.weight, (rows, *([1] * (operator.weight.ndim - 1))))
    return Conv.of(
        weight,
        operator.spatial,
        stride=operator.stride,
        padding=(operator.before, operator.after),
        dilation=operator.dilation,
        groups=operator.groups * rows,
    )
