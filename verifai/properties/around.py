"""Neighbourhoods of an input that are no box, and properties on them.

Each is a domain of a network that may have further nodes: inputs by which a change is measured, or
from which an image is made.

May import: kernel, graph, domain, formula, robust. Must not know: how a query is decided.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flint import fmpq

from verifai.graph.attach import attach
from verifai.graph.builder import Builder
from verifai.graph.formulas import atom, conjunction
from verifai.graph.order import by_order
from verifai.kernel.errors import InputError
from verifai.kernel.network import Network
from verifai.kernel.query import Atom, Formula, Or
from verifai.kernel.replay import evaluate
from verifai.properties.domain import Domain, query_on
from verifai.properties.entry import output_value
from verifai.properties.formula import formula
from verifai.properties.robust import largest
from verifai.query import Query


@dataclass(frozen=True, slots=True, eq=False)
class Neighbourhood:
    """Inputs near a given one, and the network on them.

    Attributes:
        original: the network whose inputs are meant.
        net: that network on this neighbourhood; layers keep their names, outputs their order.
        domain: its inputs.
        given: what is also true of every point that is meant.
        centre: the exact input in the middle.
        image: where the values that the network reads stand in `net`.
    """

    original: Network
    net: Network
    domain: Domain
    given: tuple[Atom, ...]
    centre: tuple[fmpq, ...]
    image: tuple[int, ...]

    def never(self, unsafe: Formula) -> Query:
        """The formula holds nowhere in the neighbourhood.

        Args:
            unsafe: what must not happen, of values as `layer` numbers them in `net`.

        Raises:
            InputError: it is no formula, or names a value that is none.
        """
        parts = [*self.given, formula(unsafe, "unsafe")]
        return query_on(self.net, self.domain, conjunction(parts))

    def robust(self, label: int | None = None, *, target: int | None = None) -> Query:
        """The output `label` is strictly the largest on the whole neighbourhood.

        Args:
            label: the index of the output; None: the exact largest output in the middle.
            target: the only other output that counts; None: all others.

        Raises:
            InputError: there is no such output, or no output is strictly the largest.
        """
        right = largest(self.original, list(self.centre)) if label is None else label
        mine = output_value(self.net, right, "label")
        rivals = [v for v in self.net.output_values if v != mine]
        if target is not None:
            rivals = [output_value(self.net, target, "target")]
        if not rivals or mine in rivals:
            raise InputError(f"output {right} has no other output to stay above")
        beaten = tuple(atom({mine: fmpq(1), v: fmpq(-1)}, fmpq(0)) for v in rivals)
        return by_order(self.never(Or(beaten)))

    def inputs_at(self, inputs: Sequence[fmpq]) -> tuple[fmpq, ...]:
        """What the network reads at a counterexample: exact, one number for each of its inputs.

        Args:
            inputs: the counterexample's, for all inputs of `net`.

        Raises:
            InputError: they are not as many.
        """
        low, _ = evaluate(self.net, inputs)
        return tuple(low[value] for value in self.image)


def attached(builder: Builder, net: Network, inputs: list[int]) -> Network:
    """The builder's nodes and the network on them, whose outputs are the network's."""
    places = attach(builder, net, inputs, "")
    return builder.network([places[o] for o in net.outputs])
