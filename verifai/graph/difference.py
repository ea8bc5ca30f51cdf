"""A second network as what it adds to a first one of the same structure.

Two networks that differ little have bounds far looser apart than together: each copy pays for its
own relaxation. So beside the values a of the first network the graph carries the differences
d = b - a, and the second network's outputs are a + d. That is an identity, not an approximation:

    affine:  d = op_b(a) + op_b(d) - op_a(a) and so on, where equal parts cancel;
    relu:    relu(a + d) - relu(a), or the same as relu(d - relu(-a)) - relu(-d - relu(-a - d)),
             whose two parts lie between 0 and |d| however wide the range of a is;
    sign:    sign(a + d) - sign(a) = sign(d)·|sign(a + d) - sign(a)|;
    smooth:  tanh(a + d) - tanh(a) = tanh(d)·(1 - tanh(a)·tanh(a + d)), and others like it.

Where a neuron has one phase the first form is exact for linear bounds, else the second is tighter;
which one is taken changes no value.

Source: Paulsen et al. 2020, ReluDiff: Differential Verification of Deep Neural Networks (the idea
of bounding differences; here it lies in the graph, so that no new rule is needed).

May import: kernel, graph, patterns, ways. Must not know: any particular property.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from verifai.graph.graph import Graph, rewired
from verifai.graph.patterns import is_relu
from verifai.graph.ways import Moves, onward, placed
from verifai.kernel.network import (
    Affine,
    Input,
    Network,
    Product,
    Pwl,
    Sign,
    Smooth,
    Square,
    affine,
    pwl,
    relu,
)
from verifai.kernel.operator import Array, Conv, Dense, Gather, Operator

Mask = npt.NDArray[np.bool_]


def is_aligned(first: Network, second: Network) -> bool:
    """Whether both networks have the same nodes but for numbers, and exact constants."""
    if len(first.nodes) != len(second.nodes) or first.outputs != second.outputs:
        return False
    for a, b in zip(first.nodes, second.nodes, strict=True):
        if type(a) is not type(b) or a.sources != b.sources or a.shape != b.shape:
            return False
        if isinstance(a, Affine) and isinstance(b, Affine) and not _is_like(a, b):
            return False
        if isinstance(a, Pwl) and isinstance(b, Pwl) and not _is_same_function(a, b):
            return False
        if getattr(a, "function", None) != getattr(b, "function", None):
            return False
    return True


def _is_like(a: Affine, b: Affine) -> bool:
    if a.radius is not None or b.radius is not None:
        return False
    pairs = zip(a.terms, b.terms, strict=True)
    return all(type(x) is type(y) for (_, x), (_, y) in pairs)


def _is_same_function(a: Pwl, b: Pwl) -> bool:
    data = ((a.knots, b.knots), (a.slopes, b.slopes), (a.anchor, b.anchor))
    return all(np.array_equal(x, y) for x, y in data)


def attach_difference(
    graph: Graph,
    nets: tuple[Network, Network],
    places: Mapping[int, int],
    unstable: Mapping[int, Mask],
    moved: Mapping[int, int] | None = None,
) -> dict[int, int]:
    """Adds the second network's outputs to a graph that holds the first network.

    Args:
        graph: what is extended.
        nets: two aligned networks.
        places: where the first network's nodes stand.
        unstable: for relu nodes, the neurons that may have both phases; a hint only.
        moved: for input nodes, the node by which the second network's input differs.

    Returns:
        The node of every output of the second network, by its node there.
    """
    first, second = nets
    gaps = dict(moved or {})  # d where it is not zero
    moves = _moves(graph, second, gaps if first is second else {})
    for position, node in enumerate(second.nodes):
        before, name = first.nodes[position], f"difference/{node.name}"
        if isinstance(node, Affine) and isinstance(before, Affine):
            made = _affine_gap(graph, name, (before, node), (position, places, gaps))
            if made is not None:
                gaps[position] = made
        elif isinstance(node, Sign) and node.source in gaps:
            gaps[position] = _step_gap(graph, name, node, (position, places, gaps), moves)
        elif not isinstance(node, Input | Affine) and any(s in gaps for s in node.sources):
            gaps[position] = _gap(graph, name, node, (position, places, gaps), unstable)
    outputs = {}
    for o in second.outputs:
        terms = [(places[o], 1.0)] + ([(gaps[o], 1.0)] if o in gaps else [])
        outputs[o] = graph.total(f"second/{second.nodes[o].name}", terms)
    return outputs


def _moves(graph: Graph, net: Network, moved: Mapping[int, int]) -> Moves:
    """How nodes move with the one number by which inputs differ; nothing where they are several."""
    if len(moved) != 1:
        return Moves(-1, {})
    ((position, gap),) = moved.items()
    number, way = placed(graph.nodes[gap])
    ways = {} if way is None else {position: way}
    for place, node in enumerate(net.nodes):
        if any(source in ways for source in node.sources):
            ways[place] = onward(node, [ways.get(source) for source in node.sources])
    return Moves(number, ways)


Where = tuple[int, Mapping[int, int], Mapping[int, int]]  # a node; places of values, of gaps


def _affine_gap(graph: Graph, name: str, pair: tuple[Affine, Affine], where: Where) -> int | None:
    """The difference of two affine nodes; None if it is zero."""
    (a, b), (position, places, gaps) = pair, where
    terms: list[tuple[int, Operator]] = []
    bias, divisor = _minus(b.bias, a.bias), b.divisor
    same_divisor = np.array_equal(_ones(a), _ones(b))
    changes = [_change(x, y) for (_, x), (_, y) in zip(a.terms, b.terms, strict=True)]
    if bias is not None and same_divisor and None not in changes:
        for (source, _), change in zip(b.terms, changes, strict=True):
            if change is not None and _entries(change).any():
                terms.append((places[source], change))
    else:
        terms = [(places[source], op) for source, op in b.terms]
        terms.append((places[position], Gather.of(len(b.bias), None, -_ones(b))))
        bias = b.bias
    terms += [(gaps[source], op) for source, op in b.terms if source in gaps]
    if not terms:
        if not np.any(bias):
            return None
        terms = [(places[position], Gather.of(len(b.bias), None, 0.0))]
    made = affine(graph.name(name), b.shape, tuple(terms), bias=bias, divisor=divisor)
    return graph.add(made)


def _ones(node: Affine) -> Array:
    return np.ones(len(node.bias)) if node.divisor is None else node.divisor


def _minus(b: Array, a: Array) -> Array | None:
    """b - a if every entry of it is a double (Knuth's two-sum finds no error)."""
    s = b - a
    back = s - b
    error = (b - (s - back)) - (a + back)
    return s if np.isfinite(s).all() and not error.any() else None


def _entries(operator: Operator) -> Array:
    return operator.scale if isinstance(operator, Gather) else operator.weight


def _change(a: Operator, b: Operator) -> Operator | None:
    """The operator b - a, if its entries are doubles and both are otherwise alike."""
    if _entries(a).shape != _entries(b).shape:
        return None
    entries = _minus(_entries(b), _entries(a))
    if entries is None:
        return None
    if isinstance(a, Dense) and isinstance(b, Dense):
        return Dense.of(entries)
    if isinstance(a, Gather) and isinstance(b, Gather) and np.array_equal(a.index, b.index):
        return Gather.of(b.inputs, b.index, entries)
    if isinstance(a, Conv) and isinstance(b, Conv):
        like = (a.stride, a.before, a.after, a.dilation, a.groups, a.spatial)
        if like == (b.stride, b.before, b.after, b.dilation, b.groups, b.spatial):
            return replace(b, weight=entries)
    return None


def _gap(
    graph: Graph,
    name: str,
    node: Product | Pwl | Sign | Square | Smooth,
    where: Where,
    unstable: Mapping[int, Mask],
) -> int:
    """f(a + d) - f(a) of a nonlinear node."""
    position, places, gaps = where
    if isinstance(node, Product):
        return _product_gap(graph, name, node, where)
    source = node.source
    moved = _moved(graph, f"{name}/moved", source, where)
    if isinstance(node, Square):
        total = graph.total(f"{name}/sum", [(places[source], 1.0), (moved, 1.0)])
        return graph.times(name, gaps[source], total)
    value = graph.add(rewired(node, {source: moved}, graph.name(f"{name}/second")))
    if isinstance(node, Smooth) and node.function in _IDENTITIES:
        identity = _IDENTITIES[node.function]
        return identity(graph, name, gaps[source], (places[position], value))
    mask = unstable.get(position)
    if not (is_relu(node)) or mask is None or not mask.any():
        return graph.total(name, [(value, 1.0), (places[position], -1.0)])
    picked = np.flatnonzero(mask)
    below = [
        _negative_part(graph, f"{name}/{stem}", picked, place)
        for stem, place in (("below", places[source]), ("below second", moved))
    ]
    parts = [
        _clipped(graph, f"{name}/{stem}", picked, (gaps[source], sign), part)
        for stem, sign, part in (("rise", 1.0, below[0]), ("fall", -1.0, below[1]))
    ]
    size = mask.size
    back, rest = np.full(size, -1), np.where(mask, -1, np.arange(size))
    back[picked] = np.arange(len(picked))
    terms = [
        (value, Gather.of(size, rest)),
        (places[position], Gather.of(size, rest, -1.0)),
        (parts[0], Gather.of(len(picked), back)),
        (parts[1], Gather.of(len(picked), back, -1.0)),
    ]
    kept = terms if not mask.all() else terms[2:]
    return graph.add(affine(graph.name(name), node.shape, tuple(kept)))


def _step_gap(graph: Graph, name: str, node: Sign, where: Where, moves: Moves) -> int:
    """sign(a + d) - sign(a) = sign(d)·|sign(a + d) - sign(a)|, as sign never falls.

    Where d can only rise with the number that moves everything, or only fall, its sign is that of
    the number or its negative.
    """
    position, places, gaps = where
    source, size = node.source, graph.size(gaps[node.source])
    moved = _moved(graph, f"{name}/moved", source, where)
    value = graph.add(rewired(node, {source: moved}, graph.name(f"{name}/second")))
    rise = graph.total(f"{name}/rise", [(value, 1.0), (places[position], -1.0)])
    shape = graph.nodes[rise].shape
    length = graph.add(pwl(graph.name(f"{name}/size"), shape, rise, [0.0], [-1.0, 1.0]))
    way, terms = moves.ways.get(source), list[tuple[int, Operator]]()
    if way is not None and way.known.any():
        kind = Sign(graph.name(f"{name}/step"), (1,), moves.number)
        index = np.where(way.known == 0, -1, 0)
        terms.append((graph.add(kind), Gather.of(1, index, way.known)))
    if way is None or way.is_open.any() or not terms:
        here = None if way is None else np.where(way.is_open, np.arange(size), -1)
        kind = Sign(graph.name(f"{name}/sign"), shape, gaps[source])
        terms.append((graph.add(kind), Gather.of(size, here)))
    sign = graph.add(affine(graph.name(f"{name}/way"), shape, tuple(terms)))
    return graph.times(name, sign, length)


def _product_gap(graph: Graph, name: str, node: Product, where: Where) -> int:
    """(x + d)(y + e) - xy = d(y + e) + xe."""
    _, places, gaps = where
    terms: list[tuple[int, Array | float]] = []
    if node.left in gaps:
        right = _moved(graph, f"{name}/moved", node.right, where)
        terms.append((graph.times(f"{name}/left", gaps[node.left], right), 1.0))
    if node.right in gaps:
        made = graph.times(f"{name}/right", places[node.left], gaps[node.right])
        terms.append((made, 1.0))
    return graph.total(name, terms)


def _tanh_gap(graph: Graph, name: str, gap: int, values: tuple[int, int]) -> int:
    """tanh(a + d) - tanh(a) = tanh(d)·(1 - tanh(a)·tanh(a + d))."""
    both = graph.times(f"{name}/both", *values)
    factor = graph.total(f"{name}/factor", [(both, -1.0)], 1.0)
    return graph.times(name, graph.function(f"{name}/tanh", gap, "tanh"), factor)


def _sigmoid_gap(graph: Graph, name: str, gap: int, values: tuple[int, int]) -> int:
    """The same with sigmoid(a) = (1 + tanh(a/2))/2."""
    sides = [graph.total(f"{name}/side", [(value, 2.0)], -1.0) for value in values]
    both = graph.times(f"{name}/both", sides[0], sides[1])
    factor = graph.total(f"{name}/factor", [(both, -0.5)], 0.5)
    half = graph.total(f"{name}/half", [(gap, 0.5)])
    return graph.times(name, graph.function(f"{name}/tanh", half, "tanh"), factor)


def _exp_gap(graph: Graph, name: str, gap: int, values: tuple[int, int]) -> int:
    """exp(a + d) - exp(a) = (exp(d) - 1)·exp(a)."""
    rise = graph.total(f"{name}/rise", [(graph.function(f"{name}/exp", gap, "exp"), 1.0)], -1.0)
    return graph.times(name, rise, values[0])


def _reciprocal_gap(graph: Graph, name: str, gap: int, values: tuple[int, int]) -> int:
    """1/(a + d) - 1/a = -d/(a·(a + d))."""
    both = graph.times(f"{name}/both", *values)
    return graph.times(name, graph.total(f"{name}/minus", [(gap, -1.0)]), both)


_IDENTITIES: dict[str, Callable[[Graph, str, int, tuple[int, int]], int]] = {
    "tanh": _tanh_gap,
    "sigmoid": _sigmoid_gap,
    "exp": _exp_gap,
    "reciprocal": _reciprocal_gap,
}


def _moved(graph: Graph, name: str, source: int, where: Where) -> int:
    """a + d."""
    _, places, gaps = where
    if source not in gaps:
        return places[source]
    return graph.total(name, [(places[source], 1.0), (gaps[source], 1.0)])


def _negative_part(graph: Graph, name: str, picked: Array, source: int) -> int:
    """relu(-a) of some neurons."""
    term = (source, Gather.of(graph.size(source), picked, -1.0))
    turned = graph.add(affine(graph.name(f"{name}/minus"), (len(picked),), (term,)))
    return _relu(graph, name, turned)


def _clipped(graph: Graph, name: str, picked: Array, gap: tuple[int, float], part: int) -> int:
    """relu(±d - part) of some neurons."""
    source, sign = gap
    terms = (
        (source, Gather.of(graph.size(source), picked, sign)),
        (part, Gather.of(len(picked), None, -1.0)),
    )
    made = graph.add(affine(graph.name(f"{name}/rest"), (len(picked),), terms))
    return _relu(graph, name, made)


def _relu(graph: Graph, name: str, source: int) -> int:
    return graph.add(relu(graph.name(name), graph.nodes[source].shape, source))
