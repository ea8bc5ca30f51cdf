"""Maximal affine pieces: regions with one affine map that touch along a facet, taken together.

May import: symbolic. Must not know: networks.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from flint import fmpq, fmpq_mat

from verifai.symbolic.polytope import Point, Polytope, Vertex
from verifai.symbolic.regions import Region

ZERO = fmpq(0)


def maximal_pieces(regions: Sequence[Region]) -> int:
    """How many connected sets the regions form, joined where they share a facet and a map.

    At most three inputs, for facets are compared as points, segments or polygons.
    """
    parent = list(range(len(regions)))

    def root(i: int) -> int:
        while parent[i] != i:
            i = parent[i]
        return i

    alike: dict[tuple[object, object], list[int]] = {}
    for i, region in enumerate(regions):
        alike.setdefault((region.jacobian, region.offset), []).append(i)
    for group in alike.values():
        for i, j in combinations(group, 2):
            if root(i) != root(j) and share_facet(regions[i].polytope, regions[j].polytope):
                parent[root(i)] = root(j)
    return len({root(i) for i in range(len(regions))})


def share_facet(first: Polytope, second: Polytope) -> bool:
    """Whether two convex sets without common interior meet in a set of one dimension less."""
    return any(_overlap(mine, other) for mine in _facets(first) for other in _facets(second))


def _facets(whole: Polytope) -> list[list[Point]]:
    """The vertices of every facet."""
    found: dict[frozenset[int], list[Vertex]] = {}
    for condition in frozenset.union(*(v.tight for v in whole.vertices)):
        face = [v for v in whole.vertices if condition in v.tight]
        found[frozenset(map(id, face))] = face
    points = [[v.point for v in face] for face in found.values()]
    return [face for face in points if _rank(face) == whole.dimension - 1]


def _rank(points: Sequence[Point]) -> int:
    """The dimension of the points' affine hull."""
    first, *others = points
    rows = [[p - q for p, q in zip(other, first, strict=True)] for other in others]
    return int(fmpq_mat(rows).rank()) if rows else 0


def _overlap(first: list[Point], second: list[Point]) -> bool:
    """Whether two facets lie in one hyperplane and their relative interiors meet."""
    dimension = _rank(first)
    if _rank([*first, *second]) != dimension:
        return False
    return not any(_separates(axis, first, second) for axis in _axes(first, second, dimension))


def _axes(first: list[Point], second: list[Point], dimension: int) -> list[Point]:
    """Directions that separate two convex sets of this dimension if anything does."""
    if dimension == 0:
        return []
    if dimension == 1:
        return [_minus(first[1], first[0])]
    normal = _cross(_minus(first[1], first[0]), _minus(_apart(first), first[0]))
    edges = [pair for polygon in (first, second) for pair in combinations(polygon, 2)]
    return [_cross(normal, _minus(q, p)) for p, q in edges]


def _apart(points: list[Point]) -> Point:
    """A vertex that is not on the line through the first two."""
    return next(p for p in points[2:] if _rank([points[0], points[1], p]) == 2)


def _separates(axis: Point, first: list[Point], second: list[Point]) -> bool:
    mine, other = ([_dot(axis, p) for p in points] for points in (first, second))
    return max(mine) <= min(other) or max(other) <= min(mine)


def _minus(p: Point, q: Point) -> Point:
    return tuple(a - b for a, b in zip(p, q, strict=True))


def _dot(p: Point, q: Point) -> fmpq:
    return sum((a * b for a, b in zip(p, q, strict=True)), ZERO)


def _cross(p: Point, q: Point) -> Point:
    return (
        p[1] * q[2] - p[2] * q[1],
        p[2] * q[0] - p[0] * q[2],
        p[0] * q[1] - p[1] * q[0],
    )
