"""Where the nodes of a network come from: a model, which passes carry along and never look at.

May import: kernel. Must not know: what a model is, files, queries.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from verifai.kernel.errors import InputError
from verifai.kernel.network import Network, Node


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """An original, and which nodes of a network are its inputs and outputs.

    Attributes:
        original: the model; only what runs it knows its type.
        inputs: the nodes that hold what its inputs are, in order.
        outputs: the nodes that were read from its outputs, in order.
    """

    original: Any
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    def moved(self, places: Mapping[int, int] | Sequence[int]) -> Reading:
        """The reading in a network where the nodes stand at other places."""
        inputs, outputs = (tuple(places[i] for i in part) for part in (self.inputs, self.outputs))
        return Reading(self.original, inputs, outputs)


@dataclass(frozen=True, eq=False, repr=False)
class Loaded(Network):
    """A network that knows which models it was read from.

    Attributes:
        readings: the models; other processes do not get them.
    """

    readings: tuple[Reading, ...] = field(default=(), repr=False)

    def __getstate__(self) -> dict[str, Any]:
        """All but the models, which may hold what cannot be copied."""
        return self.__dict__ | {"readings": ()}


def readings_of(network: Network) -> tuple[Reading, ...]:
    """The models that the network was read from, as far as it knows."""
    return network.readings if isinstance(network, Loaded) else ()


def is_function(network: Network) -> bool:
    """Whether the network is one function over the reals, not all that programs may compute."""
    return type(network) in (Network, Loaded)


def require_function(net: Network) -> None:
    """Return if the network is one function over the reals, not all that programs may compute.

    A program rounds otherwise at every input: it has no derivative, and two runs of it differ.

    Raises:
        InputError: it is loaded with the float32 semantics.
    """
    if not is_function(net):
        raise InputError("a float32 program is no function over the reals: load it as real")


def loaded(
    nodes: Sequence[Node], outputs: Sequence[int], readings: Iterable[Reading] = ()
) -> Network:
    """The network of these nodes, with the models that they were read from, each reading once."""
    distinct = {(id(r.original), r.inputs, r.outputs): r for r in readings}
    if not distinct:
        return Network(tuple(nodes), tuple(outputs))
    return Loaded(tuple(nodes), tuple(outputs), tuple(distinct.values()))


def rewritten(network: Network, made: Network) -> Network:
    """The network `made`, whose inputs and outputs are another one's in order, with its models.

    Models that were read into other nodes than these are lost.
    """
    places = dict(zip(network.inputs, made.inputs, strict=True))
    places |= dict(zip(network.outputs, made.outputs, strict=True))
    readings = [
        reading.moved(places)
        for reading in readings_of(network)
        if places.keys() >= {*reading.inputs, *reading.outputs}
    ]
    return loaded(made.nodes, made.outputs, readings)


def read_from(network: Network, original: object) -> Network:
    """The network, all of whose inputs and outputs were read from a model."""
    reading = Reading(original, network.inputs, network.outputs)
    return loaded(network.nodes, network.outputs, [reading])
