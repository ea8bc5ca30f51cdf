"""Pools: averages and maxima over windows.

Sources: the operators' pages of the ONNX standard, opset 7 and later.
May import: numpy, kernel, values, builder, rational, onnx_call, onnx_reduce, onnx_window.
Must not know: protobuf.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from verifai.graph.values import Activation, Value
from verifai.kernel.operator import Conv
from verifai.load.onnx.call import Call, Lowering
from verifai.load.onnx.reduce import Reduce, greatest, mean, reduced
from verifai.load.onnx.window import read_window


def max_pool(call: Call) -> list[Value]:
    """MaxPool: padding takes no part."""
    call.ignore("storage_order")  # the order of the second output, which is refused
    x = call.activation(0)
    window = read_window(call, x.shape[2:])
    call.builder.afford((math.prod(x.shape[:2]), *window.output, *window.kernel))
    taps = window.taps()
    if (x.index < 0).any():
        x = Activation(call.builder.whole(x), np.arange(x.index.size).reshape(x.shape))
    planes = x.index.reshape(-1, math.prod(window.lengths))
    candidates = np.where(taps < 0, -1, planes[:, taps])
    best = call.builder.greatest(x.node, candidates.reshape(-1, taps.shape[1]))
    return [Activation(best.node, best.index.reshape(*x.shape[:2], *window.output))]


def average_pool(call: Call) -> list[Value]:
    """AveragePool: a convolution with ones, divided by the number of taps that count."""
    x = call.activation(0)
    window = read_window(call, x.shape[2:])
    divisor = window.counts(with_padding=call.flag("count_include_pad"))
    if not divisor.all():
        raise call.refuse("an average over a window without values")
    call.check_agreed(
        window.excess() < 2, "a last window (ceil_mode) two or more beyond the padding"
    )
    planes = math.prod(x.shape[:2])
    reach = window.reaching().with_axis(planes)
    operator = Conv.of(
        np.ones((1, 1, *reach.kernel)),
        reach.lengths,
        stride=reach.stride,
        padding=(reach.before, reach.after),
        dilation=reach.dilation,
    )
    y = call.builder.convolve(x, operator, divisor=np.broadcast_to(divisor, reach.output))
    return [Activation(y.node, y.index.reshape(*x.shape[:2], *window.output))]


def _global(reduce: Reduce) -> Lowering:
    def lowering(call: Call) -> list[Value]:
        axes = tuple(range(2, len(call.value(0).shape)))
        if not axes:
            raise call.refuse(f"a tensor of shape {call.value(0).shape}, without places")
        return [reduced(call, call.activation(0), axes, reduce, keep=True)]

    return lowering


LOWERINGS: Mapping[str, Lowering] = {
    "AveragePool": average_pool,
    "GlobalAveragePool": _global(mean),
    "GlobalMaxPool": _global(greatest),
    "MaxPool": max_pool,
}
