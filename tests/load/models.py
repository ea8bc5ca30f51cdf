"""Small ONNX models for the loader's tests, and what onnxruntime makes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from tests.load.evaluate import evaluate
from verifai.kernel.network import Network
from verifai.load.onnx.read import load_onnx

Array = npt.NDArray[Any]
Weights = dict[str, Array]


def model(
    nodes: list[onnx.NodeProto],
    shapes: dict[str, list[Any]],
    weights: Weights | None = None,
    *,
    opset: int = 13,
    outputs: tuple[str, ...] = ("y",),
) -> onnx.ModelProto:
    """A model of these nodes; inputs by name and shape, weights in their own types."""
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in shapes.items()],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in outputs],
        [numpy_helper.from_array(np.asarray(a), n) for n, a in (weights or {}).items()],
    )
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def single(
    op_type: str,
    shapes: dict[str, list[Any]],
    weights: Weights | None = None,
    *,
    opset: int = 13,
    order: list[str] | None = None,
    outputs: tuple[str, ...] = ("y",),
    **attributes: Any,
) -> onnx.ModelProto:
    """A model of one operator; its inputs in `order`, else the inputs and then the weights."""
    names = [*shapes, *(weights or {})] if order is None else order
    node = helper.make_node(op_type, names, list(outputs), **attributes)
    return model([node], shapes, weights, opset=opset, outputs=outputs)


def load(proto: onnx.ModelProto, folder: Path) -> Network:
    path = folder / "model.onnx"
    path.write_bytes(proto.SerializeToString())
    return load_onnx(path)


def runtime(proto: bytes, inputs: dict[str, Array]) -> list[Array]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(proto, options, providers=["CPUExecutionProvider"])
    return [np.asarray(a) for a in session.run(None, inputs)]


def check_against_runtime(
    proto: onnx.ModelProto, folder: Path, *, seed: int = 0, positive: bool = False
) -> Network:
    """The loaded network, after it agreed with onnxruntime at three random points."""
    network = load(proto, folder)
    random = np.random.default_rng(seed)
    for _ in range(3):
        inputs = {
            entry.name: random.normal(
                size=[max(axis.dim_value, 1) for axis in entry.type.tensor_type.shape.dim]
            ).astype(np.float32)
            for entry in proto.graph.input
        }
        if positive:
            inputs = {name: np.abs(x) + np.float32(0.1) for name, x in inputs.items()}
        expected = runtime(proto.SerializeToString(), inputs)
        results = evaluate(network, *inputs.values())
        for result, output in zip(results, expected, strict=True):
            assert result.shape == output.shape
            np.testing.assert_allclose(result, output, rtol=1e-4, atol=1e-5)
    return network
