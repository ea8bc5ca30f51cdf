"""What the standard forbids is refused, and the table of operators is the standard's own."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import AttributeProto, TensorProto, helper, numpy_helper

from tests.load.evaluate import evaluate
from tests.load.models import Weights, check_against_runtime, load, model, single
from tests.load.onnx_schemas import FILE, text
from verifai.graph import limit
from verifai.load.errors import LoadError
from verifai.load.onnx.explain import explain_onnx
from verifai.load.onnx.operators import ROWS
from verifai.load.onnx.read import load_onnx
from verifai.load.onnx.schema import check_node, schema_of

X: dict[str, list[Any]] = {"x": [2, 3]}
KERNEL: Weights = {"w": np.ones((1, 1, 2), np.float32)}


def test_the_table_is_what_the_onnx_package_says() -> None:
    newest = max(int(since) for since in re.findall(r'"since":(\d+)', FILE.read_text("ascii")))
    if onnx.defs.onnx_opset_version() < newest:
        pytest.skip(f"onnx {onnx.__version__} does not know opset {newest} yet")
    assert FILE.read_text("ascii") == text()


@pytest.mark.parametrize("op_type", ROWS)
def test_a_row_says_what_states_a_type_that_the_standard_leaves_open(op_type: str) -> None:
    known = json.loads(FILE.read_text("ascii"))[op_type]
    versions = [schema_of(op_type, version["since"]) for version in known]
    firsts = [(schema.gives[0], dict(schema.takes)) for schema in versions]
    is_open = any(name not in takes and len(allowed) != 1 for (name, allowed), takes in firsts)
    assert is_open == bool(ROWS[op_type].typed)


@pytest.mark.parametrize(
    ("op_type", "attribute", "found"),
    [
        ("Cast", {"to": TensorProto.DOUBLE}, TensorProto.DOUBLE),
        ("Constant", {"value": numpy_helper.from_array(np.int32([7]))}, TensorProto.INT32),
        ("Constant", {"value_int": 7}, TensorProto.INT64),
        ("Constant", {"value_floats": [0.5]}, TensorProto.FLOAT),
        ("ConstantOfShape", {"value": numpy_helper.from_array(np.bool_([1]))}, TensorProto.BOOL),
        ("ConstantOfShape", {}, TensorProto.FLOAT),
    ],
)
def test_attributes_state_the_type_of_a_result(
    op_type: str, attribute: dict[str, Any], found: int
) -> None:
    inputs = ["x"] * (op_type != "Constant")
    node = helper.make_node(op_type, inputs, ["y"], **attribute)
    types = [TensorProto.INT64] * len(inputs)
    assert check_node(node, 24, types, ROWS[op_type].typed) == [found]


def relu(source: str, target: str) -> onnx.NodeProto:
    return helper.make_node("Relu", [source], [target])


@pytest.mark.parametrize(
    ("message", "nodes"),
    [
        ("reads 'nothing', which nothing makes", [relu("x", "y"), relu("nothing", "idle")]),
        ("'idle'.* needs its own result", [relu("x", "y"), relu("idle", "idle")]),
        ("'a'.* needs its own result", [relu("x", "y"), relu("b", "a"), relu("a", "b")]),
        ("'x' is made twice", [relu("x", "x"), relu("x", "y")]),
        ("'other' is made twice", [relu("x", "y"), relu("x", "other"), relu("x", "other")]),
    ],
)
def test_operators_that_no_output_needs_have_an_order_too(
    message: str, nodes: list[onnx.NodeProto], tmp_path: Path
) -> None:
    with pytest.raises(LoadError, match=message):
        load(model(nodes, X), tmp_path)


def declared(element: int) -> onnx.ModelProto:
    proto = single("Relu", X)
    proto.graph.output[0].type.tensor_type.elem_type = element
    return proto


def with_default(element: int) -> onnx.ModelProto:
    proto = single("Add", X, {"c": np.ones(3, np.float32)})
    proto.graph.input.append(helper.make_tensor_value_info("c", element, [3]))
    return proto


def of_format(version: int) -> onnx.ModelProto:
    proto = single("Relu", X)
    proto.ir_version = version
    return proto


def with_two_kinds() -> onnx.ModelProto:
    proto = single("LeakyRelu", X, alpha=0.5)
    proto.graph.node[0].attribute[0].i = 3
    return proto


def without_number() -> onnx.ModelProto:
    proto = single("LeakyRelu", X)
    proto.graph.node[0].attribute.append(AttributeProto(name="alpha", type=AttributeProto.FLOAT))
    return proto


def without_strides() -> onnx.ModelProto:
    proto = single("MaxPool", {"x": [1, 1, 4]}, kernel_shape=[2])
    proto.graph.node[0].attribute.append(AttributeProto(name="strides", type=AttributeProto.INTS))
    return proto


def with_inputs(*names: str) -> onnx.ModelProto:
    proto = single("Relu", X)
    del proto.graph.input[:]
    entries = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [2]) for name in names]
    proto.graph.input.extend(entries)
    return proto


@pytest.mark.parametrize(
    ("message", "proto"),
    [
        ("'y' is declared with element type 7, but has 1", declared(TensorProto.INT64)),
        ("'c' and its default have different types", with_default(TensorProto.DOUBLE)),
        ("version 2 of the file format", of_format(2)),
        ("version 99 of the file format", of_format(99)),
        ("'alpha' holds something else", with_two_kinds()),
        ("'alpha' holds something else", without_number()),
        ("two inputs have the same name", with_inputs("x", "x")),
        ("'x' has no values", single("Relu", {"x": [0, 2]})),
        ("is not understood", single("Relu", X, alpha=0.5)),
        ("wrong type", single("Flatten", X, axis=1.0)),
        ("strides, dilations or pads not for 1", without_strides()),
        ("without places", single("GlobalAveragePool", X)),
        (
            "shapes .* along axis 2",
            single("Concat", {"x": [1, 2, 3], "z": [1, 2]}, axis=2),
        ),
        ("too large", single("MaxPool", {"x": [1, 1, 4]}, kernel_shape=[2], strides=[1 << 62])),
        ("too large", single("Conv", {"x": [1, 1, 4]}, KERNEL, strides=[1 << 62])),
        ("too large", single("ConvTranspose", {"x": [1, 1, 4]}, KERNEL, strides=[(1 << 63) - 1])),
        ("a slope of shape", single("PRelu", {"x": [3, 2]}, {"s": np.ones((1, 3, 2), np.float32)})),
    ],
)
def test_what_the_standard_forbids_is_refused(
    message: str, proto: onnx.ModelProto, tmp_path: Path
) -> None:
    with pytest.raises(LoadError, match=message):
        load(proto, tmp_path)


EMPTY: Weights = {"c": np.zeros((0, 5), np.float32), "k": np.array(6)}
LONG: Weights = {"c": np.zeros((0, 1 << 20, 1 << 20), np.float32)}


@pytest.mark.parametrize(
    ("message", "proto"),
    [
        ("has no values", single("Trilu", X, EMPTY, order=["c", "k"], opset=14)),
        ("shifted by", single("Trilu", X, {"k": np.zeros(0, np.int64)}, opset=14)),
        ("at most", single("Trilu", X, LONG, order=["c"], opset=14)),
        ("at most", single("CumSum", {"x": [1 << 20]}, {"a": np.array(0)}, opset=14)),
        ("split into", single("Split", X, {"s": np.zeros(0, np.int64)})),
        ("not 2 to 2", single("Or", X, {"c": np.ones(2, bool)}, order=["c"])),
        ("the most for a file of this size", single("Relu", {"x": [1 << 25]})),
        ("at most", single("Relu", {"x": [1 << 28]})),
        ("17 axes", single("Reshape", X, {"s": np.array([2, 3] + [1] * 15)})),
        ("40 axes", single("Unsqueeze", X, {"a": np.arange(40)})),
        ("at most", single("Add", X, {"c": np.ones((1,) * 20, np.float32)})),
        (
            r"product of constants of shapes \(2, 3\) and \(4, 2\)",
            single(
                "MatMul",
                X,
                {"a": np.ones((2, 3), np.float32), "b": np.ones((4, 2), np.float32)},
                order=["a", "b"],
            ),
        ),
        (
            "constants in exact arithmetic",
            single(
                "Range",
                X,
                {n: np.array(v, np.float32) for n, v in (("a", 0), ("b", 1), ("c", 2e-7))},
                order=["a", "b", "c"],
            ),
        ),
    ],
)
def test_empty_and_huge_tensors_are_refused(
    message: str, proto: onnx.ModelProto, tmp_path: Path
) -> None:
    with pytest.raises(LoadError, match=message):
        load(proto, tmp_path)


def test_a_table_of_operators_names_one_without_results(tmp_path: Path) -> None:
    proto = single("Relu", X)
    proto.graph.node.append(helper.make_node("Hardmax", ["x"], []))
    (tmp_path / "idle.onnx").write_bytes(proto.SerializeToString())
    assert [(row.op_type, row.is_supported) for row in explain_onnx(tmp_path / "idle.onnx")] == [
        ("Relu", True),
        ("Hardmax", False),
    ]


def test_names_that_are_no_text_are_refused_wherever_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "names.onnx"
    path.write_bytes(single("Relu", X).SerializeToString().replace(b"Relu", b"Re\xffu"))
    for read in (load_onnx, explain_onnx):
        with pytest.raises(LoadError, match="no UTF-8 text"):
            read(path)


@pytest.mark.filterwarnings("error")
def test_a_signalling_nan_is_refused_without_a_warning(tmp_path: Path) -> None:
    proto = single("Add", X, {"c": np.zeros(3, np.float32)})
    proto.graph.initializer[0].raw_data = b"\x01\0\x80\x7f" * 3
    with pytest.raises(LoadError, match="NaN"):
        load(proto, tmp_path)


@pytest.mark.parametrize("kind", ["Softmax", "LogSoftmax"])
@pytest.mark.parametrize("axis", [-1, -2, -3])
def test_negative_axes_of_softmax_before_opset_13_count_from_the_end(
    kind: str, axis: int, tmp_path: Path
) -> None:
    proto = single(kind, {"x": [2, 3, 2]}, opset=11, axis=axis)
    check_against_runtime(proto, tmp_path)


@pytest.mark.parametrize("kind", ["ReduceLogSum", "ReduceMean", "ReduceL2"])
def test_integers_are_not_reduced_as_if_they_were_reals(kind: str, tmp_path: Path) -> None:
    proto = single(kind, X, {"c": np.array([4, 3])}, order=["c"])
    proto.graph.output[0].type.tensor_type.elem_type = TensorProto.INT64
    with pytest.raises(LoadError, match="exact over the reals only"):
        load(proto, tmp_path)


@pytest.mark.parametrize("shift", [-(1 << 63), -3, 4, (1 << 63) - 1])
def test_diagonals_far_outside_a_matrix_are_read(shift: int, tmp_path: Path) -> None:
    proto = single("Trilu", X, {"k": np.array(shift)}, opset=14)
    found = evaluate(load(proto, tmp_path), np.ones((2, 3)))[0]
    assert (found == np.full((2, 3), float(shift < 0))).all()


def test_all_values_together_are_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limit, "VALUES_A_BYTE", 0)
    monkeypatch.setattr(limit, "FREE_VALUES", 10)
    with pytest.raises(LoadError, match="more than 10 values in all, the most for a file of this"):
        load(single("Relu", X), tmp_path)


VARIADIC = [op for op in ROWS if schema_of(op, 24).is_variadic]


def test_operators_of_any_number_of_inputs_are_known() -> None:
    assert VARIADIC == ["Concat", "Einsum", "Max", "Mean", "Min", "Sum"]


@pytest.mark.parametrize("op_type", VARIADIC)
@pytest.mark.parametrize("place", range(3))
def test_none_of_any_number_of_inputs_is_left_out(op_type: str, place: int, tmp_path: Path) -> None:
    proto = single(op_type, {"x": [2, 3], "z": [2, 3]})
    del proto.graph.node[0].input[:]
    proto.graph.node[0].input.extend(["x", "z"])
    proto.graph.node[0].input.insert(place, "")
    with pytest.raises(LoadError, match=rf"\({op_type}\): the input {place + 1} is missing"):
        load(proto, tmp_path)


@pytest.mark.parametrize("op_type", [op for op in ROWS if op not in VARIADIC])
def test_optional_inputs_that_are_left_out_are_read_or_refused(
    op_type: str, tmp_path: Path
) -> None:
    """All optional inputs but one are left out, in turn; whatever is wrong is said in words."""
    least, most = schema_of(op_type, 24).inputs
    inputs = {f"x{i}": [2, 3] for i in range(most)}
    for kept in range(least, most):
        proto = single(op_type, inputs)
        del proto.graph.node[0].input[:]
        names = [f"x{i}" if i < least or i == kept else "" for i in range(kept + 1)]
        proto.graph.node[0].input.extend(names)
        with contextlib.suppress(LoadError):
            load(proto, tmp_path)
