"""Which operators an ONNX file uses, and what keeps it from being loaded.

May import: kernel, onnx, onnx_file, onnx_graph, onnx_operators. Must not know: the command line.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from verifai.load.errors import LoadError
from verifai.load.onnx import load_onnx
from verifai.load.onnx_file import find, read_model
from verifai.load.onnx_operators import blocker


@dataclass(frozen=True, slots=True)
class OperatorRow:
    """One kind of operator of a file.

    Attributes:
        op_type: its name, with its domain if that is not the standard one; empty in a row that
            stands for the file as a whole (a bad input, an unknown opset).
        count: how often the file uses it.
        is_supported: whether no use of it keeps the file from being loaded, as far as is known:
            loading stops at the first obstacle.
        reason: why not, naming the first node at fault.
    """

    op_type: str
    count: int
    is_supported: bool
    reason: str = ""


def explain_onnx(path: str | Path) -> list[OperatorRow]:
    """One row for every kind of operator, in the order of first use, also if loading fails.

    Raises:
        LoadError: the file cannot be read or holds no ONNX graph.
    """
    model = read_model(find(path))
    obstacle = _obstacle(path)
    names = [(node.op_type, node.domain) for node in model.graph.node]
    counts = Counter(names)
    rows = []
    for op_type, domain in counts:
        reason = blocker(op_type, domain)
        if reason:
            first = next(n for n in model.graph.node if (n.op_type, n.domain) == (op_type, domain))
            name = first.name or next(filter(None, first.output), "")
            reason = f"node {name!r}: {reason}"
        elif obstacle is not None and obstacle.op_type == op_type:
            reason = f"node {obstacle.node!r}: {obstacle.reason}"
        label = op_type if domain in ("", "ai.onnx") else f"{domain}.{op_type}"
        rows.append(OperatorRow(label, counts[op_type, domain], not reason, reason))
    if obstacle is not None and not obstacle.op_type:
        rows.append(OperatorRow("", 0, False, str(obstacle)))
    return rows


def _obstacle(path: str | Path) -> LoadError | None:
    """Why the file cannot be loaded, None if it can."""
    try:
        load_onnx(path)
    except LoadError as error:
        return error
    return None
