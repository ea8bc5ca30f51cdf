"""A network compiled to float arrays: evaluation of many points at once, and gradients.

May import: numpy, kernel, arrays, kinds, maps. Must not know: boxes, relaxations.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from verifai.bounds.arrays import free_bytes, is_placed, prototype
from verifai.bounds.bands import Band, BandMap, band_map
from verifai.bounds.kinds.affine import Adder, AnyMap, Linear
from verifai.bounds.kinds.pieces import Piecewise
from verifai.bounds.kinds.product import Bilinear
from verifai.bounds.kinds.protocol import Arrays, Nonlinear
from verifai.bounds.kinds.sign import Jump
from verifai.bounds.kinds.smooth import SmoothCurve, Squared
from verifai.bounds.maps import Array, ConvMap, DenseMap, GatherMap, Indices, as_map
from verifai.kernel.arithmetic import Pause, never
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
)
from verifai.kernel.operator import Operator

T = TypeVar("T", bound=np.generic)
CHUNK = 1 << 15  # numbers in one temporary: what stays in a core's second-level cache
DEVICE_CHUNK = 1 << 25  # what keeps a graphics card busy and leaves room for others


@dataclass(frozen=True, slots=True, eq=False)
class Compiled:
    """The float form of a network.

    Attributes:
        linear, kinds: what the affine and the nonlinear nodes compute, by node.
        pieces: those of `kinds` that are piecewise linear.
        users: which nodes read each node.
        preactivations: the nodes that nonlinear nodes read, in topological order.
        inputs: the input nodes; their values in a row make up a point.
        direct: nodes whose interval over a box is exact, being affine in independent inputs.
        twins: of nodes that select values more than once, the first index of equal values, (n,).
        like: an empty array of the kind that all are: numpy's, or on a device.
        chunk: how many numbers one temporary should have.
        pause: called between nodes and parts of all work on the network; what it raises ends that.
    """

    network: Network
    dtype: npt.DTypeLike
    linear: Mapping[int, Linear]
    kinds: Mapping[int, Nonlinear]
    pieces: Mapping[int, Piecewise]
    users: tuple[tuple[int, ...], ...]
    preactivations: tuple[int, ...]
    inputs: tuple[int, ...]
    direct: frozenset[int]
    twins: Mapping[int, Indices]
    like: Array
    chunk: int
    pause: Pause = never

    @property
    def sizes(self) -> tuple[int, ...]:
        """The number of values of every node."""
        return self.network.sizes

    @property
    def is_curved(self) -> bool:
        """Whether some node is neither affine nor piecewise linear."""
        return len(self.kinds) > len(self.pieces)

    @property
    def width(self) -> int:
        """The number of all input values."""
        return len(self.network.input_values)

    def zeros(self, *shape: int) -> Array:
        """Zeros where the network is."""
        return np.zeros(shape, dtype=self.dtype, like=self.like)

    def place(self, array: npt.NDArray[T]) -> npt.NDArray[T]:
        """An array of numpy's where the network is."""
        return np.asarray(array, like=self.like)

    def split(self, points: Array) -> dict[int, Array]:
        """The columns of points (B, all inputs) by input node."""
        parts = [points[:, part] for part in self.network.input_slices]
        return dict(zip(self.inputs, parts, strict=True))

    def join(self, columns: Mapping[int, Array], rows: int) -> Array:
        """The inverse of split: (rows, all inputs), zeros for nodes that are missing."""
        parts = [
            columns[i] if i in columns else self.zeros(rows, self.sizes[i]) for i in self.inputs
        ]
        return np.concatenate(parts, axis=1)

    def affine(self, node: int, values: Sequence[Array], rows: int) -> Array:
        """The node's values (rows, n) at its sources' values, radius left out."""
        return self.linear[node].value(values, rows)

    def forward(self, points: Array) -> list[Array]:
        """The values of all nodes, each (B, n), at points (B, all inputs)."""
        columns, values = self.split(points), list[Array]()
        for position, node in enumerate(self.network.nodes):
            self.pause()
            if position in columns:
                values.append(columns[position])
            elif position in self.linear:
                values.append(self.affine(position, values, len(points)))
            else:
                values.append(self.kinds[position].evaluate(_at(values, node)))
        return values

    def gradient(self, values: Sequence[Array], seeds: Mapping[int, Array]) -> Array:
        """The gradient (B, all inputs) of Σ seeds·values at the points that gave the values."""
        pending, done = dict(seeds), dict[int, Array]()

        def add(source: int, a: Array) -> None:
            pending[source] = pending[source] + a if source in pending else a

        for position in reversed(range(max(seeds, default=-1) + 1)):
            a, node = pending.pop(position, None), self.network.nodes[position]
            if a is None:
                continue
            self.pause()
            if isinstance(node, Input):
                done[position] = a
            elif position in self.linear:
                self.pull(position, a, add)
            else:
                slopes = self.kinds[position].derivatives(_at(values, node))
                for source, slope in zip(node.sources, slopes, strict=True):
                    add(source, a * slope)
        return self.join(done, len(values[0]))

    def work(self, node: int) -> float:
        """How many multiplications one pull through an affine node takes."""
        total = 0.0
        for source, a_map in self.linear[node].terms:
            if isinstance(a_map, ConvMap):
                total += math.prod(a_map.weight.shape) * math.prod(a_map.shape.output)
            elif isinstance(a_map, DenseMap):
                total += a_map.weight.shape[0] * self.sizes[source]
            elif isinstance(a_map, BandMap):
                total += sum(math.prod(band.weight.shape) for band in a_map.bands)
        return total

    def pull(self, node: int, a: Array, add: Adder) -> None:
        """Hands the coefficients on an affine node's values on to its sources."""
        self.linear[node].pull(a, add)


def compile_network(
    network: Network,
    dtype: npt.DTypeLike = np.float64,
    device: str | None = None,
    pause: Pause = never,
) -> Compiled:
    """The float form of a network.

    Args:
        network: what is compiled.
        dtype: float64 or float32.
        device: None for numpy's arrays, else a device of torch such as "cpu" or "cuda".
        pause: as in `Compiled`; called while compiling, too.

    Raises:
        ImportError: torch or array-api-compat is not installed.
        ValueError: there is no such device.
    """
    return _compiled(network, dtype, prototype(dtype, device), as_map, pause)


def compile_like(network: Network, other: Compiled) -> Compiled:
    """The float form of a network that is a part of another's, its sparse matrices in bands."""
    return _compiled(network, other.dtype, other.like, band_map, other.pause)


def _compiled(
    network: Network,
    dtype: npt.DTypeLike,
    like: Array,
    mapped: Callable[[Operator, npt.DTypeLike], AnyMap],
    pause: Pause,
) -> Compiled:
    nodes = network.nodes
    readers = [list[int]() for _ in nodes]
    for i, node in enumerate(nodes):
        for source in sorted(set(node.sources)):
            readers[source].append(i)
    nonlinear = {s for n in nodes if not isinstance(n, Affine) for s in n.sources}
    affine = {i: n for i, n in enumerate(nodes) if isinstance(n, Affine)}
    linear = {}
    for i, n in affine.items():
        pause()
        linear[i] = Linear.of(n, dtype, mapped)
    pieces = {i: Piecewise.of(n, dtype) for i, n in enumerate(nodes) if isinstance(n, Pwl)}
    kinds = {
        i: pieces[i] if i in pieces else _nonlinear(n)
        for i, n in enumerate(nodes)
        if not isinstance(n, Input | Affine)
    }
    direct = _direct(network, linear)
    known = (
        tuple(map(tuple, readers)),
        tuple(sorted(nonlinear)),
        network.inputs,
        direct,
        _twins(linear),
    )
    data = linear, kinds, pieces, *known, np.zeros(0, dtype)
    return on_device(Compiled(network, dtype, *data, CHUNK, pause), like)


def on_device(compiled: Compiled, like: Array) -> Compiled:
    """The same network with its arrays where another one is."""
    if not is_placed(like):
        return compiled
    linear, pieces, twins = _moved((compiled.linear, compiled.pieces, compiled.twins), like)
    kinds = {i: pieces.get(i, kind) for i, kind in compiled.kinds.items()}
    moved = {"linear": linear, "kinds": kinds, "pieces": pieces, "twins": twins}
    is_card = free_bytes(like) is not None
    return replace(compiled, **moved, like=like, chunk=DEVICE_CHUNK if is_card else CHUNK)


FIELDS = (Linear, Piecewise, DenseMap, GatherMap, ConvMap, BandMap, Band)


def _moved(data: Any, like: Array) -> Any:
    """The same data with every array where another one is."""
    if isinstance(data, np.ndarray):
        return np.asarray(data, like=like)
    if isinstance(data, FIELDS):
        return replace(data, **{f.name: _moved(getattr(data, f.name), like) for f in fields(data)})
    if isinstance(data, dict):
        return {key: _moved(each, like) for key, each in data.items()}
    return tuple(_moved(each, like) for each in data) if isinstance(data, tuple) else data


def _nonlinear(node: Node) -> Nonlinear:
    """What a nonlinear node computes that is not on pieces."""
    match node:
        case Smooth():
            return SmoothCurve(node.function)
        case Square():
            return Squared()
        case Product():
            return Bilinear(node)
        case Sign():
            return Jump()
    raise TypeError(f"{node.name}: a linear node")


def _at(values: Sequence[Array], node: Node) -> Arrays:
    """The values of a node's sources."""
    return tuple(values[source] for source in node.sources)


def _direct(network: Network, linear: Mapping[int, Linear]) -> frozenset[int]:
    """Inputs, selections of them, and affine nodes that read each input value at most once."""
    roots: dict[int, int] = {i: i for i in network.inputs}  # node: the input it selects from
    direct = set(network.inputs)
    for node, data in linear.items():
        sources = [source for source, _ in data.terms]
        seen = [roots.get(source) for source in sources]
        if None in seen or len(set(seen)) < len(seen):
            continue
        direct.add(node)
        a_map = data.terms[0][1] if len(sources) == 1 else None
        if isinstance(a_map, GatherMap) and a_map.repeats == 1:
            roots[node] = roots[sources[0]]
    return frozenset(direct)


def _twins(linear: Mapping[int, Linear]) -> dict[int, Indices]:
    """For every selection that repeats values, the first index at which each of its values is."""
    found = {}
    for node, data in linear.items():
        if len(data.terms) != 1 or data.radius is not None or data.scale is not None:
            continue
        a_map = data.terms[0][1]
        if isinstance(a_map, GatherMap) and a_map.repeats > 1:
            scale = np.ones(len(a_map.index)) if a_map.scale is None else a_map.scale
            keys = np.stack([a_map.index.astype(np.float64), scale, data.bias])
            _, first, inverse = np.unique(keys, axis=1, return_index=True, return_inverse=True)
            found[node] = first[inverse.reshape(-1)]
    return found
