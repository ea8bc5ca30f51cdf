"""Sliding windows of convolutions and pools: kernel, stride, dilation, padding, and their taps.

Source: the pages of Conv, MaxPool and AveragePool of the ONNX standard.
May import: numpy, kernel, onnx_call. Must not know: protobuf, nodes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import overload

import numpy as np

from verifai.graph.values import check_size
from verifai.kernel.operator import MAX_SIZE, Array
from verifai.load.onnx.call import Call

_LEAST_OF_CONV = -2  # the padding by auto_pad SAME from which on convolutions are read in one way


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
        return tuple((k - 1) * d + 1 for k, d in zip(self.kernel, self.dilation, strict=True))

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


def read_window(
    call: Call, lengths: tuple[int, ...], kernel: tuple[int, ...] | None = None
) -> Window:
    """The window that the attributes of Conv, MaxPool or AveragePool describe.

    Args:
        call: the operator.
        lengths: the input's spatial lengths.
        kernel: the weights' spatial lengths, if it has weights.

    Raises:
        LoadError: attributes that do not fit each other, or an output without values.
    """
    axes, ones = len(lengths), (1,) * len(lengths)
    given = _given(call, "kernel_shape", kernel)
    stride = _given(call, "strides", ones)
    dilation = _given(call, "dilations", ones)
    pads = _given(call, "pads", (0,) * (2 * axes))
    mode = call.text("auto_pad", "NOTSET")
    if given is None or not len(given) == len(stride) == len(dilation) == len(pads) // 2 == axes:
        raise call.refuse(f"kernel, strides, dilations or pads not for {axes} spatial axes")
    if min((*given, *stride, *dilation)) < 1 or min(pads) < 0 or len(pads) % 2:
        raise call.refuse("a kernel, stride, dilation or pad that is too small")
    if max((*given, *stride, *dilation, *pads)) > MAX_SIZE:
        raise call.refuse("a kernel, stride, dilation or pad that is too large")
    if kernel is not None and given != kernel:
        raise call.refuse(f"kernel_shape {given} with weights for {kernel}")
    if mode not in ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"):
        raise call.refuse(f"auto_pad {mode!r}")
    ceil = kernel is None and call.flag("ceil_mode")
    spans = tuple((k - 1) * d + 1 for k, d in zip(given, dilation, strict=True))
    ends = list(zip(pads[:axes], pads[axes:], strict=True))
    if mode != "NOTSET":
        is_plain = mode == "VALID" or dilation == ones or kernel is not None
        call.check_agreed(is_plain, f"auto_pad {mode} of a pool with dilations {dilation}")
        rows = zip(lengths, spans, stride, strict=True)
        least = 0 if kernel is None else _LEAST_OF_CONV
        ends = [_auto_pad(call, mode, least, *each) for each in rows]
    padded = [n + b + a for n, (b, a) in zip(lengths, ends, strict=True)]
    output = []
    for axis, (length, span, step) in enumerate(zip(padded, spans, stride, strict=True)):
        rest = length - span
        is_whole = mode != "VALID" or not ceil or rest % step == 0
        call.check_agreed(is_whole, "ceil_mode with auto_pad VALID and a rest")
        count = (-(-rest // step) if ceil else rest // step) + 1
        if ceil and (count - 1) * step >= lengths[axis] + ends[axis][0]:
            count -= 1  # a last window that would start behind the input
        output.append(count)
    if any(count < 1 for count in output) or math.prod(output) == 0:
        raise call.refuse(f"a window of {spans} on lengths {tuple(padded)} with padding")
    check_size(tuple(padded))
    before, after = (tuple(end[i] for end in ends) for i in (0, 1))
    return Window(lengths, given, stride, dilation, before, after, tuple(output))


@overload
def _given(call: Call, name: str, default: tuple[int, ...]) -> tuple[int, ...]: ...
@overload
def _given(call: Call, name: str, default: None) -> tuple[int, ...] | None: ...
def _given(call: Call, name: str, default: tuple[int, ...] | None) -> tuple[int, ...] | None:
    """An attribute that is a list of integers, the default where it is left out."""
    value = call.sequence(name)
    return default if value is None else value


def _auto_pad(
    call: Call, mode: str, least: int, length: int, span: int, step: int
) -> tuple[int, int]:
    """Padding before and after that gives ⌈length/step⌉ outputs (none for VALID).

    A negative one would leave values out; `least` says from where on it has two readings.
    """
    if mode == "VALID":
        return 0, 0
    total = (-(-length // step) - 1) * step + span - length
    if total < least:
        said = f"auto_pad {mode} where a window of {span} in steps of {step}"
        raise call.refuse(f"{said} leaves {-total} of {length} values out (write pads instead)")
    less, more = max(total, 0) // 2, (max(total, 0) + 1) // 2
    return (less, more) if mode == "SAME_UPPER" else (more, less)


def stretched(
    call: Call, lengths: tuple[int, ...], kernel: tuple[int, ...]
) -> tuple[list[Array], Window]:
    """What ConvTranspose does to its input, and the window that then slides over it.

    Args:
        call: the operator.
        lengths: the input's spatial lengths.
        kernel: the weights' spatial lengths.

    Returns:
        For every axis the places of the input that make up the stretched one, -1 for a zero; and
        a window without padding and with stride 1.

    Raises:
        LoadError: attributes that do not fit each other, or an output without values.
    """
    axes, ones = len(lengths), (1,) * len(lengths)
    given = _given(call, "kernel_shape", kernel)
    stride = _given(call, "strides", ones)
    dilation = _given(call, "dilations", ones)
    extra = _given(call, "output_padding", (0,) * axes)
    if given != kernel or not len(stride) == len(dilation) == len(extra) == axes:
        raise call.refuse(f"kernel {given}, strides, dilations or output_padding for {axes} axes")
    if min((*kernel, *lengths, *stride, *dilation)) < 1 or min(extra) < 0:
        raise call.refuse("a length, kernel, stride, dilation or padding that is too small")
    if max((*stride, *dilation, *extra)) > MAX_SIZE:
        raise call.refuse("a stride, dilation or padding that is too large")
    spans = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))
    sums = zip(lengths, stride, spans, extra, strict=True)
    full = tuple((n - 1) * s + span + more for n, s, span, more in sums)
    ends = _cuts(call, full, tuple(n * s for n, s in zip(lengths, stride, strict=True)))
    output = tuple(n - b - a for n, (b, a) in zip(full, ends, strict=True))
    if min(output) < 1:
        raise call.refuse(f"an output of lengths {output}")
    places = []
    for n, s, span, size, (cut, _) in zip(lengths, stride, spans, output, ends, strict=True):
        at = np.arange(check_size((size + span - 1,))[0]) + cut - (span - 1)
        places.append(np.where((at >= 0) & (at % s == 0) & (at // s < n), at // s, -1))
    inner = tuple(len(place) for place in places)
    nothing = (0,) * axes
    return places, Window(inner, kernel, ones, dilation, nothing, nothing, output)


def _cuts(call: Call, full: tuple[int, ...], same: tuple[int, ...]) -> list[tuple[int, int]]:
    """What ConvTranspose cuts off before and after each axis of its full output.

    Args:
        call: the operator.
        full: the lengths of the output without padding.
        same: the lengths that auto_pad SAME asks for.
    """
    axes, mode = len(full), call.text("auto_pad", "NOTSET")
    pads, wanted = _given(call, "pads", (0,) * (2 * axes)), call.sequence("output_shape")
    if mode not in ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"):
        raise call.refuse(f"auto_pad {mode!r}")
    extra, stride = (
        _given(call, n, (k,) * axes) for n, k in (("output_padding", 0), ("strides", 1))
    )
    is_short = all(more < step for more, step in zip(extra, stride, strict=True))
    call.check_agreed(is_short, f"output_padding {extra} with strides {stride}")
    if wanted is None and mode.startswith("SAME"):
        wanted = same
    if wanted is None:
        if len(pads) != 2 * axes or min(pads) < 0:
            raise call.refuse(f"pads {pads} for {axes} spatial axes")
        pads = pads if mode == "NOTSET" else (0,) * (2 * axes)
        return list(zip(pads[:axes], pads[axes:], strict=True))
    wanted = wanted[-axes:]
    if len(wanted) != axes or any(n > most for n, most in zip(wanted, full, strict=True)):
        raise call.refuse(f"an output of lengths {wanted} from one of lengths {full}")
    totals = [most - n for n, most in zip(wanted, full, strict=True)]
    is_plain = not any(extra) or not any(totals)
    call.check_agreed(is_plain, "padding from both output_shape and output_padding")
    if mode == "SAME_UPPER":
        return [(total // 2, total - total // 2) for total in totals]
    return [(total - total // 2, total // 2) for total in totals]
