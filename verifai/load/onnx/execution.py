"""What the deployed program does: an ONNX file run by onnxruntime, for comparison only.

Nothing here proves anything. May import: kernel, alarm, file, onnxruntime (on demand).
Must not know: how counterexamples are found.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from flint import fmpq

from verifai.alarm import undisturbed
from verifai.kernel.formula import margins
from verifai.kernel.operator import Array
from verifai.kernel.query import Atom, Formula, Query
from verifai.load.onnx.file import find, read_bytes
from verifai.original.points import doubles

_TYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64}
_OTHERS = (RuntimeError, ValueError)  # of its binding: types that numpy does not have, inputs
_EXTERNAL = "session.model_external_initializers_file_folder_path"


def shows_violation(path: str | Path, query: Query, inputs: Sequence[fmpq]) -> bool | None:
    """Whether the unsafe formula holds of what onnxruntime computes at the nearest float input.

    Args:
        path: the ONNX file that the query's network was loaded from.
        query: whose formula speaks about inputs and outputs only.
        inputs: an exact input, one number an input value.

    Returns:
        None if onnxruntime cannot run the file, or the formula is about hidden values.

    Raises:
        ImportError: onnxruntime is not installed.
    """
    network = query.network
    seen = {*network.input_values, *network.output_values}
    unsafe = query.unsafe if query.stated is None else query.stated
    if not _mentioned(unsafe) <= seen:
        return None
    place = dict(zip(query.input_values, inputs, strict=True))
    fed = {
        network.nodes[i].name: doubles([place[v] for v in network.values(i)])
        for i in network.inputs
    }
    shapes = {network.nodes[i].name: network.nodes[i].shape for i in network.inputs}
    found = _run(find(path), {name: fed[name].reshape(shapes[name]) for name in fed})
    if found is None or [a.size for a in found] != [network.sizes[n] for n in network.outputs]:
        return None
    values = np.zeros(network.offsets[-1])
    for i in network.inputs:
        values[list(network.values(i))] = fed[network.nodes[i].name].astype(np.float32)
    for node, array in zip(network.outputs, found, strict=True):
        values[list(network.values(node))] = array.reshape(-1)
    return bool(np.isfinite(values).all()) and margins(unsafe, values, values).certain


def _mentioned(formula: Formula) -> set[int]:
    """The values that a formula speaks about."""
    found: set[int] = set()
    todo: list[Formula] = [formula]
    while todo:
        part = todo.pop()
        if isinstance(part, Atom):
            found.update(value for value, _ in part.terms)
        else:
            todo += part.parts
    return found


def _run(path: Path, fed: dict[str, Array]) -> list[Array] | None:
    """The outputs in the file's order, or None if onnxruntime refuses."""
    source = bytes(read_bytes(path)) if path.suffix == ".gz" else str(path)
    try:
        made = session(source, path.parent, is_faithful=False)
        asked = {each.name: _TYPES.get(each.type) for each in made.get_inputs()}
        if set(asked) != set(fed) or None in asked.values():
            return None
        typed = {name: array.astype(asked[name]) for name, array in fed.items()}
        return [np.asarray(array, dtype=np.float64) for array in made.run(None, typed)]
    except refusals():
        return None


def session(source: str | bytes, folder: Path, *, is_faithful: bool) -> Any:
    """A session of one thread that says nothing; a faithful one runs the file operator by operator.

    Raises:
        ImportError: onnxruntime is not installed.
    """
    onnxruntime = _runtime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    if isinstance(source, bytes):
        options.add_session_config_entry(_EXTERNAL, str(folder.absolute()))
    if is_faithful:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def _runtime() -> Any:
    """The package onnxruntime, which is not to write down and send who runs what.

    Version 1.32 starts a thread for that when it is imported, unless it is told otherwise.

    Raises:
        ImportError: it is not installed.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    with undisturbed():
        import onnxruntime

    return onnxruntime


def refusals() -> tuple[type[Exception], ...]:
    """What onnxruntime raises where it cannot run a model.

    Raises:
        ImportError: it is not installed.
    """
    _runtime()
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    names = (
        "EPFail Fail InvalidArgument InvalidGraph InvalidProtobuf ModelLoaded NoModel NoSuchFile "
        "NotImplemented RuntimeException"
    )
    return (*(getattr(state, name) for name in names.split() if hasattr(state, name)), *_OTHERS)
