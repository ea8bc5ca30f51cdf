"""Copies of networks in one graph, each applied to inputs that the graph already has.

May import: kernel, graph, reading. Must not know: any particular property.
"""

from __future__ import annotations

from collections.abc import Sequence

from verifai.graph.graph import Graph, rewired
from verifai.graph.reading import readings_of, require_function
from verifai.kernel.errors import InputError
from verifai.kernel.network import Input, Network


def attach(graph: Graph, net: Network, inputs: Sequence[int], prefix: str) -> dict[int, int]:
    """Adds the network's nodes, its inputs replaced by nodes of the graph.

    Args:
        graph: what is extended.
        net: the network to copy.
        inputs: a node of the graph for each input node of the network, of the same size.
        prefix: what new names start with.

    Returns:
        Where every node of the network stands in the graph.

    Raises:
        InputError: the inputs differ in number or size, or the network stands for programs.
    """
    require_function(net)
    wanted = [net.sizes[i] for i in net.inputs]
    if wanted != [graph.size(i) for i in inputs]:
        sizes = [graph.size(i) for i in inputs]
        raise InputError(f"inputs of {sizes} values for a network of {wanted}")
    places = dict(zip(net.inputs, inputs, strict=True))
    for position, node in enumerate(net.nodes):
        if isinstance(node, Input):
            continue
        places[position] = graph.add(rewired(node, places, graph.name(f"{prefix}{node.name}")))
    graph.readings += [reading.moved(places) for reading in readings_of(net)]
    return places
