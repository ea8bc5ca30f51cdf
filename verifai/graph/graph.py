"""A network under construction: a list of nodes with different names, copied, added, written anew.

Whatever makes or changes a network does it here: nodes are added to a `Graph`, whose `name` is the
only source of new names; nodes of another network are `rewired` to read other nodes; and a pass
that replaces some nodes of a network and keeps the rest is a `Rewriting`.

May import: numpy, kernel, reading. Must not know: views of tensors, files, any pass.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from verifai.graph.nodes import affine
from verifai.graph.reading import Reading, loaded
from verifai.kernel.network import Affine, Input, Network, Node, Product, Smooth, Square
from verifai.kernel.operator import Array, Gather, Operator

Terms = tuple[tuple[int, Operator], ...]  # of an affine node: what it reads, and how


def rewired(node: Node, places: Mapping[int, int] | Sequence[int], name: str | None = None) -> Node:
    """The node where each of its sources is another node, and under another name if one is given.

    Args:
        node: the node.
        places: by source, the node that is read instead.
        name: the copy's name; None: the node's own.
    """
    own = node.name if name is None else name
    if isinstance(node, Affine):
        terms = tuple((places[source], operator) for source, operator in node.terms)
        return replace(node, name=own, terms=terms)
    if isinstance(node, Product):
        return replace(node, name=own, left=places[node.left], right=places[node.right])
    if isinstance(node, Input):
        return replace(node, name=own)
    return replace(node, name=own, source=places[node.source])


def unique(stem: str, taken: set[str]) -> str:
    """The stem, with primes where it is taken; the name is taken then."""
    name = stem
    while name in taken:
        name += "'"
    taken.add(name)
    return name


class Graph:
    """A growing list of nodes.

    Attributes:
        nodes: the nodes, in topological order.
        names: those that new nodes must not have.
        readings: the models that nodes were read from.
    """

    def __init__(self, nodes: Sequence[Node] = (), readings: Sequence[Reading] = ()) -> None:
        """Holds these nodes, and nothing is added yet."""
        self.nodes = list(nodes)
        self.names = {node.name for node in nodes}
        self.readings = list(readings)

    def network(self, outputs: Sequence[int]) -> Network:
        """The network of all nodes, which knows the models that they were read from.

        Raises:
            InputError: the nodes make no network.
        """
        return loaded(self.nodes, outputs, self.readings)

    def size(self, node: int) -> int:
        """The number of values of a node."""
        return math.prod(self.nodes[node].shape)

    def name(self, stem: str) -> str:
        """The stem, made different from every name so far."""
        return unique(stem, self.names)

    def add(self, node: Node) -> int:
        """Adds a node; its number."""
        self.nodes.append(node)
        self.names.add(node.name)
        return len(self.nodes) - 1

    def total(
        self, stem: str, terms: Sequence[tuple[int, Array | float]], bias: Array | float = 0.0
    ) -> int:
        """Adds Σ scale·node + bias, elementwise; shaped as the first node."""
        shape = self.nodes[terms[0][0]].shape
        parts = tuple((node, Gather.of(self.size(node), None, scale)) for node, scale in terms)
        return self.add(affine(self.name(stem), shape, parts, bias=bias))

    def constant(self, stem: str, values: Array) -> int:
        """Adds a node that holds these numbers whatever the inputs."""
        absent = Gather.of(self.size(0), np.full(values.size, -1))
        return self.add(affine(self.name(stem), values.shape, ((0, absent),), bias=values))

    def function(self, stem: str, source: int, function: str) -> int:
        """Adds a function of the kernel's `FUNCTIONS` of a node."""
        return self.add(Smooth(self.name(stem), self.nodes[source].shape, source, function))

    def squared(self, stem: str, source: int) -> int:
        """Adds the square of a node."""
        return self.add(Square(self.name(stem), self.nodes[source].shape, source))

    def times(self, stem: str, left: int, right: int) -> int:
        """Adds the product of two nodes, shaped as the right one."""
        return self.add(Product(self.name(stem), self.nodes[right].shape, left, right))


class Rewriting(Graph):
    """A network that is written anew, node after node; new names differ from all its own.

    Attributes:
        places: for every node of the network so far, what stands for it.
    """

    def __init__(self, net: Network) -> None:
        """Nothing is written yet."""
        super().__init__()
        self._net, self.places = net, dict[int, int]()
        self.names = {node.name for node in net.nodes}

    def keep(self, position: int) -> None:
        """Writes a node of the network, reading what stands for its sources."""
        self.places[position] = self.add(rewired(self._net.nodes[position], self.places))

    def outputs(self) -> tuple[int, ...]:
        """What stands for the network's outputs, in order."""
        return tuple(self.places[output] for output in self._net.outputs)
