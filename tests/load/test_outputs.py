"""Several outputs, the same view twice, inputs that are outputs: each output is what it says."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from tests.load.evaluate import evaluate
from tests.load.models import check_against_runtime, load, model
from verifai.kernel.network import Network

X: dict[str, list[Any]] = {"x": [2, 3]}
INDEX = {"i": np.array([2, 0, 0])}
PADS = {"p": np.array([0, 1, 0, 0])}
CUT = {"b": np.array([1]), "e": np.array([3]), "a": np.array([1])}


def node(op_type: str, *names: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(op_type, names[:-1], names[-1:], **attributes)


VIEWS: dict[str, tuple[list[onnx.NodeProto], dict[str, Any]]] = {
    "Pad": ([node("Pad", "r", "p", "v")], PADS),
    "Gather": ([node("Gather", "r", "i", "v", axis=1)], INDEX),
    "Slice": ([node("Slice", "r", "b", "e", "a", "v")], CUT),
    "Transpose": ([node("Transpose", "r", "v")], {}),
    "Identity": ([node("Identity", "r", "v")], {}),
    "Gather of Pad": ([node("Pad", "r", "p", "q"), node("Gather", "q", "i", "v", axis=1)], PADS),
    "Slice of Transpose": (
        [node("Transpose", "r", "t"), node("Slice", "t", "b", "e", "a", "v")],
        {**CUT, "e": np.array([2])},
    ),
}


@pytest.mark.parametrize("source", ["Relu", "Identity"])  # of a node, or of the input itself
@pytest.mark.parametrize("name", VIEWS)
def test_two_outputs_may_be_the_same_view(name: str, source: str, tmp_path: Path) -> None:
    nodes, weights = VIEWS[name]
    copies = [node("Identity", "v", "z"), node("Neg", "v", "n"), node("Identity", "n", "m")]
    weights = {**weights, **(INDEX if "Gather" in name else {})}
    proto = model(
        [node(source, "x", "r"), *nodes, *copies], X, weights, outputs=("v", "z", "r", "n", "m")
    )
    network = check_against_runtime(proto, tmp_path)
    assert [network.nodes[i].name for i in network.outputs] == ["v", "z", "r", "n", "m"]


@pytest.mark.parametrize("outputs", [("y", "x"), ("x",), ("x", "y", "x"), ("y", "y"), ("x", "t")])
def test_inputs_and_outputs_may_be_outputs_again(outputs: tuple[str, ...], tmp_path: Path) -> None:
    nodes = [node("Relu", "x", "y"), node("Transpose", "x", "t")]
    network = check_against_runtime(model(nodes, X, outputs=outputs), tmp_path)
    assert len(set(network.outputs)) == len(outputs)
    assert [network.nodes[i].name for i in network.inputs] == ["x"]


def test_a_constant_may_be_two_outputs(tmp_path: Path) -> None:
    nodes = [node("Identity", "c", "y"), node("Identity", "y", "z"), node("Relu", "x", "r")]
    weights = {"c": np.array([[1, 2]], np.float32)}
    check_against_runtime(model(nodes, X, weights, outputs=("y", "z", "r")), tmp_path)


def test_a_node_is_called_after_a_tensor_that_has_its_order(tmp_path: Path) -> None:
    nodes = [node("Transpose", "x", "t"), node("Relu", "t", "r"), node("Neg", "r", "y")]
    network = load(model(nodes, X), tmp_path)
    x = np.arange(6.0).reshape(2, 3)
    for each in network.nodes:
        if each.name in ("t", "r"):
            assert each.shape == (3, 2), f"{each.name} in the order of x"
    assert (evaluate(network, x)[0] == -x.T).all()


# ---- Torch ---------------------------------------------------------------------------------------

torch = pytest.importorskip("torch")


class Twice(torch.nn.Module):  # type: ignore[misc,name-defined]
    def __init__(self, function: Callable[[Any], Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Any) -> Any:
        return self.function(x)


def from_torch(function: Callable[[Any], Any], x: Any) -> Network:
    from verifai.load.torch.module import load_torch_module

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return load_torch_module(Twice(function).eval(), x)


def padded_twice(x: Any) -> Any:
    y = torch.nn.functional.pad(torch.relu(x), (1, 0))
    return y, y.clone(), y.reshape(-1)


def picked_twice(x: Any) -> Any:
    y = torch.relu(x)[:, [2, 0, 0]]
    return y, y * 1, y.clone()


def cut_twice(x: Any) -> Any:
    y = torch.relu(x).T[1:]
    return y.clone(), y.clone(), y[:, 1:]


def input_again(x: Any) -> Any:
    return torch.relu(x), x, x.T.clone(), x.T + 0


FUNCTIONS = [padded_twice, picked_twice, cut_twice, input_again]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_outputs_of_torch_may_be_the_same_view(function: Callable[[Any], Any]) -> None:
    generator = torch.Generator().manual_seed(1)
    network = from_torch(function, torch.zeros(2, 3))
    for _ in range(3):
        x = torch.randn(2, 3, generator=generator, dtype=torch.float64)
        found = evaluate(network, x.numpy())
        for result, expected in zip(found, function(x), strict=True):
            assert result.shape == tuple(expected.shape)
            assert (result == expected.numpy()).all()


# ---- Bounds of Clip that are written down --------------------------------------------------------

LARGEST = float(np.finfo(np.float32).max)


def as_doubles(proto: onnx.ModelProto) -> onnx.ModelProto:
    for entry in (*proto.graph.input, *proto.graph.output):
        entry.type.tensor_type.elem_type = TensorProto.DOUBLE
    return proto


@pytest.mark.parametrize("other", [None, -1.0])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_bound_is_a_bound_also_where_it_is_the_largest_float32(
    sign: int, other: float | None, tmp_path: Path
) -> None:
    bounds = {"far": np.float64(sign * LARGEST)}
    if other is not None:
        bounds["near"] = np.float64(sign * other)
    inside = ["near" if other is not None else "", "far"][::sign]
    proto = model([node("Clip", "x", *inside, "y")], {"x": [5]}, bounds)
    network = load(as_doubles(proto), tmp_path)
    x = np.array([-1e40, -0.1, 0.1, 2.0, 1e40])
    low, high = sorted([sign * LARGEST, -np.inf * sign if other is None else sign * other])
    (result,) = evaluate(network, x)
    np.testing.assert_allclose(result, np.clip(x, low, high), rtol=1e-12)
    np.testing.assert_allclose(result[1:3], np.clip(x, low, high)[1:3], rtol=0, atol=1e-15)


def test_a_bound_that_float32_values_exceed_over_the_reals_is_a_bound(tmp_path: Path) -> None:
    nodes = [
        node("Mul", "x", "k", "m"),
        node("Clip", "m", "", "b", "c"),
        node("Mul", "c", "s", "y"),
    ]
    numbers = {"k": np.float32(1e30), "b": np.float32(LARGEST), "s": np.float32(2.0**-100)}
    network = load(model(nodes, {"x": [1]}, numbers), tmp_path)
    (result,) = evaluate(network, np.array([1e20]))
    assert result[0] == pytest.approx(LARGEST * 2.0**-100)


@pytest.mark.parametrize("attributes", [{}, {"min": -LARGEST}, {"max": LARGEST}])
def test_bounds_left_out_before_opset_11_are_the_largest_float32(
    attributes: dict[str, float], tmp_path: Path
) -> None:
    proto = model([node("Clip", "x", "y", **attributes)], {"x": [4]}, opset=10)
    network = check_against_runtime(proto, tmp_path)
    (result,) = evaluate(network, np.array([-1e40, -0.1, 0.1, 1e40]))
    np.testing.assert_allclose(result, [-LARGEST, -0.1, 0.1, LARGEST], rtol=1e-12)


def test_clamping_in_torch_has_such_bounds(tmp_path: Path) -> None:
    network = from_torch(lambda x: torch.clamp(x, max=LARGEST), torch.zeros(3).double())
    (result,) = evaluate(network, np.array([-0.1, 0.1, 1e40]))
    np.testing.assert_allclose(result, [-0.1, 0.1, LARGEST], rtol=1e-12)
