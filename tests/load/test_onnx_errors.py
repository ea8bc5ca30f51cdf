"""Files that cannot be loaded: always a LoadError with a sentence that names the place."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from tests.load.models import load, model, single
from verifai.kernel.errors import InputError
from verifai.kernel.network import Network
from verifai.load.errors import LoadError
from verifai.load.onnx.explain import OperatorRow, explain_onnx
from verifai.load.onnx.read import load_onnx

X = {"x": [2, 3]}


def real(*shape: int) -> Any:
    return np.ones(shape, np.float32)


REFUSED: list[tuple[str, onnx.ModelProto]] = [
    (r"'y' \(Hardmax\): this operator is not supported", single("Hardmax", X)),
    ("an operator of the domain 'com.example'", single("Relu", X, domain="com.example")),
    ("opset 6", single("Relu", X, opset=6)),
    ("opset 99", single("Relu", X, opset=99)),
    (r"the tensor 'c' holds NaN", single("Add", X, {"c": np.float32(np.nan)})),
    (r"the tensor 'b' holds NaN or infinity", single("Gemm", X, {"b": real(3, 2) * np.inf})),
    (r"input 'x' has unknown lengths on axes \[0, 1\]", single("Relu", {"x": ["n", "m"]})),
    (r"input 'x' has unknown lengths on axes \[1\]", single("Relu", {"x": [2, "m"]})),
    ("reads 'ghost', which nothing", single("Add", X, order=["x", "ghost"])),
    ("the divisor 'c' holds zero", single("Div", X, {"c": np.float32(0)})),
    ("the sqrt of -1, an entry of 'c'", single("Sqrt", X, {"c": -real(2)}, order=["c"])),
    ("the log of 0", single("Log", X, {"c": np.float32(0)}, order=["c"])),
    ("the reciprocal of 0", single("Reciprocal", X, {"c": np.float32(0)}, order=["c"])),
    (
        "takes 134217728 products of values",
        single("MatMul", {"x": [512, 512], "z": [512, 512]}),
    ),
    ("alpha = 0", single("Celu", X, alpha=0.0)),
    ("lambd = -1.0", single("Shrink", X, lambd=-1.0)),
    ("approximate 'some'", single("Gelu", X, opset=20, approximate="some")),
    ("epsilon = -1.0", single("LayerNormalization", X, {"s": real(3)}, opset=17, epsilon=-1.0)),
    ("or bias that does not", single("LayerNormalization", X, {"s": real(2, 2, 3)}, opset=17)),
    (
        "a scale or bias of shape",
        single("InstanceNormalization", {"x": [1, 2, 2]}, {"s": real(1), "b": real(2)}),
    ),
    (
        "3 groups of a tensor",
        single(
            "GroupNormalization",
            {"x": [1, 4, 2]},
            {"s": real(3), "b": real(3)},
            opset=18,
            num_groups=3,
        ),
    ),
    ("p = 3", single("LpNormalization", X, p=3)),
    ("2 channels in 1 groups", single("ConvTranspose", {"x": [1, 3, 4]}, {"w": real(2, 1, 2)})),
    (
        r"lengths \(12,\) from one of lengths \(5,\)",
        single("ConvTranspose", {"x": [1, 1, 4]}, {"w": real(1, 1, 2)}, output_shape=[12]),
    ),
    ("the equation 'ij,ij,ij'", single("Einsum", X, order=["x"] * 3, equation="ij,ij,ij")),
    ("the term 'ijk'", single("Einsum", X, equation="ijk->i")),
    ("the equation 'ij->iz'", single("Einsum", X, equation="ij->iz")),
    ("lengths 2 and 3 of 'i'", single("Einsum", X, equation="ii")),
    (
        "minus infinity beside constants",
        model(
            [
                helper.make_node("Div", ["one", "three"], ["third"]),
                helper.make_node("Add", ["third", "none"], ["y"]),
            ],
            X,
            {"one": real(2), "three": 3 * real(2), "none": np.array([0, -np.inf], np.float32)},
        ),
    ),
    ("the input 2 has element type 1", single("GatherElements", X, {"i": real(2, 3)})),
    ("outside an axis of length 3", single("GatherElements", X, {"i": np.full((2, 1), 3)}, axis=1)),
    ("outside lengths", single("GatherND", X, {"i": np.array([[7]])})),
    ("a tensor of shape", single("Trilu", {"x": [3]}, opset=14)),
    ("not one axis", single("CumSum", X, {"a": np.array([0, 1])})),
    ("noop_with_empty_axes", single("ReduceL1", X, opset=18, noop_with_empty_axes=1)),
    (r"product of shapes \(2, 3\) and \(4, 2\)", single("MatMul", X, {"b": real(4, 2)})),
    ("do not broadcast", single("Add", X, {"c": real(4)})),
    (r"\(2, 3\) reshaped to \(4, 2\)", single("Reshape", X, {"s": np.array([4, 2])})),
    ("outside an axis of length 2", single("Gather", X, {"i": np.array([5])})),
    ("axis 7 of a tensor with 2 axes", single("Concat", X, axis=7)),
    (
        "output 2 is not supported",
        single("MaxPool", {"x": [1, 1, 4]}, kernel_shape=[2], outputs=("y", "i")),
    ),
    ("must be a constant", single("Conv", {"x": [1, 1, 4], "w": [1, 1, 2]})),
    ("1 channels in 1 groups", single("Conv", {"x": [1, 2, 4]}, {"w": real(1, 1, 2)})),
    ("a variance plus epsilon", single("BatchNormalization", X, {n: -real(3) for n in "sbmv"})),
    ("the exponent 0.25; supported are", single("Pow", X, {"e": np.float32(0.25)})),
    ("the exponent 65;", single("Pow", X, {"e": np.float32(65)})),
    ("must be a constant", single("Pow", X, order=["x", "x"])),
    ("mode 'mirror'", single("Pad", X, {"p": np.array([0, 0, 0, 0])}, mode="mirror")),
    ("at most", single("Expand", X, {"s": np.array([1 << 40, 2, 3])})),
    ("'y' is made twice", model([helper.make_node("Relu", ["x"], ["y"])] * 2, X)),
    ("the input 1 is missing", single("Relu", X, order=[""])),
    ("it has 2 inputs, not 1 to 1", single("Relu", X, order=["x", "x"])),
    ("opset 13 has no such operator", single("Mish", X)),
    ("different element types 1 and 11", single("Add", X, {"c": np.ones(3)})),
    ("the attribute 'to' is missing", single("Cast", X)),
    ("the attribute 'keepdims' is 3", single("ReduceSum", X, keepdims=3)),
    ("wrong type", single("LeakyRelu", X, alpha="steep")),
    (
        "the output 'y' is declared with element type 1, but has 9",
        single("Equal", {"x": [2]}, {"a": real(2), "b": real(2)}, order=["a", "b"]),
    ),
    ("the graph has no inputs: nothing is left to search", single("Neg", {}, {"c": real(2)})),
]


@pytest.mark.parametrize(("message", "proto"), REFUSED, ids=[str(i) for i in range(len(REFUSED))])
def test_what_is_refused_is_named(message: str, proto: onnx.ModelProto, tmp_path: Path) -> None:
    with pytest.raises(LoadError, match=message):
        load(proto, tmp_path)


def test_the_error_holds_node_and_operator(tmp_path: Path) -> None:
    node = helper.make_node("Hardmax", ["x"], ["y"], name="wave")
    with pytest.raises(LoadError) as caught:
        load(model([node], X), tmp_path)
    assert (caught.value.node, caught.value.op_type) == ("wave", "Hardmax")
    assert isinstance(caught.value, InputError)


@pytest.mark.parametrize(
    ("message", "change"),
    [
        ("no tensor of floats", {"elem_type": TensorProto.INT64}),
        ("no shape", {"shape": None}),
    ],
)
def test_strange_inputs_are_refused(message: str, change: Any, tmp_path: Path) -> None:
    proto = single("Relu", X)
    kind = proto.graph.input[0].type.tensor_type
    if "elem_type" in change:
        kind.elem_type = change["elem_type"]
    else:
        kind.ClearField("shape")
    with pytest.raises(LoadError, match=f"input 'x'.*{message}"):
        load(proto, tmp_path)


@pytest.mark.parametrize(
    ("message", "tensor"),
    [
        ("5 entries for shape", TensorProto(dims=[3], data_type=1, raw_data=bytes(20))),
        ("21 bytes, no multiple", TensorProto(dims=[5], data_type=1, raw_data=bytes(21))),
        ("element type 8", TensorProto(dims=[1], data_type=8, string_data=[b"a"])),
        (r"shape \(-1,\)", TensorProto(dims=[-1], data_type=1)),
        ("cannot hold", TensorProto(dims=[1], data_type=TensorProto.INT8, int32_data=[300])),
        ("segments", TensorProto(dims=[1], data_type=1, segment=TensorProto.Segment(begin=0))),
    ],
)
def test_broken_tensors_are_named(message: str, tensor: TensorProto, tmp_path: Path) -> None:
    node = helper.make_node("CastLike", ["c", "x"], ["y"])
    proto = model([node], X, {"c": real(3)}, opset=15)
    proto.graph.initializer[0].CopyFrom(tensor)
    proto.graph.initializer[0].name = "c"
    with pytest.raises(LoadError, match=f"tensor 'c'.*{message}"):
        load(proto, tmp_path)


def test_names_that_are_given_twice_are_refused(tmp_path: Path) -> None:
    proto = single("Add", X, {"c": real(3)})
    proto.graph.initializer.append(proto.graph.initializer[0])
    with pytest.raises(LoadError, match="two initializers"):
        load(proto, tmp_path)
    proto = single("LeakyRelu", X, alpha=0.5)
    proto.graph.node[0].attribute.append(proto.graph.node[0].attribute[0])
    with pytest.raises(LoadError, match=r"'y' \(LeakyRelu\): two attributes"):
        load(proto, tmp_path)


def test_a_model_that_redefines_an_operator_is_refused(tmp_path: Path) -> None:
    proto = single("Relu", X)
    neg = helper.make_node("Neg", ["a"], ["b"])
    opsets = [helper.make_opsetid("", 13)]
    proto.functions.append(helper.make_function("", "Relu", ["a"], ["b"], [neg], opsets))
    with pytest.raises(LoadError, match="redefines standard operators"):
        load(proto, tmp_path)


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="no file"):
        load_onnx(tmp_path / "missing.onnx")
    with pytest.raises(LoadError, match="is a folder"):
        load_onnx(tmp_path)
    for name, content in {"a.pt": b"PK\x03\x04" + bytes(30), "b.pkl": b"\x80\x02}q\x00."}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(LoadError, match=rf"{name}.*file of torch.*verifai\.load\(module"):
            load_onnx(tmp_path / name)
    contents = {
        "text.onnx": b"This is no protobuf message.",
        "empty.onnx": b"",
        "text.onnx.gz": b"no gzip either",
        "cut.onnx.gz": gzip.compress(single("Relu", X).SerializeToString())[:-12],
    }
    for name, content in contents.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(LoadError, match=name):
            load_onnx(path)


def small() -> bytes:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("MaxPool", ["c"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("Gemm", ["f", "v", "b"], ["y"]),
    ]
    weights = {"w": real(2, 1, 3, 3), "v": real(8, 2), "b": real(2)}
    return model(nodes, {"x": [1, 1, 4, 4]}, weights).SerializeToString()


def test_damaged_files_never_end_in_another_error(tmp_path: Path) -> None:
    good, random = small(), np.random.default_rng(11)
    path, sentences, loaded = tmp_path / "damaged.onnx", [], 0
    for attempt in range(600):
        data = bytearray(good)
        for place in random.integers(len(data), size=random.integers(1, 4)):
            data[place] = random.integers(256)
        cut = random.integers(1, len(data)) if attempt % 5 == 0 else len(data)
        path.write_bytes(bytes(data[:cut]))
        try:
            loaded += isinstance(load_onnx(path), Network)
        except LoadError as error:
            sentences.append(str(error))
    assert loaded > 50 and len(sentences) > 50
    assert all(sentences)


def test_explain_lists_every_operator_of_an_unsupported_file(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Relu", ["x"], ["r"]),
        helper.make_node("Hardmax", ["r"], ["s"], name="wave"),
        helper.make_node("Relu", ["s"], ["t"]),
        helper.make_node("Pow", ["t", "e"], ["y"], name="power"),
    ]
    path = tmp_path / "net.onnx"
    path.write_bytes(model(nodes, X, {"e": np.float32(0.25)}).SerializeToString())
    reason = "node 'wave': this operator is not supported"
    assert explain_onnx(path) == [
        OperatorRow("Relu", 2, True),
        OperatorRow("Hardmax", 1, False, reason),
        OperatorRow("Pow", 1, True),
    ]
    path.write_bytes(model(nodes[3:], {"t": [2]}, {"e": np.float32(0.25)}).SerializeToString())
    (row,) = explain_onnx(path)
    assert not row.is_supported and "'power'" in row.reason and "exponent" in row.reason
    path.write_bytes(single("Relu", {"x": ["n", "m"]}).SerializeToString())
    assert [row.is_supported for row in explain_onnx(path)] == [True, False]
