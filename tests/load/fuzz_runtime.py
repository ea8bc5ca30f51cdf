"""A fuzzed network that loads computes what onnxruntime computes, where that can be compared."""

from __future__ import annotations

import gzip
import random
import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as runtime_errors

from tests.load.fuzz_outcome import Finding, Outcome
from verifai.bounds.compiled import compile_network
from verifai.kernel.errors import InputError
from verifai.kernel.network import Network
from verifai.kernel.number import exact
from verifai.kernel.replay import evaluate as replay

MAX_VALUES = 20_000  # of a network that is compared with onnxruntime
NOISE = 1e-4  # relative to the largest value in the network: what float32 may be off
LARGEST = 1e6  # values beyond are not compared
RUNTIME_ERRORS = tuple(
    error
    for error in vars(runtime_errors).values()
    if isinstance(error, type) and issubclass(error, Exception)
)


def compared(network: Network, path: Path, rng: random.Random) -> Outcome:
    """The outcome of evaluating the network and its file at random points.

    Raises:
        Finding: they differ by more than float32 explains.
    """
    if network.offsets[-1] > MAX_VALUES:
        return Outcome("loaded: too large to compare")
    data = path.read_bytes()
    data = gzip.decompress(data) if path.suffix == ".gz" else data
    session = _session(data, path)
    if not isinstance(session, str):
        return _evaluated(network, session, rng)
    second = _session(without_idle(data), path)
    if isinstance(second, str):
        return Outcome("loaded: onnxruntime refuses the file", second)
    outcome = _evaluated(network, second, rng)
    return Outcome(f"{outcome.result} once operators that no output needs are dropped", session)


def without_idle(data: bytes) -> bytes:
    """The model without operators that no output needs: the loader reads their names only."""
    model = onnx.ModelProto.FromString(data)
    wanted, kept = {entry.name for entry in model.graph.output}, []
    for node in reversed(model.graph.node):
        if wanted.intersection(node.output):
            kept.append(onnx.NodeProto.FromString(node.SerializeToString()))
            wanted.update(node.input)
    del model.graph.node[:]
    model.graph.node.extend(reversed(kept))
    return bytes(model.SerializeToString())


def _session(data: bytes, path: Path) -> Any:
    """What runs the model, or why onnxruntime refuses it."""
    (path.parent / "runtime.onnx").write_bytes(data)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    providers = ["CPUExecutionProvider"]
    try:
        return onnxruntime.InferenceSession(
            str(path.parent / "runtime.onnx"), options, providers=providers
        )
    except (*RUNTIME_ERRORS, UnicodeDecodeError, RuntimeError) as error:
        return re.sub(r".* failed:", "", str(error))


def _evaluated(network: Network, session: Any, rng: random.Random) -> Outcome:
    """The outcome of running both."""
    try:
        types = {entry.name: entry.type for entry in session.get_inputs()}
    except UnicodeDecodeError:
        return Outcome("loaded: not comparable", "a length whose name is no UTF-8")
    made = [(network.nodes[i].name, network.nodes[i].shape) for i in network.inputs]
    if set(types) != {name for name, _ in made}:
        raise Finding(f"inputs {made}, of onnxruntime {types}")
    codes = {
        "tensor(float)": np.float32,
        "tensor(double)": np.float64,
        "tensor(float16)": np.float16,
    }
    if not set(types.values()) <= set(codes):
        return Outcome("loaded: not comparable", f"inputs of types {types}")
    result = Outcome("loaded: agrees")
    for spread in (1.0, 3.0):
        source = np.random.default_rng(rng.randrange(1 << 30))
        given = {
            name: source.uniform(-spread, spread, size=shape).astype(codes[types[name]])
            for name, shape in made
        }
        try:
            expected = session.run(None, given)
        except (*RUNTIME_ERRORS, RuntimeError, UnicodeDecodeError) as error:
            return Outcome("loaded: onnxruntime cannot run it", str(error))
        if not _agree(network, given, expected):
            result = Outcome("loaded: not comparable", "large, infinite or noisy values")
    return result


def _agree(network: Network, given: dict[str, Any], expected: list[Any]) -> bool:
    """Whether the outputs could be compared; they are the same then."""
    point = np.concatenate([array.astype(np.float64).ravel() for array in given.values()])
    with np.errstate(all="ignore"):
        fine, coarse = (
            compile_network(network, dtype).forward(point[None].astype(dtype))
            for dtype in (np.float64, np.float32)
        )
    for place, output in zip(network.outputs, expected, strict=True):
        if network.nodes[place].shape != np.shape(output):
            raise Finding(f"shape {network.nodes[place].shape}, of onnxruntime {np.shape(output)}")
    scale = max(float(np.abs(value).max()) for value in fine)
    if not scale < LARGEST:
        return False
    half = any(np.asarray(o).dtype == np.float16 for o in (*given.values(), *expected))
    is_compared = True
    for place, output in zip(network.outputs, expected, strict=True):
        if np.asarray(output).dtype.kind not in "fiub":
            is_compared = False
            continue
        noise = float(np.abs(fine[place] - coarse[place]).max())
        if not noise < 1e-2 * max(1.0, scale):
            is_compared = False
            continue
        slack = (NOISE * max(1.0, scale) + 100 * noise) * (100 if half else 1)
        off = np.abs(fine[place][0] - np.asarray(output, np.float64).ravel())
        if (off <= slack).all():
            continue
        exactly = exact_values(network, point, place)
        if exactly is None:
            return False
        off = np.abs(exactly - np.asarray(output, np.float64).ravel())
        if not (np.abs(exactly - fine[place][0]) <= slack).all():
            is_compared &= bool((off <= slack).all())  # floats are not up to this network
        elif not (off <= slack).all():
            raise Finding(
                f"values {exactly[:8]}, of onnxruntime {np.ravel(output)[:8]}; "
                f"scale {scale:.3g}, noise {noise:.3g}"
            )
    return is_compared


def exact_values(network: Network, point: Any, node: int) -> Any:
    """What the kernel's exact arithmetic says that a node is; None where that is undefined."""
    try:
        low, high = replay(network, [exact(float(x)) for x in point])
    except InputError:
        return None
    span = slice(network.offsets[node], network.offsets[node + 1])
    return np.array([float((l + h) / 2) for l, h in zip(low[span], high[span], strict=True)])
