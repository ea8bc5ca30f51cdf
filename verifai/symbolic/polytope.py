"""Bounded convex sets by their vertices, exactly: cutting, interior points, volumes.

Every vertex knows the conditions that are tight at it. Two vertices share an edge if and only if
no third one is tight wherever both are, which stays right in degenerate positions.

May import: python-flint. Must not know: networks.

Source: Motzkin et al., "The double description method" (1953); Cohen and Hickey, "Two algorithms
for determining volumes of convex polyhedra" (1979).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, product
from math import factorial

from flint import fmpq, fmpq_mat

ZERO = fmpq(0)
Point = tuple[fmpq, ...]


@dataclass(frozen=True, slots=True)
class Vertex:
    """A point and the numbers of the conditions that are tight there."""

    point: Point
    tight: frozenset[int]


@dataclass(frozen=True, slots=True)
class Polytope:
    """The convex hull of its vertices.

    Attributes:
        vertices: all of them.
        conditions: how many conditions have been numbered so far.
    """

    vertices: tuple[Vertex, ...]
    conditions: int

    @staticmethod
    def box(lower: Sequence[fmpq], upper: Sequence[fmpq]) -> Polytope:
        """The box with these ends, of positive width on every axis."""
        corners = []
        for sides in product((0, 1), repeat=len(lower)):
            point = tuple((upper if s else lower)[i] for i, s in enumerate(sides))
            corners.append(Vertex(point, frozenset(2 * i + s for i, s in enumerate(sides))))
        return Polytope(tuple(corners), 2 * len(lower))

    @property
    def dimension(self) -> int:
        """The number of coordinates."""
        return len(self.vertices[0].point)

    def range(self, factors: Sequence[fmpq], constant: fmpq) -> tuple[fmpq, fmpq]:
        """The least and the greatest value of factors·x + constant."""
        values = [_at(factors, constant, v.point) for v in self.vertices]
        return min(values), max(values)

    def cut(self, factors: Sequence[fmpq], constant: fmpq) -> Polytope:
        """The part where factors·x + constant ≤ 0, which must be of full dimension."""
        values = [_at(factors, constant, v.point) for v in self.vertices]
        number = self.conditions
        kept = []
        for vertex, value in zip(self.vertices, values, strict=True):
            if value < 0:
                kept.append(vertex)
            elif value == 0:
                kept.append(Vertex(vertex.point, vertex.tight | {number}))
        pairs = combinations(zip(self.vertices, values, strict=True), 2)
        for (v, a), (w, b) in pairs:
            if (a < 0 < b or b < 0 < a) and self._is_edge(v, w):
                share = a / (a - b)
                point = tuple(p + share * (q - p) for p, q in zip(v.point, w.point, strict=True))
                kept.append(Vertex(point, (v.tight & w.tight) | {number}))
        return Polytope(tuple(kept), number + 1)

    def _is_edge(self, v: Vertex, w: Vertex) -> bool:
        both = v.tight & w.tight
        if len(both) < self.dimension - 1:
            return False
        return not any(both <= u.tight for u in self.vertices if u is not v and u is not w)

    @property
    def centre(self) -> Point:
        """The mean of the vertices: a point in the interior."""
        count = len(self.vertices)
        return tuple(
            sum((v.point[i] for v in self.vertices), ZERO) / count for i in range(self.dimension)
        )

    @property
    def volume(self) -> fmpq:
        """The exact volume: a length in one dimension, an area in two."""
        total = sum((abs(_determinant(s)) for s in _simplices(list(self.vertices))), ZERO)
        return total / factorial(self.dimension)


def _at(factors: Sequence[fmpq], constant: fmpq, point: Point) -> fmpq:
    return sum((a * x for a, x in zip(factors, point, strict=True)), constant)


def _simplices(vertices: list[Vertex]) -> list[list[Point]]:
    """A triangulation of a face: its first vertex joined with the facets that do not hold it."""
    first = vertices[0]
    if len(vertices) == 1:
        return [[first.point]]
    shared = frozenset.intersection(*(v.tight for v in vertices))
    facets: dict[frozenset[int], list[Vertex]] = {}
    for condition in frozenset.union(*(v.tight for v in vertices)) - shared - first.tight:
        face = [v for v in vertices if condition in v.tight]
        facets[frozenset(map(id, face))] = face
    largest = [s for s in facets if not any(s < other for other in facets)]
    return [[first.point, *rest] for s in largest for rest in _simplices(facets[s])]


def _determinant(simplex: list[Point]) -> fmpq:
    first, *others = simplex
    size = len(first)
    if len(others) != size:
        return ZERO
    entries = [p - q for other in others for p, q in zip(other, first, strict=True)]
    return fmpq_mat(size, size, entries).det()
