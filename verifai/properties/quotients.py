"""Softmax as quotients: 1/(1 + Σ_{j≠i} exp(x_j - x_i)), which nothing but differences enters.

Loaders write exp(x_i - m - log Σ exp(x_j - m)) with m the greatest entry, which is defined
everywhere; but derivatives and differences of that go through the kinks of m, which cancel only in
the end. So where a network is differentiated, or compared with another, it is written as quotients:
the same function, read off the nodes. It takes n² exponentials, and large entries overflow.

May import: kernel, graph, reading, order, tidy. Must not know: queries, any particular
property.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from flint import fmpq

from verifai.graph.graph import Rewriting
from verifai.graph.nodes import affine
from verifai.graph.order import Order, column
from verifai.graph.reading import is_function, rewritten
from verifai.graph.tidy import tidied
from verifai.kernel.network import Affine, Network, Pwl, Smooth
from verifai.kernel.operator import Dense, Gather

MAX_PAIRS = 1 << 16
BELOW_ZERO = ([0.0], [1.0, 0.0], 0.0)
ABOVE_ONE = ([1.0], [0.0, 1.0], 1.0)
ONE = fmpq(1)


@dataclass(frozen=True, slots=True)
class _Share:
    """The logarithm of an entry's share: x - log Σ exp of the entry and the others."""

    entry: int
    others: tuple[int, ...]


def quotients(net: Network) -> Network:
    """The same function with every softmax and its logarithm as quotients, if it is small enough.

    The network itself where there is none, or where it stands for programs.
    """
    if not is_function(net):
        return net
    reader = _Reader(net)
    found = {i: shares for i in range(len(net.nodes)) if (shares := reader.shares(i))}
    return rewritten(net, _rewritten(net, found)) if found else net


class _Reader:
    """Reads shares off a network's nodes."""

    def __init__(self, net: Network) -> None:
        self._net, self._order = net, Order(net)
        self._rows: dict[int, tuple[int, tuple[int, ...]] | None] = {}

    def shares(self, position: int) -> list[_Share]:
        """What the values of a node are, if all are logarithms of shares; else nothing."""
        node = self._net.nodes[position]
        if not isinstance(node, Affine) or len(node.terms) != 2 or node.bias.any():
            return []
        kinds = [self._net.nodes[source] for source, _ in node.terms]
        if not (isinstance(kinds[0], Pwl) and isinstance(kinds[1], Smooth)):
            return []
        found, pairs = list[_Share](), 0
        for value in range(self._net.offsets[position], self._net.offsets[position + 1]):
            share = self._share(value)
            if share is None:
                return []
            found.append(share)
            pairs += len(share.others)
        return found if pairs <= MAX_PAIRS else []

    def _share(self, value: int) -> _Share | None:
        """min(x - m, 0) - log max(Σ exp min(x_j - m, 0), 1), m the greatest x_j, x one of them."""
        difference = self._difference(value)
        fall = None if difference is None else self._fall(difference[0])
        row = None if difference is None else self._total(difference[1])
        if fall is None or row is None or fall[1] != row[0] or fall[0] not in row[1]:
            return None
        return _Share(fall[0], tuple(x for x in row[1] if x != fall[0]))

    def _difference(self, value: int) -> tuple[int, int] | None:
        """a and b where the value is a - b."""
        row = self._order.row(value)
        if row is None or row[1] != 0 or sorted(row[0].values()) != [-ONE, ONE]:
            return None
        (a, factor), (b, _) = row[0].items()
        return (a, b) if factor == 1 else (b, a)

    def _fall(self, value: int) -> tuple[int, int] | None:
        """x and m where the value is min(x - m, 0)."""
        source = self._argument(value, BELOW_ZERO)
        return None if source is None else self._difference(source)

    def _argument(
        self, value: int, function: str | tuple[list[float], list[float], float]
    ) -> int | None:
        """What a function is applied to, if the value is its."""
        position, i = self._order.place(value)
        node = self._net.nodes[position]
        if isinstance(node, Smooth):
            is_it = node.function == function
        else:
            is_it = isinstance(node, Pwl) and column(node, i) == function
        return self._net.offsets[node.sources[0]] + i if is_it else None

    def _total(self, value: int) -> tuple[int, tuple[int, ...]] | None:
        """m and the different x_j where the value is log max(Σ exp min(x_j - m, 0), 1)."""
        if value not in self._rows:
            inside = self._argument(value, "log")
            total = None if inside is None else self._argument(inside, ABOVE_ONE)
            self._rows[value] = None if total is None else self._falls(total)
        return self._rows[value]

    def _falls(self, total: int) -> tuple[int, tuple[int, ...]] | None:
        position, i = self._order.place(total)
        node = self._net.nodes[position]
        if not isinstance(node, Affine) or node.divisor is not None or node.radius is not None:
            return None
        if len(node.terms) != 1 or node.bias[i] != 0:
            return None
        source, operator = node.terms[0]
        if not isinstance(operator, Dense):
            return None
        m, k = operator.weight.shape
        if (operator.weight[i % m] != 1).any():
            return None
        start = self._net.offsets[source] + i // m * k
        tops, entries = set[int](), list[int]()
        for value in range(start, start + k):
            power = self._copied(value)
            if power is None:
                continue
            inside = self._argument(power, "exp")
            fall = None if inside is None else self._fall(inside)
            if fall is None:
                return None
            entries.append(fall[0])
            tops.add(fall[1])
        if len(tops) != 1 or len(set(entries)) < max(2, len(entries)):
            return None
        (top,) = tops
        known = self._order.maximum_of(top)
        resolved = [self._order.maximum_of(x) for x in entries]
        if known is None or any(r is None or len(r) != 1 for r in resolved):
            return None
        every = frozenset[int]().union(*(r for r in resolved if r is not None))
        return (top, tuple(entries)) if every == known else None

    def _copied(self, value: int) -> int | None:
        """The value that this one is a copy of, itself if it is none; None if it is always 0."""
        row = self._order.row(value)
        if row is None or row[1] != 0:
            return value
        if not row[0]:
            return None
        (source, factor), *more = row[0].items()
        return source if not more and factor == 1 else value


def _rewritten(net: Network, found: dict[int, list[_Share]]) -> Network:
    """The network with other nodes in the place of shares and of their powers."""
    graph, totals = Rewriting(net), dict[int, int]()
    for i, node in enumerate(net.nodes):
        if i in found:
            totals[i] = _add_totals(net, found[i], graph, node.name)
            logarithm = Smooth(graph.name(f"{node.name}/log"), node.shape, totals[i], "log")
            term = (graph.add(logarithm), Gather.of(net.sizes[i], None, -1.0))
            graph.places[i] = graph.add(affine(node.name, node.shape, (term,)))
        elif isinstance(node, Smooth) and node.function == "exp" and node.source in totals:
            power = Smooth(node.name, node.shape, totals[node.source], "reciprocal")
            graph.places[i] = graph.add(power)
        else:
            graph.keep(i)
    outputs = graph.outputs()
    names = {place: net.nodes[o].name for place, o in zip(outputs, net.outputs, strict=True)}
    return tidied(graph.nodes, outputs, names)


def _add_totals(net: Network, shares: Sequence[_Share], graph: Rewriting, name: str) -> int:
    """Adds 1 + Σ exp(x_j - x_i) for every share; the node."""
    owner = {net.owner(x)[0] for share in shares for x in (share.entry, *share.others)}
    pairs = [(j, share.entry) for share in shares for j in share.others]
    terms = []
    for side, sign in ((0, 1.0), (1, -1.0)):
        for node in sorted(owner):
            start, size = net.offsets[node], net.sizes[node]
            index = [p[side] - start if 0 <= p[side] - start < size else -1 for p in pairs]
            terms.append((graph.places[node], Gather.of(size, index, sign)))
    gaps = graph.add(affine(graph.name(f"{name}/pairs"), (len(pairs),), tuple(terms)))
    ratios = graph.function(f"{name}/ratios", gaps, "exp")
    width = max(len(share.others) for share in shares)
    placed, first = np.full((len(shares), width), -1), 0
    for row, share in zip(placed, shares, strict=True):
        row[: len(share.others)] = np.arange(first, first + len(share.others))
        first += len(share.others)
    own = (ratios, Gather.of(len(pairs), placed.ravel()))
    rows = graph.add(affine(graph.name(f"{name}/placed"), placed.shape, (own,)))
    ones = (rows, Dense.of(np.ones((1, width))))
    return graph.add(affine(graph.name(f"{name}/sums"), (len(shares),), (ones,), bias=1.0))
