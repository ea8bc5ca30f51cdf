"""Convolutions with constant weights, and their transposes.

A transposed convolution is a convolution with flipped weights of its input with zeros in between.

Sources: the pages of Conv and ConvTranspose of the ONNX standard.
May import: numpy, kernel, values, builder, rational, constants, window.
Must not know: formats.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from verifai.graph.builder import Builder
from verifai.graph.rational import enclose, largest
from verifai.graph.values import Activation, Value
from verifai.kernel.errors import InputError
from verifai.kernel.operator import Array, Conv
from verifai.load.lower.constants import per_channel
from verifai.load.lower.window import Stretched, Window


@dataclass(frozen=True, slots=True, eq=False)
class Kernels:
    """What slides over the input.

    Attributes:
        weight: (channels out, channels in of a group, *lengths), or of a transposed convolution
            (channels in, channels out of a group, *lengths); doubles or rationals.
        bias: one number a channel, if there is one.
        groups: how many groups of channels there are, each for itself.
    """

    weight: Array
    bias: Array | None = None
    groups: int = 1


def check_weights(shape: tuple[int, ...], weight: Array) -> int:
    """How many spatial axes there are.

    Raises:
        InputError: none, or weights for another number.
    """
    axes = len(shape) - 2
    if axes < 1 or weight.ndim != axes + 2:
        raise InputError(f"weights of shape {weight.shape} on a tensor of shape {shape}")
    return axes


def convolution(builder: Builder, x: Value, kernels: Kernels, slid: Window) -> Activation:
    """A convolution on one to three (or more) spatial axes.

    Args:
        builder: where nodes go.
        x: (batch, channels, *lengths).
        kernels: the weights.
        slid: how they slide over the spatial axes.

    Raises:
        InputError: shapes that do not fit.
    """
    y, weight, groups = builder.lift(x), kernels.weight, kernels.groups
    check_weights(y.shape, weight)
    if y.shape[1] != weight.shape[1] * groups:
        raise InputError(f"{weight.shape[1]} channels in {groups} groups on shape {y.shape}")
    return _correlated(builder, y, kernels, slid)


def transposed(builder: Builder, x: Value, kernels: Kernels, stretch: Stretched) -> Activation:
    """A transposed convolution: zeros between and around the entries, then flipped weights.

    Args:
        builder: where nodes go.
        x: (batch, channels, *lengths).
        kernels: the weights.
        stretch: from `stretched`.

    Raises:
        InputError: shapes that do not fit.
    """
    y = builder.lift(x)
    weight, groups = kernels.weight, kernels.groups
    axes = check_weights(y.shape, weight)
    if groups < 1 or y.shape[1] != weight.shape[0] or y.shape[1] % groups:
        raise InputError(f"{weight.shape[0]} channels in {groups} groups on shape {y.shape}")
    builder.afford((*y.shape[:2], *map(len, stretch.places)))
    index = y.index
    for axis, place in enumerate(stretch.places):
        index = np.where(_along(place, axis, axes) < 0, -1, index.take(place, axis=axis + 2))
    per_in, per_out = weight.shape[0] // groups, weight.shape[1]
    kernel = weight.reshape(groups, per_in, per_out, *weight.shape[2:]).swapaxes(1, 2)
    kernel = kernel.reshape(groups * per_out, per_in, *weight.shape[2:])
    flipped = np.flip(kernel, tuple(range(2, axes + 2)))
    turned = replace(kernels, weight=flipped)
    return _correlated(builder, Activation(y.node, index), turned, stretch.slid)


def _along(place: Array, axis: int, axes: int) -> Array:
    """The places of one spatial axis, to broadcast over all others."""
    return place.reshape(*(-1 if a == axis else 1 for a in range(axes)))


def _correlated(builder: Builder, x: Activation, kernels: Kernels, slid: Window) -> Activation:
    """The cross-correlation of x with the weights, plus the bias."""
    weight, offset = kernels.weight, kernels.bias
    doubles, error = enclose(weight)
    bias, bias_error = enclose(np.zeros(len(weight)) if offset is None else offset)
    if bias.shape != (len(weight),):
        raise InputError(f"a bias of shape {bias.shape} for {len(weight)} channels")
    batch = x.shape[0]
    if batch > 1:  # the batch becomes a spatial axis
        x = Activation(x.node, x.index.swapaxes(0, 1))
        doubles, slid = doubles[:, :, None], slid.with_axis(batch)
    operator = Conv.of(
        doubles,
        slid.lengths,
        stride=slid.stride,
        padding=(slid.before, slid.after),
        dilation=slid.dilation,
        groups=kernels.groups,
    )
    ones = (1,) * len(slid.lengths)
    radius = largest(
        None if error is None else per_channel(error, len(ones)),
        None if bias_error is None else bias_error.reshape(-1, *ones),
    )
    y = builder.convolve(x, operator, bias=bias.reshape(-1, *ones), radius=radius)
    if batch > 1:
        return Activation(y.node, y.index.swapaxes(0, 1))
    return Activation(y.node, y.index[None])
