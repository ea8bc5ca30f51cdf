"""Every operator against onnxruntime, on random data and many shapes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import helper

from tests.load.models import check_against_runtime, model, single
from verifai.kernel.network import Affine, Input, Product, Pwl, Square
from verifai.load.onnx.operators import ROWS

RANDOM = np.random.default_rng(7)


def real(*shape: int) -> Any:
    return RANDOM.normal(size=shape).astype(np.float32)


def ints(*values: int) -> Any:
    return np.array(values, dtype=np.int64)


def positive(*shape: int) -> Any:
    return (np.abs(real(*shape)) + 0.1).astype(np.float32)


X = {"x": [2, 3]}
PLANE, LINE, CUBE = {"x": [1, 4, 7, 6]}, {"x": [1, 3, 9]}, {"x": [1, 2, 4, 5, 3]}
BATCH = {"x": [3, 4, 7, 6]}
TWO = {"x": [2, 3], "z": [2, 3]}
SMOOTH = (
    *("Cos", "Cosh", "Erf", "Exp", "Log", "Reciprocal", "Sigmoid", "Sin", "Sinh", "Softplus"),
    *("Softsign", "Sqrt", "Tan", "Tanh"),
)
POSITIVE = frozenset({"Log", "Sqrt", "ReduceLogSum"})  # operators undefined elsewhere

CONV_TRANSPOSED: list[Any] = [
    single("ConvTranspose", LINE, {"w": real(3, 2, 4), "b": real(2)}, strides=[3]),
    single("ConvTranspose", PLANE, {"w": real(4, 3, 3, 2)}, pads=[1, 0, 2, 1], dilations=[2, 1]),
    single(
        "ConvTranspose",
        BATCH,
        {"w": real(4, 3, 3, 3), "b": real(6)},
        group=2,
        strides=[2, 3],
        pads=[1, 1, 1, 1],
        output_padding=[1, 2],
    ),
    single("ConvTranspose", PLANE, {"w": real(4, 1, 1, 1)}, pads=[1, 1, 1, 1]),
    single("ConvTranspose", CUBE, {"w": real(2, 2, 2, 3, 2)}, strides=[2, 1, 2]),
    *(
        single("ConvTranspose", PLANE, {"w": real(4, 2, 3, 4)}, auto_pad=mode, strides=[2, 3])
        for mode in ("SAME_UPPER", "SAME_LOWER", "VALID")
    ),
    single("ConvTranspose", PLANE, {"w": real(4, 2, 3, 3)}, strides=[2, 2], output_shape=[14, 12]),
]

CASES: list[Any] = [
    single("Add", X, {"c": real(3)}),
    single("Add", X, {"c": real(4, 1, 3)}),
    single("Add", {"x": [2, 1], "z": [3]}),
    single("Sub", X, {"c": real(2, 1)}),
    single("Sub", X, {"c": real(2, 3)}, order=["c", "x"]),
    single("Sub", {"x": [1, 3], "z": [2, 1]}),
    single("Mul", X, {"c": real(3)}, order=["c", "x"]),
    single("Mul", TWO),
    single("Mul", X, order=["x", "x"]),
    single("Mul", {"x": [2, 1], "z": [1, 3]}),
    single("Div", X, {"c": positive(2, 3)}),
    single("Div", X, {"c": np.float32(255)}),
    single("Neg", X),
    single("Sum", {**TWO, "w": [3]}),
    single("Mean", {**TWO, "w": [3]}),
    single("Div", TWO, opset=14),
    single("Div", {"z": [2, 1]}, {"c": real(3)}, order=["c", "z"]),
    *(single("Pow", X, {"c": np.float32(n)}) for n in (0, 1, 2, 3, 4, 7, -1, -3)),
    single("Pow", X, {"c": np.array([[2], [5]], np.float32)}),
    single("Pow", {"x": [3]}, {"c": np.array([[2], [-1]], np.float32)}),
    *(single("Pow", X, {"c": np.float32(n)}) for n in (0.5, -0.5)),
    *(single(kind, X) for kind in SMOOTH),
    single("Elu", X, alpha=0.3),
    single("Elu", X, alpha=-0.5),
    single("Selu", X),
    single("Selu", X, alpha=0.7, gamma=1.9),
    single("Celu", X),
    single("Celu", X, alpha=0.3),
    single("Celu", X, alpha=-0.7),
    *(single("Gelu", X, opset=20, approximate=mode) for mode in ("none", "tanh")),
    single("HardSigmoid", X),
    single("HardSigmoid", X, alpha=0.6, beta=0.3),
    single("HardSwish", X, opset=14),
    single("Mish", X, opset=18),
    single("Swish", X, opset=24, alpha=0.8),
    single("Shrink", X, lambd=0.4, bias=0.2),
    single("ThresholdedRelu", X, alpha=0.3),
    single("ThresholdedRelu", X, alpha=-0.3),
    *(
        single(kind, {"x": shape}, opset=opset, **axis)
        for kind in ("Softmax", "LogSoftmax")
        for shape, opset, axis in (
            ([2, 3, 4], 11, {}),
            ([2, 3, 4], 11, {"axis": 2}),
            ([2, 3, 4], 13, {}),
            ([2, 3, 4], 13, {"axis": 1}),
            ([3, 2], 13, {}),
            ([3, 1], 13, {}),
        )
    ),
    single("LayerNormalization", CUBE, {"s": real(3), "b": real(3)}, opset=17),
    single(
        "LayerNormalization",
        {"x": [2, 3, 4]},
        {"s": real(3, 4)},
        opset=17,
        axis=1,
        epsilon=0.01,
        outputs=("y", "mean", "inverse"),
    ),
    single("RMSNormalization", {"x": [2, 3, 4]}, {"s": real(4)}, opset=23),
    single("InstanceNormalization", BATCH, {"s": real(4), "b": real(4)}, epsilon=0.1),
    single("GroupNormalization", BATCH, {"s": real(4), "b": real(4)}, opset=21, num_groups=2),
    *(single("LpNormalization", {"x": [2, 3, 4]}, p=p, axis=1) for p in (1, 2)),
    *(single(kind, X) for kind in ("Relu", "Abs", "Sign", "Identity")),
    single("LeakyRelu", X),
    single("LeakyRelu", X, alpha=-0.3),
    single("PRelu", X, {"c": real(3)}),
    single("PRelu", {**X, "z": [3]}),
    single("PRelu", {"x": [1, 4, 3, 2]}, {"c": real(4, 1, 1)}),
    single("Clip", X, {"a": np.float32(-0.5), "b": np.float32(0.7)}),
    single("Clip", X, {"a": np.float32(0.2)}),
    single("Clip", X, {"b": np.float32(0.2)}, order=["x", "", "b"]),
    single("Clip", X, opset=7, min=-0.25),
    single("Max", TWO),
    single("Max", {**TWO, "w": [3]}, {"c": real(2, 1), "d": real(3)}),
    single("Min", {**TWO, "w": [3]}),
    single("Min", {"x": [2, 1]}, {"c": real(3)}),
    single("Gemm", X, {"b": real(3, 4), "c": real(4)}),
    single("Gemm", X, {"b": real(4, 2), "c": real(3, 1)}, transA=1, transB=1, alpha=0.5, beta=0.1),
    single("Gemm", X, {"a": real(4, 2), "c": real(1)}, order=["a", "x", "c"], alpha=0.3),
    single("Gemm", {**X, "z": [3, 4], "w": [4]}, alpha=0.3, beta=0.7),
    single("Gemm", X, {"b": real(3, 4)}),
    single("MatMul", X, {"b": real(3, 4)}),
    single("MatMul", {"x": [2, 5, 3]}, {"b": real(3, 4)}),
    single("MatMul", {"x": [2, 5, 3]}, {"b": real(2, 3, 4)}),
    single("MatMul", {"x": [5, 3]}, {"b": real(2, 3, 4)}),
    single("MatMul", {"x": [2, 1, 5, 3]}, {"b": real(4, 3, 2)}),
    single("MatMul", X, {"a": real(4, 2)}, order=["a", "x"]),
    single("MatMul", {"x": [2, 5, 3]}, {"a": real(4, 5)}, order=["a", "x"]),
    single("MatMul", {"x": [2, 5, 3]}, {"a": real(2, 4, 5)}, order=["a", "x"]),
    single("MatMul", {"x": [3]}, {"b": real(3, 4)}),
    single("MatMul", {"x": [3]}, {"b": real(3)}),
    single("MatMul", X, {"b": real(3)}),
    single("MatMul", {"x": [2, 4, 3], "z": [2, 3, 5]}),
    single("Einsum", {"x": [2, 3, 4], "z": [2, 5, 4]}, equation="bij,bkj->bik"),
    single("Einsum", {"x": [2, 3, 4]}, {"w": real(4, 5)}, equation="bij,jk->kbi"),
    single("Einsum", {"x": [2, 3, 4]}, {"w": real(2, 4, 3)}, equation="...ij,...ji->..."),
    single("Einsum", {"x": [3, 3, 2]}, equation="iij->j"),
    single("Einsum", {"x": [2, 3], "z": [4]}, equation="ij,k"),
    *CONV_TRANSPOSED,
    single("Conv", LINE, {"w": real(4, 3, 3), "b": real(4)}, strides=[2], pads=[1, 2]),
    single("Conv", PLANE, {"w": real(5, 4, 3, 2)}, dilations=[2, 1], pads=[1, 0, 2, 1]),
    single("Conv", PLANE, {"w": real(6, 2, 3, 3), "b": real(6)}, group=2, strides=[2, 1]),
    single("Conv", PLANE, {"w": real(4, 1, 2, 2)}, group=4),
    single("Conv", CUBE, {"w": real(3, 2, 2, 3, 1)}, strides=[2, 1, 1], pads=[1, 0, 0, 1, 2, 0]),
    single("Conv", BATCH, {"w": real(5, 4, 3, 3), "b": real(5)}, pads=[1, 1, 1, 1], strides=[2, 2]),
    *(
        single("Conv", PLANE, {"w": real(2, 4, 3, 2)}, auto_pad=mode, strides=[2, 3])
        for mode in ("SAME_UPPER", "SAME_LOWER", "VALID")
    ),
    single(
        "BatchNormalization",
        PLANE,
        {"s": real(4), "b": real(4), "m": real(4), "v": positive(4)},
    ),
    single(
        "BatchNormalization",
        X,
        {"s": real(3), "b": real(3), "m": np.zeros(3, np.float32), "v": positive(3)},
        opset=15,
        epsilon=0.01,
    ),
    single("MaxPool", PLANE, kernel_shape=[2, 2], strides=[2, 2]),
    single("MaxPool", PLANE, kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
    single("MaxPool", PLANE, kernel_shape=[3, 2], strides=[2, 3], ceil_mode=1),
    single("MaxPool", PLANE, kernel_shape=[2, 2], dilations=[2, 3], pads=[1, 0, 0, 1]),
    single("MaxPool", BATCH, kernel_shape=[3, 2], auto_pad="SAME_LOWER", strides=[2, 2]),
    single("MaxPool", LINE, kernel_shape=[5], strides=[2]),
    single("MaxPool", CUBE, kernel_shape=[2, 2, 2], strides=[1, 2, 1]),
    *(
        single("AveragePool", shape, kernel_shape=[3, 2], pads=[1, 1, 0, 1], **extra)
        for shape in (PLANE, BATCH)
        for extra in ({}, {"count_include_pad": 1}, {"strides": [2, 2]})
    ),
    single("AveragePool", PLANE, kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1, opset=19),
    single("AveragePool", PLANE, kernel_shape=[2, 2], dilations=[2, 2], opset=19),
    single("AveragePool", PLANE, kernel_shape=[3, 3], auto_pad="SAME_UPPER", strides=[2, 2]),
    *(
        single(kind, shape)
        for kind in ("GlobalAveragePool", "GlobalMaxPool")
        for shape in (BATCH, LINE)
    ),
    *(
        single(f"Reduce{kind}", {"x": [2, 3, 4]}, axes=[0, -1], keepdims=keep, opset=11)
        for kind in ("Sum", "Mean", "Max", "Min", "Prod", "L1", "L2", "SumSquare", "LogSumExp")
        for keep in (0, 1)
    ),
    single("ReduceLogSum", {"x": [2, 3, 4]}, axes=[1], opset=11),
    single("ReduceSum", {"x": [2, 3, 4]}, {"a": ints(1)}, keepdims=0),
    single("ReduceMean", {"x": [2, 3, 4]}, {"a": ints(1, 2)}, opset=18),
    single("ReduceMean", {"x": [2, 3, 4]}, opset=18, noop_with_empty_axes=1),
    *(single("Flatten", {"x": [2, 3, 4]}, axis=axis) for axis in (0, 1, 3, -1)),
    single("Reshape", {"x": [2, 3, 4]}, {"s": ints(0, -1)}),
    single("Reshape", {"x": [2, 3, 4]}, {"s": ints(4, 1, -1)}),
    single("Transpose", {"x": [2, 3, 4]}, perm=[2, 0, 1]),
    single("Transpose", {"x": [2, 3, 4]}),
    single("Squeeze", {"x": [1, 3, 1, 2]}, opset=11, axes=[2]),
    single("Squeeze", {"x": [1, 3, 1, 2]}, {"a": ints(-2, 0)}),
    single("Squeeze", {"x": [1, 3, 1, 2]}),
    single("Unsqueeze", X, opset=11, axes=[0, 2]),
    single("Unsqueeze", X, {"a": ints(-1, 1)}),
    single("Concat", TWO, axis=1),
    single("Concat", X, {"c": real(1, 3)}, axis=0),
    single("Concat", X, {"c": np.zeros((1, 3), np.float32)}, axis=-2, order=["c", "x", "x"]),
    single("Slice", {"x": [5, 6]}, {"s": ints(1, -5), "e": ints(-1, 9), "a": ints(0, 1)}),
    single("Slice", {"x": [5, 6]}, opset=9, starts=[1, 0], ends=[3, 1000], axes=[1, 0]),
    single(
        "Slice",
        {"x": [5, 6]},
        {"s": ints(-1, 4), "e": ints(-(1 << 62), 0), "a": ints(0, 1), "t": ints(-2, -3)},
    ),
    single("Gather", {"x": [4, 3]}, {"i": ints(2, -1, 0)}, axis=0),
    single("Gather", {"x": [4, 3]}, {"i": np.array([[0, 2], [1, -3]])}, axis=1),
    single("GatherElements", {"x": [4, 3]}, {"i": np.array([[0, 2], [1, -3]])}, axis=1),
    single("GatherND", {"x": [4, 3, 2]}, {"i": np.array([[0, 2], [1, -3]])}),
    single("GatherND", {"x": [2, 3, 2]}, {"i": np.array([[2], [-3]])}, batch_dims=1),
    *(
        single("Trilu", {"x": [2, 4, 3]}, {"k": np.int64(k)}, upper=u, opset=14)
        for k in (-1, 1)
        for u in (0, 1)
    ),
    *(
        single("CumSum", {"x": [3, 4]}, {"a": np.int64(a)}, exclusive=e, reverse=r)
        for a, e, r in ((0, 0, 0), (1, 1, 0), (-1, 0, 1), (1, 1, 1))
    ),
    single("Split", {"x": [2, 6]}, axis=1, outputs=("y", "u", "v")),
    single("Split", {"x": [2, 6]}, {"s": ints(1, 5)}, axis=-1, outputs=("y", "u")),
    single("Split", {"x": [2, 6]}, opset=11, axis=1, split=[4, 2], outputs=("y", "u")),
    single("Split", {"x": [7]}, opset=18, num_outputs=3, outputs=("y", "u", "v")),
    single("Pad", X, {"p": ints(1, 0, 2, 1)}),
    single("Pad", X, {"p": ints(1, 0, 2, 1), "v": np.float32(0.7)}),
    single("Pad", X, {"p": ints(-1, 0, 2, -1), "v": np.float32(0.7)}),
    single("Pad", {"x": [3, 4]}, {"p": ints(2, 0, 1, 3)}, mode="reflect"),
    single("Pad", {"x": [3, 4]}, {"p": ints(2, 0, 1, 5)}, mode="edge"),
    single("Pad", X, opset=10, pads=[0, 1, 1, 0], value=-1.5),
    single("Pad", X, {"p": ints(1, 2), "v": np.float32(0.1), "a": ints(1)}, opset=18),
    single("Expand", {"x": [3, 1]}, {"s": ints(2, 1, 4)}),
    single("Tile", X, {"r": ints(2, 3)}),
    single("Dropout", X, opset=11, ratio=0.3),
    single("Dropout", X, {"r": np.float32(0.3), "t": np.array(False)}),
    single("Where", TWO, {"c": np.array([True, False, True])}, order=["c", "x", "z"]),
    single("Where", X, {"c": np.array([[True], [False]]), "d": real(3)}, order=["c", "d", "x"]),
    single("Cast", X, to=1),
    single("CastLike", X, {"c": real(1)}, opset=15),
    single("DepthToSpace", {"x": [1, 8, 2, 3]}, blocksize=2),
    single("DepthToSpace", {"x": [1, 8, 2, 3]}, blocksize=2, mode="CRD"),
    single("SpaceToDepth", {"x": [1, 2, 4, 6]}, blocksize=2),
]


@pytest.mark.parametrize(
    "proto", CASES, ids=[f"{i}-{c.graph.node[0].op_type}" for i, c in enumerate(CASES)]
)
def test_operator_agrees_with_onnxruntime(proto: Any, tmp_path: Path) -> None:
    node = proto.graph.node[0]
    is_root = node.op_type == "Pow" and proto.graph.initializer[0].dims == []
    check_against_runtime(proto, tmp_path, positive=is_root or node.op_type in POSITIVE)


def test_every_operator_that_reads_an_activation_has_a_case() -> None:
    tried = {case.graph.node[0].op_type for case in CASES}
    constants_only = {
        *(
            "And",
            "Ceil",
            "Round",
            "Constant",
            "ConstantOfShape",
            "Equal",
            "Floor",
            "Greater",
            "Less",
        ),
        *("GreaterOrEqual", "LessOrEqual", "Mod", "Not", "Or", "Range", "Shape"),
        *("Size", "Xor"),
    }
    assert set(ROWS) - constants_only == tried


def test_shape_arithmetic_is_folded(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Gather", ["s", "zero"], ["n"]),
        helper.make_node("Gather", ["s", "two"], ["h"]),
        helper.make_node("Cast", ["h"], ["f"], to=1),
        helper.make_node("Mul", ["f", "third"], ["g"]),
        helper.make_node("Floor", ["g"], ["k"]),
        helper.make_node("Cast", ["k"], ["i"], to=7),
        helper.make_node("Div", ["h", "minus"], ["d"]),
        helper.make_node("Unsqueeze", ["n", "axis"], ["n1"]),
        helper.make_node("Unsqueeze", ["i", "axis"], ["i1"]),
        helper.make_node("Unsqueeze", ["d", "axis"], ["d1"]),
        helper.make_node("Sub", ["zero1", "d1"], ["e1"]),
        helper.make_node("Concat", ["n1", "i1", "e1", "rest"], ["shape"], axis=0),
        helper.make_node("Reshape", ["x", "shape"], ["y"]),
    ]
    weights = {
        "zero": np.int64(0),
        "two": np.int64(2),
        "third": np.float32(0.4),
        "minus": np.int64(-3),
        "axis": ints(0),
        "zero1": ints(0),
        "rest": ints(-1),
    }
    network = check_against_runtime(model(nodes, {"x": [1, 4, 7, 6]}, weights), tmp_path)
    assert network.nodes[-1].shape == (1, 2, 2, 42)


def kinds(network: Any) -> list[type]:
    return [type(node) for node in network.nodes]


def test_layers_become_one_affine_node_each(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Flatten", ["x"], ["f"]),
        helper.make_node("MatMul", ["f", "w"], ["m"]),
        helper.make_node("Reshape", ["m", "s"], ["r"]),
        helper.make_node("Add", ["r", "b"], ["a"]),
        helper.make_node("Relu", ["a"], ["h"]),
        helper.make_node("Gemm", ["h", "v", "c"], ["y"], transB=1),
        helper.make_node("Relu", ["m"], ["dead"]),
    ]
    weights = {"w": real(6, 4), "s": ints(1, 4), "b": real(4), "v": real(2, 4), "c": real(2)}
    network = check_against_runtime(model(nodes, {"x": [1, 2, 3]}, weights), tmp_path)
    assert kinds(network) == [Input, Affine, Pwl, Affine]
    assert [node.name for node in network.nodes] == ["x", "a", "h", "y"]


def test_a_bias_is_not_attached_to_a_product_that_others_read(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["m"]),
        helper.make_node("Add", ["m", "b"], ["a"]),
        helper.make_node("Add", ["a", "m"], ["y"]),
    ]
    proto = model(nodes, X, {"w": real(3, 4), "b": real(4)})
    assert kinds(check_against_runtime(proto, tmp_path)) == [Input, Affine, Affine, Affine]


def test_a_second_bias_does_not_replace_the_first(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Gemm", ["x", "w", "b"], ["g"]),
        helper.make_node("Add", ["g", "c"], ["a"]),
        helper.make_node("Sub", ["a", "d"], ["y"]),
    ]
    weights = {"w": real(3, 4), "b": real(4), "c": real(4), "d": real(4)}
    network = check_against_runtime(model(nodes, X, weights), tmp_path)
    assert kinds(network) == [Input, Affine, Affine, Affine]


def test_a_lone_unknown_batch_length_is_one(tmp_path: Path) -> None:
    proto = single("Gemm", {"x": ["batch", 3]}, {"w": real(3, 4)})
    network = check_against_runtime(proto, tmp_path)
    assert [node.shape for node in network.nodes] == [(1, 3), (1, 4)]


def test_names_stay_apart(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Max", ["x", "z"], ["y"]),
        helper.make_node("Relu", ["y"], ["y/2"]),
        helper.make_node("Neg", ["y/2"], ["y/3"]),
    ]
    network = check_against_runtime(model(nodes, TWO, outputs=("y/3", "y")), tmp_path)
    names = [node.name for node in network.nodes]
    assert len(set(names)) == len(names)
    assert [names[i] for i in network.outputs] == ["y/3", "y"]


def test_transposes_around_a_layer_cost_one_node_at_most(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"]),
        helper.make_node("Transpose", ["c"], ["t"], perm=[0, 2, 3, 1]),
        helper.make_node("Add", ["t", "b"], ["a"]),
        helper.make_node("Relu", ["a"], ["r"]),
        helper.make_node("Transpose", ["r"], ["y"], perm=[0, 3, 1, 2]),
    ]
    proto = model(nodes, {"x": [1, 2, 4, 4]}, {"w": real(3, 2, 2, 2), "b": real(3)})
    assert kinds(check_against_runtime(proto, tmp_path)) == [Input, Affine, Pwl]


def test_products_and_squares_are_told_apart(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Mul", ["x", "x"], ["s"]),
        helper.make_node("Transpose", ["x"], ["t"]),
        helper.make_node("Mul", ["x", "t"], ["p"]),
        helper.make_node("Add", ["s", "p"], ["y"]),
    ]
    network = check_against_runtime(model(nodes, {"x": [3, 3]}), tmp_path)
    assert sorted(k.__name__ for k in kinds(network) if k in (Square, Product)) == [
        "Product",
        "Square",
    ]


def test_outputs_keep_their_names_and_order(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Relu", ["x"], ["r"]),
        helper.make_node("Reshape", ["r", "s"], ["y"]),
        helper.make_node("Transpose", ["r"], ["u"]),
        helper.make_node("Identity", ["x"], ["v"]),
        helper.make_node("Identity", ["k"], ["w"]),
    ]
    weights = {"s": ints(6), "k": real(2)}
    outputs = ("r", "v", "y", "u", "w", "x")
    network = check_against_runtime(model(nodes, X, weights, outputs=outputs[:5]), tmp_path)
    assert [network.nodes[i].name for i in network.outputs] == list(outputs[:5])
    assert [network.nodes[i].shape for i in network.outputs] == [(2, 3), (2, 3), (6,), (3, 2), (2,)]


def test_rounding_goes_to_even(tmp_path: Path) -> None:
    nodes = [helper.make_node("Round", ["c"], ["r"]), helper.make_node("Add", ["x", "r"], ["y"])]
    halves = np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.4, -0.6], np.float32)
    network = check_against_runtime(model(nodes, {"x": [8]}, {"c": halves}), tmp_path)
    assert network.nodes[-1].bias.tolist() == [-2, -2, 0, 0, 2, 2, 0, -1]
