"""A plain ReLU network as a list of layers, written to ONNX or to the kernel's own graph.

The scripts of this folder build layers; this module turns them into the two forms. The ONNX file
is written node by node from the weights, so equal layers give equal bytes.

May import: onnx_writer, numpy, onnx, verifai.kernel. Must not know: which network it writes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx_writer import OnnxWriter, write

from verifai.graph.nodes import affine, relu
from verifai.kernel.network import Input, Network, Node
from verifai.kernel.operator import Dense


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """y = W x + b, followed by a ReLU in every layer but a network's last.

    Attributes:
        weight: (outputs, inputs), float32.
        bias: (outputs,), float32.
    """

    weight: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]

    @staticmethod
    def of(weight: Any, bias: Any) -> Layer:
        """The layer with exactly these numbers.

        Raises:
            ValueError: a number that float32 does not hold exactly, or shapes that do not fit.
        """
        wide = np.array(weight, dtype=np.float64), np.array(bias, dtype=np.float64)
        layer = Layer(wide[0].astype(np.float32), wide[1].astype(np.float32))
        if not all((a == b).all() for a, b in zip(wide, (layer.weight, layer.bias), strict=True)):
            raise ValueError("a weight or bias that float32 does not hold exactly")
        if layer.weight.ndim != 2 or layer.bias.shape != layer.weight.shape[:1]:
            raise ValueError(f"weight {layer.weight.shape} with bias {layer.bias.shape}")
        return layer


def to_network(layers: list[Layer], name: str = "x") -> Network:
    """The kernel's graph of the layers; its only input is called `name`, its output is last."""
    nodes: list[Node] = [Input(name, (1, layers[0].weight.shape[1]))]
    for number, layer in enumerate(layers, start=1):
        shape = (1, len(layer.bias))
        terms = ((len(nodes) - 1, Dense.of(layer.weight)),)
        nodes.append(affine(f"dense{number}", shape, terms, bias=layer.bias))
        if number < len(layers):
            nodes.append(relu(f"relu{number}", shape, len(nodes) - 1))
    return Network(tuple(nodes), (len(nodes) - 1,))


def to_onnx(layers: list[Layer], title: str) -> onnx.ModelProto:
    """The layers as an ONNX model of Gemm and Relu nodes, checked by onnx's own checker."""
    writer, current = OnnxWriter((1, layers[0].weight.shape[1])), "x"
    for number, layer in enumerate(layers, start=1):
        result = "y" if number == len(layers) else ""
        current = writer.dense(number, current, layer.weight, layer.bias, result)
        if not result:
            current = writer.node("Relu", f"relu{number}", current)
    return writer.model(title, len(layers[-1].bias))


def save(layers: list[Layer], path: Path) -> None:
    """Write the layers to an ONNX file, its folder made if need be."""
    write(to_onnx(layers, path.stem), path)
