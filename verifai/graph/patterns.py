"""What a network's nodes are, seen together: powers of one node, selections, maxima and minima.

Each is read off the nodes and is an identity. Derivatives and differences that know them are tight
where node by node they would not be: 3x² is never negative, while the sum of x·2x and x² may be, as
far as bounds can tell.

May import: numpy, kernel. Must not know: how derivatives or differences are written down.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from verifai.kernel.network import Affine, Network, Node, Product, Pwl, Square
from verifai.kernel.operator import Array, Gather

MAX_POWER = 64
Mask = npt.NDArray[np.bool_]


def powers(net: Network) -> list[tuple[int, int]]:
    """For every node a node and an exponent whose power it is: itself and 1 where it is none."""
    found: list[tuple[int, int]] = []
    for position, node in enumerate(net.nodes):
        made = (position, 1)
        if isinstance(node, Square):
            made = found[node.source][0], 2 * found[node.source][1]
        elif isinstance(node, Product) and found[node.left][0] == found[node.right][0]:
            made = found[node.left][0], found[node.left][1] + found[node.right][1]
        elif (view := selection(node)) is not None and _is_identity(view):
            made = found[view.source]
        found.append(made if made[1] <= MAX_POWER else (position, 1))
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """Values scale·source[index], none of the scales zero.

    Attributes:
        source: a node.
        index, scale: one entry a value.
        size: of the source.
    """

    source: int
    index: Array
    scale: Array
    size: int


def selection(node: Node) -> Selection | None:
    """How the node selects values of another one; None if it does something else."""
    if not isinstance(node, Affine) or len(node.terms) != 1 or not _is_plain(node):
        return None
    source, operator = node.terms[0]
    if not isinstance(operator, Gather) or node.bias.any():
        return None
    if (operator.index < 0).any() or not operator.scale.all():
        return None
    return Selection(source, operator.index, operator.scale, operator.inputs)


def origin(net: Network, position: int) -> tuple[int, Array, Array]:
    """The node whose values a node holds multiples of: it, which of them, and the signs."""
    size = net.sizes[position]
    index, sign = np.arange(size), np.ones(size)
    while (view := selection(net.nodes[position])) is not None:
        index, sign = view.index[index], sign * np.sign(view.scale[index])
        position = view.source
    return position, index, sign


def _is_identity(view: Selection) -> bool:
    same = np.array_equal(view.index, np.arange(view.size))
    return same and bool((view.scale == 1).all())


def _is_plain(node: Affine) -> bool:
    return node.divisor is None and node.radius is None


@dataclass(frozen=True, slots=True, eq=False)
class Extremum:
    """A node that holds max(a, b) or min(a, b) in some places, and other things in the others.

    It is written as b + relu(a - b), or as a - relu(a - b).

    Attributes:
        chosen: where, (n,).
        relu: the node of the ReLU, and `place` its value for each chosen place.
        first, second: for each chosen place, the node and the values a and b.
        is_greatest: whether it is a maximum.
        others: the terms of the remaining places.
    """

    chosen: Mask
    relu: int
    place: Array
    first: tuple[int, Array]
    second: tuple[int, Array]
    is_greatest: bool
    others: tuple[tuple[int, Gather], ...]


def extremum(net: Network, position: int) -> Extremum | None:
    """How a node is a maximum or a minimum of two; None if it is neither."""
    node = net.nodes[position]
    if not isinstance(node, Affine) or not _is_plain(node):
        return None
    gathers = [(s, op) for s, op in node.terms if isinstance(op, Gather)]
    relus = [k for k, (s, _) in enumerate(gathers) if is_relu(net.nodes[s])]
    if len(gathers) != len(node.terms) or len(relus) != 1 or len(gathers) < 2:
        return None
    source, term = gathers.pop(relus[0])
    relu = net.nodes[source]
    sides = _sides(net.nodes[relu.sources[0]])
    chosen = (term.index >= 0) & (term.scale != 0)
    signs = np.unique(term.scale[chosen])
    if sides is None or len(signs) != 1 or abs(signs[0]) != 1 or node.bias[chosen].any():
        return None
    (first, a), (second, b) = sides
    place = term.index[chosen]
    ends = (first, a.index[place]), (second, b.index[place])
    if any((side[1] < 0).any() for side in ends):
        return None
    if not ((a.scale[place] == 1).all() and (b.scale[place] == -1).all()):
        return None
    is_greatest = bool(signs[0] == 1)
    others = _without(gathers, ends[1] if is_greatest else ends[0], chosen)
    if others is None:
        return None
    return Extremum(chosen, source, place, *ends, is_greatest, others)


def is_relu(node: Node) -> bool:
    """Whether the node is max(0, x) everywhere."""
    if not isinstance(node, Pwl) or len(node.knots) != 1 or node.knots.any() or node.anchor.any():
        return False
    return not node.slopes[0].any() and bool((node.slopes[1] == 1).all())


def _sides(node: Node) -> tuple[tuple[int, Gather], tuple[int, Gather]] | None:
    """The terms of a - b, a first."""
    if not isinstance(node, Affine) or not _is_plain(node) or node.bias.any():
        return None
    gathers = [(s, op) for s, op in node.terms if isinstance(op, Gather)]
    if len(gathers) != 2 or len(node.terms) != 2:
        return None
    gathers.sort(key=lambda term: -float(term[1].scale.max(initial=-1.0)))
    return gathers[0], gathers[1]


def _without(
    gathers: list[tuple[int, Gather]], kept: tuple[int, Array], chosen: Mask
) -> tuple[tuple[int, Gather], ...] | None:
    """The terms without a selected part that one of them must hold; None if none does."""
    found: list[tuple[int, Gather]] = []
    seen = False
    for source, term in gathers:
        here = (term.index[chosen] >= 0) & (term.scale[chosen] != 0)
        if not here.any():
            found.append((source, term))
            continue
        is_it = source == kept[0] and np.array_equal(term.index[chosen], kept[1])
        if seen or not is_it or not (term.scale[chosen] == 1).all():
            return None
        seen = True
        if not chosen.all():
            rest = Gather.of(term.inputs, np.where(chosen, -1, term.index), term.scale)
            found.append((source, rest))
    return tuple(found) if seen else None
