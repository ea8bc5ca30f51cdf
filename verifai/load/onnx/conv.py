"""Convolutions with constant weights, and their transposes.

A transposed convolution is a convolution with flipped weights of its input with zeros in between.

Sources: the pages of Conv and ConvTranspose of the ONNX standard, opset 7 and later.
May import: numpy, kernel, values, builder, rational, onnx_call, onnx_window.
Must not know: protobuf.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from verifai.graph.rational import enclose, largest
from verifai.graph.values import Activation, Value
from verifai.kernel.operator import Array, Conv
from verifai.load.onnx.call import Call, Lowering
from verifai.load.onnx.window import Window, read_window, stretched


def per_channel(error: Array, axes: int) -> Array:
    """The largest relative error of every output channel, to broadcast over the spatial axes."""
    worst: Array = error.reshape(len(error), -1).max(axis=1)
    return worst.reshape(-1, *(1,) * axes)


def conv(call: Call) -> list[Value]:
    """Conv on one to three (or more) spatial axes, with constant weights."""
    x, weight = call.activation(0), call.real(1)
    axes = len(x.shape) - 2
    if axes < 1 or weight.ndim != axes + 2:
        raise call.refuse(f"weights of shape {weight.shape} on a tensor of shape {x.shape}")
    window = read_window(call, x.shape[2:], weight.shape[2:])
    groups = call.integer("group", 1)
    if x.shape[1] != weight.shape[1] * groups:
        raise call.refuse(f"{weight.shape[1]} channels in {groups} groups on shape {x.shape}")
    return [_correlated(call, x, weight, window, groups)]


def conv_transpose(call: Call) -> list[Value]:
    """ConvTranspose: zeros between the entries and around them, then Conv with flipped weights."""
    x, weight, groups = call.activation(0), call.real(1), call.integer("group", 1)
    axes = len(x.shape) - 2
    if axes < 1 or weight.ndim != axes + 2:
        raise call.refuse(f"weights of shape {weight.shape} on a tensor of shape {x.shape}")
    if groups < 1 or x.shape[1] != weight.shape[0] or x.shape[1] % groups:
        raise call.refuse(f"{weight.shape[0]} channels in {groups} groups on shape {x.shape}")
    places, window = stretched(call, x.shape[2:], weight.shape[2:])
    call.builder.afford((*x.shape[:2], *map(len, places)))
    index = x.index
    for axis, place in enumerate(places):
        index = np.where(_along(place, axis, axes) < 0, -1, index.take(place, axis=axis + 2))
    per_in, per_out = weight.shape[0] // groups, weight.shape[1]
    kernel = weight.reshape(groups, per_in, per_out, *weight.shape[2:]).swapaxes(1, 2)
    kernel = kernel.reshape(groups * per_out, per_in, *weight.shape[2:])
    flipped = np.flip(kernel, tuple(range(2, axes + 2)))
    return [_correlated(call, Activation(x.node, index), flipped, window, groups)]


def _along(place: Array, axis: int, axes: int) -> Array:
    """The places of one spatial axis, to broadcast over all others."""
    return place.reshape(*(-1 if a == axis else 1 for a in range(axes)))


def _correlated(call: Call, x: Activation, weight: Array, window: Window, groups: int) -> Value:
    """The cross-correlation of x with the weights, plus the bias that is the third input."""
    doubles, error = enclose(weight)
    bias, bias_error = enclose(call.real(2) if call.has(2) else np.zeros(len(weight)))
    if bias.shape != (len(weight),):
        raise call.refuse(f"a bias of shape {bias.shape} for {len(weight)} channels")
    batch = x.shape[0]
    if batch > 1:  # the batch becomes a spatial axis
        x = Activation(x.node, x.index.swapaxes(0, 1))
        doubles, window = doubles[:, :, None], window.with_axis(batch)
    operator = Conv.of(
        doubles,
        window.lengths,
        stride=window.stride,
        padding=(window.before, window.after),
        dilation=window.dilation,
        groups=groups,
    )
    ones = (1,) * len(window.lengths)
    radius = largest(
        None if error is None else per_channel(error, len(ones)),
        None if bias_error is None else bias_error.reshape(-1, *ones),
    )
    y = call.builder.convolve(x, operator, bias=bias.reshape(-1, *ones), radius=radius)
    if batch > 1:
        return Activation(y.node, y.index.swapaxes(0, 1))
    return Activation(y.node, y.index[None])


LOWERINGS: Mapping[str, Lowering] = {"Conv": conv, "ConvTranspose": conv_transpose}
