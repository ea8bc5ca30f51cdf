"""Passes that shrink a network without changing its function: neurons tied, zeros left out.

Neurons of one layer whose pre-activations are equal, or each other's negatives, need one ReLU
together, because relu(-t) = relu(t) - t. Maxima and minima written as (|a + b| ± |a - b|)/2 by four
ReLUs each become one, and relaxations lose nothing on the sum. All numbers are computed exactly, or
the layer stays as it is.

May import: kernel, graph, patterns. Must not know: files, operators of a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from verifai.graph.graph import Rewriting
from verifai.graph.nodes import affine, relu
from verifai.graph.patterns import is_relu
from verifai.kernel.network import Affine, Network, Node, Pwl
from verifai.kernel.operator import Array, Dense, Gather, Operator

FEW_TERMS = 4  # a row: so many selections cost less than a matrix
FEW_OF = 16  # times as many columns, at least


def shrunk(network: Network) -> Network:
    """The network with fewer neurons and without matrices that are mostly zeros.

    Inputs and outputs stay, in order and by name.
    """
    done, readers = 0, _readers(network)
    while done < len(network.nodes):
        layer = _layer(network, done, readers)
        if layer is None:
            done += 1
        else:
            network, done = _replaced(network, layer)
            readers = _readers(network)
    return _thinned(network)


@dataclass(frozen=True, slots=True, eq=False)
class _Ties:
    """The groups of neurons of one layer that are tied, m neurons in g groups.

    Attributes:
        group: of every neuron, (m,).
        sign: 1 where its pre-activation is its group's, -1 where it is the negative of that, (m,).
        weight, bias: of the groups' pre-activations, (g, k) and (g,).
    """

    group: Array
    sign: Array
    weight: Array
    bias: Array


@dataclass(frozen=True, slots=True, eq=False)
class _Layer:
    """A layer with ties, and which groups its readers need as ReLU or as they are.

    Attributes:
        before, after: the nodes of its pre-activations and of its ReLUs.
        curved, straight: (g,) masks.
    """

    ties: _Ties
    before: int
    after: int
    curved: Array
    straight: Array


def _layer(network: Network, after: int, readers_of: list[list[int]]) -> _Layer | None:
    """The layer whose ReLUs are this node, if it has ties and all its readers can be rewired."""
    node = network.nodes[after]
    if not isinstance(node, Pwl) or not is_relu(node):
        return None
    before, readers = node.source, readers_of[after]
    if {before, after} & set(network.outputs) or readers_of[before] != [after]:
        return None
    first = network.nodes[before]
    if not isinstance(first, Affine) or first.divisor is not None or not first.terms:
        return None
    matrices = [_matrix(network, before, source) for source, _ in first.terms]
    weights = [_matrix(network, reader, after) for reader in readers]
    if not weights or any(m is None for m in (*matrices, *weights)):
        return None
    ties = _ties(np.concatenate([m for m in matrices if m is not None], axis=1), first.bias)
    if len(ties.bias) == len(first.bias):
        return None
    curved, straight = (np.zeros(len(ties.bias), dtype=bool) for _ in range(2))
    for weight in weights:
        pair = None if weight is None else _split(weight, ties)
        if pair is None:
            return None
        curved |= pair[0].any(axis=0)
        straight |= pair[1].any(axis=0)
    return _Layer(ties, before, after, curved, straight) if (curved | straight).any() else None


def _readers(network: Network) -> list[list[int]]:
    """For every node those that read it."""
    readers: list[list[int]] = [[] for _ in network.nodes]
    for i, node in enumerate(network.nodes):
        for source in dict.fromkeys(node.sources):
            readers[source].append(i)
    return readers


def _matrix(network: Network, reader: int, source: int) -> Array | None:
    """The exact weights with which an affine node reads all of a source, if it does so once."""
    node = network.nodes[reader]
    if not isinstance(node, Affine) or node.radius is not None:
        return None
    operators = [operator for s, operator in node.terms if s == source]
    if len(operators) != 1 or not isinstance(operators[0], Dense):
        return None
    weight = operators[0].weight
    return weight if weight.shape[1] == network.sizes[source] else None


def _ties(weight: Array, bias: Array) -> _Ties:
    rows, columns = np.nonzero(weight)
    entries = weight[rows, columns]
    ends = np.cumsum(np.bincount(rows, minlength=len(weight)))
    starts = np.concatenate([[0], ends[:-1]])
    lead = bias.copy()  # the first number of a row that is not 0
    lead[ends > starts] = entries[starts[ends > starts]]
    sign = np.where(lead < 0, -1.0, 1.0)
    entries, side = entries * sign[rows], bias * sign + 0.0  # no negative zeros
    numbers: dict[tuple[bytes, bytes, float], int] = {}
    first, group = list[int](), np.zeros(len(weight), dtype=np.int64)
    for i, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        key = columns[start:end].tobytes(), entries[start:end].tobytes(), float(side[i])
        group[i] = numbers.setdefault(key, len(first))
        if group[i] == len(first):
            first.append(i)
    return _Ties(group, sign, weight[first] * sign[first, None], side[first])


def _split(weight: Array, ties: _Ties) -> tuple[Array, Array] | None:
    """Weights on the groups' ReLUs and on their pre-activations, if they are doubles exactly."""
    groups = len(ties.bias)
    curved = _sums(weight, ties.group, groups)
    mirrored = ties.sign < 0
    straight = _sums(-weight[:, mirrored], ties.group[mirrored], groups)
    return None if curved is None or straight is None else (curved, straight)


def _sums(columns: Array, group: Array, groups: int) -> Array | None:
    """The columns of every group added up; None if a sum is rounded."""
    rows, places = np.nonzero(columns)
    total = np.zeros(len(columns) * groups)
    where, entries = rows * groups + group[places], columns[rows, places]
    order = np.argsort(where, kind="stable")
    where, entries = where[order], entries[order]
    while len(where):  # the first entry left of every sum, all sums together
        is_first = np.concatenate([[True], where[1:] != where[:-1]])
        old, new = total[where[is_first]], entries[is_first]
        both = old + new
        back = both - old
        if ((old - (both - back)) + (new - back)).any() or not np.isfinite(both).all():
            return None  # Knuth's exact error of a sum
        total[where[is_first]] = both
        where, entries = where[~is_first], entries[~is_first]
    return total.reshape(len(columns), groups)


def _replaced(network: Network, layer: _Layer) -> tuple[Network, int]:
    """The network with a layer's ties made use of, and where what comes after the layer starts."""
    made = Rewriting(network)
    parts, done = _Parts(None, ()), 0
    for i, node in enumerate(network.nodes):
        if i == layer.after:
            parts = _made(network, layer, made)
            done = len(made.nodes)
        elif layer.after in node.sources and isinstance(node, Affine):
            made.places[i] = made.add(_rewired(node, layer, made.places, parts))
        elif i != layer.before:
            made.keep(i)
    return Network(tuple(made.nodes), made.outputs()), done


@dataclass(frozen=True, slots=True, eq=False)
class _Parts:
    """The nodes that stand for a tied layer, each with the groups that it holds."""

    relu: tuple[int, Array] | None
    straight: tuple[tuple[int, Array], ...]


def _made(network: Network, layer: _Layer, graph: Rewriting) -> _Parts:
    """Adds the nodes of a tied layer."""
    first, ties = network.nodes[layer.before], layer.ties
    sources = [graph.places[source] for source in first.sources]
    widths = [network.sizes[source] for source in first.sources]

    def values(name: str, groups: Array) -> int:
        blocks = np.split(ties.weight[groups], np.cumsum(widths)[:-1], axis=1)
        terms = tuple((s, Dense.of(block)) for s, block in zip(sources, blocks, strict=True))
        return graph.add(affine(name, (len(groups),), terms, bias=ties.bias[groups]))

    after, curved, straight = None, np.flatnonzero(layer.curved), list[tuple[int, Array]]()
    if len(curved):
        before = values(first.name, curved)
        made = graph.add(relu(network.nodes[layer.after].name, (len(curved),), before))
        after = (made, curved)
        if layer.straight[curved].any():
            straight.append((before, curved))
    alone = np.flatnonzero(layer.straight & ~layer.curved)
    if len(alone):
        straight.append((values(graph.name(first.name), alone), alone))
    return _Parts(after, tuple(straight))


def _rewired(node: Affine, layer: _Layer, position: Mapping[int, int], parts: _Parts) -> Affine:
    """A node that reads the new nodes of a tied layer."""
    terms: list[tuple[int, Operator]] = []
    for source, operator in node.terms:
        if source != layer.after:
            terms.append((position[source], operator))
            continue
        pair = _split(operator.weight, layer.ties) if isinstance(operator, Dense) else None
        if pair is None:
            raise TypeError("a tied layer that is not read by a matrix")
        if parts.relu is not None:
            terms.append((parts.relu[0], Dense.of(pair[0][:, parts.relu[1]])))
        terms += [(at, Dense.of(pair[1][:, groups])) for at, groups in parts.straight]
    return replace(node, terms=tuple(terms))


def _thinned(network: Network) -> Network:
    """The network with selections in the place of matrices of few terms a row."""
    nodes: list[Node] = []
    for node in network.nodes:
        if isinstance(node, Affine):
            terms = tuple(
                (source, part)
                for source, operator in node.terms
                for part in _thin(operator, network.sizes[source])
            )
            node = replace(node, terms=terms)
        nodes.append(node)
    return Network(tuple(nodes), network.outputs)


def _thin(operator: Operator, inputs: int) -> tuple[Operator, ...]:
    """The operator as a sum of selections, if it is a matrix of few terms a row."""
    if not isinstance(operator, Dense) or operator.weight.shape[1] != inputs:
        return (operator,)
    rows, columns = np.nonzero(operator.weight)
    count = np.bincount(rows, minlength=len(operator.weight))
    terms = max(1, int(count.max()))
    if terms > FEW_TERMS or terms * FEW_OF > inputs:
        return (operator,)
    place = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)
    index = np.full((terms, len(count)), -1)
    scale = np.zeros((terms, len(count)))
    index[place, rows] = columns
    scale[place, rows] = operator.weight[rows, columns]
    return tuple(Gather.of(inputs, i, s) for i, s in zip(index, scale, strict=True))
