"""An ONNX graph written node by node, so that equal weights give equal bytes.

One input `x`, one output `y`, float32, a fixed opset. Batch normalisation, pooling and softmax stay
the operators they are: nothing is folded on the way to the file.

May import: numpy, onnx, verifai.files. Must not know: which network is written, torch.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from verifai.files import write_atomically

OPSET = 17
IR_VERSION = 8  # the oldest that opset 17 belongs to, so old runtimes read the files


class OnnxWriter:
    """A graph that grows by one node at a time; a value is known by its name.

    Attributes:
        shape: the input's shape, the batch axis of 1 included.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def constant(self, name: str, array: Any) -> str:
        """A stored tensor; its name. Integers stay integers, everything else becomes float32."""
        kept = np.asarray(array)
        if kept.dtype.kind != "i":
            kept = kept.astype(np.float32)
        self._constants.append(numpy_helper.from_array(kept, name))
        return name

    def node(self, kind: str, result: str, *sources: str, **attributes: Any) -> str:
        """A node with one result; the result's name."""
        self._nodes.append(helper.make_node(kind, sources, [result], **attributes))
        return result

    def dense(self, number: int, source: str, weight: Any, bias: Any, result: str = "") -> str:
        """W x + b, stored as W<number> and b<number>; weight is (outputs, inputs)."""
        names = self.constant(f"W{number}", weight), self.constant(f"b{number}", bias)
        return self.node("Gemm", result or f"dense{number}", source, *names, transB=1)

    def model(self, title: str, outputs: int) -> onnx.ModelProto:
        """The finished model, checked by onnx's own checker; its result `y` is (1, outputs)."""
        ends = ("x", list(self.shape)), ("y", [1, outputs])
        values = [helper.make_tensor_value_info(v, TensorProto.FLOAT, n) for v, n in ends]
        graph = helper.make_graph(self._nodes, title, values[:1], values[1:], self._constants)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="verifai"
        )
        model.ir_version = IR_VERSION
        onnx.checker.check_model(model, full_check=True)
        return model

    def save(self, path: Path, outputs: int) -> None:
        """Write the model to a file, its folder made if need be."""
        write(self.model(path.stem, outputs), path)


def write(model: onnx.ModelProto, path: Path) -> None:
    """The model's bytes, the same for equal models."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, model.SerializeToString(deterministic=True))
