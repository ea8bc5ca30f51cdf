"""Clip, whose bounds are attributes in old files and inputs in new ones.

Source: the page of Clip of the ONNX standard, opset 7 and later.
May import: numpy, values, lower/pieces, call. Must not know: protobuf.
"""

from __future__ import annotations

import numpy as np

from verifai.graph.values import Constant, Value
from verifai.load.lower import pieces
from verifai.load.onnx.call import Call

_LARGEST_FLOAT32 = float(np.finfo(np.float32).max)
_INPUTS = 11  # the opset from which the bounds are inputs


def clip(call: Call) -> list[Value]:
    """Clip: to constant bounds; the upper one everywhere where the lower one is above it."""
    x = call.finite(0)
    low, high = (_bound(call, name, i) for i, name in ((1, "min"), (2, "max")))
    if call.opset < _INPUTS and low is not None and high is not None and low > high:
        raise call.refuse(f"the lower bound {low} is above the upper bound {high}")
    return [pieces.clip(call.builder, x, low, high)]


def _bound(call: Call, name: str, place: int) -> float | None:
    """A bound of Clip, None where it is left out; before opset 11 that means float32's largest."""
    bound: object = -_LARGEST_FLOAT32 if name == "min" else _LARGEST_FLOAT32
    if call.opset < _INPUTS:
        call.ignore(name)
        bound = call.attributes.get(name, bound)
    else:
        value = call.value(place) if call.has(place) else None
        if value is not None and (not isinstance(value, Constant) or value.array.size != 1):
            raise call.refuse(f"the bound {name!r} is not one constant")
        bound = value.array.item() if isinstance(value, Constant) else None
        if isinstance(bound, int) and abs(bound) > 1 << 53:
            raise call.refuse(f"the bound {name!r} is {bound}")
    if bound is None:
        return None
    if not isinstance(bound, int | float) or bound != bound:
        raise call.refuse(f"the bound {name!r} is {bound}, not a number")
    return float(bound)
