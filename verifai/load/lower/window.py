"""Sliding windows of convolutions and pools: kernel, stride, dilation, padding, and their taps.

Source: the pages of Conv, ConvTranspose, MaxPool and AveragePool of the ONNX standard.
May import: numpy, kernel, values. Must not know: formats, nodes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from verifai.graph.values import check_size
from verifai.kernel.errors import InputError
from verifai.kernel.operator import MAX_SIZE, Array

Ends = Sequence[tuple[int, int]]  # of every axis: how much is added, or cut off, before and after


@dataclass(frozen=True, slots=True)
class Steps:
    """How a kernel slides, whatever it slides over; one entry an axis in each tuple.

    Attributes:
        kernel, stride, dilation: the kernel's size, step and spacing.
    """

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]

    def spans(self) -> tuple[int, ...]:
        """How far the taps of one window reach on every axis."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.kernel, self.dilation, strict=True))

    def check(self, axes: int, ends: Ends) -> None:
        """InputError if it is not for so many axes with this padding, or makes no sense."""
        if not len(self.kernel) == len(self.stride) == len(self.dilation) == len(ends) == axes:
            raise InputError(f"kernel, strides, dilations or pads not for {axes} spatial axes")
        pads = [length for end in ends for length in end]
        least = min((*self.kernel, *self.stride, *self.dilation), default=1)
        if least < 1 or min(pads, default=0) < 0:
            raise InputError("a kernel, stride, dilation or pad that is too small")
        if max((*self.kernel, *self.stride, *self.dilation, *pads), default=1) > MAX_SIZE:
            raise InputError("a kernel, stride, dilation or pad that is too large")


@dataclass(frozen=True, slots=True)
class Window:
    """How a kernel slides over axes of the given lengths; one entry an axis in each tuple.

    Attributes:
        lengths: the input's.
        kernel, stride, dilation: the kernel's size, step and spacing.
        before, after: padding as the file asks for it (it counts as padding).
        output: the number of places; with ceil_mode the last may reach beyond the padding.
    """

    lengths: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]
    output: tuple[int, ...]

    def with_axis(self, length: int) -> Window:
        """The same window, on one more axis in front, which it does not mix."""
        return Window(
            lengths=(length, *self.lengths),
            kernel=(1, *self.kernel),
            stride=(1, *self.stride),
            dilation=(1, *self.dilation),
            before=(0, *self.before),
            after=(0, *self.after),
            output=(length, *self.output),
        )

    def reaching(self) -> Window:
        """With just the padding behind that makes the output this long."""
        ends = zip(self.output, self.stride, self._spans(), self.before, self.lengths, strict=True)
        after = tuple(max(0, (o - 1) * s + span - b - n) for o, s, span, b, n in ends)
        return replace(self, after=after)

    def excess(self) -> int:
        """How far the last window reaches beyond the padding, on the worst axis."""
        given = zip(self.reaching().after, self.after, strict=True)
        return max(0, *(wanted - after for wanted, after in given))

    def _spans(self) -> tuple[int, ...]:
        return Steps(self.kernel, self.stride, self.dilation).spans()

    def places(self, axis: int) -> Array:
        """(output, kernel): where every tap lies on the axis; outside the input it is padding."""
        starts = np.arange(self.output[axis]) * self.stride[axis] - self.before[axis]
        return starts[:, None] + np.arange(self.kernel[axis]) * self.dilation[axis]

    def counts(self, *, with_padding: bool) -> Array:
        """How many taps of each output lie inside the input, or inside input and padding."""
        result = np.ones((), dtype=np.int64)
        for axis, length in enumerate(self.lengths):
            low = -self.before[axis] if with_padding else 0
            high = length + (self.after[axis] if with_padding else 0)
            places = self.places(axis)
            result = np.multiply.outer(result, ((places >= low) & (places < high)).sum(axis=1))
        return result

    def taps(self) -> Array:
        """(outputs, taps): the index of every tap in the flattened input, -1 in the padding."""
        check_size((*self.output, *self.kernel))
        result = np.zeros((1, 1), dtype=np.int64)
        for axis, length in enumerate(self.lengths):
            places = self.places(axis)
            places = np.where((places >= 0) & (places < length), places, -1)
            outer, inner = result[:, None, :, None], places[None, :, None, :]
            joined = np.where((outer < 0) | (inner < 0), -1, outer * length + inner)
            rows = result.shape[0] * places.shape[0]
            result = joined.reshape(rows, -1)
        return result


@dataclass(frozen=True, slots=True, eq=False)
class Stretched:
    """What a transposed convolution does to its input, and the window that then slides over it.

    Attributes:
        places: for every axis the places of the input that make up the stretched one, -1 for a
            zero.
        slid: a window without padding and with stride 1.
    """

    places: tuple[Array, ...]
    slid: Window


def window(lengths: tuple[int, ...], steps: Steps, ends: Ends, *, ceil: bool = False) -> Window:
    """A kernel that slides over axes of these lengths.

    Args:
        lengths: the input's spatial lengths.
        steps: how it slides.
        ends: the padding.
        ceil: whether a last window that is only partly inside counts.

    Raises:
        InputError: steps that do not fit, or an output without values.
    """
    steps.check(len(lengths), ends)
    padded = [n + b + a for n, (b, a) in zip(lengths, ends, strict=True)]
    output, spans = [], steps.spans()
    for axis, (length, span, step) in enumerate(zip(padded, spans, steps.stride, strict=True)):
        rest = length - span
        count = (-(-rest // step) if ceil else rest // step) + 1
        if ceil and (count - 1) * step >= lengths[axis] + ends[axis][0]:
            count -= 1  # a last window that would start behind the input
        output.append(count)
    if any(count < 1 for count in output) or math.prod(output) == 0:
        raise InputError(f"a window of {spans} on lengths {tuple(padded)} with padding")
    check_size(tuple(padded))
    before, after = (tuple(end[i] for end in ends) for i in (0, 1))
    kernel, stride, dilation = steps.kernel, steps.stride, steps.dilation
    return Window(lengths, kernel, stride, dilation, before, after, tuple(output))


def full_lengths(lengths: tuple[int, ...], steps: Steps, extra: tuple[int, ...]) -> tuple[int, ...]:
    """The lengths of a transposed convolution's output before anything is cut off.

    Args:
        lengths: the input's spatial lengths.
        steps: the kernel, and how far apart it puts the input's entries.
        extra: what is added behind (output_padding).

    Raises:
        InputError: steps that do not fit, or lengths that are too small or too large.
    """
    axes = len(lengths)
    if not len(steps.kernel) == len(steps.stride) == len(steps.dilation) == len(extra) == axes:
        raise InputError(
            f"kernel {steps.kernel}, strides, dilations or output_padding for {axes} axes"
        )
    if min((*steps.kernel, *lengths, *steps.stride, *steps.dilation)) < 1 or min(extra) < 0:
        raise InputError("a length, kernel, stride, dilation or padding that is too small")
    if max((*steps.stride, *steps.dilation, *extra)) > MAX_SIZE:
        raise InputError("a stride, dilation or padding that is too large")
    sums = zip(lengths, steps.stride, steps.spans(), extra, strict=True)
    return tuple((n - 1) * s + span + more for n, s, span, more in sums)


def stretched(
    lengths: tuple[int, ...], steps: Steps, extra: tuple[int, ...], cuts: Ends
) -> Stretched:
    """What a transposed convolution does to its input.

    Args:
        lengths: the input's spatial lengths.
        steps: the kernel, and how far apart it puts the input's entries.
        extra: what is added behind.
        cuts: what is cut off the full output.

    Raises:
        InputError: as `full_lengths`, or an output without values.
    """
    full = full_lengths(lengths, steps, extra)
    output = tuple(n - b - a for n, (b, a) in zip(full, cuts, strict=True))
    if min(output) < 1:
        raise InputError(f"an output of lengths {output}")
    places = []
    rows = zip(lengths, steps.stride, steps.spans(), output, cuts, strict=True)
    for n, s, span, size, (cut, _) in rows:
        at = np.arange(check_size((size + span - 1,))[0]) + cut - (span - 1)
        places.append(np.where((at >= 0) & (at % s == 0) & (at // s < n), at // s, -1))
    inner = tuple(len(place) for place in places)
    ones, nothing = (1,) * len(lengths), (0,) * len(lengths)
    slid = Window(inner, steps.kernel, ones, steps.dilation, nothing, nothing, output)
    return Stretched(tuple(places), slid)
