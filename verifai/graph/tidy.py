"""Passes over finished nodes: drop what is not used, attach biases, give everyone its own name.

None of them does arithmetic.
May import: kernel, graph. Must not know: files, operators of a file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from verifai.graph.graph import rewired, unique
from verifai.kernel.network import Affine, Input, Network, Node
from verifai.kernel.operator import Gather


def tidied(nodes: Sequence[Node], outputs: Sequence[int], names: Mapping[int, str]) -> Network:
    """The network of these outputs: unused nodes dropped, biases attached, names unique.

    Args:
        nodes: in topological order.
        outputs: positions of the results, in order.
        names: of nodes whose names must stay as they are; inputs keep theirs anyway.
    """
    used = _reached(nodes, outputs)
    absorbed = _attached_biases(nodes, outputs, used)
    kept: list[Node] = []
    position: dict[int, int] = {}
    taken = {node.name for node in nodes if isinstance(node, Input)} | set(names.values())
    for i in used:
        if i in absorbed.values():
            continue
        node = nodes[i]
        if i in absorbed and isinstance(node, Affine):
            inner = nodes[absorbed[i]]
            if isinstance(inner, Affine):
                node = replace(inner, name=node.name, shape=node.shape, bias=node.bias)
        is_fixed = i in names or isinstance(node, Input)
        name = names.get(i, node.name) if is_fixed else unique(node.name, taken)
        made = rewired(node, position, name)
        position[i] = len(kept)
        kept.append(made)
    return Network(tuple(kept), tuple(position[output] for output in outputs))


def _reached(nodes: Sequence[Node], outputs: Sequence[int]) -> list[int]:
    """The inputs, and what the outputs need, in order."""
    needed = set(outputs)
    for i in reversed(range(len(nodes))):
        if i in needed:
            needed.update(nodes[i].sources)
    return [i for i, node in enumerate(nodes) if i in needed or isinstance(node, Input)]


def _attached_biases(
    nodes: Sequence[Node], outputs: Sequence[int], used: Sequence[int]
) -> dict[int, int]:
    """For nodes that only add a bias: the node of bias 0, read by nobody else, that can hold it."""
    readers = Counter(source for i in used for source in nodes[i].sources) + Counter(outputs)
    absorbed: dict[int, int] = {}
    for i in used:
        node = nodes[i]
        if isinstance(node, Affine) and _adds_only(node):
            source = node.terms[0][0]
            if readers[source] == 1 and source not in absorbed and _is_linear(nodes[source]):
                absorbed[i] = source
    return absorbed


def _is_linear(node: Node) -> bool:
    """Whether the node is exactly a sum of operators, so that a bias can be attached."""
    if not isinstance(node, Affine) or node.divisor is not None or node.radius is not None:
        return False
    return not node.bias.any()


def _adds_only(node: Affine) -> bool:
    """Whether the node adds its bias to all values of one node, in order, and does nothing else."""
    if len(node.terms) != 1 or node.divisor is not None or node.radius is not None:
        return False
    operator = node.terms[0][1]
    if not isinstance(operator, Gather) or not operator.is_identity:
        return False
    return bool(np.all(operator.scale == 1))
