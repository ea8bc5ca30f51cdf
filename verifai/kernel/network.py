"""The network: an immutable graph of a small closed set of nodes, and what it means.

A network is a function over the reals. Node i reads only nodes before it. Each node's value is a
flat vector of static size; `shape` says how people think of it. Everything that loaders meet is
lowered into these kinds.

May import: numpy, functions, operator, errors. Must not know: queries, intervals, certificates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import numpy as np

from verifai.kernel.errors import InputError
from verifai.kernel.functions import SMOOTH
from verifai.kernel.operator import MAX_SIZE, Array, Operator

MAX_INTEGER = 1 << 53


@dataclass(frozen=True, slots=True, eq=False)
class Input:
    """Free values, bounded by the query's box."""

    name: str
    shape: tuple[int, ...]

    @property
    def sources(self) -> tuple[int, ...]:
        """The nodes it reads: none."""
        return ()


@dataclass(frozen=True, slots=True, eq=False)
class Affine:
    """y = (Σ_t operator_t(x_t) + bias)/divisor + δ.

    |δ| ≤ radius·(Σ_t |operator_t|(|x_t|) + |bias|)/divisor.

    Weights and bias are exact dyadics (float64). A radius stands for constants that are not
    rational: y is then *some* function within it, and what is proved holds for every one.
    """

    name: str
    shape: tuple[int, ...]
    terms: tuple[tuple[int, Operator], ...]
    bias: Array  # (n,)
    divisor: Array | None = None  # (n,), positive integers held as float64
    radius: Array | None = None  # (n,), not negative

    @property
    def sources(self) -> tuple[int, ...]:
        """The nodes it reads."""
        return tuple(source for source, _ in self.terms)


class _Unary:
    """What reads one node, elementwise."""

    __slots__ = ()
    source: int

    @property
    def sources(self) -> tuple[int, ...]:
        """The nodes it reads."""
        return (self.source,)


@dataclass(frozen=True, slots=True, eq=False)
class Pwl(_Unary):
    """Unary, continuous, piecewise linear: f(knots[0]) = anchor, slopes[j] left of knots[j].

    Arrays have one column (all values alike) or one a value.
    """

    name: str
    shape: tuple[int, ...]
    source: int
    knots: Array  # (K, m), strictly increasing downwards, K ≥ 1
    slopes: Array  # (K+1, m)
    anchor: Array  # (m,)


@dataclass(frozen=True, slots=True, eq=False)
class Sign(_Unary):
    """-1, 0 or 1; sign(0) = 0."""

    name: str
    shape: tuple[int, ...]
    source: int


@dataclass(frozen=True, slots=True, eq=False)
class Square(_Unary):
    """x², elementwise."""

    name: str
    shape: tuple[int, ...]
    source: int


@dataclass(frozen=True, slots=True, eq=False)
class Product:
    """left·right, elementwise."""

    name: str
    shape: tuple[int, ...]
    left: int
    right: int

    @property
    def sources(self) -> tuple[int, ...]:
        """The nodes it reads."""
        return (self.left, self.right)


FUNCTIONS = tuple(SMOOTH)


@dataclass(frozen=True, slots=True, eq=False)
class Smooth(_Unary):
    """A function of FUNCTIONS, elementwise; log and sqrt, reciprocal where they are defined."""

    name: str
    shape: tuple[int, ...]
    source: int
    function: str


Node = Input | Affine | Pwl | Sign | Square | Product | Smooth


@dataclass(frozen=True, eq=False, repr=False)
class Network:
    """A checked graph. Values are numbered through: node i's start at offsets[i].

    Attributes:
        nodes: in topological order, with different names.
        outputs: which nodes are the network's results.
    """

    nodes: tuple[Node, ...]
    outputs: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.nodes or not self.outputs:
            raise InputError("a network needs nodes and outputs")
        if len({node.name for node in self.nodes}) != len(self.nodes):
            raise InputError("two nodes have the same name")
        if not all(0 <= output < len(self.nodes) for output in self.outputs):
            raise InputError("an output that is no node")
        for position, node in enumerate(self.nodes):
            if not all(0 <= source < position for source in node.sources):
                raise InputError(f"node {node.name!r} reads a node that does not come before it")
            if any(not length > 0 for length in node.shape) or math.prod(node.shape) > MAX_SIZE:
                raise InputError(f"node {node.name!r} has shape {node.shape}")
            self._check(node)

    def _check(self, node: Node) -> None:
        """InputError unless the node's data fit its shape and sources."""
        size = math.prod(node.shape)
        sizes = [math.prod(self.nodes[source].shape) for source in node.sources]
        problem = None
        if isinstance(node, Affine):
            try:
                widths = [op.size(n) for (_, op), n in zip(node.terms, sizes, strict=True)]
            except InputError as error:
                raise InputError(f"node {node.name!r}: {error}") from None
            extra = [a for a in (node.bias, node.divisor, node.radius) if a is not None]
            if any(w != size for w in widths) or any(a.shape != (size,) for a in extra):
                problem = f"terms of {widths} values for shape {node.shape}"
            elif node.divisor is not None and not is_positive_integer(node.divisor):
                problem = "a divisor that is no positive integer"
            elif node.radius is not None and not (node.radius >= 0).all():
                problem = "a negative radius"
        elif not isinstance(node, Input) and any(n != size for n in sizes):
            problem = f"{sizes} values for shape {node.shape}"
        if isinstance(node, Pwl):
            count, width = node.knots.shape
            if count < 1 or width not in (1, size) or node.slopes.shape != (count + 1, width):
                problem = "knots and slopes of wrong shape"
            elif node.anchor.shape != (width,) or not (np.diff(node.knots, axis=0) > 0).all():
                problem = "knots that do not increase"
        if isinstance(node, Smooth) and node.function not in FUNCTIONS:
            problem = f"no function {node.function!r} (one of {', '.join(FUNCTIONS)})"
        if problem:
            raise InputError(f"node {node.name!r}: {problem}")

    def __repr__(self) -> str:
        kinds: dict[str, int] = {}
        for size, node in zip(self.sizes, self.nodes, strict=True):
            kind = _kind(node)
            kinds[kind] = kinds.get(kind, 0) + (1 if isinstance(node, Affine) else size)
        width = kinds.pop("input", 0), len(self.output_values)
        parts = (f"{count} {kind}" for kind, count in kinds.items())
        return ", ".join([f"Network {width[0]}→{width[1]}", *parts])

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """The number of values of every node."""
        return tuple(math.prod(node.shape) for node in self.nodes)

    @cached_property
    def offsets(self) -> tuple[int, ...]:
        """Where every node's values start; one entry more than nodes, the last is the total."""
        return tuple(int(n) for n in np.concatenate([[0], np.cumsum(self.sizes)]))

    @cached_property
    def inputs(self) -> tuple[int, ...]:
        """The input nodes, in order."""
        return tuple(i for i, node in enumerate(self.nodes) if isinstance(node, Input))

    @cached_property
    def positions(self) -> dict[str, int]:
        """The position of every node, by name."""
        return {node.name: i for i, node in enumerate(self.nodes)}

    @cached_property
    def input_values(self) -> tuple[int, ...]:
        """The numbers of all input values, in order."""
        return self.values(*self.inputs)

    @cached_property
    def output_values(self) -> tuple[int, ...]:
        """The numbers of all output values, in order."""
        return self.values(*self.outputs)

    @cached_property
    def input_slices(self) -> tuple[slice, ...]:
        """Where every input node's values stand among all input values."""
        ends = accumulate(self.sizes[i] for i in self.inputs)
        return tuple(
            slice(end - self.sizes[i], end) for i, end in zip(self.inputs, ends, strict=True)
        )

    def values(self, *nodes: int) -> tuple[int, ...]:
        """The numbers of all values of these nodes, in order."""
        return tuple(v for i in nodes for v in range(self.offsets[i], self.offsets[i + 1]))

    def value(self, node: int, index: int) -> int:
        """The number of one value; InputError if the node has no such value."""
        if not (0 <= node < len(self.nodes) and 0 <= index < self.sizes[node]):
            raise InputError(f"no value {index} in node {node}")
        return self.offsets[node] + index

    def owner(self, value: int) -> tuple[int, int]:
        """The node and the index in it of a value."""
        node = int(np.searchsorted(self.offsets, value, side="right")) - 1
        return node, value - self.offsets[node]

    def describe(self, value: int) -> str:
        """A value as people write it: NAME[index]."""
        node, index = self.owner(value)
        return f"{self.nodes[node].name}[{index}]"


def _kind(node: Node) -> str:
    """What a node is called where nodes are counted: affine ones, and values of all others."""
    if isinstance(node, Pwl):
        is_relu = node.knots.tolist() == [[0.0]] and node.slopes.tolist() == [[0.0], [1.0]]
        return "ReLU" if is_relu and node.anchor.tolist() == [0.0] else "piecewise linear"
    return node.function if isinstance(node, Smooth) else type(node).__name__.lower()


def is_positive_integer(array: Array) -> bool:
    """Whether every entry is an integer from 1 to 2^53."""
    return bool(((array >= 1) & (array <= MAX_INTEGER) & (array == np.floor(array))).all())
