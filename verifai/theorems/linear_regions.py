"""How many linear regions a network has: enumerated exactly, with nothing left out.

May import: the gallery's parts, kernel, symbolic. Must not know: files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from math import comb, prod

import numpy as np
from flint import fmpq

from verifai.kernel.network import Network, Pwl
from verifai.kernel.replay import evaluate
from verifai.symbolic.regions import Region, regions
from verifai.theorems import evidence
from verifai.theorems.claim import Claim, Finding, Outcome, Role, Table, Theorem, Trust, parameter
from verifai.theorems.construction import Layer, relu_network
from verifai.theorems.pieces import maximal_pieces

SHAPES = ((1, 4, 4, 1), (2, 4, 4, 1), (3, 4, 3, 3, 2))
SCALE = 256  # weights are multiples of 1/SCALE
STATEMENT = """\
Let N be a ReLU network with n_0 inputs, hidden layers of n_1, ..., n_L neurons and linear outputs.
A choice of phases (active or not) of all neurons that is taken on a set with interior points is an
activation region. There are at most
    Π_{l = 1..L} Σ_{j = 0..d_l} C(n_l, j),    d_l = min(n_0, ..., n_{l-1}),
of them, on R^{n_0} and so on every box: 960 for 3 → 4 → 3 → 3 → 2.
N is affine on each; the maximal connected sets with one affine map may be fewer.
The bound is attained by 1 → 4 → 1 (5), by 2 → 4 → 1 (11) and by every hidden layer with knots, or
lines, in general position; a zigzag 1 → 4 → 4 → 1 has 21 of 25 regions.

Checked here: the regions of given networks on a box, each with an exact interior point at which
the kernel's evaluation shows the phases, all different. That none is left out is shown by their
volumes, which add up to the volume of the box.
"""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Sizes."""

    networks: int = parameter(3, "networks of every shape", 1, 20)
    half_width: int = parameter(2, "of the box, around 0", 1, 64)
    seed: int = parameter(0, "of the first network's weights")


@dataclass(frozen=True, slots=True, eq=False)
class Count:
    """The regions of a network on a box.

    Attributes:
        found: all of them.
        phases: for each, which neurons are active at its point.
        covered: the sum of their volumes.
        volume: that of the box.
    """

    found: tuple[Region, ...]
    phases: tuple[tuple[bool, ...], ...]
    covered: fmpq
    volume: fmpq

    @property
    def is_complete(self) -> bool:
        """Whether the volumes add up and no two regions have the same phases."""
        return self.covered == self.volume and len(set(self.phases)) == len(self.phases)


def bound(shape: Sequence[int]) -> int:
    """Π_l Σ_{j ≤ d_l} C(n_l, j) over the hidden layers.

    >>> bound((3, 4, 3, 3, 2)), bound((1, 4, 4, 1))
    (960, 25)
    """
    return prod(
        sum(comb(shape[level], j) for j in range(min(shape[:level]) + 1))
        for level in range(1, len(shape) - 1)
    )


def layers(shape: Sequence[int], seed: int) -> list[Layer]:
    """Weights drawn from a normal distribution, rounded to multiples of 1/SCALE."""
    draw = np.random.default_rng(seed)
    made: list[Layer] = []
    for inputs, outputs in pairwise(shape):
        weight = np.round(draw.normal(size=(outputs, inputs)) * SCALE) / SCALE
        bias = np.round(draw.normal(size=outputs) * SCALE / 2) / SCALE
        made.append((weight.tolist(), bias.tolist()))
    return made


@dataclass(frozen=True, slots=True)
class Known:
    """A network made by hand, and how many regions and maximal pieces it has on [-2, 2]^n."""

    words: str
    layers: tuple[Layer, ...]
    regions: int
    pieces: int

    @property
    def shape(self) -> tuple[int, ...]:
        """The widths of all layers."""
        return (len(self.layers[0][0][0]), *(len(bias) for _, bias in self.layers))


_ONES = [[1.0]] * 4
_ZIGZAG = [4.0, -8.0, 8.0, -8.0]
KNOWN = (
    Known(
        "Four knots",
        ((_ONES, [1.0, 0.5, -0.5, -1.0]), ([[1.0, -2.0, 2.0, -2.0]], [0.0])),
        regions=5,
        pieces=5,
    ),
    Known(
        "Four lines in general position",
        (
            ([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, -1.0]], [0.0, 0.0, -1.0, 0.5]),
            ([[1.0, -2.0, 4.0, -8.0]], [0.0]),
        ),
        regions=11,
        pieces=11,
    ),
    Known(
        "A zigzag, cut at four heights",
        (
            (_ONES, [0.0, -0.25, -0.5, -0.75]),
            ([_ZIGZAG] * 4, [-0.125, -0.375, -0.625, -0.875]),
            ([[1.0, -2.0, 2.0, -2.0]], [0.0]),
        ),
        regions=21,
        pieces=19,  # where it is low all four are inactive on both sides of a knot
    ),
)


def count(net: Network, half_width: int) -> Count:
    """The regions on the box [-half_width, half_width]^n."""
    inputs = net.sizes[net.inputs[0]]
    ends = [fmpq(half_width)] * inputs
    found = tuple(regions(net, [-x for x in ends], ends))
    phases = tuple(_phases(net, region) for region in found)
    covered = sum((region.volume for region in found), fmpq(0))
    return Count(found, phases, covered, fmpq(2 * half_width) ** inputs)


def _phases(net: Network, region: Region) -> tuple[bool, ...]:
    """Which neurons are active at the region's point; a neuron at its knot is not."""
    low, _ = evaluate(net, region.point)
    return tuple(
        bool(low[net.offsets[node.source] + k] > 0)
        for node in net.nodes
        if isinstance(node, Pwl)
        for k in range(net.sizes[node.source])
    )


def claims(sizes: Parameters) -> Iterator[Claim]:
    """The claims, in order."""
    for shape in SHAPES:
        name = "-".join(map(str, shape))
        text = (
            f"{sizes.networks} networks {' → '.join(map(str, shape))} on [-{sizes.half_width}, "
            f"{sizes.half_width}]^{shape[0]}: the regions found are all, at most {bound(shape)}."
        )
        yield Claim(f"regions-{name}", text, partial(enumerate_all, shape, sizes))
    for known in KNOWN:
        arrows = " → ".join(map(str, known.shape))
        yield Claim(
            f"known-{'-'.join(map(str, known.shape))}",
            f"{known.words}, {arrows}: exactly {known.regions} regions and {known.pieces} maximal "
            f"pieces on [-2, 2]^{known.shape[0]}; the bound is {bound(known.shape)}.",
            partial(known_count, known),
        )
    yield Claim(
        "half",
        "Every network 2 → 4 → 1 has at most half of Π Σ C(n_l, j) regions.",
        partial(at_most, KNOWN[1], fmpq(1, 2)),
        role=Role.CONTROL,
    )
    yield Claim(
        "one-less",
        "Every network 2 → 4 → 1 has fewer than Π Σ C(n_l, j) = 11 regions.",
        partial(at_most, KNOWN[1], fmpq(10, 11)),
        role=Role.CONTROL,
    )
    yield Claim(
        "one-piece",
        f"The first {' → '.join(map(str, SHAPES[1]))} has one maximal piece: it is affine.",
        partial(one_piece, sizes),
        role=Role.CONTROL,
    )
    yield Claim(
        "one-left-out",
        f"The regions of the first {' → '.join(map(str, SHAPES[1]))} without the last one are all.",
        partial(leave_out, sizes),
        role=Role.CONTROL,
    )


def known_count(known: Known) -> Finding:
    """Regions and maximal pieces of a network that was made to have this many."""
    counted = count(relu_network(known.layers), 2)
    found = len(counted.found), maximal_pieces(counted.found)
    said = f"{found[0]} regions, {found[1]} maximal pieces"
    holds = counted.is_complete and found == (known.regions, known.pieces)
    return evidence.exact(holds, said, counterexample=said)


def at_most(known: Known, share: fmpq) -> Finding:
    """Whether the regions are at most this share of the bound."""
    counted, most = count(relu_network(known.layers), 2), share * bound(known.shape)
    points = "; ".join(f"({', '.join(map(str, region.point))})" for region in counted.found)
    shown = f"{len(counted.found)} regions, with the points {points}"
    return evidence.exact(len(counted.found) <= most, counterexample=shown)


def one_piece(sizes: Parameters) -> Finding:
    """Whether all regions have one affine map; else two that have not."""
    found = count(relu_network(layers(SHAPES[1], sizes.seed)), sizes.half_width).found
    pieces, first = maximal_pieces(found), found[0]
    other = next((r for r in found if r.jacobian != first.jacobian), first)
    slopes = [", ".join(map(evidence.shown, region.point)) for region in (first, other)]
    shown = f"{pieces} maximal pieces: at ({slopes[0]}) and at ({slopes[1]}) the slopes differ"
    return evidence.exact(pieces == 1, counterexample=shown)


def enumerate_all(shape: Sequence[int], sizes: Parameters) -> Finding:
    """Counts regions and pieces of networks from consecutive seeds."""
    rows, most = [], bound(shape)
    for seed in range(sizes.seed, sizes.seed + sizes.networks):
        net = relu_network(layers(shape, seed))
        counted = count(net, sizes.half_width)
        regions_found, pieces_found = len(counted.found), maximal_pieces(counted.found)
        if not counted.is_complete or regions_found > most:
            shown = f"seed {seed}: {regions_found} regions cover {counted.covered}"
            return evidence.exact(False, counterexample=f"{shown} of {counted.volume}")
        point = ", ".join(map(evidence.shown, counted.found[0].point))
        rows.append((str(seed), str(regions_found), str(pieces_found), str(most), f"({point})"))
    headings = ("seed", "regions", "maximal pieces", "at most", "a point of the first")
    return Finding(
        Outcome.PROVED,
        Trust.EXACT,
        "volumes add up to the box; interior points have different phases",
        table=Table(headings, tuple(rows)),
    )


def leave_out(sizes: Parameters) -> Finding:
    """One region too few: the volumes show it, and its point lies in none of the others."""
    net = relu_network(layers(SHAPES[1], sizes.seed))
    whole = count(net, sizes.half_width)
    left = Count(
        whole.found[:-1],
        whole.phases[:-1],
        whole.covered - whole.found[-1].volume,
        whole.volume,
    )
    point = whole.found[-1].point
    is_new = _phases(net, whole.found[-1]) not in left.phases
    shown = f"the point ({', '.join(map(evidence.shown, point))}) lies in none of them"
    return evidence.exact(
        left.is_complete,
        f"volume {evidence.shown(left.covered)} of {left.volume}",
        counterexample=shown if is_new else "",
    )


THEOREM = Theorem(
    name="linear_regions",
    title="the exact number of linear regions of a network, at most Π_l Σ_j C(n_l, j)",
    statement=STATEMENT,
    proposal="networks with random rational weights, exported by torch; their regions",
    source="Montúfar, Notes on the number of linear regions of deep neural networks, 2017; Serra, "
    "Tjandraatmadja, Ramalingam, Bounding and counting linear regions, ICML 2018",
    defaults=Parameters(),
    claims=claims,
    example="""\
1 → 2 → 1 with relu(x) and relu(x - 1): the phases on R are (off, off), (on, off), (on, on): three
regions, as many as Σ_{j ≤ 1} C(2, j) = 1 + 2 allows.""",
)
