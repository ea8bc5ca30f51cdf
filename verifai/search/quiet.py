"""Nodes that no condition of a query needs, taken for constants by the search.

A network whose outputs are only compared by what comes before them (a softmax) is searched as if it
ended there: as piecewise linear, if the rest is. Values keep their numbers, so that records mean
the same to the kernel, which knows nothing of this.

May import: numpy, kernel, clauses. Must not know: bounds, how anything is refuted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from verifai.kernel.bound import Root
from verifai.kernel.network import Affine, Network, Node, Pwl
from verifai.search.clauses import Array, Problem


@dataclass(frozen=True, slots=True, eq=False)
class Resting(Affine):
    """Constants in the place of a piecewise-linear node, whose values records still count."""


def quieted(root: Root, problem: Problem) -> Network:
    """The query's network with constants, inside the root's intervals, for what is not needed.

    It is the network itself where nothing but affine nodes is not needed.
    """
    network = root.query.network
    needed = {*problem.forms, *network.inputs}
    for i in reversed(range(len(network.nodes))):
        if i in needed:
            needed.update(network.nodes[i].sources)
    rest = {i: node for i, node in enumerate(network.nodes) if i not in needed}
    if all(isinstance(node, Affine) for node in rest.values()):
        return network
    nodes: list[Node] = list(network.nodes)
    for i, node in rest.items():
        here = slice(network.offsets[i], network.offsets[i + 1])
        constants = np.clip(0.0, root.low[here], root.high[here])
        kind = Resting if isinstance(node, Pwl) else Affine
        nodes[i] = kind(node.name, node.shape, (), constants)
    return Network(tuple(nodes), network.outputs)


def silenced(whole: Network, quiet: Network, low: Array, high: Array) -> None:
    """Intersect the intervals of all values, in place, with the constants that nodes became."""
    for i, (node, other) in enumerate(zip(whole.nodes, quiet.nodes, strict=True)):
        if node is not other and isinstance(other, Affine):
            here = slice(whole.offsets[i], whole.offsets[i + 1])
            low[here] = high[here] = other.bias
