"""The derivative of a network as a network: forward differentiation inside the graph.

For every nonlinear node z ↦ f(z) the graph gets a *partial* f'(z) (see `partials`); then *tangents*
carry the derivatives along given directions of the inputs through the affine nodes and the
partials.

At a knot of a piecewise-linear node the partial is the mean of the slopes beside it, which need
not be a derivative of the network. It does not matter along a segment: on it every value is a
piecewise smooth function of the segment's parameter, and at all but finitely many points either no
pre-activation that moves sits at a knot, so that the chain rule holds; or it does not move nearby,
and then its tangent is zero and so is the product, whatever the partial. So on a segment in
direction v the network's increase is the integral of the tangent along v.

Where constants are enclosed (`radius`), they are read as fixed: the tangent has the same radius.

May import: kernel, graph, reading, patterns, partials. Must not know: queries, any particular
property.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from verifai.graph.graph import Graph, Terms
from verifai.graph.nodes import affine
from verifai.graph.partials import Partials, slopes
from verifai.graph.patterns import Extremum, extremum
from verifai.graph.reading import readings_of, require_function
from verifai.kernel.network import Affine, Input, Network
from verifai.kernel.operator import Array, Conv, Dense, Gather, Operator


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
    made = _Tangents(graph, net, partials, directions)
    for position in range(len(net.nodes)):
        made.add(position)
    return made.found


class _Tangents:
    """The tangents of a network's nodes so far.

    Attributes:
        found: for each node that moves, the node that holds its tangents.
    """

    def __init__(self, graph: Graph, net: Network, partials: Partials, directions: Array) -> None:
        self._graph, self._net, self._partials = graph, net, partials
        self._rows = len(directions)
        columns = [directions[:, part] for part in net.input_slices]
        self._inputs = dict(zip(net.inputs, columns, strict=True))
        self._fixed: dict[int, Array] = {}  # tangents that are the same everywhere, exactly
        self.found: dict[int, int] = {}

    def add(self, position: int) -> None:
        """Adds a node's tangents, if it moves."""
        node = self._net.nodes[position]
        stem = f"{node.name}/tangent"
        if isinstance(node, Input):
            made = self._of_input(position, stem)
        elif isinstance(node, Affine):
            made = self._of_affine(position, node, stem)
        else:
            made = self._of_nonlinear(position, stem)
        if made is not None:
            self.found[position] = made

    def _of_input(self, position: int, stem: str) -> int | None:
        part = self._inputs[position]
        if not part.any():
            return None
        self._fixed[position] = part.reshape(-1)
        return self._graph.constant(stem, part)

    def _of_affine(self, position: int, node: Affine, stem: str) -> int | None:
        pair, rows = extremum(self._net, position), self._rows
        if pair is None:
            moving = self._moving(node.terms)
            known = {self.found[source]: vector for source, vector in self._fixed.items()}
            value = _fixed(node, moving, known)
            if value is not None:
                self._fixed[position] = value
        else:
            moving = self._of_extremum(stem, pair)
        if not moving:
            return None
        extra = (node.divisor, node.radius)
        divisor, radius = (None if a is None else np.tile(a, rows) for a in extra)
        shape, name = (rows, self._net.sizes[position]), self._graph.name(stem)
        return self._graph.add(affine(name, shape, moving, divisor=divisor, radius=radius))

    def _moving(self, terms: Terms) -> Terms:
        """The terms of those sources that move, on their tangents."""
        found = self.found
        return tuple((found[s], widened(op, self._rows)) for s, op in terms if s in found)

    def _of_nonlinear(self, position: int, stem: str) -> int | None:
        graph, parts = self._graph, list[tuple[int, Array | float]]()
        for source, partial in self._partials[position]:
            if source not in self.found:
                continue
            wide = _tiled(graph, partial, self._rows)
            if source in self._fixed:
                parts.append((wide, self._fixed[source]))
            else:
                parts.append((graph.times(f"{stem}/part", wide, self.found[source]), 1.0))
        if len(parts) == 1 and not isinstance(parts[0][1], np.ndarray):
            return parts[0][0]
        return graph.total(stem, parts) if parts else None

    def _of_extremum(self, stem: str, node: Extremum) -> Terms:
        """The terms of the tangent of max(a, b): h·a' + (1 - h)·b', which has the signs of both.

        h is the slope of relu(a - b); of min(a, b) it is b' that h belongs to.
        """
        graph, rows = self._graph, self._rows
        ((_, slope),) = self._partials[node.relu]
        terms = list(self._moving(node.others))
        shape = (rows, len(node.place))
        places = np.tile(node.place, rows)
        back = np.full((rows, len(node.chosen)), -1)
        back[:, node.chosen] = np.arange(rows * len(node.place)).reshape(shape)
        for (source, index), is_first in ((node.first, True), (node.second, False)):
            if source not in self.found:
                continue
            sign, bias = (1.0, 0.0) if is_first is node.is_greatest else (-1.0, 1.0)
            share = (slope, Gather.of(graph.size(slope), places, sign))
            weight = graph.add(affine(graph.name(f"{stem}/share"), shape, (share,), bias=bias))
            size = graph.size(self.found[source])
            rowed = (np.arange(rows)[:, None] * (size // rows) + index).reshape(-1)
            side = (self.found[source], Gather.of(size, rowed))
            moved = graph.add(affine(graph.name(f"{stem}/side"), shape, (side,)))
            part = graph.times(f"{stem}/part", weight, moved)
            terms.append((part, Gather.of(graph.size(part), back.reshape(-1))))
        return tuple(terms)


def _fixed(node: Affine, terms: Terms, known: dict[int, Array]) -> Array | None:
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
