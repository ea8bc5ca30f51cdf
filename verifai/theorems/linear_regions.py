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
    yield Claim(
        "one-left-out",
        f"The regions of the first {' → '.join(map(str, SHAPES[1]))} without the last one are all.",
        partial(leave_out, sizes),
        role=Role.CONTROL,
    )


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
)
