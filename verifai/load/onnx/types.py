"""Which element type each tensor of an ONNX graph has, as far as casts need to know.

Values are exact numbers, which do not remember how wide they were; CastLike asks for it.

Sources: the operators' pages of the ONNX standard, opset 7 and later.
May import: nothing of ours. Must not know: values, nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

UNKNOWN = 0
_FLOAT, _INT64, _BOOL = 1, 7, 9
_TRUTHS = frozenset(
    {"And", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Not", "Or", "Xor"}
)
_SECOND = frozenset({"CastLike", "Where"})  # the result has the second input's type
_KINDS = {"value_float": _FLOAT, "value_floats": _FLOAT, "value_int": _INT64, "value_ints": _INT64}


def result_type(node: Any, types: Sequence[int]) -> int:
    """The element type (of TensorProto.DataType) of a NodeProto's first output, or UNKNOWN.

    Args:
        node: the operator.
        types: those of its inputs, UNKNOWN where one is left out.
    """
    given = {attribute.name: attribute for attribute in node.attribute}
    if node.op_type in _TRUTHS:
        return _BOOL
    if node.op_type in ("Shape", "Size"):
        return _INT64
    if node.op_type == "Cast":
        return int(given["to"].i) if "to" in given else UNKNOWN
    if node.op_type in ("Constant", "ConstantOfShape"):
        if "value" in given:
            return int(given["value"].t.data_type)
        chosen = [_KINDS[name] for name in given if name in _KINDS]
        return chosen[0] if chosen else _FLOAT if node.op_type == "ConstantOfShape" else UNKNOWN
    place = 1 if node.op_type in _SECOND else 0
    return types[place] if place < len(types) else UNKNOWN
