"""Gemm and BatchNormalization: their factors, flags and versions.

Sources: the operators' pages of the ONNX standard, opset 7 and later.
May import: numpy, values, lower/matrix, call. Must not know: protobuf.
"""

from __future__ import annotations

import numpy as np

from verifai.graph.values import Value, rearranged
from verifai.load.lower import matrix
from verifai.load.onnx.call import Call


def gemm(call: Call) -> list[Value]:
    """Gemm: alpha·A·B + beta·C, either factor transposed."""
    alpha, beta = call.number("alpha", 1.0), call.number("beta", 1.0)
    a, b = (_transposed(call.finite(i), call.flag(f)) for i, f in enumerate(("transA", "transB")))
    c = call.finite(2) if call.has(2) else None
    return [matrix.gemm(call.builder, a, b, c, alpha=alpha, beta=beta)]


def _transposed(value: Value, wanted: bool) -> Value:
    return rearranged(value, np.transpose) if wanted else value


def batch_normalization(call: Call) -> list[Value]:
    """BatchNormalization in inference."""
    training = call.opset >= 14 and call.flag("training_mode")
    if training or (call.opset < 14 and call.outputs > 1):
        raise call.refuse("training mode")
    if call.opset < 9 and call.integer("spatial", 1) != 1:
        raise call.refuse("spatial = 0")
    call.ignore("momentum")
    x, epsilon = call.finite(0), call.number("epsilon", 1e-5)
    parameters = [call.real(i) for i in range(1, 5)]
    return [matrix.batch_normalization(call.builder, x, parameters, epsilon)]
