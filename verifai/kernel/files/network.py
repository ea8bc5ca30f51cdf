"""The canonical file of a network: a container of its arrays, with its graph as JSON.

What is read goes through the checking constructors: a file that reads is a network. The format
stands in SPEC.md.

May import: binary64, container, fields, operator, network, errors.
Must not know: queries, certificates.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from verifai.kernel.binary64 import require_binary64
from verifai.kernel.errors import InputError
from verifai.kernel.files.container import Array, ContainerError, parse_json, unpack
from verifai.kernel.files.fields import a_list, a_string, an_integer, bad, fields, integers
from verifai.kernel.limits import Allowance
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
from verifai.kernel.operator import MAX_SIZE, Conv, Dense, Gather, Operator, floats

NETWORK_FORMAT = "verifai-network-1"
MAX_HEADER = 1 << 26


class _ArrayReader:
    """Hands out arrays by name and knows which were used."""

    def __init__(self, arrays: dict[str, Array]) -> None:
        self._arrays = arrays
        self.unused = set(arrays)

    def get(self, where: str, name: Any, axes: int | None, kind: str = "f") -> Array:
        """The non-empty array of this name, number of axes (None: any) and kind of entries."""
        if not isinstance(name, str) or name not in self._arrays:
            bad(where, "the name of an array", name)
        array = self._arrays[name]
        is_kind = array.dtype.kind == "f" if kind == "f" else array.dtype == np.int64
        if not is_kind or array.size == 0 or axes not in (None, array.ndim):
            raise InputError(f"{where}: an array {array.dtype} of shape {array.shape} does not fit")
        self.unused.discard(name)
        return array

    def spread(self, where: str, name: Any, size: int) -> Array:
        """The vector of this name: `size` numbers, or one that stands for all."""
        array = self.get(where, name, 1)
        if len(array) not in (1, size):
            raise InputError(f"{where}: {len(array)} numbers for {size} values")
        return floats(where, np.broadcast_to(array, (size,)))


_KEYS = {
    "input": "",
    "affine": "terms bias divisor radius",
    "pwl": "source knots slopes anchor",
    "sign": "source",
    "square": "source",
    "product": "left right",
    "smooth": "source function",
}
_UNARY: dict[str, type[Sign] | type[Square]] = {"sign": Sign, "square": Square}
CONV_LISTS = ("spatial", "stride", "before", "after", "dilation")


def decode_network(data: bytes, *, beside: int = 0) -> Network:
    """The network in a file.

    Args:
        data: the file.
        beside: the size of its query's file in bytes, for which it may ask for more work.

    Raises:
        InputError: a malformed file, or content that the network's constructors refuse.
        Unable: this process does not convert numbers as IEEE 754 says.
    """
    require_binary64()
    try:
        metadata, arrays = unpack(data, max_header=MAX_HEADER)
        form, nodes, outputs = fields("network", metadata, "format nodes outputs")
        items, results = (parse_json(part) for part in (nodes, outputs))
    except ContainerError as error:
        raise InputError(f"network: {error}") from None
    if form != NETWORK_FORMAT:
        bad("network: format", NETWORK_FORMAT, form)
    reader = _NetworkReader(arrays, Allowance(len(data) + beside))
    for item in a_list("nodes", items):
        reader.add(item)
    if reader.arrays.unused:
        raise InputError(f"network: array {min(reader.arrays.unused)!r} is not used")
    ends = [reader.source("outputs", name) for name in a_list("outputs", results)]
    return Network(tuple(reader.nodes), tuple(ends))


class _NetworkReader:
    """Builds nodes one after another; a node reads only nodes before it."""

    def __init__(self, arrays: dict[str, Array], allowance: Allowance) -> None:
        self.nodes: list[Node] = []
        self.arrays = _ArrayReader(arrays)
        self._positions: dict[str, int] = {}
        self._total, self._allowance = 0, allowance

    def source(self, where: str, name: Any) -> int:
        """The position of the node of this name."""
        if not isinstance(name, str) or name not in self._positions:
            bad(where, "the name of an earlier node", name)
        return self._positions[name]

    def add(self, item: Any) -> None:
        """Read the JSON object of the next node."""
        if not isinstance(item, dict):
            bad(f"node {len(self.nodes)}", "an object", item)
        name = a_string(f"node {len(self.nodes)}: name", item.get("name"))
        where = f"node {name!r}"
        shape = integers(f"{where}: shape", item.get("shape"))
        if len(shape) > 32 or not all(1 <= length <= MAX_SIZE for length in shape):
            raise InputError(f"{where}: a bad shape")
        self._total += math.prod(shape)
        if self._total > MAX_SIZE:
            raise InputError(f"{where}: more than {MAX_SIZE} values in all")
        self._allowance.values(math.prod(shape))
        if name in self._positions:
            raise InputError(f"{where} occurs twice")
        kind = item.get("kind")
        if not isinstance(kind, str) or kind not in _KEYS:
            bad(f"{where}: kind", f"one of {', '.join(_KEYS)}", kind)
        rest = fields(where, item, f"kind name shape {_KEYS[kind]}")[3:]
        try:
            self.nodes.append(self._node(where, kind, name, shape, rest))
        except InputError as error:
            raise InputError(str(error) if where in str(error) else f"{where}: {error}") from None
        self._positions[name] = len(self._positions)

    def _node(
        self, where: str, kind: str, name: str, shape: tuple[int, ...], rest: list[Any]
    ) -> Node:
        if kind == "affine":
            return self._affine(where, name, shape, rest)
        if kind == "input":
            return Input(name, shape)
        source = self.source(where, rest[0])
        if kind == "product":
            return Product(name, shape, source, self.source(where, rest[1]))
        if kind == "smooth":
            return Smooth(name, shape, source, a_string(f"{where}: function", rest[1]))
        if kind in _UNARY:
            return _UNARY[kind](name, shape, source)
        knots, slopes, anchor = (
            floats(where, self.arrays.get(where, array, axes))
            for array, axes in zip(rest[1:], (2, 2, 1), strict=True)
        )
        self._allowance.pieces(len(slopes), math.prod(shape))
        return Pwl(name, shape, source, knots, slopes, anchor)

    def _affine(self, where: str, name: str, shape: tuple[int, ...], rest: list[Any]) -> Node:
        terms, size = [], math.prod(shape)
        for term in a_list(f"{where}: terms", rest[0]):
            entry = term if isinstance(term, dict) else {}
            source = self.source(f"{where}: source", entry.get("source"))
            operator = self._operator(where, entry, source)
            self._allowance.operator(operator, math.prod(self.nodes[source].shape))
            terms.append((source, operator))
        bias = self.arrays.spread(f"{where}: bias", rest[1], size)
        divisor, radius = (
            None if array is None else self.arrays.spread(f"{where}: divisor, radius", array, size)
            for array in rest[2:]
        )
        return Affine(name, shape, tuple(terms), bias, divisor, radius)

    def _operator(self, where: str, term: dict[str, Any], source: int) -> Operator:
        kind = term.get("operator")
        if kind == "dense":
            weight = fields(where, term, "source operator weight")[2]
            return Dense.of(self.arrays.get(f"{where}: weight", weight, 2))
        if kind == "gather":
            index, scale = fields(where, term, "source operator index scale")[2:]
            inputs = math.prod(self.nodes[source].shape)
            order = None if index is None else self.arrays.get(f"{where}: index", index, 1, "i")
            size = inputs if order is None else len(order)
            return Gather.of(inputs, order, self.arrays.spread(f"{where}: scale", scale, size))
        if kind != "conv":
            bad(f"{where}: operator", "dense, gather or conv", kind)
        keys = f"source operator weight {' '.join(CONV_LISTS)} groups"
        _, _, weight, *lists, groups = fields(where, term, keys)
        each = zip(CONV_LISTS, lists, strict=True)
        lengths = [integers(f"{where}: {key}", entry) for key, entry in each]
        if any(len(entry) != len(lengths[0]) for entry in lengths):
            raise InputError(f"{where}: convolution data for different numbers of axes")
        spatial, stride, before, after, dilation = lengths
        return Conv.of(
            self.arrays.get(f"{where}: weight", weight, None),
            spatial,
            stride=stride,
            padding=(before, after),
            dilation=dilation,
            groups=an_integer(f"{where}: groups", groups),
        )
