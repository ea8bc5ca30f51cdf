"""Normalizations of channels, whose scale and bias opsets mean in different ways.

Sources: the operators' pages of the ONNX standard, opset 7 and later.
May import: numpy, values, lower/normalize, call. Must not know: protobuf.
"""

from __future__ import annotations

import numpy as np

from verifai.graph.values import Value, rearranged
from verifai.load.lower.normalize import group_normalization as normalized
from verifai.load.onnx.call import Call


def instance_normalization(call: Call) -> list[Value]:
    """InstanceNormalization: every channel of every instance for itself."""
    x, epsilon = call.finite(0), call.number("epsilon", 1e-5)
    if len(x.shape) < 3:
        raise call.refuse(f"a tensor of shape {x.shape}")
    parts = call.finite(1), call.finite(2)
    made = normalized(call.builder, x, *parts, num_groups=x.shape[1], epsilon=epsilon)
    return [made]


def group_normalization(call: Call) -> list[Value]:
    """GroupNormalization; before opset 21 scale and bias are one number for each group."""
    call.ignore("stash_type")
    x, groups, epsilon = call.finite(0), call.integer("num_groups", 0), call.number("epsilon", 1e-5)
    scale, offset = call.finite(1), call.finite(2)
    if call.opset < 21:
        channels = x.shape[1] if len(x.shape) > 1 else 1
        repeats = channels // groups if groups > 0 else 1
        if (groups,) != scale.shape or (groups,) != offset.shape:
            raise call.refuse(f"a scale or bias that is not one number for each of {groups} groups")
        scale, offset = (rearranged(v, lambda a: np.repeat(a, repeats)) for v in (scale, offset))
    made = normalized(call.builder, x, scale, offset, num_groups=groups, epsilon=epsilon)
    return [made]
