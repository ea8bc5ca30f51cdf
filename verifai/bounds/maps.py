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
CROWDED = 4  # times the numbers that adding up taps needs, from where phases cost more


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
    """A convolution as one matrix product over the columns that a kernel position sees.

    So is its transpose: each phase of the input, which are the places that leave the same rest when
    divided by the stride, is a convolution of the outputs with the taps of that phase.

    Attributes:
        weight: (groups, out / groups, channels / groups · taps).
        back: (groups, phases · channels / groups, out / groups · taps of a phase); None: dilated.
    """

    weight: Array
    back: Array | None
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
        if self.back is None:
            return self._pull_by_taps(a)
        steps, reach, lengths = _phases(conv)
        sizes = (n + q for n, q in zip(lengths, reach, strict=True))
        padded = np.zeros_like(a, shape=(len(a), groups * out, *sizes))
        places = (slice(q, q + n) for q, n in zip(reach, conv.output, strict=True))
        padded[(slice(None), slice(None), *places)] = a.reshape(len(a), -1, *conv.output)
        flat = _patches(padded, tuple(q + 1 for q in reach))
        seen = np.matmul(self.back, flat.reshape(len(a), groups, self.back.shape[2], -1))
        axes = len(steps)
        seen = seen.reshape(len(a), groups, *steps, -1, *lengths)
        pairs = [i for k in range(axes) for i in (3 + axes + k, 2 + k)]
        whole = seen.transpose(0, 1, 2 + axes, *pairs)
        whole = whole.reshape(len(a), -1, *(n * s for n, s in zip(lengths, steps, strict=True)))
        result: Array = whole[_inner(conv)].reshape(len(a), -1)
        return result

    def _pull_by_taps(self, a: Array) -> Array:
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

    def matrix(self, rows: Indices, columns: Indices) -> Array:
        """Some rows and columns of the convolution as a matrix, on the host."""
        conv, (groups, out, reads) = self.shape, self.weight.shape
        padded = np.zeros((1, conv.channels, *conv.padded), dtype=np.int64)
        inputs = np.zeros(conv.channels * math.prod(conv.spatial), dtype=np.int64)
        inputs[columns] = np.arange(1, len(columns) + 1)  # 0: left out, as the padding
        padded[_inner(conv)] = inputs.reshape(conv.channels, *conv.spatial)
        seen = _windows(padded, conv).reshape(groups, reads, -1)
        channel, place = np.divmod(rows, seen.shape[2])
        group, weight = channel // out, host(self.weight)
        result = np.zeros((len(rows), len(columns) + 1), dtype=weight.dtype)
        every = np.arange(len(rows))[:, None]
        result[every, seen[group, :, place]] = weight[group, channel % out]
        return result[:, 1:]

    def absolute(self) -> ConvMap:
        """The map with the absolute values of all weights."""
        back = None if self.back is None else np.abs(self.back)
        return ConvMap(np.abs(self.weight), back, self.shape)


Map = DenseMap | GatherMap | ConvMap


def _inner(conv: Conv) -> tuple[slice, ...]:
    """The places of the input inside its padding, all of the batch and of the channels."""
    inside = zip(conv.before, conv.spatial, strict=True)
    return (slice(None), slice(None), *(slice(b, b + n) for b, n in inside))


def _phases(conv: Conv) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """By axis: the number of phases, how far back their taps reach, and how long they are."""
    each = zip(conv.padded, conv.weight.shape[2:], conv.stride, strict=True)
    reach, lengths = zip(*(((k - 1) // s, -(-n // s)) for n, k, s in each), strict=True)
    return conv.stride, tuple(reach), tuple(lengths)


def _back(conv: Conv, dtype: npt.DTypeLike) -> Array | None:
    """The weights of the phases; they meet outputs in order, so that their taps are reversed.

    None where they are not one small array: of spread taps, or of far more phases than taps; or
    where few outputs see much, so that adding up the taps takes far less.
    """
    kernels = zip(conv.stride, conv.weight.shape[2:], strict=True)
    if max(conv.dilation) > 1 or any(s > 2 * k for s, k in kernels):
        return None
    steps, reach, lengths = _phases(conv)
    out, per_in, *kernel = conv.weight.shape
    seen = out * math.prod(q + 1 for q in reach) * math.prod(lengths)
    if seen > CROWDED * per_in * conv.groups * math.prod(kernel) * math.prod(conv.output):
        return None
    padding = [(0, (q + 1) * s - k) for q, s, k in zip(reach, steps, kernel, strict=True)]
    full = np.pad(conv.weight.astype(dtype), [(0, 0), (0, 0), *padding])
    split = [n for q, s in zip(reach, steps, strict=True) for n in (q + 1, s)]
    groups, axes = conv.groups, len(steps)
    full = full.reshape(groups, out // groups, per_in, *split)
    phases, taps = ([3 + 2 * k + i for k in range(axes)] for i in (1, 0))
    full = np.flip(full, axis=tuple(taps)).transpose(0, *phases, 2, 1, *taps)
    return np.ascontiguousarray(full.reshape(groups, math.prod(steps) * per_in, -1))


def _patches(padded: npt.NDArray[T], window: tuple[int, ...]) -> npt.NDArray[T]:
    """What each place of a window sees as it moves, (batch, channel, *window, *places)."""
    count = len(window)
    axes = tuple(range(2, 2 + count))
    seen = np.lib.stride_tricks.sliding_window_view(padded, window, axis=axes)
    return seen.transpose(0, 1, *(count + i for i in axes), *axes)


def _windows(padded: npt.NDArray[T], conv: Conv) -> npt.NDArray[T]:
    """What each kernel position sees of the padded input, (batch, channel, *kernel, *output)."""
    reach = zip(conv.weight.shape[2:], conv.dilation, strict=True)
    seen = _patches(padded, tuple((n - 1) * d + 1 for n, d in reach))
    taps = (slice(None, None, step) for step in conv.dilation)
    places = (slice(None, None, step) for step in conv.stride)
    return seen[(slice(None), slice(None), *taps, *places)]


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
    if operator.groups == 1 and tuple(kernel) == operator.padded == operator.spatial:
        weight = np.ascontiguousarray(operator.weight.reshape(out, -1), dtype=dtype)
        return DenseMap(weight, np.ascontiguousarray(weight.T))  # one place sees everything
    shape = (operator.groups, out // operator.groups, per_in * math.prod(kernel))
    weight = operator.weight.astype(dtype).reshape(shape)
    return ConvMap(weight, _back(operator, dtype), operator)
