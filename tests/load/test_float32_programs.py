"""Ten thousand float32 programs, each with its own order of adding, stay within proved bounds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

import verifai as vf
from tests.load.float32_programs import Program
from tests.load.models import model, runtime
from verifai.kernel.number import exact
from verifai.load.float32.network import load_float32

SEED = 20240607
POINTS, ORDERS = 20, 100  # for each of the models: ten thousand programs in all


def node(kind: str, inputs: str, output: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(kind, inputs.split(), [output], **attributes)


def dense(random: np.random.Generator) -> onnx.ModelProto:
    """Biases that nearly cancel the sums they are added to."""

    def numbers(*shape: int) -> Any:
        return random.normal(size=shape).astype(np.float32)

    nodes = [
        node("MatMul", "x a", "1"),
        node("Add", "1 b", "2"),
        node("LeakyRelu", "2", "3", alpha=0.1),
        node("Gemm", "3 c d", "4", transB=1),
        node("Relu", "4", "5"),
        node("Sub", "5 5s", "6"),
        node("Div", "6 s", "7"),
        node("MatMul", "7 e", "8"),
        node("Add", "8 x", "y"),
    ]
    weights = {"a": numbers(6, 9) + 3, "b": numbers(9) - 18, "c": numbers(8, 9), "d": numbers(8)}
    weights |= {"5s": numbers(8), "s": np.abs(numbers(8)) + np.float32(0.5), "e": numbers(8, 6)}
    return model(nodes, {"x": [1, 6]}, weights)


def convolutional(random: np.random.Generator) -> onnx.ModelProto:
    """Normalizations that may be folded into weights, and a residual that may be added first."""

    def numbers(*shape: int) -> Any:
        return random.normal(size=shape).astype(np.float32)

    nodes = [
        node("Conv", "x a b", "1", pads=[1, 1, 1, 1]),
        node("BatchNormalization", "1 s o m v", "2"),
        node("Relu", "2", "3"),
        node("Conv", "3 c", "4", pads=[1, 1, 1, 1]),
        node("BatchNormalization", "4 s2 o m2 v", "5"),
        node("Add", "5 3", "6"),
        node("Relu", "6", "7"),
        node("AveragePool", "7", "8", kernel_shape=[2, 2], strides=[2, 2]),
        node("Flatten", "8", "9"),
        node("Gemm", "9 d e", "y"),
    ]
    weights = {"a": numbers(3, 2, 3, 3), "b": numbers(3), "c": numbers(3, 3, 3, 3)}
    weights |= {"s": numbers(3), "o": numbers(3), "m": numbers(3), "v": np.abs(numbers(3))}
    weights |= {"s2": numbers(3) * 4, "m2": numbers(3) * 50}
    weights |= {"d": numbers(12, 2), "e": numbers(2)}
    return model(nodes, {"x": [1, 2, 4, 4]}, weights)


def products(random: np.random.Generator) -> onnx.ModelProto:
    """Products of values, means, a maximum."""
    weights = {"a": random.normal(size=(1, 7)).astype(np.float32)}
    nodes = [
        node("Mul", "x a", "1"),
        node("Mul", "1 x", "2"),
        node("Add", "2 a", "3"),
        node("ReduceMean", "3", "4", axes=[1]),
        node("Max", "3 2", "5"),
        node("Mul", "5 5", "6"),
        node("Concat", "6 4 3", "7", axis=1),
        node("ReduceMean", "7", "y", axes=[1]),
    ]
    return model(nodes, {"x": [1, 7]}, weights)


def tiny(random: np.random.Generator) -> onnx.ModelProto:
    """Numbers whose products leave the range of normal numbers, or are lost."""
    weights = {
        "a": (random.normal(size=(5, 4)) * 2.0**-70).astype(np.float32),
        "b": (random.normal(size=(4, 4)) * 2.0**-60).astype(np.float32),
        "c": np.full(4, 2.0**30, dtype=np.float32),
    }
    nodes = [
        node("MatMul", "x a", "1"),
        node("MatMul", "1 b", "2"),
        node("Mul", "2 c", "3"),
        node("Mul", "3 c", "4"),
        node("Mul", "4 c", "y"),
    ]
    return model(nodes, {"x": [1, 5]}, weights)


def alternating(random: np.random.Generator) -> onnx.ModelProto:
    """Long sums of both signs."""
    weights = {"a": (random.choice([-1, 1], (40, 3)) * random.uniform(1, 2, (40, 3)))}
    weights = {"a": weights["a"].astype(np.float32), "b": random.normal(size=3).astype(np.float32)}
    nodes = [node("MatMul", "x a", "1"), node("Add", "1 b", "y")]
    return model(nodes, {"x": [1, 40]}, weights)


MODELS = [dense, convolutional, products, tiny, alternating]


@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
def test_programs_stay_within_the_bounds(
    make: Callable[[np.random.Generator], onnx.ModelProto], tmp_path: Path
) -> None:
    random = np.random.default_rng(SEED)
    proto = make(random)
    (tmp_path / "model.onnx").write_bytes(proto.SerializeToString())
    network = load_float32(tmp_path / "model.onnx")
    shape, outside, differ, widest = network.nodes[0].shape, 0, 0, 0.0
    for point in range(POINTS):
        x = random.normal(size=shape).astype(np.float32)
        bounds = vf.bounds(network, [(float(v), float(v)) for v in x.ravel()])
        results = [
            Program(proto, point * ORDERS + order).run({"x": x})[0] for order in range(ORDERS)
        ]
        results.append(runtime(proto.SerializeToString(), {"x": x})[0])
        columns = (result.ravel().tolist() for result in results)
        for (low, high), *values in zip(bounds, *columns, strict=True):
            differ += len(set(values)) > 1
            outside += not all(low <= exact(v) <= high for v in values)
            widest = max(widest, (max(values) - min(values)) / float(high - low))
    assert not outside
    assert differ > POINTS / 2, "the programs hardly differ: the test could not fail"
    print(f"{make.__name__}: the programs spread over {widest:.3f} of the proved width")


def test_there_are_ten_thousand() -> None:
    assert len(MODELS) * POINTS * ORDERS == 10_000
