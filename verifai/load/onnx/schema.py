"""What the ONNX standard says about operators: since when, how many inputs, which types.

The table schemas.json is the standard's own (a test compares it with the onnx package).

May import: errors. Must not know: what operators compute.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from verifai.load.errors import LoadError

UNKNOWN = 0
_FLOAT, _INT64 = 1, 7  # of TensorProto.DataType
_TENSOR, _HELD = 4, {1: _FLOAT, 2: _INT64, 6: _FLOAT, 7: _INT64}  # kinds of AttributeProto
Place = tuple[str, frozenset[int]]  # a type variable, and the element types it may stand for


@dataclass(frozen=True, slots=True)
class Schema:
    """One version of one operator.

    Attributes:
        since: the first opset that has it.
        inputs, outputs: the least and the most of them.
        takes, gives: their types; the last stands for all further.
        attributes: by name the kind (of AttributeProto) and whether it must be there.
    """

    since: int
    inputs: tuple[int, int]
    outputs: tuple[int, int]
    takes: tuple[Place, ...]
    gives: tuple[Place, ...]
    attributes: Mapping[str, tuple[int, bool]]

    @property
    def is_variadic(self) -> bool:
        """Whether its last input stands for any number of them, none of which is left out."""
        return self.inputs[1] > len(self.takes)


@cache
def _table() -> Mapping[str, list[dict[str, Any]]]:
    file = Path(__file__).with_name("schemas.json")
    table: Mapping[str, list[dict[str, Any]]] = json.loads(file.read_text("ascii"))
    return table


def first_opset(op_type: str) -> int:
    """The first opset that has the operator."""
    return min(int(row["since"]) for row in _table()[op_type])


@cache
def schema_of(op_type: str, opset: int) -> Schema:
    """The version of an operator that an opset has.

    Raises:
        LoadError: it has none.
    """
    rows = [row for row in _table()[op_type] if row["since"] <= opset]
    if not rows:
        raise LoadError(f"opset {opset} has no such operator")
    row = rows[-1]
    takes, gives = (
        tuple((name, frozenset(types)) for name, types in row[key]) for key in ("takes", "gives")
    )
    return Schema(
        since=row["since"],
        inputs=(row["inputs"][0], row["inputs"][1]),
        outputs=(row["outputs"][0], row["outputs"][1]),
        takes=takes,
        gives=gives,
        attributes={name: (kind, must) for name, (kind, must) in row["attributes"].items()},
    )


def check_node(node: Any, opset: int, types: Sequence[int], typed: str = "") -> list[int]:
    """The element types of a NodeProto's results, UNKNOWN where neither inputs nor attributes tell.

    Values are exact numbers, which do not remember how wide they were; casts ask for it.

    Args:
        node: the operator.
        opset: the version of the standard operators.
        types: the element types of its inputs, UNKNOWN where one is left out.
        typed: which attributes state the type of the results, as in `OnnxRow`.

    Raises:
        LoadError: the standard forbids this node.
    """
    schema = schema_of(node.op_type, opset)
    for what, names, (least, most) in (
        ("inputs", node.input, schema.inputs),
        ("outputs", node.output, schema.outputs),
    ):
        if not least <= len(names) <= most:
            raise LoadError(f"it has {len(names)} {what}, not {least} to {most}")
    needed = None if schema.is_variadic else schema.inputs[0]
    for place, name in enumerate(node.input[:needed]):
        if not name:
            raise LoadError(f"the input {place + 1} is missing")
    _check_attributes(node, schema)
    bound, stated = _bound_types(schema, types), _stated_type(node, typed)
    gives = (_place(schema.gives, i) for i in range(len(node.output)))
    return [
        bound.get(name, UNKNOWN) or (next(iter(allowed)) if len(allowed) == 1 else stated)
        for name, allowed in gives
    ]


def _stated_type(node: Any, typed: str) -> int:
    """The element type that a NodeProto's attributes state, UNKNOWN if it is none of theirs."""
    for attribute in node.attribute:
        if typed == attribute.name == "to":
            return int(attribute.i)
        if typed == "value" and attribute.name.startswith(typed):
            held = int(attribute.t.data_type)
            return held if attribute.type == _TENSOR else _HELD.get(attribute.type, UNKNOWN)
    return _FLOAT if typed == "value" else UNKNOWN


def _check_attributes(node: Any, schema: Schema) -> None:
    given = {attribute.name: attribute.type for attribute in node.attribute}
    for name, kind in given.items():
        if name not in schema.attributes:
            raise LoadError(f"the attribute {name!r} is not understood here")
        if kind != schema.attributes[name][0]:
            raise LoadError(f"the attribute {name!r} has the wrong type")
    for name, (_, must) in schema.attributes.items():
        if must and name not in given:
            raise LoadError(f"the attribute {name!r} is missing")


def _place(places: Sequence[Place], index: int) -> Place:
    return places[min(index, len(places) - 1)]


def _bound_types(schema: Schema, types: Sequence[int]) -> dict[str, int]:
    """What the type variables stand for."""
    bound: dict[str, int] = {}
    for index, type_ in enumerate(types):
        if type_ == UNKNOWN:
            continue
        name, allowed = _place(schema.takes, index)
        if type_ not in allowed:
            raise LoadError(f"the input {index + 1} has element type {type_}, which is not allowed")
        if bound.setdefault(name, type_) != type_:
            raise LoadError(f"inputs of the different element types {bound[name]} and {type_}")
    return bound
