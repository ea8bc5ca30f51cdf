"""The operators of an ONNX graph in an order in which each reads what is there already.

Files must be sorted so, but not all are, and onnxruntime sorts them itself.

May import: errors. Must not know: what operators compute.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from typing import Any

from verifai.load.errors import LoadError

UNKNOWN = 0


def sorted_nodes(graph: Any) -> list[Any]:
    """All operators, in the file's order as far as that is possible.

    Operators that no output needs count, too: an order that does not exist has no meaning.

    Raises:
        LoadError: a name is made twice, or by nothing, or an operator needs its own result.
    """
    known = _known(graph)
    makers = _makers(graph, known)
    readers: list[list[int]] = [[] for _ in graph.node]
    missing = [0] * len(graph.node)
    for place, node in enumerate(graph.node):
        for name in set(filter(None, node.input)) - known:
            if name not in makers:
                raise LoadError(f"reads {name!r}, which nothing makes", **_place(node))
            readers[makers[name]].append(place)
            missing[place] += 1
    ready = [place for place, count in enumerate(missing) if count == 0]
    order = []
    while ready:
        place = heapq.heappop(ready)
        order.append(graph.node[place])
        for reader in readers[place]:
            missing[reader] -= 1
            if missing[reader] == 0:
                heapq.heappush(ready, reader)
    if len(order) < len(graph.node):
        place = next(place for place, count in enumerate(missing) if count)
        raise LoadError("needs its own result, by way of others", **_place(graph.node[place]))
    return order


def needed(nodes: Iterable[Any], outputs: Iterable[str]) -> list[Any]:
    """Those of sorted operators that the outputs need."""
    wanted, kept = set(outputs), []
    for node in reversed(list(nodes)):
        if wanted.intersection(node.output):
            kept.append(node)
            wanted.update(node.input)
    return kept[::-1]


def _known(graph: Any) -> set[str]:
    """The names of inputs and initializers."""
    defaults = {message.name: int(message.data_type) for message in graph.initializer}
    if len(defaults) != len(graph.initializer):
        raise LoadError("two initializers have the same name")
    inputs = {entry.name for entry in graph.input}
    if len(inputs) != len(graph.input):
        raise LoadError("two inputs have the same name")
    for entry in graph.input:
        declared = int(entry.type.tensor_type.elem_type)
        if declared not in (UNKNOWN, defaults.get(entry.name, declared)):
            raise LoadError(f"the input {entry.name!r} and its default have different types")
    return inputs | set(defaults)


def _makers(graph: Any, known: set[str]) -> dict[str, int]:
    """Which operator makes a name."""
    makers: dict[str, int] = {}
    for place, node in enumerate(graph.node):
        for name in filter(None, node.output):
            if name in known or name in makers:
                raise LoadError(f"{name!r} is made twice", **_place(node))
            makers[name] = place
    return makers


def _place(node: Any) -> dict[str, str]:
    return {"node": node.name or next(filter(None, node.output), ""), "op_type": node.op_type}
