"""Several networks as one graph, where inputs may be the same value.

May import: numpy, kernel, graph, reading. Must not know: files, queries.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from verifai.graph.graph import Graph, rewired
from verifai.graph.nodes import affine
from verifai.graph.reading import is_function, readings_of
from verifai.kernel.errors import InputError
from verifai.kernel.network import Input, Network
from verifai.kernel.operator import Gather

MAX_NAME = 400  # what is longer is cut
InputNode = tuple[int, int]  # a part, and one of its input nodes


@dataclass(frozen=True, slots=True)
class Port:
    """One value of a part's input: the part, the input node of it, and the index in that."""

    part: int
    node: int
    index: int


Pair = tuple[Port, Port]  # the same value twice


@dataclass(frozen=True, slots=True, eq=False)
class Merged:
    """One network of several parts.

    Attributes:
        network: it; its outputs are the parts' outputs in order, each node once.
        nodes: for every part, where each of its nodes now is.
        inputs: by part and input node: the number of the input value that each value now is.
    """

    network: Network
    nodes: tuple[tuple[int, ...], ...]
    inputs: dict[InputNode, tuple[int, ...]]

    def values(self, part: int, node: int) -> tuple[int, ...]:
        """The numbers of all values of a part's node; of an input those of the free inputs."""
        if (part, node) in self.inputs:
            return self.inputs[part, node]
        start = self.network.offsets[self.nodes[part][node]]
        return tuple(range(start, self.network.offsets[self.nodes[part][node] + 1]))


def merge(parts: Sequence[tuple[str, Network]], equal: Iterable[Pair] = ()) -> Merged:
    """The networks side by side; what reads the same values in the same way is there once.

    Args:
        parts: names and networks. Nodes are called NAME/node, those of a single part as before.
        equal: pairs of values of inputs that are the same: one of them is free, and the other
            network reads that.

    Raises:
        InputError: no parts, one that is no function over the reals (every run of a float32
            program rounds for itself), or a place that is no value of an input.
    """
    if not parts:
        raise InputError("no networks to merge")
    if not all(is_function(network) for _, network in parts):
        raise InputError("float32 programs to merge: load them as real")
    return _Merging(parts).merged(equal)


class _Merging:
    """The nodes so far. Values of inputs are numbered through all parts (`starts`)."""

    def __init__(self, parts: Sequence[tuple[str, Network]]) -> None:
        self._parts = parts
        self._starts: dict[InputNode, int] = {}
        total = 0
        for p, (_, network) in enumerate(parts):
            for node in network.inputs:
                self._starts[p, node] = total
                total += network.sizes[node]
        self._roots = np.arange(total)
        self._free = np.full((total, 2), -1)  # node and index of every value that stays free
        self._graph = Graph()
        self._seen: dict[tuple[int, tuple[int, ...]], int] = {}

    def merged(self, equal: Iterable[Pair]) -> Merged:
        self._unite(equal)
        where: dict[InputNode, int] = {}
        for place in self._starts:
            self._add_free(place, where)
        for place in self._starts:
            if place not in where:
                self._add_read(place, where)
        positions = [self._copy(p, where) for p in range(len(self._parts))]
        outputs = [
            at[output]
            for at, (_, network) in zip(positions, self._parts, strict=True)
            for output in network.outputs
        ]
        self._graph.readings = [
            reading.moved(at)
            for at, (_, part) in zip(positions, self._parts, strict=True)
            for reading in readings_of(part)
        ]
        network = self._graph.network(tuple(dict.fromkeys(outputs)))
        offsets = np.array(network.offsets)
        inputs = {}
        for place in self._starts:
            node, index = self._free[self._root_of(place)].T
            inputs[place] = tuple((offsets[node] + index).tolist())
        return Merged(network, tuple(map(tuple, positions)), inputs)

    def _unite(self, equal: Iterable[Pair]) -> None:
        """Make every value's root the first one that it equals."""
        for pair in equal:
            first, last = sorted(self._find(self._number(port)) for port in pair)
            self._roots[last] = first
        while (self._roots[self._roots] != self._roots).any():
            self._roots = self._roots[self._roots]

    def _number(self, port: Port) -> int:
        start = self._starts.get((port.part, port.node))
        if start is None or not 0 <= port.index < self._parts[port.part][1].sizes[port.node]:
            raise InputError(f"no value {port.index} of an input {port.node} in part {port.part}")
        return start + port.index

    def _find(self, number: int) -> int:
        while self._roots[number] != number:
            self._roots[number] = self._roots[self._roots[number]]
            number = int(self._roots[number])
        return number

    def _root_of(self, place: InputNode) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        start = self._starts[place]
        return self._roots[start : start + self._parts[place[0]][1].sizes[place[1]]]

    def _name(self, part: int, name: str) -> str:
        if len(self._parts) == 1:
            return name
        full = f"{self._parts[part][0]}/{name}"
        return self._graph.name(full if len(full) <= MAX_NAME else f"{full[:MAX_NAME]}…")

    def _add_free(self, place: InputNode, where: dict[InputNode, int]) -> None:
        """An input node of the values that are their own roots; the whole input if all are."""
        part, node = place
        source = self._parts[part][1].nodes[node]
        roots = self._root_of(place)
        own = np.nonzero(roots == np.arange(len(roots)) + self._starts[place])[0]
        if not len(own):
            return
        name, is_whole = self._name(part, source.name), len(own) == len(roots)
        shape = source.shape if is_whole else (len(own),)
        added = self._graph.add(Input(name if is_whole else f"{name} (free)", shape))
        self._free[self._starts[place] + own, 0] = added
        self._free[self._starts[place] + own, 1] = np.arange(len(own))
        if is_whole:
            where[place] = added

    def _add_read(self, place: InputNode, where: dict[InputNode, int]) -> None:
        """A node that puts an input together from free ones; a free one if it is just that."""
        part, node = place
        source = self._parts[part][1].nodes[node]
        nodes, index = self._free[self._root_of(place)].T
        used = np.unique(nodes).tolist()
        size = self._graph.size(used[0])
        if len(used) == 1 and len(index) == size and (index == np.arange(size)).all():
            where[place] = used[0]
            return
        terms = tuple(
            (n, Gather.of(self._graph.size(n), np.where(nodes == n, index, -1))) for n in used
        )
        made = affine(self._name(part, source.name), source.shape, terms)
        where[place] = self._graph.add(made)

    def _copy(self, part: int, where: dict[InputNode, int]) -> list[int]:
        """Add a part's nodes behind its inputs; where each of its nodes is."""
        positions: list[int] = []
        for i, node in enumerate(self._parts[part][1].nodes):
            if isinstance(node, Input):
                positions.append(where[part, i])
                continue
            sources = tuple(positions[source] for source in node.sources)
            key = (id(node), sources)
            if key not in self._seen:
                made = rewired(node, positions, self._name(part, node.name))
                self._seen[key] = self._graph.add(made)
            positions.append(self._seen[key])
        return positions
