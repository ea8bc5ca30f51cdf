"""Queries that a linear form of a network's values stays within a distance of zero.

May import: kernel. Must not know: any particular theorem, how a query is decided.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flint import fmpq

from verifai.graph.formulas import atom
from verifai.kernel.errors import InputError
from verifai.kernel.network import Network, Node
from verifai.kernel.query import And, Atom, Or, Query, Relation

Form = Mapping[int, int]  # value number to coefficient
Ends = Sequence[tuple[fmpq, fmpq]]


def extended(net: Network, *nodes: Node) -> Network:
    """The network with further nodes behind its own; its outputs stay."""
    return Network((*net.nodes, *nodes), net.outputs)


def output(net: Network) -> int:
    """The value number of the network's only output.

    Raises:
        InputError: there are several.
    """
    if len(net.outputs) != 1 or net.sizes[net.outputs[0]] != 1:
        raise InputError("a network with one output is wanted")
    return net.value(net.outputs[0], 0)


def beyond(form: Form, distance: fmpq, relation: Relation = Relation.LESS) -> Or:
    """|form| exceeds the distance (or, with AT_MOST, reaches it)."""

    def side(sign: int) -> Atom:
        return atom({v: fmpq(-sign * c) for v, c in form.items()}, distance, relation)

    return Or((side(1), side(-1)))


def within(net: Network, form: Form, distance: fmpq, ends: Ends) -> Query:
    """Does the form stay within the distance of zero on the whole box?

    Args:
        net: with every node that the form speaks about.
        form: of values of the network.
        distance: what |form| must not exceed.
        ends: of the box, one pair for each input value.
    """
    return avoids(net, beyond(form, distance), ends)


def avoids(
    net: Network,
    unsafe: Or,
    ends: Ends,
    *,
    domain: Sequence[Atom] = (),
    integers: frozenset[int] = frozenset(),
) -> Query:
    """Does the formula, as `beyond` makes one, hold nowhere on the domain?

    Args:
        net: with every node that the formula speaks about.
        unsafe: the formula.
        ends: of the box, one pair for each input value.
        domain: further conditions on inputs.
        integers: inputs that are integers, by value number.
    """
    lower, upper = tuple(low for low, _ in ends), tuple(high for _, high in ends)
    return Query(net, lower, upper, And((unsafe,)), tuple(domain), integers)
