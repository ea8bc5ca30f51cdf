"""Where the nodes of a network come from: the original model, which somebody else can run.

May import: numpy, kernel. Must not know: files, runtimes, queries.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from verifai.kernel.network import Network, Node
from verifai.kernel.operator import Array


class CannotRun(Exception):
    """The original cannot be run here; the text says why."""


@dataclass(frozen=True, slots=True)
class Precision:
    """How an original computes.

    Attributes:
        unit: unit roundoff of the coarsest type that it computes in.
        tiny: the smallest normal number of that type.
        factor: how much more than a sum of products an operation may stray; 1 where all
            operations have a proved bound.
        converts: whether even a selection may round, since types of floats are converted.
    """

    unit: float
    tiny: float
    factor: float = 1.0
    converts: bool = False


FLOAT16 = Precision(2.0**-11, 2.0**-14)
FLOAT32 = Precision(2.0**-24, 2.0**-126)
FLOAT64 = Precision(2.0**-53, 2.0**-1022)


class Original(Protocol):
    """A model that is no network of ours, and what runs it."""

    @property
    def name(self) -> str:
        """What people call the model."""
        ...

    @property
    def runtime(self) -> str:
        """What runs it."""
        ...

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the results, in order."""
        ...

    @property
    def precision(self) -> Precision:
        """How it computes."""
        ...

    def types(self) -> tuple[np.dtype[Any], ...]:
        """The floating type of every input, in order.

        Raises:
            CannotRun: the model cannot be run here.
        """
        ...

    def run(self, inputs: Sequence[Array]) -> list[Array]:
        """The results, in order, of one run.

        Args:
            inputs: numbers of each input's type, in its shape.

        Raises:
            CannotRun: this run failed.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """An original, and which nodes of a network are its inputs and outputs.

    Attributes:
        original: the model.
        inputs: the nodes that hold what its inputs are, in order.
        outputs: the nodes that were read from its outputs, in order.
    """

    original: Original
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    def moved(self, places: Mapping[int, int] | Sequence[int]) -> Reading:
        """The reading in a network where the nodes stand at other places."""
        inputs, outputs = (tuple(places[i] for i in part) for part in (self.inputs, self.outputs))
        return Reading(self.original, inputs, outputs)


@dataclass(frozen=True, eq=False)
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


def read_from(network: Network, original: Original) -> Network:
    """The network, all of whose inputs and outputs were read from a model."""
    reading = Reading(original, network.inputs, network.outputs)
    return loaded(network.nodes, network.outputs, [reading])
