"""The plane cut into cells on which a function has one sign, and the holes of where it is positive.

May import: kernel (errors), symbolic. Must not know: networks, theorems.

Source: Edelsbrunner, Harer, Computational topology (2010), chapters IV and V.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cmp_to_key
from itertools import pairwise

from flint import fmpq, nmod_mat

from verifai.kernel.errors import InputError
from verifai.symbolic.polytope import Point, Polytope
from verifai.symbolic.regions import Region

ZERO = fmpq(0)
Edge = frozenset[int]


@dataclass(frozen=True, slots=True)
class Face:
    """A convex polygon: its corners in order, by number, and the sign of the function inside."""

    corners: tuple[int, ...]
    sign: int

    @property
    def edges(self) -> Iterator[Edge]:
        """The sides, as pairs of corners."""
        for i, corner in enumerate(self.corners):
            yield frozenset((corner, self.corners[i - 1]))


@dataclass(frozen=True, slots=True)
class Betti:
    """The number of parts of a set in the plane, and of its holes."""

    parts: int
    holes: int

    def __str__(self) -> str:
        return f"({self.parts}, {self.holes})"


@dataclass(frozen=True, slots=True, eq=False)
class PlanarComplex:
    """A box cut into cells (points, open edges, open faces), on each of which f has one sign.

    Attributes:
        points: the corners.
        signs: of f at them.
        edges: each with the faces at its sides: two, or one at the rim.
        faces: all of them.
    """

    points: tuple[Point, ...]
    signs: tuple[int, ...]
    edges: dict[Edge, tuple[int, ...]]
    faces: tuple[Face, ...]

    def sign(self, edge: Edge) -> int:
        """Of f on an open edge: f is affine there and its ends do not have both signs."""
        i, j = edge
        return self.signs[i] or self.signs[j]

    @property
    def rim(self) -> set[int]:
        """The corners on the box's rim."""
        return {i for edge, sides in self.edges.items() if len(sides) == 1 for i in edge}

    def area(self, faces: Iterable[Face]) -> fmpq:
        """The exact area."""
        return sum((_area([self.points[i] for i in face.corners]) for face in faces), ZERO)

    def centre(self, face: Face) -> Point:
        """A point in a face's interior."""
        count = len(face.corners)
        x, y = (sum((self.points[i][axis] for i in face.corners), ZERO) for axis in (0, 1))
        return x / count, y / count

    def middle(self, edge: Edge) -> Point:
        """A point in an edge's interior."""
        (a, b), (c, d) = (self.points[i] for i in edge)
        return (a + c) / 2, (b + d) / 2


def complex_of(regions: Sequence[Region], output: int = 0) -> PlanarComplex:
    """The complex of a piecewise affine function of two variables, cut along f = 0.

    Args:
        regions: those of a network with two inputs on a box; all of them.
        output: which output f is.

    Raises:
        InputError: other than two inputs, or an edge that more or fewer faces share than may be:
            the regions are not all, or overlap.
    """
    numbers: dict[Point, int] = {}
    signs: dict[int, int] = {}
    faces: list[Face] = []
    for region in regions:
        slopes, constant = region.jacobian[output], region.offset[output]
        if len(slopes) != 2:
            raise InputError(f"a function of {len(slopes)} variables (want 2)")
        for polygon in _sides(region.polytope, slopes, constant):
            corners = []
            for point in _ordered(polygon):
                number = numbers.setdefault(point, len(numbers))
                sign = _sign(slopes[0] * point[0] + slopes[1] * point[1] + constant)
                if signs.setdefault(number, sign) != sign:
                    raise InputError(f"two signs at {point}: the regions do not fit")
                corners.append(number)
            faces.append(Face(tuple(corners), next(filter(None, map(signs.get, corners)), 0)))
    found = PlanarComplex(tuple(numbers), tuple(signs.values()), _edges(faces), tuple(faces))
    _require_closed(found)
    return found


def _sides(whole: Polytope, slopes: Sequence[fmpq], constant: fmpq) -> Iterator[Polytope]:
    low, high = whole.range(slopes, constant)
    if low < 0 < high:
        yield whole.cut(slopes, constant)
        yield whole.cut([-a for a in slopes], -constant)
    else:
        yield whole


def _sign(value: fmpq) -> int:
    return int(value > 0) - int(value < 0)


def _ordered(polygon: Polytope) -> list[Point]:
    """The corners counterclockwise."""
    centre = polygon.centre

    def half(p: Point) -> bool:
        return bool((p[1], p[0]) < (centre[1], centre[0]))

    def turn(p: Point, q: Point) -> int:
        if half(p) != half(q):
            return 1 if half(p) else -1
        return -_sign(_cross(centre, p, q))

    return sorted({v.point for v in polygon.vertices}, key=cmp_to_key(turn))


def _cross(o: Point, p: Point, q: Point) -> fmpq:
    return (p[0] - o[0]) * (q[1] - o[1]) - (p[1] - o[1]) * (q[0] - o[0])


def _area(corners: Sequence[Point]) -> fmpq:
    first = corners[0]
    pairs = pairwise(corners[1:])
    return sum((_cross(first, p, q) for p, q in pairs), ZERO) / 2


def _edges(faces: Sequence[Face]) -> dict[Edge, tuple[int, ...]]:
    found: dict[Edge, tuple[int, ...]] = {}
    for number, face in enumerate(faces):
        for edge in face.edges:
            found[edge] = (*found.get(edge, ()), number)
    return found


def _require_closed(found: PlanarComplex) -> None:
    """Every edge off the box's rim has a face on both sides."""
    ends = [(min(c), max(c)) for c in zip(*found.points, strict=True)]
    for edge, sides in found.edges.items():
        places = [found.points[i] for i in edge]
        on_rim = any(
            all(place[axis] == end for place in places) for axis in (0, 1) for end in ends[axis]
        )
        if len(sides) != (1 if on_rim else 2):
            raise InputError(f"an edge with {len(sides)} faces at {places[0]}: regions are missing")


def betti_positive(cells: PlanarComplex) -> Betti:
    """Of the open set {f > 0}: from boundary matrices of the dual blocks, of rank modulo 2.

    Every face with f > 0 is a point, every such edge off the rim a line between two of them, every
    such corner off the rim a disc: the set shrinks onto them.
    """
    rim = cells.rim
    faces = [i for i, face in enumerate(cells.faces) if face.sign > 0]
    edges = [e for e, sides in cells.edges.items() if len(sides) == 2 and cells.sign(e) > 0]
    corners = [i for i, sign in enumerate(cells.signs) if sign > 0 and i not in rim]
    return _ranks([cells.edges[e] for e in edges], faces, list(edges), corners)


def betti_not_negative(cells: PlanarComplex) -> Betti:
    """Of the closed set {f ≥ 0}, whose cells are a complex."""
    faces = [face for face in cells.faces if face.sign >= 0]
    edges = [e for e in cells.edges if cells.sign(e) >= 0]
    corners = [i for i, sign in enumerate(cells.signs) if sign >= 0]
    number = {edge: i for i, edge in enumerate(edges)}
    place = {corner: i for i, corner in enumerate(corners)}
    first = _rank(len(corners), [[place[i] for i in e] for e in edges])
    second = _rank(len(edges), [[number[e] for e in face.edges] for face in faces])
    return Betti(len(corners) - first, len(edges) - first - second)


def _ranks(
    ends: Sequence[Sequence[int]], points: Sequence[int], lines: list[Edge], discs: Sequence[int]
) -> Betti:
    place = {face: i for i, face in enumerate(points)}
    first = _rank(len(points), [[place[end] for end in pair] for pair in ends])
    around: dict[int, list[int]] = {corner: [] for corner in discs}
    for i, line in enumerate(lines):
        for corner in line & around.keys():
            around[corner].append(i)
    second = _rank(len(lines), list(around.values()))
    return Betti(len(points) - first, len(lines) - first - second)


def _rank(rows: int, columns: Sequence[Sequence[int]]) -> int:
    """The rank modulo 2 of a matrix given by the places of the ones in its columns."""
    if not rows or not columns:
        return 0
    matrix = nmod_mat(rows, len(columns), 2)
    for j, column in enumerate(columns):
        for i in column:
            matrix[i, j] += 1
    return int(matrix.rank())


def betti_by_duality(cells: PlanarComplex) -> Betti:
    """The same of {f > 0} without matrices: its parts, and the parts of {f ≤ 0} off the rim."""
    positive = _parts(
        [i for i, face in enumerate(cells.faces) if face.sign > 0],
        [s for e, s in cells.edges.items() if cells.sign(e) > 0 and len(s) == 2],
    )
    corners = [i for i, sign in enumerate(cells.signs) if sign <= 0]
    lines = [tuple(e) for e in cells.edges if cells.sign(e) <= 0]
    rim = cells.rim
    inner = [part for part in _parts(corners, lines) if not part & rim]
    return Betti(len(positive), len(inner))


def _parts(points: Iterable[int], lines: Iterable[Sequence[int]]) -> list[set[int]]:
    """The connected parts of a graph."""
    part = {point: {point} for point in points}
    for line in lines:
        for one, other in pairwise(line):
            small, large = sorted((part[one], part[other]), key=len)
            if small is not large:
                large |= small
                part.update(dict.fromkeys(small, large))
    return list({id(each): each for each in part.values()}.values())
