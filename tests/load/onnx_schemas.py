"""Writes verifai/load/onnx/schemas.json: python -m tests.load.onnx_schemas (after a new onnx)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from onnx import TensorProto, defs

from verifai.load.onnx import operators as onnx_operators

FILE = Path(onnx_operators.__file__).with_name("schemas.json")


def element(type_: str) -> int:
    """The number of an element type that is spelled tensor(float); 0 for what is no tensor."""
    if not type_.startswith("tensor("):
        return 0
    return int(TensorProto.DataType.Value(type_[7:-1].upper()))


def schemas() -> dict[str, list[dict[str, Any]]]:
    """What the standard says about every operator that is lowered, version by version."""
    found: dict[str, list[dict[str, Any]]] = {}
    for schema in defs.get_all_schemas_with_history():
        if schema.domain == "" and schema.name in onnx_operators.ROWS:
            found.setdefault(schema.name, []).append(row(schema))
    return {
        name: sorted(found[name], key=lambda version: int(version["since"]))
        for name in sorted(found)
    }


def row(schema: Any) -> dict[str, Any]:
    """One version of one operator: arities, attributes, and the element types of its places.

    A place is [name of the type variable, allowed element types]; of variadic ones the last
    stands for all further.
    """
    allowed = {
        c.type_param_str: sorted(map(element, c.allowed_type_strs)) for c in schema.type_constraints
    }

    def place(parameter: Any) -> list[Any]:
        types = allowed.get(parameter.type_str, [element(parameter.type_str)])
        return [parameter.type_str, [t for t in types if t]]

    return {
        "since": schema.since_version,
        "inputs": [schema.min_input, min(schema.max_input, 1 << 30)],
        "outputs": [schema.min_output, min(schema.max_output, 1 << 30)],
        "takes": [place(parameter) for parameter in schema.inputs],
        "gives": [place(parameter) for parameter in schema.outputs],
        "attributes": {
            name: [int(a.type.value), bool(a.required)] for name, a in schema.attributes.items()
        },
    }


def text() -> str:
    """The file: one operator a line."""
    lines = (
        f"{json.dumps(k)}:{json.dumps(v, separators=(',', ':'))}" for k, v in schemas().items()
    )
    return "{" + ",\n".join(lines) + "}\n"


if __name__ == "__main__":
    FILE.write_text(text())
