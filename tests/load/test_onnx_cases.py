"""The ONNX project's own cases for each operator, compared with the outputs that come with them."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.load.evaluate import evaluate
from verifai.load.errors import LoadError
from verifai.load.onnx.operators import ROWS
from verifai.load.onnx.read import load_onnx

UNDEFINED = {"LpNormalization"}  # ONNX gives 0/0 a value; ours is then refused when it is verified
FLOATS = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16)


def cases() -> list[Any]:
    """All cases whose operators the loader has lowerings for."""
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = collect_testcases(None)
    return [c for c in found if {n.op_type for n in c.model.graph.node} <= set(ROWS)]


def baked(model: onnx.ModelProto, inputs: list[Any], free: set[int]) -> onnx.ModelProto:
    """The model with the inputs that are not free as initializers; one spare if none is free."""
    result = onnx.ModelProto()
    result.CopyFrom(model)
    del result.graph.input[:]
    for place, (entry, array) in enumerate(zip(model.graph.input, inputs, strict=True)):
        if place in free:
            result.graph.input.append(entry)
        else:
            result.graph.initializer.append(numpy_helper.from_array(array, entry.name))
    if not free:
        spare = helper.make_tensor_value_info("unused", TensorProto.FLOAT, [1])
        result.graph.input.append(spare)
    for entry in result.graph.output:
        if entry.type.tensor_type.elem_type == TensorProto.BOOL:
            cast = helper.make_node("Cast", [entry.name], [f"{entry.name} cast"], to=1)
            result.graph.node.append(cast)
            entry.name += " cast"
            entry.type.tensor_type.elem_type = TensorProto.FLOAT
    return result


def as_array(data: Any) -> Any:
    """Tensors as arrays, everything else as it is."""
    if isinstance(data, TensorProto):
        return numpy_helper.to_array(data)
    return np.asarray(data) if isinstance(data, np.generic) else data


def variants(model: onnx.ModelProto, inputs: list[Any]) -> Iterator[set[int]]:
    """Which inputs stay free: all of floats, only the first, none."""
    floats = [
        place
        for place, entry in enumerate(model.graph.input)
        if entry.type.tensor_type.elem_type in FLOATS and isinstance(inputs[place], np.ndarray)
    ]
    seen: list[set[int]] = []
    for free in (set(floats), {place for place in floats if place == 0}, set[int]()):
        if free not in seen:
            seen.append(free)
            yield free


def agrees(case: Any, path: Path) -> str:
    """Empty if a variant loads and all that load give the case's outputs, else why none loads."""
    reason, used = "no data", False
    for inputs, outputs in case.data_sets:
        inputs, outputs = [as_array(a) for a in inputs], [as_array(a) for a in outputs]
        if not all(isinstance(array, np.ndarray) for array in (*inputs, *outputs)):
            continue
        if any(array.dtype.kind not in "fiub" or not array.size for array in outputs):
            reason = "its outputs are empty or no numbers"
            continue
        names = [entry.name for entry in case.model.graph.input]
        present = dict(zip(names, inputs, strict=True))
        for free in variants(case.model, inputs):
            path.write_bytes(baked(case.model, inputs, free).SerializeToString())
            try:
                network = load_onnx(path)
            except LoadError as error:
                reason = f"{error.op_type}: {error.reason}"
                continue
            given = [np.asarray(present[n], np.float64) for i, n in enumerate(names) if i in free]
            with np.errstate(divide="ignore", invalid="ignore"):
                results = evaluate(network, *(given or [np.zeros(1)]))
            is_finite = all(np.isfinite(result).all() for result in results)
            if not is_finite and {n.op_type for n in case.model.graph.node} & UNDEFINED:
                reason = "undefined at the case's input"
                continue
            for result, output in zip(results, outputs, strict=True):
                assert result.shape == output.shape, case.name
                expected = np.asarray(output, np.float64)
                tolerance = 1e-2 if str(output.dtype) in ("float16", "bfloat16") else case.rtol
                scale = max(1.0, float(np.abs(expected).max()))
                np.testing.assert_allclose(
                    result,
                    expected,
                    rtol=tolerance,
                    atol=tolerance * 0.01 * scale,
                    err_msg=case.name,
                )
            used = True
    return "" if used else reason


def test_operators_agree_with_their_own_cases(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    skipped: Counter[str] = Counter()
    used: Counter[str] = Counter()
    for case in cases():
        reason = agrees(case, tmp_path / "case.onnx")
        kind = case.model.graph.node[0].op_type
        if reason:
            skipped[f"{kind}: {reason}"] += 1
        else:
            used[kind] += 1
    with capsys.disabled():
        print(f"\nONNX's own cases: {sum(used.values())} used, {sum(skipped.values())} skipped")
    for reason, count in sorted(skipped.items()):
        print(f"  skipped {count}: {reason}")
    for kind, count in sorted(used.items()):
        print(f"  used {count}: {kind}")
    assert sum(used.values()) >= 850
    assert len(used) >= 100
