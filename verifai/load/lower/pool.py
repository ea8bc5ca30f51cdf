"""Pools: averages and maxima over windows.

Sources: the operators' pages of the ONNX standard.
May import: numpy, kernel, values, builder, constants, window. Must not know: formats.
"""

from __future__ import annotations

import math

import numpy as np

from verifai.graph.builder import Builder
from verifai.graph.values import Activation, Value
from verifai.kernel.errors import InputError
from verifai.kernel.operator import Conv
from verifai.load.lower.window import Window


def max_pool(builder: Builder, x: Value, slid: Window) -> Activation:
    """The maximum over every window; padding takes no part.

    Args:
        builder: where nodes go.
        x: (batch, channels, *lengths).
        slid: how the window slides over the spatial axes.

    Raises:
        InputError: a window without values.
    """
    y = builder.lift(x)
    builder.afford((math.prod(y.shape[:2]), *slid.output, *slid.kernel))
    taps = slid.taps()
    if (y.index < 0).any():
        y = Activation(builder.whole(y), np.arange(y.index.size).reshape(y.shape))
    planes = y.index.reshape(-1, math.prod(slid.lengths))
    candidates = np.where(taps < 0, -1, planes[:, taps])
    best = builder.greatest(y.node, candidates.reshape(-1, taps.shape[1]))
    return Activation(best.node, best.index.reshape(*y.shape[:2], *slid.output))


def average_pool(builder: Builder, x: Value, slid: Window, *, with_padding: bool) -> Activation:
    """The average: a convolution with ones, divided by the number of taps that count.

    Args:
        builder: where nodes go.
        x: (batch, channels, *lengths).
        slid: how the window slides over the spatial axes.
        with_padding: whether padding counts as zeros.

    Raises:
        InputError: a window without values.
    """
    y = builder.lift(x)
    divisor = slid.counts(with_padding=with_padding)
    if not divisor.all():
        raise InputError("an average over a window without values")
    planes = math.prod(y.shape[:2])
    reach = slid.reaching().with_axis(planes)
    operator = Conv.of(
        np.ones((1, 1, *reach.kernel)),
        reach.lengths,
        stride=reach.stride,
        padding=(reach.before, reach.after),
        dilation=reach.dilation,
    )
    made = builder.convolve(y, operator, divisor=np.broadcast_to(divisor, reach.output))
    return Activation(made.node, made.index.reshape(*y.shape[:2], *slid.output))
