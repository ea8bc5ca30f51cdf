"""The three linear operators of an affine node: dense, convolution, gather.

Values are flat vectors (row-major), so reshaping costs nothing. Every operator works on arrays of
shape (batch, n) in either arithmetic: numpy float64, or objects that are exact rationals.

May import: numpy, errors. Must not know: nodes, intervals, certificates.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from verifai.kernel.errors import InputError

Array = npt.NDArray[Any]  # float64, or object holding fmpq
Order = npt.NDArray[np.int64]
Index = tuple[Any, ...]  # into the last axes
MAX_SIZE = 1 << 27  # values in one node


class LinearAlgebra(Protocol):
    """What an arithmetic offers to an operator."""

    def zeros(self, rows: int, columns: int) -> Array:
        """A zero matrix of this arithmetic's numbers."""
        ...

    def lift(self, array: Array) -> Array:
        """A float64 array in this arithmetic's numbers (arrays are cached by identity)."""
        ...

    def matmul(self, left: Array, right: Array) -> Array:
        """left @ right, where left is of this arithmetic and right is a float64 array."""
        ...


def floats(name: str, array: Any) -> Array:
    """The array as immutable float64, every entry finite.

    Raises:
        InputError: an entry is NaN or infinite.
    """
    result = np.array(array, dtype=np.float64)
    if not np.isfinite(result).all():
        raise InputError(f"{name} holds NaN or infinity")
    result.flags.writeable = False
    return result


@dataclass(frozen=True, slots=True, eq=False)
class Dense:
    """y = x Wᵀ on the last axis: x is read as (rows, k), W has shape (m, k), y is (rows, m)."""

    weight: Array
    transposed: Array

    @staticmethod
    def of(weight: Any) -> Dense:
        """The operator with this weight of shape (m, k)."""
        array = floats("a weight", weight)
        if array.ndim != 2 or 0 in array.shape:
            raise InputError(f"a dense weight of shape {array.shape} (want two positive lengths)")
        return Dense(array, array.T)

    def size(self, inputs: int) -> int:
        """The number of outputs for this number of inputs; InputError if they do not fit."""
        m, k = self.weight.shape
        if inputs % k:
            raise InputError(f"a dense weight of {k} columns on {inputs} values")
        return int(inputs // k * m)

    def push(self, ar: LinearAlgebra, x: Array) -> Array:
        """Forward: (batch, inputs) to (batch, outputs)."""
        m, k = self.weight.shape
        return ar.matmul(x.reshape(-1, k), self.transposed).reshape(len(x), x.shape[1] // k * m)

    def pull(self, ar: LinearAlgebra, a: Array) -> Array:
        """Transpose: coefficients on outputs (batch, outputs) to coefficients on inputs."""
        m, k = self.weight.shape
        return ar.matmul(a.reshape(-1, m), self.weight).reshape(len(a), a.shape[1] // m * k)

    def mapped(self, function: Callable[[Array], Array]) -> Dense:
        """The operator with function(weight) in the place of its weight."""
        return Dense.of(function(self.weight))

    def depth(self) -> int:
        """How many products one output of push or pull adds at most."""
        return int(max(self.weight.shape))


@dataclass(frozen=True, slots=True, eq=False)
class Gather:
    """y_i = scale_i · x[index_i], or 0 where index_i is -1: selections, padding, scalings.

    Reshape, transpose, slice, concat, pad, broadcasting and multiplication by constants are this.

    Attributes:
        repeats: how often an input is read at most.
        order: the outputs that have an input, sorted by it.
        reached: the inputs that are read, sorted.
        start: where the outputs of each begin in `order`.
    """

    index: Order
    scale: Array
    inputs: int
    is_identity: bool
    repeats: int
    order: Order
    reached: Order
    start: Order

    @staticmethod
    def of(inputs: int, index: Any = None, scale: Any = 1.0) -> Gather:
        """index: outputs' sources (None: all inputs in order); scale: a number or one an output.

        Raises:
            InputError: an index outside -1 … inputs - 1, or lengths that differ.
        """
        order = np.arange(inputs) if index is None else np.array(index)
        if order.ndim != 1 or not len(order) or order.dtype.kind not in "iu":
            raise InputError("a gather index must be a non-empty list of integers")
        order = order.astype(np.int64)
        if not (order.min() >= -1 and order.max() < inputs):
            raise InputError(f"a gather index outside -1 … {inputs - 1}")
        factor = floats("a scale", scale)
        if factor.shape not in ((), order.shape):
            raise InputError(f"{factor.size} scales for {len(order)} outputs")
        order.flags.writeable = False
        full = floats("a scale", np.broadcast_to(factor, order.shape))
        identity = len(order) == inputs and bool((order == np.arange(inputs)).all())
        count = np.bincount(order + 1, minlength=inputs + 1)
        users, reached = np.argsort(order, kind="stable")[count[0] :], np.flatnonzero(count[1:])
        start = np.cumsum(count[1:])[reached] - count[1:][reached]
        return Gather(
            order, full, inputs, identity, int(count[1:].max(initial=1)), users, reached, start
        )

    def size(self, inputs: int) -> int:
        """The number of outputs for this number of inputs; InputError if they do not fit."""
        if inputs != self.inputs:
            raise InputError(f"a gather from {self.inputs} values on {inputs} values")
        return len(self.index)

    def push(self, ar: LinearAlgebra, x: Array) -> Array:
        """Forward: (batch, inputs) to (batch, outputs)."""
        scale = ar.lift(self.scale)
        if self.is_identity:
            return x * scale
        y = x[:, self.index] * scale
        y[:, self.index < 0] = ar.zeros(1, 1)[0, 0]
        return y

    def pull(self, ar: LinearAlgebra, a: Array) -> Array:
        """Transpose: coefficients on outputs (batch, outputs) to coefficients on inputs."""
        scaled = a * ar.lift(self.scale)
        if self.is_identity:
            return scaled
        result = ar.zeros(len(a), self.inputs)
        if len(self.order):
            users = scaled.take(self.order, axis=1)
            sums = users if self.repeats == 1 else np.add.reduceat(users, self.start, axis=1)
            result[:, self.reached] = sums
        return result

    def mapped(self, function: Callable[[Array], Array]) -> Gather:
        """The operator with function(scale) in the place of its scale."""
        return replace(self, scale=floats("a scale", function(self.scale)))

    def depth(self) -> int:
        """How many products one output of push or pull adds at most."""
        return self.repeats


@dataclass(frozen=True, slots=True, eq=False)
class Conv:
    """Cross-correlation, as ONNX's Conv: x (channels, *spatial), weight (out, channels/groups, *k).

    Attributes:
        before, after: padding with zeros at both ends of every spatial axis.
    """

    weight: Array
    spatial: tuple[int, ...]
    stride: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int

    @staticmethod
    def of(
        weight: Any,
        spatial: tuple[int, ...],
        *,
        stride: tuple[int, ...] = (),
        padding: tuple[tuple[int, ...], tuple[int, ...]] = ((), ()),
        dilation: tuple[int, ...] = (),
        groups: int = 1,
    ) -> Conv:
        """The operator; empty stride, padding, dilation mean 1, 0, 1 on every axis.

        Raises:
            InputError: shapes that do not fit, or an output without values.
        """
        array, axes = floats("a weight", weight), len(spatial)
        stride, dilation = stride or (1,) * axes, dilation or (1,) * axes
        before, after = (tuple(p) or (0,) * axes for p in padding)
        lists = (stride, before, after, dilation)
        fits = axes > 0 and array.ndim == axes + 2 and all(len(v) == axes for v in lists)
        if not fits or 0 in array.shape:
            raise InputError(f"a convolution weight of shape {array.shape} on {axes} axes")
        if min((*spatial, *stride, *dilation, groups)) < 1 or min((0, *before, *after)) < 0:
            raise InputError("a convolution with a length, stride or dilation below 1")
        if array.shape[0] % groups:
            raise InputError(f"{array.shape[0]} output channels in {groups} groups")
        conv = Conv(array, spatial, stride, before, after, dilation, groups)
        if min(conv.output) < 1 or math.prod(conv.padded) > MAX_SIZE:
            raise InputError(f"a convolution from {spatial} to {conv.output}")
        return conv

    @property
    def padded(self) -> tuple[int, ...]:
        """The spatial shape with its padding."""
        return tuple(
            b + n + e for b, n, e in zip(self.before, self.spatial, self.after, strict=True)
        )

    @property
    def output(self) -> tuple[int, ...]:
        """The spatial shape of the output."""
        sizes = zip(self.padded, self.weight.shape[2:], self.dilation, self.stride, strict=True)
        return tuple((n - (k - 1) * d - 1) // s + 1 for n, k, d, s in sizes)

    @property
    def channels(self) -> int:
        """The number of input channels."""
        return int(self.weight.shape[1]) * self.groups

    def size(self, inputs: int) -> int:
        """The number of outputs for this number of inputs; InputError if they do not fit."""
        if inputs != self.channels * math.prod(self.spatial):
            raise InputError(f"a convolution of {self.channels}×{self.spatial} on {inputs} values")
        return int(self.weight.shape[0]) * math.prod(self.output)

    def _taps(self) -> list[tuple[Index, Index]]:
        """Every kernel position, with the places of the padded input that it touches."""
        taps: list[tuple[Index, Index]] = []
        for tap in itertools.product(*map(range, self.weight.shape[2:])):
            each = zip(tap, self.dilation, self.output, self.stride, strict=True)
            where = (slice(t * d, t * d + (n - 1) * s + 1, s) for t, d, n, s in each)
            taps.append(((..., *tap), (..., *where)))
        return taps

    def _inner(self) -> Index:
        """The places of the input inside its padding."""
        each = zip(self.before, self.spatial, strict=True)
        return (..., *(slice(b, b + n) for b, n in each))

    def push(self, ar: LinearAlgebra, x: Array) -> Array:
        """Forward: (batch, inputs) to (batch, outputs)."""
        batch, places = len(x), math.prod(self.output)
        out, per_in = self.weight.shape[0] // self.groups, self.weight.shape[1]
        padded = ar.zeros(batch * self.channels, math.prod(self.padded))
        padded = padded.reshape(batch, self.groups, per_in, *self.padded)
        padded[self._inner()] = x.reshape(batch, self.groups, per_in, *self.spatial)
        total = ar.zeros(batch * places, self.weight.shape[0])
        total = total.reshape(batch, self.groups, places, out)
        for tap, where in self._taps():
            for g in range(self.groups):
                seen = padded[:, g][where].reshape(batch, per_in, places)
                kernel = self.weight[tap][g * out : (g + 1) * out]
                part = ar.matmul(seen.transpose(0, 2, 1).reshape(-1, per_in), kernel.T)
                total[:, g] += part.reshape(batch, places, out)
        return total.transpose(0, 1, 3, 2).reshape(batch, -1)

    def pull(self, ar: LinearAlgebra, a: Array) -> Array:
        """Transpose: coefficients on outputs (batch, outputs) to coefficients on inputs."""
        batch, places = len(a), math.prod(self.output)
        out, per_in = self.weight.shape[0] // self.groups, self.weight.shape[1]
        above = a.reshape(batch, self.groups, out, places).transpose(0, 1, 3, 2)
        padded = ar.zeros(batch * self.channels, math.prod(self.padded))
        padded = padded.reshape(batch, self.groups, per_in, *self.padded)
        for g in range(self.groups):
            rows = np.ascontiguousarray(above[:, g]).reshape(-1, out)
            for tap, where in self._taps():
                kernel = self.weight[tap][g * out : (g + 1) * out]
                part = ar.matmul(rows, kernel).reshape(batch, places, per_in).transpose(0, 2, 1)
                padded[:, g][where] += part.reshape(batch, per_in, *self.output)
        return padded[self._inner()].reshape(batch, -1)

    def mapped(self, function: Callable[[Array], Array]) -> Conv:
        """The operator with function(weight) in the place of its weight."""
        return replace(self, weight=floats("a weight", function(self.weight)))

    def depth(self) -> int:
        """How many products one output of push or pull adds at most."""
        taps = math.prod(self.weight.shape[2:])
        return int(max(self.weight.shape[0] // self.groups, self.weight.shape[1])) * taps


Operator = Dense | Gather | Conv
