"""A closed path in {f > 0} around a point where f ≤ 0: what shows that a set has a hole.

May import: kernel, planar_complex. Must not know: theorems.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from flint import fmpq

from verifai.kernel.network import Network
from verifai.kernel.replay import evaluate
from verifai.symbolic.polytope import Point
from verifai.theorems.planar_complex import Edge, PlanarComplex

Place = tuple[
    int, bool
]  # a face, and whether the path to it crossed the ray an odd number of times
Steps = dict[Place, tuple[Place, Edge]]
Doors = dict[int, list[tuple[int, Edge]]]


@dataclass(frozen=True, slots=True)
class Loop:
    """A closed polygon, each of whose sides lies in one cell, and a point that it goes around."""

    corners: tuple[Point, ...]
    inside: Point


def loop_around(cells: PlanarComplex, inside: Point) -> Loop | None:
    """A shortest loop in {f > 0}, in number of faces, around this point; None if there is none.

    Every path that crosses the ray upwards from the point an odd number of times goes around it.
    The ray is moved to the right by less than a corner's distance, so that it meets none.
    """
    faces = [i for i, face in enumerate(cells.faces) if face.sign > 0]
    doors: Doors = {i: [] for i in faces}
    for edge, sides in cells.edges.items():
        if len(sides) == 2 and cells.sign(edge) > 0:
            one, other = sides
            doors[one].append((other, edge))
            doors[other].append((one, edge))
    best: list[Point] | None = None
    for start in faces:
        found = _path(cells, doors, start, inside)
        if found is not None and (best is None or len(found) < len(best)):
            best = found
    return Loop(tuple(best), inside) if best else None


def _path(cells: PlanarComplex, doors: Doors, start: int, inside: Point) -> list[Point] | None:
    """From a face back to it with an odd number of crossings."""
    before: Steps = {}
    todo = deque([(start, False)])
    seen = {(start, False)}
    while todo:
        place = todo.popleft()
        face, parity = place
        for other, edge in doors[face]:
            stops = [cells.centre(cells.faces[face]), cells.middle(edge)]
            stops.append(cells.centre(cells.faces[other]))
            step = sum(_crosses(inside, p, q) for p, q in pairwise(stops))
            after = (other, parity ^ bool(step % 2))
            if after in seen:
                continue
            seen.add(after)
            before[after] = (place, edge)
            if after == (start, True):
                return _traced(cells, before, after)
            todo.append(after)
    return None


def _traced(cells: PlanarComplex, before: Steps, end: Place) -> list[Point]:
    found: list[Point] = []
    while end in before:
        end, edge = before[end]
        found += [cells.middle(edge), cells.centre(cells.faces[end[0]])]
    return found


def _crosses(origin: Point, p: Point, q: Point) -> int:
    """1 if a segment crosses the ray upwards from just right of the origin to the left, -1, 0."""
    left, right = p[0] <= origin[0], q[0] <= origin[0]
    if left == right:
        return 0
    height = p[1] + (q[1] - p[1]) * (origin[0] - p[0]) / (q[0] - p[0])
    if not height > origin[1]:
        return 0
    return 1 if right else -1


def winding(corners: Sequence[Point], origin: Point) -> int:
    """How often a closed polygon goes around a point off it, exactly."""
    pairs = zip(corners, (*corners[1:], corners[0]), strict=True)
    return sum(_crosses(origin, p, q) for p, q in pairs)


def is_shown(net: Network, loop: Loop) -> bool:
    """Whether the kernel's evaluation has f > 0 at all corners, f ≤ 0 inside, and it goes around.

    On a side f is affine, for it lies in a region, so it is positive there as well.
    """
    around = all(value_at(net, corner) > 0 for corner in loop.corners)
    return around and value_at(net, loop.inside) <= 0 and winding(loop.corners, loop.inside) != 0


def value_at(net: Network, point: Point) -> fmpq:
    """The exact first output."""
    low, _ = evaluate(net, point)
    (value,) = net.output_values
    return fmpq(low[value])
