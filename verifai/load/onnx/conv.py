"""Convolutions and their transposes, with constant weights.

Sources: the operators' pages of the ONNX standard, opset 7 and later.
May import: values, lower/conv, window, call. Must not know: protobuf.
"""

from __future__ import annotations

from verifai.graph.values import Value
from verifai.load.lower import conv
from verifai.load.onnx.call import Call
from verifai.load.onnx.window import read_stretch, read_window


def convolution(call: Call) -> list[Value]:
    """Conv, with constant weights."""
    x, weight = call.activation(0), call.real(1)
    conv.check_weights(x.shape, weight)
    slid, groups = read_window(call, x.shape[2:], weight.shape[2:]), call.integer("group", 1)
    bias = call.real(2) if call.has(2) else None
    return [conv.convolution(call.builder, x, conv.Kernels(weight, bias, groups), slid)]


def transposed_convolution(call: Call) -> list[Value]:
    """ConvTranspose, with constant weights."""
    x, weight, groups = call.activation(0), call.real(1), call.integer("group", 1)
    conv.check_weights(x.shape, weight)
    stretch = read_stretch(call, x.shape[2:], weight.shape[2:])
    bias = call.real(2) if call.has(2) else None
    return [conv.transposed(call.builder, x, conv.Kernels(weight, bias, groups), stretch)]
