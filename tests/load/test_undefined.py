"""What is undefined at an input stays so: no lowering and no pass forgets a logarithm it reads.

Results that do not depend on the value of log x (times zero, less itself, softmax of one entry) are
NaN in a runtime where x is negative. The network has no value there either.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from flint import fmpq
from onnx import helper

from tests.load.models import model
from verifai.kernel.errors import InputError
from verifai.kernel.replay import evaluate
from verifai.load.onnx.read import load_onnx

ZERO = {"z": np.zeros((1, 1), np.float32)}
X: dict[str, list[Any]] = {"x": [1, 2]}
SPREAD = np.array([[1, 0], [0, 0], [0, 0], [0, 1]], np.float32)
DROP = np.array([[0, 0], [1, 1]], np.float32)


def op(op_type: str, *names: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(op_type, names[:-1], names[-1:], **attributes)


CASES: dict[str, tuple[list[onnx.NodeProto], dict[str, Any]]] = {
    "times zero": ([op("Mul", "l", "z", "m")], ZERO),
    "less itself": ([op("Sub", "l", "l", "m")], {}),
    "zero matrix": ([op("MatMul", "l", "w", "m")], {"w": np.zeros((2, 2), np.float32)}),
    "relu of zero": ([op("Mul", "l", "z", "r"), op("Relu", "r", "m")], ZERO),
    "sign of zero": ([op("Mul", "l", "z", "r"), op("Sign", "r", "m")], ZERO),
    "softmax of one": ([op("Softmax", "l", "m", axis=0)], {}),
    "its logarithm": ([op("LogSoftmax", "l", "m", axis=0)], {}),
    "softmax of one row": (
        [
            op("Transpose", "l", "t", perm=[1, 0]),
            op("Softmax", "t", "s"),
            op("Transpose", "s", "m", perm=[1, 0]),
        ],
        {},
    ),
    "norm of one": ([op("LpNormalization", "l", "m", axis=0, p=1)], {}),
    "greatest of one": ([op("Max", "l", "t"), op("Mul", "t", "z", "m")], ZERO),
    "less the greatest": ([op("ReduceMax", "l", "t", keepdims=1), op("Sub", "t", "t", "m")], {}),
    "no weight": (
        [
            op("Concat", "l", "x", "c", axis=1),
            op("MatMul", "c", "w", "p"),
            op("Relu", "p", "r"),
            op("MatMul", "r", "v", "m"),
        ],
        {"w": SPREAD, "v": DROP},
    ),
}


@pytest.mark.parametrize("shrink", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_a_result_that_reads_an_undefined_value_has_none(
    case: str, shrink: bool, tmp_path: Path
) -> None:
    nodes, weights = CASES[case]
    nodes = [op("Log", "x", "l"), *nodes, op("Add", "m", "x", "y")]
    onnx.save(model(nodes, X, weights), tmp_path / "net.onnx")
    network = load_onnx(tmp_path / "net.onnx", shrink=shrink)
    assert evaluate(network, [fmpq(2), fmpq(2)])
    with pytest.raises(InputError, match=r"log of .* may be undefined"):
        evaluate(network, [fmpq(-1), fmpq(2)])
