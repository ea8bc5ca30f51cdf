"""An operator is a function and a row: the walk of docs/extending.md, and what a row costs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import verifai as vf
from tests.load.evaluate import evaluate
from tests.load.models import load, model, single
from verifai.kernel.network import Network, Pwl
from verifai.load.float32.network import load_float32
from verifai.load.lower import pieces
from verifai.load.onnx import operators as onnx_operators
from verifai.load.onnx import schema
from verifai.load.torch import operators as torch_operators

ROOT = Path(__file__).parents[2]
POINTS = np.array([-1.5, -1.0, -0.25, 0.0, 0.5, 1.0, 3.0])
HEAVY = (
    *("lower.conv", "lower.normalize", "lower.pool", "lower.reduce", "lower.smooth"),
    *("lower.softmax", "lower.window", "onnx.einsum", "onnx.fold", "torch"),
)


def blocks() -> list[str]:
    """The walk's pieces of code: the function, a row for ONNX, a row for torch."""
    text = (ROOT / "docs" / "extending.md").read_text("utf-8")
    (walk,) = re.findall(
        r"^## A piecewise-linear operator\n(.*?)^## ", text, re.DOTALL | re.MULTILINE
    )
    found = re.findall(r"```python\n(.*?)```", walk, re.DOTALL)
    return [re.sub("^   ", "", block, flags=re.MULTILINE) for block in found]


@pytest.fixture
def tent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package with the walk's function and rows in it."""
    function, for_onnx, for_torch = blocks()
    made: dict[str, Any] = {}
    exec(function, vars(pieces), made)
    monkeypatch.setattr(pieces, "tent", made["tent"], raising=False)
    (row,) = eval(for_onnx, vars(onnx_operators))
    monkeypatch.setitem(onnx_operators.ROWS, row.name, row)
    monkeypatch.setitem(schema._table(), row.name, schema._table()["Relu"])  # type: ignore[index]
    (row,) = eval(for_torch, vars(torch_operators))
    monkeypatch.setitem(torch_operators.ROWS, "walk.tent.default", row)


def is_tent(network: Network) -> bool:
    (output,) = evaluate(network, POINTS)
    return bool((output.ravel() == np.maximum(0, 1 - np.abs(POINTS))).all())


@pytest.mark.usefixtures("tent")
def test_an_operator_of_onnx_is_a_function_and_a_row(tmp_path: Path) -> None:
    network = load(single("Tent", {"x": [1, 7]}), tmp_path)
    assert [type(node) for node in network.nodes[1:]] == [Pwl]
    assert is_tent(network)
    strayed = load_float32(tmp_path / "model.onnx")
    assert len(strayed.nodes) > len(network.nodes)  # its rounding is known, and counted


def test_without_its_row_it_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(vf.InputError, match=r"\(Tent\): this operator is not supported"):
        load(single("Tent", {"x": [1, 7]}), tmp_path)


@pytest.mark.usefixtures("tent")
def test_an_operator_of_torch_is_a_row() -> None:
    torch = pytest.importorskip("torch")

    @torch.library.custom_op("walk::tent", mutates_args=(), schema="(Tensor x) -> Tensor")
    def walk_tent(x: torch.Tensor) -> torch.Tensor:
        return torch.relu(1 - x.abs())

    @walk_tent.register_fake
    def _(x: torch.Tensor) -> torch.Tensor:
        return torch.empty_like(x)

    class Module(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return walk_tent(x)

    network = vf.load(Module().eval(), torch.zeros(1, 7))
    assert [type(node) for node in network.nodes[1:]] == [Pwl]
    assert is_tent(network)


def test_a_relu_network_imports_what_it_needs(tmp_path: Path) -> None:
    from onnx import helper

    nodes = [helper.make_node("Gemm", ["x", "w"], ["h"]), helper.make_node("Relu", ["h"], ["y"])]
    load(model(nodes, {"x": [1, 2]}, {"w": np.ones((2, 2), dtype=np.float32)}), tmp_path)
    code = (
        "import sys\n"
        "from verifai.load.onnx.read import load_onnx\n"
        f"load_onnx({str(tmp_path / 'model.onnx')!r})\n"
        "print(*(name for name in sys.modules if name.startswith('verifai.load.')))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.removeprefix("verifai.load.") for name in done.stdout.split()}
    assert {"lower.pieces", "lower.matrix"} <= loaded
    assert not loaded.intersection(HEAVY)
