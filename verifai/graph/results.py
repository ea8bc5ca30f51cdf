"""The results of a walk as the outputs of a network, each a node of its own under its own name.

May import: numpy, kernel, builder, graph, tidy, values. Must not know: files, operators of a file.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from verifai.graph.builder import ONE, Builder
from verifai.graph.graph import unique
from verifai.graph.tidy import tidied
from verifai.graph.values import Activation, Value
from verifai.kernel.errors import InputError
from verifai.kernel.network import Input, Network


def network_of(builder: Builder, results: Sequence[tuple[str, Value]]) -> Network:
    """The network with these outputs, in order.

    A node that is an input, or an output already, is copied; the first output of a name keeps it.

    Args:
        builder: the nodes that were made.
        results: names and values.

    Raises:
        InputError: a value that is no number, or has no entries, or numbers that are not finite.
    """
    inputs = {node.name for node in builder.nodes if isinstance(node, Input)}
    taken = inputs | {name for name, _ in results}
    free = {name for name, _ in results} - inputs
    names: dict[int, str] = {}
    places = []
    for name, value in results:
        if not math.prod(value.shape):
            raise InputError(f"the output {name!r} has no values: its shape is {value.shape}")
        own = name if name in free else unique(name, taken)
        free.discard(name)
        builder.prefix = own
        place = _place(builder, builder.lift(value), names)
        names[place] = own
        places.append(place)
    return tidied(builder.nodes, places, names)


def _place(builder: Builder, view: Activation, taken: dict[int, str]) -> int:
    """The position of a node that holds the view's values in order, in the view's shape."""
    place = builder.whole(view)
    if place in taken or isinstance(builder.nodes[place], Input):
        every = np.arange(math.prod(view.shape)).reshape(view.shape)  # of the node that `place` is
        place = builder.linear([(Activation(place, every), ONE)]).node
    builder.nodes[place] = replace(builder.nodes[place], shape=view.shape)
    return place
