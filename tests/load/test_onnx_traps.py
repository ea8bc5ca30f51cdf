"""What loaders of ONNX files get wrong, one test each, and that nothing is rounded silently."""

from __future__ import annotations

import subprocess
import sys
from math import isqrt
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from flint import arb, ctx, fmpq
from onnx import TensorProto, helper

import verifai as vf
from tests.load.evaluate import evaluate
from tests.load.models import check_against_runtime, load, model, single
from verifai.kernel.network import Affine, Input, Pwl, Smooth
from verifai.kernel.number import exact
from verifai.load.errors import LoadError
from verifai.load.onnx.read import load_onnx

X = {"x": [2, 3]}


def last(network: Any, kind: type) -> Any:
    return [node for node in network.nodes if isinstance(node, kind)][-1]


def test_float32_attributes_are_not_decimals(tmp_path: Path) -> None:
    for proto in (single("LeakyRelu", X), single("LeakyRelu", X, alpha=0.01)):
        slope = last(load(proto, tmp_path), Pwl).slopes[0, 0]
        assert slope == float(np.float32(0.01)) != 0.01


def test_softmax_before_opset_13_flattens(tmp_path: Path) -> None:
    for opset, rows in ((11, 2), (13, 6)):
        proto = single("Softmax", {"x": [2, 3, 4]}, opset=opset)
        network = check_against_runtime(proto, tmp_path)
        (result,) = evaluate(network, np.zeros(24))
        np.testing.assert_allclose(result, rows / 24)


@pytest.mark.parametrize("op_type", ["Softmax", "LogSoftmax"])
def test_negative_axes_of_softmax_before_opset_13_count_from_the_back(
    op_type: str, tmp_path: Path
) -> None:
    for axis in (-1, -2, -3):
        check_against_runtime(single(op_type, {"x": [2, 3, 4]}, opset=11, axis=axis), tmp_path)
    with pytest.raises(LoadError, match="axis 3 of a tensor with 3 axes"):
        load(single(op_type, {"x": [2, 3, 4]}, opset=11, axis=3), tmp_path)


@pytest.mark.parametrize("op_type", ["Softmax", "LogSoftmax", "ReduceLogSumExp"])
@pytest.mark.parametrize("n", [1, 2, 3, 7])
def test_softmax_is_defined_everywhere(op_type: str, n: int, tmp_path: Path) -> None:
    attributes = {"axes": [1]} if op_type == "ReduceLogSumExp" else {}
    network = check_against_runtime(single(op_type, {"x": [1, n]}, **attributes), tmp_path)
    x = np.array([0.0, 200, 300, -1e6, 1e6, 0.5, 1e6])[:n]
    (result,) = evaluate(network, x)
    shares = np.exp(x - x.max()) / np.exp(x - x.max()).sum()
    total = x.max() + np.log(np.exp(x - x.max()).sum())
    right = {"Softmax": shares, "LogSoftmax": x - total, "ReduceLogSumExp": total}[op_type]
    np.testing.assert_allclose(result.ravel(), right, atol=1e-30)
    wide = [(-(10**6), 10**6)] * n
    for low, high in vf.bounds(network, wide):
        most = 2 if op_type == "Softmax" else 10**7
        assert -(10**7) <= low <= high <= most


@pytest.mark.parametrize("op_type", ["Softmax", "LogSoftmax"])
def test_softmax_of_n_entries_takes_a_multiple_of_n_values(op_type: str, tmp_path: Path) -> None:
    sizes = [sum(load(single(op_type, {"x": [1, n]}), tmp_path).sizes) / n for n in (64, 256, 1024)]
    assert max(sizes) < 15
    assert sizes[0] == pytest.approx(sizes[2], rel=0.1)


def test_a_row_of_which_one_entry_is_seen_gets_all_of_it(tmp_path: Path) -> None:
    none = np.float32(-np.inf)
    mask = np.array([[0, none, none], [0, none, 0], [none, 0, none]], dtype=np.float32)
    for rows in (mask, mask[:1], mask[1:2]):
        nodes = [
            helper.make_node("Add", ["x", "m"], ["s"]),
            helper.make_node("Softmax", ["s"], ["y"]),
        ]
        proto = model(nodes, {"x": [2, len(rows), 3]}, {"m": rows})
        network = check_against_runtime(proto, tmp_path)
        (result,) = evaluate(network, np.zeros(6 * len(rows)))
        share = np.where(rows == 0, 1 / (rows == 0).sum(axis=1, keepdims=True), 0)
        np.testing.assert_allclose(result, [share] * 2)


@pytest.mark.parametrize("op_type", ["Add", "Where"])
def test_what_a_mask_hides_gets_no_share(op_type: str, tmp_path: Path) -> None:
    lower = np.tri(3, dtype=bool)
    zero_or_none = np.where(lower, 0, -np.inf).astype(np.float32)
    weights = {"m": zero_or_none if op_type == "Add" else lower, "none": np.float32(-np.inf)}
    inputs = ["x", "m"] if op_type == "Add" else ["m", "x", "none"]
    nodes = [helper.make_node(op_type, inputs, ["s"]), helper.make_node("Softmax", ["s"], ["y"])]
    proto = model(nodes, {"x": [2, 3, 3]}, weights)
    network = check_against_runtime(proto, tmp_path)
    (result,) = evaluate(network, np.zeros(18))
    np.testing.assert_allclose(result[1], [[1, 0, 0], [1 / 2, 1 / 2, 0], [1 / 3] * 3])
    nodes[1].op_type = "Relu"
    with pytest.raises(LoadError, match=r"Relu.*minus infinity, which only Softmax reads"):
        load(model(nodes, {"x": [2, 3, 3]}, weights), tmp_path)
    nodes[1].op_type = "LogSoftmax"
    with pytest.raises(LoadError, match=r"LogSoftmax.*logarithm of zero"):
        load(model(nodes, {"x": [2, 3, 3]}, weights), tmp_path)
    with pytest.raises(LoadError, match="output 's' holds minus infinity"):
        load(model(nodes[:1], {"x": [2, 3, 3]}, weights, outputs=("s",)), tmp_path)
    hidden = {**weights, "m": np.full((3, 3), -np.inf if op_type == "Add" else False)}
    nodes[1].op_type = "Softmax"
    hidden["m"] = hidden["m"].astype(weights["m"].dtype)
    with pytest.raises(LoadError, match="nothing but minus infinity"):
        load(model(nodes, {"x": [2, 3, 3]}, hidden), tmp_path)


def test_exponentials_never_overflow(tmp_path: Path) -> None:
    for kind in ("Elu", "Selu", "Celu", "Softplus", "Mish"):
        opset = 18 if kind == "Mish" else 13
        network = check_against_runtime(single(kind, X, opset=opset), tmp_path)
        (result,) = evaluate(network, np.full(6, 1e30))
        assert np.isfinite(result).all()


def test_gelu_encloses_its_constants(tmp_path: Path) -> None:
    for mode, square in (("none", fmpq(1, 2)), ("tanh", None)):
        network = load(single("Gelu", X, opset=20, approximate=mode), tmp_path)
        (node,) = (n for n in network.nodes if isinstance(n, Affine) and n.radius is not None)
        scale, radius = exact(node.terms[0][1].scale[0]), exact(node.radius[0])
        with ctx.workprec(300):
            true = (arb(square) if square is not None else 2 / arb.pi()).sqrt()
            assert abs(true - arb(scale)) <= arb(radius * scale)
        assert 0 < radius < fmpq(1, 1 << 52)


def test_gelu_takes_its_cubic_coefficient_as_a_decimal(tmp_path: Path) -> None:
    network = load(single("Gelu", X, opset=20, approximate="tanh"), tmp_path)
    (node,) = (n for n in network.nodes if isinstance(n, Affine) and n.divisor is not None)
    cubic = exact(node.terms[1][1].scale[0]) / exact(node.divisor[0])
    assert cubic == fmpq(44715, 1000000) and node.radius is None


def test_epsilon_is_the_float32_it_is(tmp_path: Path) -> None:
    proto = single("LayerNormalization", X, {"s": np.ones(3, np.float32)}, opset=17)
    network = load(proto, tmp_path)
    (node,) = (n for n in network.nodes if isinstance(n, Affine) and n.bias.any())
    assert node.bias[0] == np.float32(1e-5)
    assert node.divisor is None


def test_constants_under_smooth_functions_are_folded_or_nodes(tmp_path: Path) -> None:
    def nodes(function: str) -> list[Any]:
        inner = helper.make_node(function, ["c"], ["s"])
        return [inner, helper.make_node("Mul", ["x", "s"], ["y"])]

    for function, number, image in (("Sqrt", 2.25, 1.5), ("Exp", 0, 1), ("Reciprocal", 4, 0.25)):
        proto = model(nodes(function), X, {"c": np.float32(number)})
        network = check_against_runtime(proto, tmp_path)
        assert [type(n) for n in network.nodes] == [Input, Affine]
        assert (network.nodes[1].terms[0][1].scale == image).all()
    for function in ("Sqrt", "Exp", "Tanh"):
        network = check_against_runtime(model(nodes(function), X, {"c": np.float32(2)}), tmp_path)
        assert [n.function for n in network.nodes if isinstance(n, Smooth)] == [function.lower()]


def test_thresholded_relu_is_zero_at_its_threshold(tmp_path: Path) -> None:
    network = load(single("ThresholdedRelu", {"x": [3]}, alpha=2.0), tmp_path)
    assert evaluate(network, np.array([1.9, 2.0, 2.25]))[0].tolist() == [0, 0, 2.25]


def test_gemm_scales_its_constants_exactly(tmp_path: Path) -> None:
    b, c, third = np.float32(1.1), np.float32(0.3), float(np.float32(1 / 3))
    weights = {"b": np.full((3, 1), b), "c": np.array([c])}
    network = load(single("Gemm", X, weights, alpha=third, beta=0.1), tmp_path)
    node = last(network, Affine)
    weight = node.terms[0][1].weight
    assert exact(weight[0, 0]) == exact(third) * exact(float(b))
    assert exact(node.bias[0]) == exact(float(np.float32(0.1))) * exact(float(c))
    assert node.radius is None


def of_type(proto: onnx.ModelProto, element: int) -> onnx.ModelProto:
    """The model with inputs and outputs of another element type."""
    for entry in (*proto.graph.input, *proto.graph.output):
        entry.type.tensor_type.elem_type = element
    return proto


def test_constants_that_are_no_doubles_get_a_radius(tmp_path: Path) -> None:
    weight = np.full((3, 1), 1 + 2.0**-52)
    proto = single("Gemm", X, {"b": weight}, alpha=float(np.float32(1.1)))
    network = load(of_type(proto, TensorProto.DOUBLE), tmp_path)
    node = last(network, Affine)
    true = exact(float(np.float32(1.1))) * exact(1 + 2.0**-52)
    stored = exact(node.terms[0][1].weight[0, 0])
    assert true != stored
    assert abs(true - stored) <= exact(node.radius[0]) * abs(stored)


def test_division_by_a_constant_is_exact(tmp_path: Path) -> None:
    divisors = np.array([3, 0.1, -7], dtype=np.float32)
    node = last(load(single("Div", X, {"c": divisors}), tmp_path), Affine)
    assert node.radius is None
    scale = node.terms[0][1].scale
    for place, divisor in enumerate(divisors.tolist()):
        stored = exact(scale[place]) / exact(node.divisor[place])
        assert stored == 1 / exact(divisor)


def test_averages_are_exact(tmp_path: Path) -> None:
    node = last(load(single("ReduceMean", X, opset=13, axes=[1]), tmp_path), Affine)
    assert node.divisor.tolist() == [3, 3]
    assert node.radius is None
    assert (node.terms[0][1].weight == 1).all()


def test_folded_constants_do_not_round(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Div", ["one", "three"], ["third"]),
        helper.make_node("Add", ["third", "third"], ["two"]),
        helper.make_node("Mul", ["two", "three"], ["c"]),
        helper.make_node("Sub", ["x", "c"], ["y"]),
    ]
    weights = {"one": np.float32(1), "three": np.float32(3)}
    node = last(load(model(nodes, X, weights), tmp_path), Affine)
    assert (node.bias == -2).all() and node.radius is None and node.divisor is None


def test_batch_normalization_encloses_its_root(tmp_path: Path) -> None:
    variance, scale = np.array([0.3, 2.0, 4.0], np.float32), np.array([1.5, -0.7, 2], np.float32)
    zero = np.zeros(3, np.float32)
    weights = {"s": scale, "b": zero, "m": zero + 1, "v": variance}
    network = load(single("BatchNormalization", X, weights, epsilon=1e-5), tmp_path)
    first, node = network.nodes[1], network.nodes[2]
    assert isinstance(first, Affine) and isinstance(node, Affine)
    assert (first.bias == -1).all() and first.radius is None
    assert node.radius is not None
    for place in range(6):
        value = exact(float(variance[place % 3])) + exact(float(np.float32(1e-5)))
        ratio = exact(float(scale[place % 3])) ** 2 / value
        digits = 10**60
        root = fmpq(isqrt(int(ratio.p) * digits**2 // int(ratio.q)), digits)
        stored = abs(exact(node.terms[0][1].scale[place]))
        error = exact(node.radius[place]) * stored
        assert stored - error <= root and root + fmpq(1, digits) <= stored + error
        assert node.radius[place] < 2.0**-52
    assert np.sign(node.terms[0][1].scale).tolist() == [1, -1, 1] * 2


def test_batch_normalization_with_a_rational_root_is_exact(tmp_path: Path) -> None:
    names = ("s", "b", "m", "v")
    numbers = (3.0, 0.5, 0.0, 4.0)
    weights = {n: np.full(3, v, np.float32) for n, v in zip(names, numbers, strict=True)}
    node = last(load(single("BatchNormalization", X, weights, epsilon=0.0), tmp_path), Affine)
    assert node.radius is None
    assert (node.terms[0][1].scale == 1.5).all()


@pytest.mark.parametrize(
    "weights",
    [{}, {"a": np.float32(-np.inf), "b": np.float32(np.inf)}],
)
def test_clip_without_bounds_is_the_identity(weights: Any, tmp_path: Path) -> None:
    network = check_against_runtime(single("Clip", X, weights), tmp_path)
    assert not any(isinstance(node, Pwl) for node in network.nodes)


def test_clip_with_a_bound_that_is_not_a_number_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match=r"Clip.*'min' is nan, not a number"):
        load(single("Clip", X, {"a": np.float32(np.nan)}), tmp_path)


def test_clip_with_crossed_bounds_is_the_upper_bound(tmp_path: Path) -> None:
    proto = single("Clip", X, {"a": np.float32(2), "b": np.float32(-1)})
    network = check_against_runtime(proto, tmp_path)
    assert (evaluate(network, np.linspace(-5, 5, 6))[0] == -1).all()


def test_average_pool_counts_padding_only_if_told(tmp_path: Path) -> None:
    for include, corner in ((0, 1.0), (1, 0.25)):
        proto = single(
            "AveragePool",
            {"x": [1, 1, 3, 3]},
            kernel_shape=[2, 2],
            pads=[1, 1, 0, 0],
            count_include_pad=include,
        )
        network = check_against_runtime(proto, tmp_path)
        assert evaluate(network, np.ones(9))[0][0, 0, 0, 0] == corner


def test_average_pool_does_not_count_what_ceil_mode_adds(tmp_path: Path) -> None:
    proto = single(
        "AveragePool",
        {"x": [1, 1, 4]},
        kernel_shape=[3],
        strides=[2],
        pads=[0, 0],
        ceil_mode=1,
        count_include_pad=1,
        opset=19,
    )
    assert evaluate(load(proto, tmp_path), np.ones(4))[0].tolist() == [[[1.0, 1.0]]]


def test_max_pool_pads_with_nothing_rather_than_zero(tmp_path: Path) -> None:
    proto = single("MaxPool", {"x": [1, 1, 3]}, kernel_shape=[3], pads=[1, 1])
    network = check_against_runtime(proto, tmp_path)
    assert evaluate(network, np.array([-3.0, -2.0, -5.0]))[0].tolist() == [[[-2.0, -2.0, -2.0]]]


@pytest.mark.parametrize(
    ("op_type", "opset", "outputs", "weights", "attributes"),
    [
        ("BatchNormalization", 15, 3, 4, {"training_mode": 1}),
        ("BatchNormalization", 9, 5, 4, {}),
        ("Dropout", 13, 1, 0, {}),
    ],
)
def test_training_mode_is_refused(
    op_type: str, opset: int, outputs: int, weights: int, attributes: Any, tmp_path: Path
) -> None:
    data: Any = {f"w{i}": np.ones(3, np.float32) for i in range(weights)}
    if op_type == "Dropout":
        data = {"r": np.float32(0.5), "t": np.array(True)}
    names = ("y", "o1", "o2", "o3", "o4")[:outputs]
    proto = single(op_type, X, data, opset=opset, outputs=names, **attributes)
    with pytest.raises(LoadError, match=f"{op_type}.*training mode"):
        load(proto, tmp_path)


def test_cast_to_integers_truncates(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Cast", ["c"], ["i"], to=TensorProto.INT64),
        helper.make_node("Cast", ["i"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["x", "f"], ["y"]),
    ]
    network = check_against_runtime(
        model(nodes, X, {"c": np.array([-1.7, 1.7, 0.5], np.float32)}), tmp_path
    )
    assert last(network, Affine).bias.tolist() == [-1, 1, 0] * 2


def test_cast_like_rounds_constants_to_the_type_it_is_shown(tmp_path: Path) -> None:
    for dtype in (np.float16, np.float32, np.float64):
        nodes = [
            helper.make_node("CastLike", ["c", "like"], ["d"]),
            helper.make_node("Cast", ["d"], ["f"], to=TensorProto.FLOAT),
            helper.make_node("Add", ["x", "f"], ["y"]),
        ]
        weights = {"c": np.float64(0.1), "like": np.ones(1, dtype)}
        network = check_against_runtime(model(nodes, X, weights, opset=15), tmp_path)
        stored = np.float32(dtype(0.1))
        assert (last(network, Affine).bias == float(stored)).all()


def test_a_cast_of_values_to_a_narrower_type_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="depend on the input cast to element type 10"):
        load(single("Cast", X, to=TensorProto.FLOAT16), tmp_path)
    with pytest.raises(LoadError, match="depend on the input cast to element type 10"):
        load(single("CastLike", X, {"c": np.float16([1])}, opset=15), tmp_path)


def test_cast_of_values_to_integers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="depend on the input cast"):
        load(single("Cast", X, to=TensorProto.INT32), tmp_path)


def test_integer_division_truncates_towards_zero(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Div", ["a", "b"], ["i"]),
        helper.make_node("Mod", ["a", "b"], ["m"]),
        helper.make_node("Concat", ["i", "m"], ["k"], axis=0),
        helper.make_node("Cast", ["k"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["x", "f"], ["y"]),
    ]
    weights = {"a": np.array([-7, 7, -7, 7]), "b": np.array([2, 2, -2, -2])}
    network = check_against_runtime(model(nodes, {"x": [8]}, weights), tmp_path)
    assert last(network, Affine).bias.tolist() == [-3, 3, 3, -3, 1, 1, -1, -1]


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.float32])
@pytest.mark.parametrize("raw", [True, False])
def test_weights_of_every_width_are_exact(dtype: Any, raw: bool, tmp_path: Path) -> None:
    number = dtype(0.1)
    proto = single("Add", X, {"c": np.array([number])})
    of_type(proto, proto.graph.initializer[0].data_type)
    if not raw:
        kind = proto.graph.initializer[0].data_type
        bits = [number.view(np.uint16)] if dtype is np.float16 else [number]
        tensor = helper.make_tensor("c", kind, [1], [number])
        assert tensor.int32_data == bits or dtype is not np.float16
        proto.graph.initializer[0].CopyFrom(tensor)
    assert (last(load(proto, tmp_path), Affine).bias == float(number)).all()


def test_bfloat16_weights_are_exact(tmp_path: Path) -> None:
    proto = of_type(single("Add", X, {"c": np.float32(0)}), TensorProto.BFLOAT16)
    tensor = onnx.TensorProto(name="c", data_type=TensorProto.BFLOAT16, dims=[1])
    tensor.raw_data = (0x3DCD).to_bytes(2, "little")
    proto.graph.initializer[0].CopyFrom(tensor)
    assert (last(load(proto, tmp_path), Affine).bias == 205 / 2048).all()


def with_external(folder: Path, location: str) -> onnx.ModelProto:
    proto = single("Add", X, {"c": np.zeros(3, np.float32)})
    tensor = proto.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "4"), ("length", "12")):
        tensor.external_data.add(key=key, value=value)
    return proto


def test_external_data_lie_below_the_model(tmp_path: Path) -> None:
    folder = tmp_path / "inside"
    folder.mkdir()
    data = np.array([9, 1.5, -2, 3], np.float32).tobytes()
    (folder / "data.bin").write_bytes(data)
    (tmp_path / "data.bin").write_bytes(data)
    (folder / "link.bin").symlink_to(tmp_path / "data.bin")
    network = load(with_external(folder, "data.bin"), folder)
    assert last(network, Affine).bias.tolist() == [1.5, -2, 3] * 2
    for place in ("../data.bin", str(tmp_path / "data.bin"), str(folder / "data.bin"), "link.bin"):
        with pytest.raises(LoadError, match="outside the model's folder"):
            load(with_external(folder, place), folder)
    with pytest.raises(LoadError, match="which is no file"):
        load(with_external(folder, "none.bin"), folder)
    for name in ("a" * 300, "a\0b"):  # what no file can be called
        with pytest.raises(LoadError, match="the external data of tensor 'c' cannot be read"):
            load(with_external(folder, name), folder)
    (folder / "data.bin").write_bytes(data[:8])
    with pytest.raises(LoadError, match="4 of 12 bytes"):
        load(with_external(folder, "data.bin"), folder)


def test_control_flow_is_refused_by_name(tmp_path: Path) -> None:
    branch = helper.make_graph([], "branch", [], [])
    node = helper.make_node("If", ["c"], ["y"], name="choice", then_branch=branch)
    with pytest.raises(LoadError, match=r"'choice' \(If\): control flow"):
        load(model([node], X, {"c": np.array(True)}), tmp_path)


def test_initializers_among_the_inputs_are_constants(tmp_path: Path) -> None:
    proto = single("Add", X, {"c": np.ones(3, np.float32)}, opset=7)
    proto.graph.input.append(helper.make_tensor_value_info("c", TensorProto.FLOAT, [3]))
    network = load(proto, tmp_path)
    assert [network.nodes[i].name for i in network.inputs] == ["x"]


def test_an_attribute_that_nobody_understands_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match=r"Relu.*'leak' is not understood"):
        load(single("Relu", X, leak=0.5), tmp_path)


def test_a_file_is_found_without_its_gz(tmp_path: Path) -> None:
    import gzip

    data = gzip.compress(single("Relu", X).SerializeToString())
    (tmp_path / "net.onnx.gz").write_bytes(data)
    for name in ("net.onnx.gz", "net.onnx"):
        assert len(load_onnx(tmp_path / name).nodes) == 2


def test_loading_imports_neither_the_onnx_package_nor_its_runtime(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(single("Relu", X).SerializeToString())
    program = (
        "import sys; from verifai.load.onnx.read import load_onnx; load_onnx(sys.argv[1]);"
        "print([m for m in ('onnx', 'onnxruntime', 'torch', 'scipy') if m in sys.modules]);"
        "import onnx; onnx.load(sys.argv[1]); load_onnx(sys.argv[1])"
    )
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", program, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "[]"


def test_bounds_beyond_float32_hold_of_double_networks(tmp_path: Path) -> None:
    node = helper.make_node("Clip", ["x", "low"], ["y"])
    proto = model([node], {"x": [1, 1]}, {"low": np.float64(-1e39)})
    for entry in (*proto.graph.input, *proto.graph.output):
        entry.type.tensor_type.elem_type = TensorProto.DOUBLE
    network = load(proto, tmp_path)
    assert evaluate(network, np.array([-1e40]))[0].item() == pytest.approx(-1e39, rel=1e-12)


def test_powers_of_integers_that_truncate_are_refused(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Pow", ["i", "half"], ["p"]),
        helper.make_node("Cast", ["p"], ["c"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["x", "c"], ["y"]),
    ]
    weights = {"i": np.int64(3), "half": np.float32(0.5)}
    with pytest.raises(LoadError, match="a power of the integers 'i' that truncates"):
        load(model(nodes, {"x": [1, 3]}, weights), tmp_path)
