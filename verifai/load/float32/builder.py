"""A builder whose affine nodes carry the rounding of the float32 program that computes them.

May import: numpy, kernel, builder, values, rational, sum.
Must not know: files, operators of a file.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from verifai.graph.builder import ONE, ZERO, Builder
from verifai.graph.nodes import affine
from verifai.graph.rational import enclose
from verifai.graph.values import Activation, broadcast_shape
from verifai.kernel.operator import Array, Conv, Dense, Gather
from verifai.load.float32.sum import Sum, added, of_operator, scaled, weighed


class Float32Builder(Builder):
    """As `Builder`; inside `rounding()` every sum it makes may stray as a float32 program does.

    Outside, nodes are exact: what a float32 program computes without rounding (a maximum, a
    selection) is its function over the reals, however that is put into nodes.

    Attributes:
        sums: of nodes made while rounding: what they add up.
        rounded_nodes: those whose radius holds their rounding.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sums: dict[int, Sum] = {}
        self.rounded_nodes: set[int] = set()
        self._rounds, self._extra, self._one = False, 0, -1

    @contextmanager
    def rounding(self, extra: int) -> Iterator[None]:
        """While this lasts sums round, each product `extra` times more than the sum needs."""
        self._rounds, self._extra = True, extra
        try:
            yield
        finally:
            self._rounds, self._extra = False, 0

    def linear(
        self,
        terms: Sequence[tuple[Activation, Array]],
        constant: Array = ZERO,
        *,
        radius: Array | None = None,
    ) -> Activation:
        """As `Builder.linear`, and rounded; sums that are scaled or added become one sum."""
        if not self._rounds or all((x.index < 0).all() for x, _ in terms):
            return super().linear(terms, constant, radius=radius)
        shape = broadcast_shape(*(np.shape(a) for _, a in terms), constant.shape)
        shape = broadcast_shape(shape, *(x.shape for x, _ in terms))
        order, node_shape = self._order(terms, shape)
        indices = [_moved(np.broadcast_to(x.index, shape), order) for x, _ in terms]
        slack = _worst(radius)
        parts = [
            self._part(x.node, index, _placed(np.asarray(factor), order), slack)
            for (x, factor), index in zip(terms, indices, strict=True)
        ]
        bias, _, error = _placed(constant, order)
        total = added(parts, bias, steps=self._extra + (2 if error else 0))
        return Activation(self._summed(total, node_shape).node, order)

    def _order(
        self, terms: Sequence[tuple[Activation, Array]], shape: tuple[int, ...]
    ) -> tuple[Array, tuple[int, ...]]:
        """Where the result's values stand in its node, and its shape: as in a sum it continues."""
        full = [x for x, _ in terms if x.shape == shape and self._reordered(x)]
        known = [x for x in full if x.node in self.sums] or full[: len(terms) == 1]
        if known:
            return known[0].index, self.nodes[known[0].node].shape
        return np.arange(math.prod(shape)).reshape(shape), shape

    def _part(self, node: int, index: Array, factor: tuple[Array, int, float], slack: float) -> Sum:
        """A node's values times factors: as part of the sum that the node is, if it is one."""
        each, steps, error = factor
        known = self.sums.get(node)
        is_whole = len(index) == self.size(node) and (index == np.arange(len(index))).all()
        if known is not None and is_whole:
            merged = scaled(known, each, steps=steps, slack=error + slack)
            if merged is not None:
                return merged
        operator = Gather.of(self.size(node), index, each)
        return of_operator(node, operator, len(index), steps=steps, slack=error + slack)

    def dense(
        self, x: Activation, weight: Array, *, bias: float = 0.0, divisor: int = 1
    ) -> Activation:
        """As `Builder.dense`, and rounded."""
        if not self._rounds or not x.shape or x.shape[-1] != weight.shape[1]:
            return super().dense(x, weight, bias=bias, divisor=divisor)
        shape = self.afford((*x.shape[:-1], weight.shape[0]))
        doubles, error = enclose(weight)
        steps, slack = weight.shape[1] + self._extra, _worst(error)
        source, outputs = self.whole(x), math.prod(shape)
        part = of_operator(source, Dense.of(doubles), outputs, steps=steps, slack=slack)
        total = added([part], np.full(outputs, float(bias)))
        return self._summed(total, shape, None if divisor == 1 else np.array(float(divisor)))

    def convolve(
        self, x: Activation, operator: Conv, *, bias: Array = ZERO, **extra: Array | None
    ) -> Activation:
        """As `Builder.convolve`, and rounded."""
        if not self._rounds:
            return super().convolve(x, operator, bias=bias, **extra)
        shape = self.afford((operator.weight.shape[0], *operator.output))
        steps = math.prod(operator.weight.shape[1:]) + self._extra
        source, slack = self.whole(x), _worst(extra.get("radius"))
        part = of_operator(source, operator, math.prod(shape), steps=steps, slack=slack)
        total = added([part], np.array(np.broadcast_to(bias, shape)).ravel())
        return self._summed(total, shape, extra.get("divisor"))

    def rounded(self, x: Activation, *, steps: int, slack: float = 0.0) -> Activation:
        """The values as a program has them that computes each with `steps` roundings.

        Args:
            x: the exact values.
            steps: the number of roundings.
            slack: a further relative error.
        """
        node, order = self._base(x)
        operator = Gather.of(self.size(node), np.arange(order.size))
        total = of_operator(node, operator, order.size, steps=steps, slack=slack)
        return Activation(self._summed(total, self.nodes[node].shape).node, order)

    def _summed(
        self, total: Sum, shape: tuple[int, ...], divisor: Array | None = None
    ) -> Activation:
        """A node that strays as the sum does; a divided one is not merged into later sums."""
        relative = total.relative
        full = weighed(total, self._single_one())
        made = affine(
            self._name(), shape, full.terms, bias=full.bias, divisor=divisor, radius=relative
        )
        result = self._add(made)
        self.rounded_nodes.add(result.node)
        if divisor is None:
            self.sums[result.node] = total
        return result

    def _single_one(self) -> int:
        """A node of the single value 1."""
        if self._one < 0:
            nothing = Gather.of(self.size(0), [-1])
            self._one = self._add(affine("one", (1,), ((0, nothing),), bias=1.0)).node
        return self._one


def _moved(array: Array, order: Array) -> Array:
    """The entries where `order` puts them, flat."""
    values = np.empty(order.size, dtype=array.dtype)
    values[order.ravel()] = array.ravel()
    return values


def _worst(error: Array | None) -> float:
    return 0.0 if error is None else float(np.max(error))


def _placed(array: Array, order: Array) -> tuple[Array, int, float]:
    """Numbers as doubles where `order` puts them, the roundings of a product, and their error."""
    doubles, error = enclose(array)
    values = _moved(np.broadcast_to(doubles, order.shape), order)
    if _worst(error):
        return values, 2, _worst(error)  # a quotient, perhaps by way of the inverse
    return values, 0 if (np.abs(values) == ONE).all() else 1, 0.0
