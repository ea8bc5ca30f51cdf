"""A network compiled to float arrays: evaluation of many points at once, and gradients.

May import: numpy, kernel, arrays, maps, smooth. Must not know: boxes, relaxations.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from verifai.bounds import smooth
from verifai.bounds.arrays import free_bytes, is_placed, prototype
from verifai.bounds.bands import Band, BandMap, band_map
from verifai.bounds.maps import Array, ConvMap, DenseMap, GatherMap, Indices, Map, as_map
from verifai.kernel.arithmetic import Pause, never
from verifai.kernel.network import (
    Affine,
    Input,
    Network,
    Product,
    Pwl,
    Sign,
    Smooth,
    Square,
)
from verifai.kernel.operator import Operator

AnyMap = Map | BandMap
T = TypeVar("T", bound=np.generic)
CHUNK = 1 << 15  # numbers in one temporary: what stays in a core's second-level cache
DEVICE_CHUNK = 1 << 25  # what keeps a graphics card busy and leaves room for others


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """An affine node: y = scale·(Σ map(x) + bias), give or take radius·(Σ |map|(|x|) + |bias|)."""

    terms: tuple[tuple[int, AnyMap], ...]
    magnitudes: tuple[tuple[int, AnyMap], ...]
    bias: Array  # (n,), already scaled
    scale: Array | None  # (n,), None: ones
    radius: Array | None  # (n,), already scaled
    size: Array  # (n,), |bias| before it is scaled
    is_biased: bool


@dataclass(frozen=True, slots=True, eq=False)
class Piecewise:
    """A piecewise-linear node: the kernel's data and f at the knots, (K, m) with m = 1 or n."""

    source: int
    knots: Array
    slopes: Array  # (K + 1, m)
    values: Array
    is_relu: bool
    is_monotone: bool

    def value(self, y: Array) -> Array:
        """f(y), elementwise."""
        if self.is_relu:
            return np.maximum(y, 0)
        result: Array = self.values[0] + self.slopes[0] * (y - self.knots[0])
        for step, knot in zip(np.diff(self.slopes, axis=0), self.knots, strict=True):
            result = result + step * np.maximum(y - knot, 0)
        return result

    def slope(self, y: Array) -> Array:
        """The slope of f at y; that of the left piece at a knot."""
        if self.is_relu:
            return (y > 0).astype(y.dtype)
        result = np.broadcast_to(self.slopes[0], y.shape)
        for step, knot in zip(np.diff(self.slopes, axis=0), self.knots, strict=True):
            result = result + step * (y > knot)
        return result


@dataclass(frozen=True, slots=True, eq=False)
class Compiled:
    """The float form of a network.

    Attributes:
        linear, pieces: the data of the affine and piecewise-linear nodes, by node.
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
        return not all(isinstance(n, Input | Affine | Pwl) for n in self.network.nodes)

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
        data = self.linear[node]
        if not data.terms:
            return np.tile(data.bias, (rows, 1))
        (source, a_map), *others = data.terms
        total = a_map.push(values[source])
        for source, a_map in others:
            total = total + a_map.push(values[source])
        return (total if data.scale is None else total * data.scale) + data.bias

    def forward(self, points: Array) -> list[Array]:
        """The values of all nodes, each (B, n), at points (B, all inputs)."""
        columns, values = self.split(points), list[Array]()
        for position, node in enumerate(self.network.nodes):
            self.pause()
            match node:
                case Input():
                    values.append(columns[position])
                case Affine():
                    values.append(self.affine(position, values, len(points)))
                case Pwl():
                    values.append(self.pieces[position].value(values[node.source]))
                case Sign():
                    values.append(np.sign(values[node.source]))
                case Square():
                    values.append(np.square(values[node.source]))
                case Product():
                    values.append(values[node.left] * values[node.right])
                case Smooth():
                    values.append(smooth.value(node.function, values[node.source]))
        return values

    def gradient(self, values: Sequence[Array], seeds: Mapping[int, Array]) -> Array:
        """The gradient (B, all inputs) of Σ seeds·values at the points that gave the values.

        A sign node passes the gradient of clip(y, -1, 1), so that attacks see a direction.
        """
        pending, done = dict(seeds), dict[int, Array]()

        def add(source: int, a: Array) -> None:
            pending[source] = pending[source] + a if source in pending else a

        for position in reversed(range(max(seeds, default=-1) + 1)):
            a, node = pending.pop(position, None), self.network.nodes[position]
            if a is None:
                continue
            self.pause()
            match node:
                case Input():
                    done[position] = a
                case Affine():
                    self.pull(position, a, add)
                case Pwl():
                    add(node.source, a * self.pieces[position].slope(values[node.source]))
                case Sign():
                    add(node.source, a * (np.abs(values[node.source]) <= 1))
                case Square():
                    add(node.source, 2 * a * values[node.source])
                case Product():
                    add(node.left, a * values[node.right])
                    add(node.right, a * values[node.left])
                case Smooth():
                    add(node.source, a * smooth.slope(node.function, values[node.source]))
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
        data = self.linear[node]
        a = a if data.scale is None else a * data.scale
        for source, a_map in data.terms:
            add(source, a_map.pull(a))


class Adder(Protocol):
    """What receives coefficients for a node."""

    def __call__(self, source: int, a: Array, /) -> None:
        """Adds coefficients a (B, n) to those on node source."""
        ...


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
        linear[i] = _linear(n, dtype, mapped)
    pieces = {i: _pieces(n, dtype) for i, n in enumerate(nodes) if isinstance(n, Pwl)}
    direct = _direct(network, linear)
    known = (
        tuple(map(tuple, readers)),
        tuple(sorted(nonlinear)),
        network.inputs,
        direct,
        _twins(linear),
    )
    here = np.zeros(0, dtype)
    return on_device(Compiled(network, dtype, linear, pieces, *known, here, CHUNK, pause), like)


def on_device(compiled: Compiled, like: Array) -> Compiled:
    """The same network with its arrays where another one is."""
    if not is_placed(like):
        return compiled
    linear, pieces, twins = _moved((compiled.linear, compiled.pieces, compiled.twins), like)
    moved = {"linear": linear, "pieces": pieces, "twins": twins}
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


def _linear(
    node: Affine, dtype: npt.DTypeLike, mapped: Callable[[Operator, npt.DTypeLike], AnyMap]
) -> Linear:
    terms = tuple((source, mapped(operator, dtype)) for source, operator in node.terms)
    divisor = 1.0 if node.divisor is None else node.divisor
    radius = None if node.radius is None else (node.radius / divisor).astype(dtype)
    return Linear(
        terms,
        tuple((source, a_map.absolute()) for source, a_map in terms),
        (node.bias / divisor).astype(dtype),
        None if node.divisor is None else (1.0 / node.divisor).astype(dtype),
        radius,
        np.abs(node.bias).astype(dtype),
        bool(node.bias.any()),
    )


def _pieces(node: Pwl, dtype: npt.DTypeLike) -> Piecewise:
    steps = np.diff(node.knots, axis=0) * node.slopes[1:-1]
    values = node.anchor + np.concatenate([np.zeros((1, node.knots.shape[1])), np.cumsum(steps, 0)])
    single = len(node.knots) == 1 and not node.knots.any() and not node.anchor.any()
    is_relu = single and bool((node.slopes[0] == 0).all() and (node.slopes[1] == 1).all())
    knots, slopes, values = (a.astype(dtype) for a in (node.knots, node.slopes, values))
    is_monotone = not slopes.min() < 0 < slopes.max()
    return Piecewise(node.source, knots, slopes, values, is_relu, is_monotone)


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
