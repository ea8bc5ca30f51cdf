"""The table of ONNX operators that are lowered; what is not here is refused by name.

May import: the onnx_* modules of lowerings. Must not know: protobuf, nodes.
"""

from collections.abc import Mapping

from verifai.load import (
    onnx_conv,
    onnx_einsum,
    onnx_fold,
    onnx_join,
    onnx_linear,
    onnx_normalize,
    onnx_pointwise,
    onnx_pool,
    onnx_power,
    onnx_reduce,
    onnx_select,
    onnx_shape,
    onnx_smooth,
)
from verifai.load.onnx_call import Lowering

LOWERINGS: Mapping[str, Lowering] = {
    **onnx_conv.LOWERINGS,
    **onnx_einsum.LOWERINGS,
    **onnx_fold.LOWERINGS,
    **onnx_join.LOWERINGS,
    **onnx_linear.LOWERINGS,
    **onnx_normalize.LOWERINGS,
    **onnx_pointwise.LOWERINGS,
    **onnx_pool.LOWERINGS,
    **onnx_power.LOWERINGS,
    **onnx_reduce.LOWERINGS,
    **onnx_select.LOWERINGS,
    **onnx_shape.LOWERINGS,
    **onnx_smooth.LOWERINGS,
}
CONTROL_FLOW = frozenset({"If", "Loop", "Scan", "SequenceMap"})
OLDEST_OPSET = 7
NEWEST_OPSET = 28
OLDEST_IR, NEWEST_IR = 3, 14  # versions of the file format; from 3 on it says which opset it uses


def blocker(op_type: str, domain: str) -> str:
    """Why no operator of this kind is lowered, empty if some are."""
    if domain not in ("", "ai.onnx"):
        return f"an operator of the domain {domain!r}"
    if op_type in CONTROL_FLOW:
        return "control flow is not supported"
    return "" if op_type in LOWERINGS else "this operator is not supported"
