"""The parts and the holes of where a small network is positive, from its exact regions.

May import: the gallery's parts, kernel, symbolic. Must not know: files.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import numpy as np
from flint import fmpq

from verifai.kernel.network import Network
from verifai.kernel.number import nearest
from verifai.symbolic.polytope import Point
from verifai.symbolic.regions import Region, regions
from verifai.theorems import evidence
from verifai.theorems.claim import (
    Claim,
    Curve,
    Finding,
    Outcome,
    Plot,
    Role,
    Table,
    Theorem,
    Trust,
    parameter,
)
from verifai.theorems.construction import Layer, Recipe, exported, relu_network, trained
from verifai.theorems.planar_complex import (
    Betti,
    PlanarComplex,
    betti_by_duality,
    betti_not_negative,
    betti_positive,
    complex_of,
)
from verifai.theorems.planar_loop import Loop, is_shown, loop_around, value_at

ZERO, ONE = fmpq(0), fmpq(1)
SCALE = 64  # weights of drawn networks are multiples of 1/SCALE
STATEMENT = """\
Let f be a ReLU network of two inputs on a box, b0 the number of connected parts of {f > 0} and b1
that of its holes (the Betti numbers; there are no others in the plane).
1. Cut along f = 0, the activation regions give a complex of cells on each of which f has one sign.
   b0 and b1 are ranks of its integer matrices; b1 is also the number of parts of {f ≤ 0} that do
   not meet the box's rim (Alexander duality). Both are computed, and must agree.
2. b0 and b1 are at most the number of regions, for f is affine on a region, so both {f > 0} and
   {f ≤ 0} are connected in it. With one hidden layer of w neurons that is 1 + w + w(w - 1)/2.
3. k folds of both coordinates and a ring, 4 k + 6 neurons in all, have b0 = b1 = 4^k on [0, 1]²: in
   the depth the holes grow exponentially; one hidden layer needs w ≥ 2^k neurons and more for them.
{f ≥ 0} may have other Betti numbers than {f > 0}.
"""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Sizes."""

    folds: int = parameter(2, "folds k of both coordinates", 0, 4)
    drawn: int = parameter(4, "networks with drawn weights", 1, 50)
    width: int = parameter(6, "neurons of each of their two hidden layers", 1, 16)
    seeds: int = parameter(3, "networks trained to find a ring", 1, 20)
    steps: int = parameter(1000, "steps of Adam", 1, 100_000)


def folded_rings(folds: int) -> list[Layer]:
    """The layers of 1/8 - | |u - 1/2| + |v - 1/2| - 1/4 |, u and v the folded coordinates."""
    made: list[Layer] = []
    read = [[1.0, 0.0], [0.0, 1.0]]
    for _ in range(folds):
        made.append(([read[0], read[0], read[1], read[1]], [0.0, -0.5, 0.0, -0.5]))
        read = [[2.0, -4.0, 0.0, 0.0], [0.0, 0.0, 2.0, -4.0]]
    both = [row for each in read for row in (each, [-a for a in each])]
    made.append((both, [-0.5, 0.5, -0.5, 0.5]))
    made.append(([[1.0] * 4, [-1.0] * 4], [-0.25, 0.25]))
    return [*made, ([[-1.0, -1.0]], [0.125])]


@dataclass(frozen=True, slots=True)
class KnownSet:
    """A network made by hand, and the Betti numbers of {f > 0} on [-1, 1]²."""

    name: str
    words: str
    layers: tuple[Layer, ...]
    betti: Betti


_AXES: tuple[list[list[float]], list[float]] = (
    [[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]],
    [0.0] * 4,
)
KNOWN = (
    KnownSet("disc", "1/2 - |x| - |y|", (_AXES, ([[-1.0] * 4], [0.5])), Betti(1, 0)),
    KnownSet("punctured", "|x| + |y|", (_AXES, ([[1.0] * 4], [0.0])), Betti(1, 1)),
    KnownSet(
        "slit",
        "|x| + max(|y| - 1/2, 0)",
        ((_AXES[0], [0.0, 0.0, -0.5, -0.5]), ([[1.0] * 4], [0.0])),
        Betti(1, 1),
    ),
    KnownSet("cone", "|x| - |y|", (_AXES, ([[1.0, 1.0, -1.0, -1.0]], [0.0])), Betti(2, 0)),
    KnownSet("halves", "|x|", (_AXES, ([[1.0, 1.0, 0.0, 0.0]], [0.0])), Betti(2, 0)),
)
HALVES = KNOWN[-1]


def cut(net: Network, low: fmpq, high: fmpq) -> tuple[list[Region], PlanarComplex]:
    """The regions on [low, high]², and the complex that they give."""
    found = list(regions(net, [low, low], [high, high]))
    return found, complex_of(found)


def claims(sizes: Parameters) -> Iterator[Claim]:
    """The claims, in order."""
    for known in KNOWN:
        yield Claim(
            f"known-{known.name}",
            f"{{{known.words} > 0}} on [-1, 1]² has (b0, b1) = {known.betti}.",
            partial(known_betti, known),
        )
    k, many = sizes.folds, 4**sizes.folds
    yield Claim(
        "folds",
        f"{k} folds and a ring, {4 * k + 6} neurons: (b0, b1) = ({many}, {many}) on [0, 1]².",
        partial(rings, k, Betti(many, many)),
    )
    yield Claim(
        "wide",
        f"For k = 1, ..., {k + 4}: one hidden layer needs the printed number of neurons for 4^k "
        "holes, at least 2^k.",
        partial(widths, k + 4),
    )
    yield Claim(
        "drawn",
        f"{sizes.drawn} networks 2 → {sizes.width} → {sizes.width} → 1 with drawn weights: ranks "
        "and duality agree, and neither b0 nor b1 is above the number of regions.",
        partial(drawn, sizes),
    )
    yield Claim(
        "trained",
        f"Networks 2 → 12 → 12 → 1 trained on a ring, seeds 0 to {sizes.seeds - 1}: their b0, b1.",
        partial(train, sizes),
        role=Role.MEASUREMENT,
    )
    yield Claim(
        "no-hole",
        f"{{f > 0}} of {k} folds and a ring has no hole.",
        partial(no_hole, k),
        role=Role.CONTROL,
    )
    yield Claim(
        "closed",
        f"{{f ≥ 0}} has the Betti numbers of {{f > 0}}, for f = {HALVES.words}.",
        partial(closed_alike, HALVES),
        role=Role.CONTROL,
    )
    yield Claim(
        "one-left-out",
        "The cells with f > 0 of the ring without the last one are all of {f > 0}.",
        leave_out,
        role=Role.CONTROL,
    )


def both_ways(cells: PlanarComplex) -> Betti | None:
    """Of {f > 0}, by ranks and by duality; None if they differ."""
    found = betti_positive(cells)
    return found if found == betti_by_duality(cells) else None


def known_betti(known: KnownSet) -> Finding:
    """On [-1, 1]²."""
    return _compared(cut(relu_network(known.layers), -ONE, ONE)[1], known.betti)


def _compared(cells: PlanarComplex, wanted: Betti) -> Finding:
    found = both_ways(cells)
    said = f"{len(cells.faces)} faces: (b0, b1) = {found}"
    return evidence.exact(found == wanted, said, counterexample=said)


def rings(folds: int, wanted: Betti) -> Finding:
    """The exact complex, and a picture of f = 0."""
    _, cells = cut(relu_network(folded_rings(folds)), ZERO, ONE)
    plot = Plot(f"f = 0 for {folds} folds", "x", "y", tuple(_outlines(cells)))
    return replace(_compared(cells, wanted), plot=plot)


def _outlines(cells: PlanarComplex) -> Iterator[Curve]:
    """Every side on which f is 0, a line of its own; the first has the label."""
    label = "f = 0"
    for edge in cells.edges:
        if cells.sign(edge) == 0:
            one, other = (tuple(map(nearest, cells.points[i])) for i in edge)
            yield Curve(label, ((one[0], one[1]), (other[0], other[1])))
            label = "_"


def widths(most: int) -> Finding:
    """The least w with 1 + w + w(w - 1)/2 ≥ 4^k."""
    rows, holds = [], True
    for k in range(1, most + 1):
        need = next(w for w in range(2 ** (k + 2)) if 1 + w + w * (w - 1) // 2 >= 4**k)
        holds = holds and need >= 2**k
        rows.append((str(k), str(4**k), str(4 * k + 6), str(need)))
    headings = ("k", "holes", "neurons of the folded net", "of one hidden layer, at least")
    finding = evidence.exact(holds, counterexample=str(rows))
    return replace(finding, table=Table(headings, tuple(rows)))


def drawn(sizes: Parameters) -> Finding:
    """Weights drawn from a normal distribution, rounded; on [-2, 2]²."""
    rows = []
    for seed in range(sizes.drawn):
        parts, cells = cut(relu_network(layers(sizes.width, seed)), fmpq(-2), fmpq(2))
        found = both_ways(cells)
        if found is None or max(found.parts, found.holes) > len(parts):
            return evidence.exact(False, counterexample=f"seed {seed}: {found}, {len(parts)}")
        rows.append((str(seed), str(len(parts)), str(len(cells.faces)), str(found)))
    table = Table(("seed", "regions", "faces", "(b0, b1)"), tuple(rows))
    return Finding(Outcome.PROVED, Trust.EXACT, table=table)


def layers(width: int, seed: int) -> list[Layer]:
    """Of a network 2 → width → width → 1, positive on about a half of [-2, 2]²."""
    draw, made = np.random.default_rng(seed), []
    ends = np.linspace(-2, 2, 9)
    values = np.array([[x, y] for x in ends for y in ends])
    for before, after in pairwise((2, width, width, 1)):
        weight = np.round(draw.normal(size=(after, before)) * SCALE) / SCALE
        values = values @ weight.T
        bias = np.round(-np.median(values, axis=0) * SCALE) / SCALE
        values = np.maximum(values + bias, 0)
        made.append((weight.tolist(), bias.tolist()))
    return made


def ring_data(rows: int = 21) -> tuple[list[list[float]], list[list[float]]]:
    """Points of a grid on [-1, 1]², and 1 on the ring 1/4 < |x|² < 3/4, -1 off it."""
    ends = np.linspace(-1, 1, rows)
    points = [[float(x), float(y)] for x in ends for y in ends]
    return points, [[1.0 if 1 / 4 < x * x + y * y < 3 / 4 else -1.0] for x, y in points]


def train(sizes: Parameters) -> Finding:
    """What the trained networks' sets look like: the data's has one part and one hole."""
    rows = []
    points, targets = ring_data()
    for seed in range(sizes.seeds):
        recipe = Recipe((2, 12, 12, 1), seed, sizes.steps, 2e-2)
        parts, cells = cut(exported(trained(recipe, points, targets), 2), -ONE, ONE)
        found = both_ways(cells)
        if found is None:
            return evidence.exact(False, counterexample=f"seed {seed}: ranks and duality differ")
        said = "yes" if found == Betti(1, 1) else "no"
        rows.append((str(seed), str(len(parts)), str(found), said))
    table = Table(("seed", "regions", "(b0, b1)", "a ring"), tuple(rows))
    return evidence.measured("", table=table)


def no_hole(folds: int) -> Finding:
    """A loop around the first ring's centre, seen by the kernel's evaluation."""
    net = relu_network(folded_rings(folds))
    centre = (fmpq(1, 2 << folds), fmpq(1, 2 << folds))
    loop = loop_around(cut(net, ZERO, ONE)[1], centre)
    if loop is None or not is_shown(net, loop):
        return Finding(Outcome.OPEN, Trust.EXACT, "no loop was found")
    return evidence.exact(False, counterexample=_said(net, loop))


def _said(net: Network, loop: Loop) -> str:
    corners = " → ".join(map(_pair, (*loop.corners, loop.corners[0])))
    return f"f{_pair(loop.inside)} = {value_at(net, loop.inside)}, f > 0 on the loop {corners}"


def _pair(point: Point) -> str:
    return f"({', '.join(map(str, point))})"


def closed_alike(known: KnownSet) -> Finding:
    """Of both sets, and a point where f = 0 that joins what is apart without it."""
    net = relu_network(known.layers)
    _, cells = cut(net, -ONE, ONE)
    opened, closed = both_ways(cells), betti_not_negative(cells)
    meeting = next((p for p, s in zip(cells.points, cells.signs, strict=True) if s == 0), None)
    shown = f"{opened} and {closed}" + (f"; f{_pair(meeting)} = 0" if meeting else "")
    return evidence.exact(opened == closed, counterexample=shown)


def leave_out() -> Finding:
    """A point of the cell that is missing: f > 0 there, and it lies in no other."""
    net = relu_network(folded_rings(0))
    _, cells = cut(net, ZERO, ONE)
    positive = [face for face in cells.faces if face.sign > 0]
    whole, left = cells.area(positive), cells.area(positive[:-1])
    point = cells.centre(positive[-1])
    shown = f"f{_pair(point)} = {value_at(net, point)}, in none of them"
    said = f"area {left} of {whole}"
    return evidence.exact(left == whole, said, counterexample=shown)


THEOREM = Theorem(
    name="homology",
    title="the parts and holes of {f > 0}, exactly; k folds make 4^k of each",
    statement=STATEMENT,
    proposal="rings by folding, drawn weights, networks trained on a ring; their regions",
    source="Bianchini, Scarselli, On the complexity of neural network classifiers (2014); "
    "Ramamurthy, Varshney, Mody, Topological data analysis of decision boundaries (2019)",
    defaults=Parameters(),
    claims=claims,
    example="""\
f = 1/8 - | |x - 1/2| + |y - 1/2| - 1/4 | on [0, 1]² is positive between the squares of half
diagonals 1/8 and 3/8: one part, one hole.         . . ^ . .
f(1/2, 1/2) = 1/8 - 1/4 = -1/8, while the loop     . / ^ \\ .
(3/4, 1/2), (1/2, 3/4), (1/4, 1/2), (1/2, 1/4)     < <   > >
around it has f = 1/8 at its corners and on its    . \\ v / .
sides. It cannot be drawn together: a hole.        . . v . .""",
)
