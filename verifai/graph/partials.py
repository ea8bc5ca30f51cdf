"""The derivatives of a network's nonlinear nodes by what they read, as nodes behind its own.

At a knot of a piecewise-linear node the partial is the mean of the slopes beside it, which need
not be a derivative of the network; `derivative` says why that does no harm.

May import: kernel, graph, patterns. Must not know: directions, queries, any particular property.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from verifai.graph.graph import Graph
from verifai.graph.nodes import affine
from verifai.graph.patterns import origin, powers
from verifai.kernel.errors import InputError
from verifai.kernel.network import Network, Node, Product, Pwl, Sign, Smooth, Square
from verifai.kernel.number import exact
from verifai.kernel.operator import Array, Gather

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
