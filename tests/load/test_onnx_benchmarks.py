"""The public benchmark networks load and agree with onnxruntime."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from tests.load.evaluate import evaluate
from tests.load.models import runtime
from verifai.load.onnx.explain import explain_onnx
from verifai.load.onnx.read import load_onnx

FOLDER = Path(__file__).parents[2] / ".." / "shared" / "benchmarks"
UNSUPPORTED = {"Floor"}  # of values that depend on the input: refused by name
NETWORKS = sorted(FOLDER.glob("*/**/*.onnx.gz"))


@pytest.mark.skipif(not NETWORKS, reason="the benchmarks are not beside the repository")
def test_benchmark_networks_agree_with_onnxruntime(capsys: pytest.CaptureFixture[str]) -> None:
    random = np.random.default_rng(5)
    refused = []
    for path in NETWORKS:
        rows = explain_onnx(path)
        if {row.op_type for row in rows if not row.is_supported} & UNSUPPORTED:
            refused.append(path.name)
            continue
        network = load_onnx(path.with_suffix(""))
        (place,) = network.inputs
        node = network.nodes[place]
        data = gzip.decompress(path.read_bytes())
        for _ in range(3):
            x = random.uniform(-1, 1, size=node.shape).astype(np.float32)
            (result,) = evaluate(network, x)
            (expected,) = runtime(data, {node.name: x})
            assert result.shape == expected.shape, path.name
            scale = 1e-5 * max(1.0, float(np.abs(expected).max()))
            np.testing.assert_allclose(result, expected, rtol=1e-4, atol=scale, err_msg=path.name)
        assert all(row.is_supported for row in rows)
    with capsys.disabled():
        print(f"\n{len(refused)} of {len(NETWORKS)} networks use {sorted(UNSUPPORTED)} of values")
    assert len(refused) <= 0.1 * len(NETWORKS)
