"""The linear operators of an affine node as fast float arrays: forward, transpose, absolute.

May import: numpy, kernel.operator. Must not know: nodes, boxes, exact numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from verifai.kernel.operator import Conv, Dense, Gather, Operator

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
        return np.asarray((x.reshape(-1, k) @ self.transposed).reshape(len(x), x.shape[1] // k * m))

    def pull(self, a: Array) -> Array:
        """Transpose: (batch, outputs) to (batch, inputs)."""
        m, k = self.weight.shape
        return np.asarray((a.reshape(-1, m) @ self.weight).reshape(len(a), a.shape[1] // m * k))

    def absolute(self) -> DenseMap:
        """The map with the absolute values of all weights."""
        return DenseMap(np.abs(self.weight), np.abs(self.transposed))


@dataclass(frozen=True, slots=True, eq=False)
class GatherMap:
    """y_i = scale_i · x[index_i], or 0 where index_i is -1."""

    index: Indices
    scale: Array | None  # None: all ones
    inputs: int
    is_identity: bool
    repeats: int

    def push(self, x: Array) -> Array:
        """Forward: (batch, inputs) to (batch, outputs); the same array where nothing changes."""
        y = x if self.is_identity else x[:, self.index]
        y = y if self.scale is None else y * self.scale
        if not self.is_identity:
            y[:, self.index < 0] = 0.0
        return y

    def pull(self, a: Array) -> Array:
        """Transpose: (batch, outputs) to (batch, inputs); the same array where nothing changes."""
        a = a if self.scale is None else a * self.scale
        if self.is_identity:
            return a
        used = self.index >= 0
        result = np.zeros((len(a), self.inputs), dtype=a.dtype)
        if self.repeats == 1:
            result[:, self.index[used]] = a[:, used]
        else:
            np.add.at(result.T, self.index[used], a[:, used].T)
        return result

    def absolute(self) -> GatherMap:
        """The map with the absolute values of all scales."""
        scale = None if self.scale is None else np.abs(self.scale)
        return GatherMap(self.index, scale, self.inputs, self.is_identity, self.repeats)


@dataclass(frozen=True, slots=True, eq=False)
class ConvMap:
    """A convolution as one matrix product over the columns that a kernel position sees."""

    weight: Array  # (groups, out / groups, channels / groups · taps)
    shape: Conv

    def push(self, x: Array) -> Array:
        """Forward: (batch, inputs) to (batch, outputs)."""
        conv, (groups, _, columns) = self.shape, self.weight.shape
        padded = np.zeros((len(x), conv.channels, *conv.padded), dtype=x.dtype)
        padded[_inner(conv)] = x.reshape(len(x), conv.channels, *conv.spatial)
        seen = np.lib.stride_tricks.as_strided(padded, *_windows(padded, conv), writeable=False)
        flat = seen.reshape(len(x), groups, columns, -1)
        return np.asarray(np.matmul(self.weight, flat).reshape(len(x), -1))

    def pull(self, a: Array) -> Array:
        """Transpose: (batch, outputs) to (batch, inputs)."""
        conv, (groups, out, _) = self.shape, self.weight.shape
        seen = np.matmul(self.weight.transpose(0, 2, 1), a.reshape(len(a), groups, out, -1))
        kernel, whole = conv.weight.shape[2:], (slice(None), slice(None))
        seen = seen.reshape(len(a), conv.channels, *kernel, *conv.output)
        padded = np.zeros((len(a), conv.channels, *conv.padded), dtype=a.dtype)
        for tap in np.ndindex(*kernel):
            each = zip(tap, conv.dilation, conv.output, conv.stride, strict=True)
            where = tuple(slice(t * d, t * d + (n - 1) * s + 1, s) for t, d, n, s in each)
            padded[(*whole, *where)] += seen[(*whole, *tap)]
        return padded[_inner(conv)].reshape(len(a), -1)

    def absolute(self) -> ConvMap:
        """The map with the absolute values of all weights."""
        return ConvMap(np.abs(self.weight), self.shape)


Map = DenseMap | GatherMap | ConvMap


def _inner(conv: Conv) -> tuple[slice, ...]:
    """The places of the input inside its padding, all of the batch and of the channels."""
    inside = zip(conv.before, conv.spatial, strict=True)
    return (slice(None), slice(None), *(slice(b, b + n) for b, n in inside))


def _windows(padded: Array, conv: Conv) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Shape and strides of (batch, channel, *kernel, *output) over the padded input."""
    batch, channel, *axes = padded.strides
    taps = [n * d for n, d in zip(axes, conv.dilation, strict=True)]
    steps = [n * s for n, s in zip(axes, conv.stride, strict=True)]
    shape = (*padded.shape[:2], *conv.weight.shape[2:], *conv.output)
    return shape, (batch, channel, *taps, *steps)


def as_map(operator: Operator, dtype: npt.DTypeLike = np.float64) -> Map:
    """The operator with weights in dtype."""
    if isinstance(operator, Dense):
        weight = np.ascontiguousarray(operator.weight, dtype=dtype)
        return DenseMap(weight, np.ascontiguousarray(weight.T))
    if isinstance(operator, Gather):
        scale = None if bool((operator.scale == 1.0).all()) else operator.scale.astype(dtype)
        tail = (operator.inputs, operator.is_identity, operator.repeats)
        return GatherMap(operator.index, scale, *tail)
    out, per_in, *kernel = operator.weight.shape
    shape = (operator.groups, out // operator.groups, per_in * math.prod(kernel))
    return ConvMap(operator.weight.astype(dtype).reshape(shape), operator)
