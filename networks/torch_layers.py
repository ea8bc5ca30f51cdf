"""Torch modules of a few known layers: the layers torch lacks, intervals through them, ONNX.

An interval pass pushes a box through the layers, centre and radius apart, and is differentiable:
training on it shrinks the intervals that a verifier starts from.

Source: S. Gowal et al., "On the effectiveness of interval bound propagation for training verifiably
robust models" (2018); M. Courbariaux et al., "Binarized neural networks" (2016) for the gradient
of the sign.

May import: onnx_writer, torch. Must not know: data, how networks are verified.
"""

from __future__ import annotations

from typing import Any

import torch
from onnx_writer import OnnxWriter
from torch import Tensor, nn


class _SignStep(torch.autograd.Function):
    """sign(x) with the gradient of x clipped to [-1, 1]."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """-1, 0 or 1."""
        ctx.save_for_backward(x)
        return x.sign()

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> Tensor:
        """The straight-through gradient."""
        (x,) = ctx.saved_tensors
        return slope * (x.abs() <= 1)


class Sign(nn.Module):
    """sign(x), trained straight through."""

    def forward(self, x: Tensor) -> Tensor:
        """-1, 0 or 1, elementwise."""
        return _SignStep.apply(x)


class Residual(nn.Module):
    """x + body(x)."""

    def __init__(self, *body: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(*body)

    def forward(self, x: Tensor) -> Tensor:
        """The sum of the input and of what the body makes of it."""
        return x + self.body(x)


def interval(net: nn.Module, centre: Tensor, radius: Tensor) -> tuple[Tensor, Tensor]:
    """Centre and radius of a box that holds every output of the box given.

    Batch normalisation acts as it does after training, by its running mean and variance.

    Raises:
        TypeError: a layer that is neither linear nor increasing.
    """
    match net:
        case nn.Sequential():
            for part in net:
                centre, radius = interval(part, centre, radius)
            return centre, radius
        case Residual():
            inner = interval(net.body, centre, radius)
            return centre + inner[0], radius + inner[1]
        case nn.Linear():
            return net(centre), nn.functional.linear(radius, net.weight.abs())
        case nn.Conv2d():
            spread = nn.functional.conv2d(
                radius, net.weight.abs(), stride=net.stride, padding=net.padding
            )
            return net(centre), spread
        case nn.BatchNorm2d():
            scale, shift = _line(net)
            return centre * scale + shift, radius * scale.abs()
        case nn.ReLU() | nn.Sigmoid() | nn.Tanh() | nn.MaxPool2d() | nn.Flatten() | nn.Unflatten():
            low, high = net(centre - radius), net(centre + radius)
            return (high + low) / 2, (high - low) / 2
    raise TypeError(f"no interval through {type(net).__name__}")


def _line(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Scale and shift of a batch normalisation after training, to broadcast over images."""
    if norm.running_mean is None or norm.running_var is None:
        raise TypeError("a batch normalisation without running statistics")
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    shift = norm.bias - norm.running_mean * scale
    return scale[:, None, None], shift[:, None, None]


_PLAIN = {nn.ReLU: "Relu", nn.Sigmoid: "Sigmoid", nn.Tanh: "Tanh", Sign: "Sign"}


class Export:
    """Writes layers to a graph, one after the other, their numbers unchanged."""

    def __init__(self, writer: OnnxWriter) -> None:
        self.writer = writer
        self._count = 0

    def layers(self, net: nn.Sequential, source: str = "x", last: str = "y") -> str:
        """The name of the result, `last`, which the final layer gets.

        Raises:
            TypeError: a layer that has no translation here.
        """
        parts = [part for part in net if not isinstance(part, nn.Unflatten)]
        for part in parts[:-1]:
            source = self._layer(part, source)
        return self._layer(parts[-1], source, last)

    def _layer(self, part: nn.Module, source: str, result: str = "") -> str:
        self._count += 1
        number, writer = self._count, self.writer
        name = result or f"{type(part).__name__.lower()}{number}"
        match part:
            case Residual():
                return writer.node("Add", name, source, self.layers(part.body, source, f"b{name}"))
            case nn.Linear():
                weight, bias = _numbers(part.weight, part.bias)
                return writer.dense(number, source, weight, bias, name)
            case nn.Conv2d():
                return self._convolution(part, source, name)
            case nn.BatchNorm2d():
                return self._normalisation(part, source, name)
            case nn.MaxPool2d():
                window = [part.kernel_size] * 2
                return writer.node("MaxPool", name, source, kernel_shape=window, strides=window)
            case nn.Flatten():
                return writer.node("Flatten", name, source)
        if type(part) not in _PLAIN:
            raise TypeError(f"no ONNX for {type(part).__name__}")
        return writer.node(_PLAIN[type(part)], name, source)

    def _convolution(self, part: nn.Conv2d, source: str, name: str) -> str:
        sources = [self.writer.constant(f"{name}_W", *_numbers(part.weight))]
        if part.bias is not None:
            sources.append(self.writer.constant(f"{name}_b", *_numbers(part.bias)))
        border = [int(n) for n in part.padding] * 2
        return self.writer.node(
            "Conv", name, source, *sources, strides=list(part.stride), pads=border
        )

    def _normalisation(self, part: nn.BatchNorm2d, source: str, name: str) -> str:
        arrays = _numbers(part.weight, part.bias, part.running_mean, part.running_var)
        kept = [
            self.writer.constant(f"{name}_{what}", array)
            for what, array in zip(("scale", "shift", "mean", "variance"), arrays, strict=True)
        ]
        return self.writer.node("BatchNormalization", name, source, *kept, epsilon=part.eps)


def _numbers(*tensors: Tensor | None) -> list[Any]:
    """The tensors as arrays.

    Raises:
        TypeError: a tensor is missing.
    """
    if any(tensor is None for tensor in tensors):
        raise TypeError("a layer without one of its tensors")
    return [tensor.detach().cpu().numpy() for tensor in tensors if tensor is not None]
