"""The linear operators of an affine node as fast float arrays: forward, transpose, absolute.

May import: numpy, kernel.operator, arrays. Must not know: nodes, boxes, exact numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from verifai.bounds.arrays import host
from verifai.kernel.operator import Conv, Dense, Gather, Operator

T = TypeVar("T", bound=np.generic)
Array = npt.NDArray[np.floating[Any]]
Indices = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class DenseMap:
    """y = x Wᵀ on the last axis of x read as (rows, k)."""

    weight: Array  # (m, k)
    transposed: Array  # (k, m)

    def push(self, x: Array) -> Array:
        """Forward: (batch, inputs) to (batch, outputs)."""
        k, m = self.transposed.shape
        y: Array = (x.reshape(-1, k) @ self.transposed).reshape(len(x), x.shape[1] // k * m)
        return y

    def pull(self, a: Array) -> Array:
        """Transpose: (batch, outputs) to (batch, inputs)."""
        m, k = self.weight.shape
        x: Array = (a.reshape(-1, m) @ self.weight).reshape(len(a), a.shape[1] // m * k)
        return x

    def absolute(self) -> DenseMap:
        """The map with the absolute values of all weights."""
        return DenseMap(np.abs(self.weight), np.abs(self.transposed))


@dataclass(frozen=True, slots=True, eq=False)
class GatherMap:
    """y_i = scale_i · x[index_i], or 0 where index_i is -1.

    Attributes:
        index: of all outputs.
        scale: of all outputs; None: all ones.
        absent, used, read: the outputs without an input, those with one, and which that is.
        order, start, reached: the outputs with an input, sorted by it; where those of each begin;
            the inputs that are read.
    """

    index: Indices
    scale: Array | None
    inputs: int
    is_identity: bool
    repeats: int
    absent: Indices
    used: Indices
    read: Indices
    order: Indices
    start: Indices
    reached: Indices

    def push(self, x: Array) -> Array:
        """Forward: (batch, inputs) to (batch, outputs); the same array where nothing changes."""
        y = x if self.is_identity else x[:, self.index]
        y = y if self.scale is None else y * self.scale
        if len(self.absent):
            y[:, self.absent] = 0.0
        return y

    def pull(self, a: Array) -> Array:
        """Transpose: (batch, outputs) to (batch, inputs); the same array where nothing changes."""
        a = a if self.scale is None else a * self.scale
        if self.is_identity:
            return a
        result = np.zeros_like(a, shape=(len(a), self.inputs))
        if self.repeats > 1 and isinstance(a, np.ndarray):  # where that is faster
            sums = np.add.reduceat(a.take(self.order, axis=1), self.start, axis=1)
            result[:, self.reached] = sums
            return result
        a = a[:, self.used] if len(self.absent) else a
        if self.repeats == 1:
            result[:, self.read] = a
        else:
            np.add.at(result.T, self.read, a.T)
        return result

    def absolute(self) -> GatherMap:
        """The map with the absolute values of all scales."""
        return self if self.scale is None else replace(self, scale=np.abs(self.scale))


@dataclass(frozen=True, slots=True, eq=False)
class ConvMap:
    """A convolution as one matrix product over the columns that a kernel position sees."""

    weight: Array  # (groups, out / groups, channels / groups · taps)
    shape: Conv

    def push(self, x: Array) -> Array:
        """Forward: (batch, inputs) to (batch, outputs)."""
        conv, (groups, _, columns) = self.shape, self.weight.shape
        padded = np.zeros_like(x, shape=(len(x), conv.channels, *conv.padded))
        padded[_inner(conv)] = x.reshape(len(x), conv.channels, *conv.spatial)
        flat = _windows(padded, conv).reshape(len(x), groups, columns, -1)
        y: Array = np.matmul(self.weight, flat).reshape(len(x), -1)
        return y

    def pull(self, a: Array) -> Array:
        """Transpose: (batch, outputs) to (batch, inputs)."""
        conv, (groups, out, _) = self.shape, self.weight.shape
        seen = np.matmul(self.weight.transpose(0, 2, 1), a.reshape(len(a), groups, out, -1))
        kernel, whole = conv.weight.shape[2:], (slice(None), slice(None))
        seen = seen.reshape(len(a), conv.channels, *kernel, *conv.output)
        padded = np.zeros_like(a, shape=(len(a), conv.channels, *conv.padded))
        for tap in np.ndindex(*kernel):
            each = zip(tap, conv.dilation, conv.output, conv.stride, strict=True)
            where = tuple(slice(t * d, t * d + (n - 1) * s + 1, s) for t, d, n, s in each)
            padded[(*whole, *where)] += seen[(*whole, *tap)]
        return padded[_inner(conv)].reshape(len(a), -1)

    def rows(self, which: Indices) -> Array:
        """Rows of the convolution as a matrix, (len(which), inputs), on the host."""
        conv, (groups, out, columns) = self.shape, self.weight.shape
        padded = np.zeros((1, conv.channels, *conv.padded), dtype=np.int64)
        inputs = conv.channels * math.prod(conv.spatial)
        padded[_inner(conv)] = np.arange(1, inputs + 1).reshape(conv.channels, *conv.spatial)
        seen = _windows(padded, conv).reshape(groups, columns, -1)
        channel, place = np.divmod(which, seen.shape[2])
        group, weight = channel // out, host(self.weight)
        result = np.zeros((len(which), inputs + 1), dtype=weight.dtype)  # column 0: the padding
        every = np.arange(len(which))[:, None]
        result[every, seen[group, :, place]] = weight[group, channel % out]
        return result[:, 1:]

    def absolute(self) -> ConvMap:
        """The map with the absolute values of all weights."""
        return ConvMap(np.abs(self.weight), self.shape)


Map = DenseMap | GatherMap | ConvMap


def _inner(conv: Conv) -> tuple[slice, ...]:
    """The places of the input inside its padding, all of the batch and of the channels."""
    inside = zip(conv.before, conv.spatial, strict=True)
    return (slice(None), slice(None), *(slice(b, b + n) for b, n in inside))


def _windows(padded: npt.NDArray[T], conv: Conv) -> npt.NDArray[T]:
    """What each kernel position sees of the padded input, (batch, channel, *kernel, *output)."""
    axes = tuple(range(2, 2 + len(conv.spatial)))
    reach = zip(conv.weight.shape[2:], conv.dilation, strict=True)
    window = tuple((n - 1) * d + 1 for n, d in reach)
    seen = np.lib.stride_tricks.sliding_window_view(padded, window, axis=axes)
    steps = (slice(None, None, step) for step in (*conv.stride, *conv.dilation))
    order = (0, 1, *(len(axes) + i for i in axes), *axes)
    return seen[(slice(None), slice(None), *steps)].transpose(*order)


def as_map(operator: Operator, dtype: npt.DTypeLike = np.float64) -> Map:
    """The operator with weights in dtype."""
    if isinstance(operator, Dense):
        weight = np.ascontiguousarray(operator.weight, dtype=dtype)
        return DenseMap(weight, np.ascontiguousarray(weight.T))
    if isinstance(operator, Gather):
        scale = None if bool((operator.scale == 1.0).all()) else operator.scale.astype(dtype)
        absent, used = (np.flatnonzero(mask) for mask in (operator.index < 0, operator.index >= 0))
        tail = (operator.inputs, operator.is_identity, operator.repeats, absent, used)
        runs = (operator.order, operator.start, operator.reached)
        return GatherMap(operator.index, scale, *tail, operator.index[used], *runs)
    out, per_in, *kernel = operator.weight.shape
    shape = (operator.groups, out // operator.groups, per_in * math.prod(kernel))
    return ConvMap(operator.weight.astype(dtype).reshape(shape), operator)
