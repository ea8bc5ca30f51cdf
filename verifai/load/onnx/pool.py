"""Pools over windows.

Sources: the operators' pages of the ONNX standard, opset 7 and later.
May import: values, lower/pool, window, call. Must not know: protobuf.
"""

from __future__ import annotations

from verifai.graph.values import Value
from verifai.load.lower import pool
from verifai.load.onnx.call import Call
from verifai.load.onnx.window import read_window


def max_pool(call: Call) -> list[Value]:
    """MaxPool."""
    call.ignore("storage_order")  # the order of the second output, which is refused
    x = call.activation(0)
    return [pool.max_pool(call.builder, x, read_window(call, x.shape[2:]))]


def average_pool(call: Call) -> list[Value]:
    """AveragePool."""
    x = call.activation(0)
    slid, with_padding = read_window(call, x.shape[2:]), call.flag("count_include_pad")
    call.check_agreed(slid.excess() < 2, "a last window (ceil_mode) two or more beyond the padding")
    return [pool.average_pool(call.builder, x, slid, with_padding=with_padding)]
