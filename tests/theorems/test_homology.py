"""Planar complexes: Betti numbers of known sets, in two ways, loops, and what must be refused."""

from __future__ import annotations

import dataclasses

import pytest
from flint import fmpq

from verifai.kernel.errors import InputError
from verifai.symbolic.regions import regions
from verifai.theorems.construction import relu_network
from verifai.theorems.homology import (
    KNOWN,
    THEOREM,
    KnownSet,
    cut,
    folded_rings,
    known_betti,
    layers,
)
from verifai.theorems.planar_complex import (
    Betti,
    betti_by_duality,
    betti_not_negative,
    betti_positive,
    complex_of,
)
from verifai.theorems.planar_loop import Loop, is_shown, loop_around, winding
from verifai.theorems.run import run

ONE, HALF = fmpq(1), fmpq(1, 2)


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known.name)
def test_of_known_sets(known: KnownSet) -> None:
    _, cells = cut(relu_network(known.layers), -ONE, ONE)
    assert betti_positive(cells) == betti_by_duality(cells) == known.betti
    assert cells.area(cells.faces) == 4


@pytest.mark.parametrize("folds", [0, 1, 2])
def test_folds_multiply_parts_and_holes(folds: int) -> None:
    _, cells = cut(relu_network(folded_rings(folds)), fmpq(0), ONE)
    assert betti_positive(cells) == betti_by_duality(cells) == Betti(4**folds, 4**folds)
    assert betti_not_negative(cells) == Betti(4**folds, 4**folds)


@pytest.mark.parametrize("seed", range(6))
def test_ranks_agree_with_duality_and_with_euler(seed: int) -> None:
    _, cells = cut(relu_network(layers(5, seed)), fmpq(-2), fmpq(2))
    found = betti_positive(cells)
    assert found == betti_by_duality(cells)
    corners = sum(s >= 0 for s in cells.signs)
    edges = sum(cells.sign(e) >= 0 for e in cells.edges)
    faces = sum(face.sign >= 0 for face in cells.faces)
    closed = betti_not_negative(cells)
    assert closed.parts - closed.holes == corners - edges + faces


def test_a_set_that_touches_itself_at_a_point() -> None:
    axes = [[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]
    net = relu_network([(axes, [0.0] * 4), ([[1.0, 1.0, -1.0, -1.0]], [0.0])])
    _, cells = cut(net, -ONE, ONE)
    assert betti_positive(cells) == Betti(2, 0)
    assert betti_not_negative(cells) == Betti(1, 0)


def test_a_loop_goes_around_a_hole_and_not_around_what_is_none() -> None:
    net = relu_network(folded_rings(1))
    _, cells = cut(net, fmpq(0), ONE)
    centre = (fmpq(3, 4), fmpq(1, 4))
    loop = loop_around(cells, centre)
    assert loop is not None
    assert abs(winding(loop.corners, centre)) == 1
    assert is_shown(net, loop)
    assert winding(loop.corners, (fmpq(1, 4), fmpq(1, 4))) == 0
    assert not is_shown(net, Loop(loop.corners, (fmpq(1, 4), fmpq(1, 4))))
    assert not is_shown(net, Loop((*loop.corners, centre), centre))
    assert loop_around(cells, (HALF, HALF)) is None  # between four rings


def test_regions_that_are_not_all_are_refused() -> None:
    net = relu_network(folded_rings(0))
    found = list(regions(net, [fmpq(0)] * 2, [ONE] * 2))
    assert complex_of(found).area(complex_of(found).faces) == 1
    inner = next(r for r in found if all(0 < x < 1 for v in r.polytope.vertices for x in v.point))
    with pytest.raises(InputError, match="missing"):
        complex_of([r for r in found if r is not inner])
    line = relu_network([([[1.0]], [0.0]), ([[1.0]], [0.0])])
    with pytest.raises(InputError, match="want 2"):
        complex_of(list(regions(line, [-ONE], [ONE])))


def test_wrong_betti_numbers_are_refused() -> None:
    small = dataclasses.replace(THEOREM.defaults, folds=0, drawn=1, seeds=1, steps=10)
    assert run(THEOREM, small).holds
    wrong = dataclasses.replace(KNOWN[0], betti=Betti(1, 1))
    assert known_betti(wrong).outcome.value == "refuted"
