"""The canonical file of a network as it is written; SPEC.md says what stands in it.

May import: numpy, kernel. Must not know: queries, proofs.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from verifai.kernel.arithmetic import Pause, never
from verifai.kernel.errors import InputError
from verifai.kernel.files.container import Array, digest
from verifai.kernel.files.fields import a_string
from verifai.kernel.files.network import CONV_LISTS, NETWORK_FORMAT
from verifai.kernel.network import (
    Affine,
    Input,
    Network,
    Node,
    Product,
    Pwl,
    Sign,
    Smooth,
    Square,
)
from verifai.kernel.operator import Dense, Gather, Operator
from verifai.proof.container import pack


class _ArrayWriter:
    """Collects arrays; equal ones get one name. Floats go as float32 where that is exact."""

    def __init__(self) -> None:
        self.arrays: dict[str, Array] = {}
        self._names: dict[tuple[str, tuple[int, ...], str], str] = {}

    def add(self, array: Array) -> str:
        """The name of this array in the file."""
        if array.dtype.kind == "f":
            with np.errstate(over="ignore"):
                short = array.astype(np.float32)
            array = short if (short == array).all() else array
        key = (array.dtype.str, array.shape, digest(array.tobytes()))
        if key not in self._names:
            self._names[key] = str(len(self._names))
            self.arrays[self._names[key]] = array
        return self._names[key]

    def spread(self, array: Array) -> str:
        """The name of a vector, stored as one number where all its entries are the same double."""
        bits = np.ascontiguousarray(array).view(np.int64)
        return self.add(array[:1] if (bits == bits[0]).all() else array)


def encode_network(network: Network, pause: Pause = never) -> bytes:
    """The network's file; `pause` is called now and then.

    Raises:
        InputError: the name of a node is empty, too long or not printable.
    """
    names = [a_string("the name of a node", node.name) for node in network.nodes]
    writer = _ArrayWriter()
    nodes = list[dict[str, Any]]()
    for node in network.nodes:
        pause()
        nodes.append(_node_fields(node, names, writer))
    outputs = [names[output] for output in network.outputs]
    metadata = {"nodes": nodes, "outputs": outputs}
    texts = {key: json.dumps(value, separators=(",", ":")) for key, value in metadata.items()}
    return pack({"format": NETWORK_FORMAT, **texts}, writer.arrays)


def _node_fields(node: Node, names: list[str], writer: _ArrayWriter) -> dict[str, Any]:
    """The JSON object of one node."""
    start: dict[str, Any] = {"kind": type(node).__name__.lower(), "name": node.name}
    start["shape"] = [int(length) for length in node.shape]
    sources = [names[source] for source in node.sources]
    if isinstance(node, Affine):
        operators = [_operator_fields(operator, writer) for _, operator in node.terms]
        start["terms"] = [
            {"source": source, **entry} for source, entry in zip(sources, operators, strict=True)
        ]
        start["bias"] = writer.spread(node.bias)
        start["divisor"] = None if node.divisor is None else writer.spread(node.divisor)
        start["radius"] = None if node.radius is None else writer.spread(node.radius)
    elif isinstance(node, Pwl):
        data = {"knots": node.knots, "slopes": node.slopes, "anchor": node.anchor}
        start["source"] = sources[0]
        start |= {key: writer.add(array) for key, array in data.items()}
    elif isinstance(node, Sign | Square):
        start["source"] = sources[0]
    elif isinstance(node, Smooth):
        start["source"], start["function"] = sources[0], node.function
    elif isinstance(node, Product):
        start["left"], start["right"] = sources
    elif not isinstance(node, Input):
        raise InputError(f"node {node.name!r} is of a kind that the format lacks")
    return start


def _operator_fields(operator: Operator, writer: _ArrayWriter) -> dict[str, Any]:
    """The JSON fields of one operator; a gather that keeps the order stores no index."""
    if isinstance(operator, Dense):
        return {"operator": "dense", "weight": writer.add(operator.weight)}
    if isinstance(operator, Gather):
        index = None if operator.is_identity else writer.add(operator.index)
        return {"operator": "gather", "index": index, "scale": writer.spread(operator.scale)}
    lists = {key: [int(n) for n in getattr(operator, key)] for key in CONV_LISTS}
    start = {"operator": "conv", "weight": writer.add(operator.weight)}
    return {**start, **lists, "groups": int(operator.groups)}
