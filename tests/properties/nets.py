"""Small networks for the tests of properties and optima."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from verifai.graph.nodes import affine, relu
from verifai.kernel.network import Input, Network, Node, Smooth
from verifai.kernel.operator import Array, Dense


def mlp(weights: Sequence[Any], biases: Sequence[Any], function: str = "relu") -> Network:
    """Dense layers with an activation between each two."""
    nodes: list[Node] = [Input("x", (np.shape(weights[0])[1],))]
    for k, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        size = len(weight)
        nodes.append(
            affine(f"a{k}", (size,), ((len(nodes) - 1, Dense.of(weight)),), bias=np.array(bias))
        )
        if k < len(weights) - 1:
            last = len(nodes) - 1
            nodes.append(
                relu(f"h{k}", (size,), last)
                if function == "relu"
                else Smooth(f"h{k}", (size,), last, function)
            )
    return Network(tuple(nodes), (len(nodes) - 1,))


def random_mlp(
    sizes: Sequence[int], seed: int, *, function: str = "relu", is_positive: bool = False
) -> Network:
    """An MLP with normal weights (or their absolute values) and small biases."""
    rng = np.random.default_rng(seed)
    weights = [rng.normal(size=(b, a)) / np.sqrt(a) for a, b in pairwise(sizes)]
    biases = [0.3 * rng.normal(size=b) for b in sizes[1:]]
    return mlp([np.abs(w) if is_positive else w for w in weights], biases, function)


def rounded_mlp(net: Network, bits: int) -> Network:
    """The network with dense weights rounded to fixed-point numbers of so many bits."""
    nodes: list[Node] = []
    for node in net.nodes:
        if hasattr(node, "terms"):
            terms = tuple((s, _rounded(op, bits)) for s, op in node.terms)
            node = affine(node.name, node.shape, terms, bias=node.bias)
        nodes.append(node)
    return Network(tuple(nodes), net.outputs)


def _rounded(operator: Any, bits: int) -> Any:
    if not isinstance(operator, Dense):
        return operator
    unit = 2.0 ** (np.ceil(np.log2(np.abs(operator.weight).max())) + 1 - bits)
    rounded: Array = np.rint(operator.weight / unit) * unit
    return Dense.of(rounded)
