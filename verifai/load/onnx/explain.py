"""Which operators an ONNX file uses, and what keeps it from being loaded.

May import: kernel, onnx, file, graph, operators. Must not know: the command line.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from verifai.kernel.network import Network
from verifai.load.errors import LoadError
from verifai.load.onnx.file import find, read_model
from verifai.load.onnx.operators import blocker
from verifai.load.onnx.read import load_onnx


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
    return explained(path)[0]


def explained(path: str | Path) -> tuple[list[OperatorRow], Network | None]:
    """The rows of `explain_onnx`, and the network if all is supported.

    Raises:
        LoadError: as `explain_onnx`.
    """
    uses = _uses(path)
    network, obstacle = _attempt(path)
    rows = []
    for (op_type, domain), (count, first) in uses.items():
        reason = blocker(op_type, domain)
        if reason:
            reason = f"node {first!r}: {reason}"
        elif obstacle is not None and obstacle.op_type == op_type:
            reason = f"node {obstacle.node!r}: {obstacle.reason}"
        label = op_type if domain in ("", "ai.onnx") else f"{domain}.{op_type}"
        rows.append(OperatorRow(label, count, not reason, reason))
    if obstacle is not None and not obstacle.op_type:
        rows.append(OperatorRow("", 0, False, str(obstacle)))
    return rows, network if all(row.is_supported for row in rows) else None


def _uses(path: str | Path) -> dict[tuple[str, str], tuple[int, str]]:
    """How often each kind of operator is used, and what the first is called."""
    nodes = read_model(find(path)).graph.node
    counts = Counter((node.op_type, node.domain) for node in nodes)
    first: dict[tuple[str, str], str] = {}
    for node in nodes:
        name = node.name or next(filter(None, node.output), "")
        first.setdefault((node.op_type, node.domain), name)
    return {kind: (count, first[kind]) for kind, count in counts.items()}


def _attempt(path: str | Path) -> tuple[Network | None, LoadError | None]:
    """The network, or why the file cannot be loaded."""
    try:
        return load_onnx(path), None
    except LoadError as error:
        return None, error
