"""The nodes of a network under construction, and the linear forms that operators lower to.

May import: numpy, kernel, limit, reading, values, rational.
Must not know: files, operators of a file.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from verifai.graph.limit import LimitedGraph
from verifai.graph.nodes import affine, pwl
from verifai.graph.rational import enclose, largest, rationals, settle
from verifai.graph.reading import Reading
from verifai.graph.values import Activation, Value, broadcast_shape, finite
from verifai.kernel.errors import InputError
from verifai.kernel.network import Input, Node, Product, Sign, Smooth, Square
from verifai.kernel.operator import Array, Conv, Dense, Gather, Operator

ONE = np.array(1.0)
ZERO = np.array(0.0)


class Builder(LimitedGraph):
    """A graph that grows by tensors: what adds a node to views returns the view of all its values.

    Attributes:
        prefix: names of new nodes start with it.
    """

    def __init__(self, nodes: Sequence[Node] = (), readings: Sequence[Reading] = ()) -> None:
        """Holds these nodes, and nothing is added yet."""
        super().__init__(nodes, readings)
        self.prefix = ""
        self._copies: dict[tuple[int, bytes], int] = {}
        self._called: set[int] = set()

    def _name(self) -> str:
        stem = f"{self.prefix}/{len(self.nodes)}"
        return self.name(stem) if stem in self.names else stem

    def _add(self, node: Node) -> Activation:
        self.afford(node.shape)
        return Activation(self.add(node), np.arange(math.prod(node.shape)).reshape(node.shape))

    def input(self, name: str, shape: tuple[int, ...]) -> Activation:
        """A new input node."""
        return self._add(Input(name, shape))

    def is_whole(self, x: Activation) -> bool:
        """Whether x is all values of its node, in order."""
        size = self.size(x.node)
        return x.index.size == size and bool((x.index.ravel() == np.arange(size)).all())

    def call(self, name: str, x: Activation) -> None:
        """Names the node that x is all of and gives it x's shape, if it is new and no input."""
        node = self.nodes[x.node]
        if x.node in self._called or isinstance(node, Input) or not self.is_whole(x):
            return
        self.nodes[x.node] = replace(node, name=name, shape=x.shape)
        self._called.add(x.node)
        self.names.add(name)

    def whole(self, x: Activation) -> int:
        """A node whose values are those of x, in order: x's own if it is all of it."""
        if self.is_whole(x):
            return x.node
        size, flat = self.size(x.node), x.index.ravel()
        key = (x.node, flat.tobytes())
        if key not in self._copies:
            term = (x.node, Gather.of(size, flat))
            self._copies[key] = self._add(affine(self._name(), x.shape, (term,))).node
        return self._copies[key]

    def _reordered(self, x: Activation) -> bool:
        """Whether x holds every value of its node once: only the order may differ."""
        size, flat = self.size(x.node), x.index.ravel()
        if len(flat) != size or flat.min() < 0:
            return False
        return bool((np.bincount(flat, minlength=size) == 1).all())

    def _base(self, x: Activation) -> tuple[int, Array]:
        """A node and, in the shape of x, where its values stand in x."""
        if self._reordered(x):
            return x.node, x.index
        return self.whole(x), np.arange(x.index.size).reshape(x.shape)

    def _distinct(self, x: Activation) -> tuple[int, Array]:
        """As `_base`, but values that x holds twice are once in the node and twice in the array."""
        used, order = np.unique(x.index, return_inverse=True)
        if self._reordered(x) or used.size == x.index.size:
            return self._base(x)
        return self.whole(Activation(x.node, used)), order.reshape(x.shape)

    def lift(self, value: Value) -> Activation:
        """The value as a view of a node; a constant becomes an affine node that ignores its source.

        Raises:
            InputError: the network has no node yet, or an entry is not finite.
        """
        if isinstance(value, Activation):
            return value
        finite(value)
        if not self.nodes:
            raise InputError("a network without inputs")
        if value.array.dtype.kind == "b":
            raise InputError(f"the truth values {value.name!r} where numbers are needed")
        absent = Activation(0, np.full(value.shape, -1, dtype=np.int64))
        array = rationals(value.array) if value.is_integer else value.array
        return self.linear([(absent, ONE)], array)

    def linear(
        self,
        terms: Sequence[tuple[Activation, Array]],
        constant: Array = ZERO,
        *,
        radius: Array | None = None,
    ) -> Activation:
        """Σ coefficient·x + constant, elementwise with broadcasting; reals as in `rational`.

        Args:
            terms: views with their coefficients.
            constant: what is added.
            radius: the relative error of the coefficients, if they stand for other numbers.

        Raises:
            InputError: shapes that do not broadcast, or a number out of range.
        """
        arrays = [np.asarray(array) for array in (*(c for _, c in terms), constant)]
        shape = broadcast_shape(*(x.shape for x, _ in terms), *(a.shape for a in arrays))
        self.afford(shape)
        if any(array.dtype == object for array in arrays):
            self.spend(math.prod(shape))
        settled, divisor, error = settle(arrays)
        order = np.arange(math.prod(shape)).reshape(shape)
        node_shape = shape
        sources = [(x.node, np.broadcast_to(x.index, shape).ravel()) for x, _ in terms]
        if len(terms) == 1 and terms[0][0].shape == shape and self._reordered(terms[0][0]):
            node, order = terms[0][0].node, terms[0][0].index
            sources, node_shape = [(node, np.arange(order.size))], self.nodes[node].shape

        operators: list[tuple[int, Operator]] = []
        for (node, index), scale in zip(sources, settled[:-1], strict=True):
            each = scale if scale.ndim == 0 else _placed(scale, order)
            operators.append((node, Gather.of(self.size(node), index, each)))
        data = (settled[-1], divisor, largest(error, radius))
        bias, parts, slack = (None if a is None else _placed(a, order) for a in data)
        made = affine(
            self._name(), node_shape, tuple(operators), bias=bias, divisor=parts, radius=slack
        )
        return Activation(self._add(made).node, order)

    def dense(
        self, x: Activation, weight: Array, *, bias: float = 0.0, divisor: int = 1
    ) -> Activation:
        """(x Wᵀ + bias)/divisor on the last axis, W of shape (m, k), of doubles or rationals.

        Raises:
            InputError: the last axis is not k, or a number out of range.
        """
        if not x.shape or x.shape[-1] != weight.shape[1]:
            raise InputError(f"a matrix of {weight.shape[1]} rows on a tensor of shape {x.shape}")
        shape = self.afford((*x.shape[:-1], weight.shape[0]))
        doubles, error = enclose(weight)
        node = affine(
            self._name(),
            shape,
            ((self.whole(x), Dense.of(doubles)),),
            bias=bias,
            divisor=None if divisor == 1 else float(divisor),
            radius=None if error is None else error.max(axis=1),
        )
        return self._add(node)

    def convolve(
        self, x: Activation, operator: Conv, *, bias: Array = ZERO, **extra: Array | None
    ) -> Activation:
        """The convolution of x (channels, *spatial) plus bias, which broadcasts to the result.

        Args:
            x: the values, in the operator's order.
            operator: the convolution.
            bias: what is added.
            **extra: divisor and radius as in `affine`.

        Raises:
            InputError: shapes that do not fit.
        """
        shape = self.afford((operator.weight.shape[0], *operator.output))
        node = affine(self._name(), shape, ((self.whole(x), operator),), bias=bias, **extra)
        return self._add(node)

    def piecewise(
        self, x: Activation, knots: list[Array], slopes: list[Array], anchor: Array
    ) -> Activation:
        """A unary piecewise-linear function of every entry; data are numbers or broadcast to x.

        Raises:
            InputError: an entry of the data is not a double, or the knots do not increase.
        """
        data = [*knots, *slopes, anchor]
        if any(array.dtype == object for array in data):
            raise InputError("a bound or slope that is not a double")
        if any(broadcast_shape(x.shape, array.shape) != x.shape for array in data):
            raise InputError(f"a bound or slope that does not broadcast to {x.shape}")
        node, order = self._base(x)
        if all(array.size == 1 for array in data):
            rows = [array.reshape(1).astype(np.float64) for array in data]
        else:
            rows = [_placed(array, order) for array in data]
        k, s = len(knots), len(knots) + len(slopes)
        made = pwl(
            self._name(),
            self.nodes[node].shape,
            node,
            np.array(rows[:k]),
            np.array(rows[k:s]),
            rows[-1],
        )
        return Activation(self._add(made).node, order)

    def relu(self, x: Activation) -> Activation:
        """max(0, x), elementwise."""
        return self.piecewise(x, [ZERO], [ZERO, ONE], ZERO)

    def sign(self, x: Activation) -> Activation:
        """-1, 0 or 1, elementwise."""
        node, order = self._distinct(x)
        return Activation(self._add(Sign(self._name(), self.nodes[node].shape, node)).node, order)

    def smooth(self, x: Activation, function: str) -> Activation:
        """A function of the kernel's `FUNCTIONS`, elementwise."""
        node, order = self._distinct(x)
        made = Smooth(self._name(), self.nodes[node].shape, node, function)
        return Activation(self._add(made).node, order)

    def product(self, x: Activation, y: Activation) -> Activation:
        """x·y, elementwise with broadcasting; a square if both are the same."""
        if x.node == y.node and x.shape == y.shape and (x.index == y.index).all():
            node, order = self._distinct(x)
            return Activation(
                self._add(Square(self._name(), self.nodes[node].shape, node)).node, order
            )
        shape = self.afford(broadcast_shape(x.shape, y.shape))
        left, right = (
            self.whole(Activation(v.node, np.broadcast_to(v.index, shape))) for v in (x, y)
        )
        return self._add(Product(self._name(), shape, left, right))

    def greatest(self, node: int, candidates: Array) -> Activation:
        """The largest of several values of a node, by a tree of pairs.

        Args:
            node: the node.
            candidates: (outputs, width) indices into its values; -1 is no candidate.

        Raises:
            InputError: an output without candidates.
        """
        order = np.argsort(candidates < 0, axis=1, kind="stable")
        width = max(1, int((candidates >= 0).sum(axis=1).max()))
        left = np.take_along_axis(candidates, order, axis=1)[:, :width]
        if (left[:, :1] < 0).any():
            raise InputError("a maximum over a window without values")
        left = left[:, (left >= 0).any(axis=0)]
        while left.shape[1] > 1:
            if left.shape[1] % 2:
                left = np.pad(left, ((0, 0), (0, 1)), constant_values=-1)
            first, second = left[:, ::2].ravel(), left[:, 1::2].ravel()
            keep = np.nonzero(first >= 0)[0]
            pairs = np.nonzero(second >= 0)[0]
            a, b = Activation(node, first[pairs]), Activation(node, second[pairs])
            rises = self.relu(self.linear([(a, ONE), (b, -ONE)]))
            where = np.full(len(first), -1)
            where[pairs] = np.arange(len(pairs))
            kept = Activation(node, np.where(second >= 0, second, first)[keep])
            node = self.linear([(kept, ONE), (Activation(rises.node, where[keep]), ONE)]).node
            left = np.full(len(first), -1)
            left[keep] = np.arange(len(keep))
            left = left.reshape(len(candidates), -1)
        return Activation(node, left[:, 0])


def _placed(array: Array, order: Array) -> Array:
    """The numbers, which broadcast to order's shape, where order puts them."""
    values = np.empty(order.size)
    values[order.ravel()] = np.broadcast_to(array, order.shape).ravel()
    return values
