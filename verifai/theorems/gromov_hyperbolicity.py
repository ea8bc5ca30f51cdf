"""How far a finite metric space is from a tree: Gromov's δ, exactly, with the points that show it.

May import: the gallery's parts. Must not know: files.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations

from flint import fmpq

from verifai.theorems import evidence
from verifai.theorems.claim import Claim, Finding, Outcome, Role, Table, Theorem, Trust, parameter

Metric = Sequence[Sequence[int]]
STATEMENT = """\
For four points of a metric space take the three sums d(x, y) + d(z, w) of opposite distances; the
space is δ-hyperbolic if the two largest differ by at most 2 δ, for all four points. With Gromov's
products (x|y)_p = ½ [d(x, p) + d(y, p) - d(x, y)] the same δ is the least with
    (x|z)_p ≥ min((x|y)_p, (y|z)_p) - δ  for all x, y, z and all base points p.
1. δ = 0 for trees, and for the circle of five points with steps of length 1 it is 1/2.
2. For one base point p alone the least such number, δ_p, has δ_p ≤ δ ≤ 2 δ_p. Both are attained on
   five points or fewer.
"""
# five points with δ = 2 δ_p for the base point 0 (d(0, x) first), found by trying small distances
ATTAINED: Metric = (
    (0, 4, 3, 1, 3),
    (4, 0, 2, 3, 4),
    (3, 2, 0, 3, 2),
    (1, 3, 3, 0, 3),
    (3, 4, 2, 3, 0),
)


@dataclass(frozen=True, slots=True)
class Parameters:
    """Sizes."""

    trees: int = parameter(6, "drawn trees", 1, 50)
    spaces: int = parameter(12, "drawn metric spaces", 1, 200)
    points: int = parameter(8, "points of each", 4, 16)
    seed: int = parameter(0, "of both")


def delta(d: Metric) -> tuple[fmpq, tuple[int, ...]]:
    """δ by the four-point condition, and four points that show it."""
    best, shown = fmpq(0), (0, 0, 0, 0)
    for x, y, z, w in combinations(range(len(d)), 4):
        sums = sorted((d[x][y] + d[z][w], d[x][z] + d[y][w], d[x][w] + d[y][z]))
        gap = fmpq(sums[2] - sums[1], 2)
        if gap > best:
            best, shown = gap, (x, y, z, w)
    return best, shown


def delta_at(d: Metric, p: int) -> fmpq:
    """δ_p: the greatest of min((x|y), (y|z)) - (x|z), by a max-min product of a table."""
    n = len(d)
    g = [[fmpq(d[x][p] + d[y][p] - d[x][y], 2) for y in range(n)] for x in range(n)]
    return max(
        max(min(g[x][y], g[y][z]) for y in range(n)) - g[x][z] for x in range(n) for z in range(n)
    )


def closed(weights: list[list[int]]) -> list[list[int]]:
    """The metric of shortest paths."""
    n = len(weights)
    d = [list(row) for row in weights]
    for k in range(n):
        for i in range(n):
            for j in range(n):
                d[i][j] = min(d[i][j], d[i][k] + d[k][j])
    return d


def tree(sizes: Parameters, number: int) -> Metric:
    """A drawn tree with whole-number edges, and the distances of its points."""
    source = random.Random(f"{sizes.seed} tree {number}")
    n, far = sizes.points, 10**6
    weights = [[0 if i == j else far for j in range(n)] for i in range(n)]
    for i in range(1, n):
        j = source.randrange(i)
        weights[i][j] = weights[j][i] = source.randint(1, 9)
    return closed(weights)


def space(sizes: Parameters, number: int) -> Metric:
    """Drawn distances, made a metric by shortest paths."""
    source = random.Random(f"{sizes.seed} space {number}")
    n = sizes.points
    weights = [[0] * n for _ in range(n)]
    for i, j in combinations(range(n), 2):
        weights[i][j] = weights[j][i] = source.randint(1, 12)
    return closed(weights)


def circle(n: int) -> Metric:
    """n points on a circle, steps of length 1."""
    return [[min((i - j) % n, (j - i) % n) for j in range(n)] for i in range(n)]


def claims(sizes: Parameters) -> Iterator[Claim]:
    """The claims, in order."""
    yield Claim("trees", f"δ = 0 for {sizes.trees} drawn trees.", partial(trees, sizes))
    yield Claim("five", "δ = 1/2 for the circle of five points.", partial(is_delta, 5, fmpq(1, 2)))
    yield Claim("four", "δ = 1 for the circle of four points.", partial(is_delta, 4, fmpq(1)))
    yield Claim(
        "base-points",
        f"{sizes.spaces} drawn spaces of {sizes.points} points: δ_p ≤ δ ≤ 2 δ_p for every p, and "
        "δ is the greatest δ_p.",
        partial(base_points, sizes, 2),
    )
    yield Claim(
        "attained",
        f"On the five points with distances {ATTAINED} it is δ = 2 δ_p at the first point.",
        partial(attained, 2),
    )
    yield Claim(
        "same",
        "On these points δ_p = δ at the first point, as one base point is enough.",
        partial(attained, 1),
        role=Role.CONTROL,
    )
    yield Claim(
        "circle-tree",
        "The circle of five points is a tree: δ = 0.",
        partial(is_delta, 5, fmpq(0)),
        role=Role.CONTROL,
    )


def trees(sizes: Parameters) -> Finding:
    """The four-point condition without slack."""
    for number in range(sizes.trees):
        found, shown = delta(tree(sizes, number))
        if found != 0:
            return evidence.exact(False, counterexample=f"tree {number}: {found} at {shown}")
    return evidence.exact(True, f"{sizes.points} points each")


def is_delta(n: int, wanted: fmpq) -> Finding:
    """δ of a circle, with its points."""
    found, shown = delta(circle(n))
    said = f"δ = {found}, by the points {shown}"
    return evidence.exact(found == wanted, said, counterexample=said)


def base_points(sizes: Parameters, factor: int) -> Finding:
    """All base points of drawn spaces."""
    rows = []
    for number in range(sizes.spaces):
        d = space(sizes, number)
        whole, shown = delta(d)
        at = [delta_at(d, p) for p in range(len(d))]
        if max(at) != whole or any(not each <= whole <= factor * each for each in at):
            return evidence.exact(False, counterexample=f"{d}: δ = {whole}, δ_p = {at}")
        rows.append((str(number), str(whole), str(shown), str(min(at)), str(max(at))))
    table = Table(("space", "δ", "by the points", "least δ_p", "greatest"), tuple(rows))
    return Finding(Outcome.PROVED, Trust.EXACT, f"seed {sizes.seed}", table=table)


def attained(factor: int) -> Finding:
    """Both numbers of five points."""
    whole, at = delta(ATTAINED)[0], delta_at(ATTAINED, 0)
    said = f"δ = {whole}, δ_p = {at}"
    if not is_metric(ATTAINED):
        return evidence.exact(False, counterexample="these are no distances")
    return evidence.exact(whole == factor * at and at > 0, said, counterexample=said)


def is_metric(d: Metric) -> bool:
    """Whether it is symmetric, 0 on the diagonal alone, and no way around is shorter."""
    n = len(d)
    pairs = [(i, j) for i in range(n) for j in range(n)]
    if any(d[i][j] != d[j][i] or (d[i][j] == 0) != (i == j) for i, j in pairs):
        return False
    return closed([list(row) for row in d]) == [list(row) for row in d]


THEOREM = Theorem(
    name="gromov_hyperbolicity",
    title="Gromov's δ of finite metric spaces: 0 for trees, at most twice that of one base point",
    statement=STATEMENT,
    proposal="drawn trees and spaces; a metric found by trying",
    source="Gromov, Hyperbolic groups (1987); Fournier, Ismail, Vigneron, Computing the Gromov "
    "hyperbolicity of a discrete metric space (2015)",
    defaults=Parameters(),
    claims=claims,
    example="""\
Four points on a circle:   a - b      ab + cd = 2,  ac + bd = 4,  ad + bc = 2:
                           |   |      the two largest differ by 2 = 2 δ, so δ = 1.
                           d - c      In a tree the two largest are always equal.""",
)
