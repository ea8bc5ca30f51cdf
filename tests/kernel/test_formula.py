"""What is said about a formula on intervals, against its meaning at exact points of them."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from random import Random

import numpy as np
import pytest
from flint import fmpq

from verifai.kernel.formula import Margins, form_range, margins
from verifai.kernel.operator import Array
from verifai.kernel.query import And, Atom, Formula, Or, Relation

COUNT = 3  # values
Point = tuple[Fraction, ...]


def rational(q: Fraction) -> fmpq:
    return fmpq(q.numerator, q.denominator)


def fraction(q: fmpq) -> Fraction:
    return Fraction(int(q.p), int(q.q))


def form(atom: Atom, point: Point) -> Fraction:
    return sum((fraction(c) * point[v] for v, c in atom.terms), fraction(atom.constant))


def holds(formula: Formula, point: Point) -> bool:
    if isinstance(formula, And):
        return all(holds(part, point) for part in formula.parts)
    if isinstance(formula, Or):
        return any(holds(part, point) for part in formula.parts)
    value = form(formula, point)
    return {"<=": value <= 0, "<": value < 0, "=": value == 0}[formula.relation.value]


def margin(formula: Formula, point: Point) -> Fraction:
    """How far it holds: 0 for nothing to hold, as SPEC and the statement have it."""
    if isinstance(formula, Atom):
        value = form(formula, point)
        return -abs(value) if formula.relation is Relation.EQUAL else -value
    parts = [margin(part, point) for part in formula.parts]
    return (min if isinstance(formula, And) else max)(parts) if parts else Fraction(0)


def small(random: Random) -> Fraction:
    return Fraction(random.randrange(-4, 5), random.choice([1, 1, 2, 3]))


def random_atom(random: Random) -> Atom:
    values = random.sample(range(COUNT), random.randrange(COUNT + 1))
    terms = tuple((v, rational(small(random))) for v in values)
    return Atom(terms, rational(small(random)), random.choice(list(Relation)))


def random_formula(random: Random, depth: int) -> Formula:
    if depth == 0 or random.random() < 0.3:
        return random_atom(random)
    kind = random.choice([And, Or])
    count = random.randrange(0 if kind is And else 1, 4)
    return kind(tuple(random_formula(random, depth - 1) for _ in range(count)))


def as_array(ends: list[Fraction], *, floats: bool) -> Array:
    if floats:
        return np.array([float(q) for q in ends])
    return np.array([rational(q) for q in ends] + [None], dtype=object)[:-1]


def found(formula: Formula, low: list[Fraction], high: list[Fraction], *, floats: bool) -> Margins:
    return margins(formula, as_array(low, floats=floats), as_array(high, floats=floats))


@pytest.mark.parametrize("seed", range(300))
def test_at_a_point_all_is_known(seed: int) -> None:
    random = Random(seed)
    formula, point = random_formula(random, 3), [small(random) for _ in range(COUNT)]
    got = found(formula, point, point, floats=False)
    assert (got.certain, got.possible) == (holds(formula, tuple(point)),) * 2
    assert fraction(got.least) == fraction(got.most) == margin(formula, tuple(point))


@pytest.mark.parametrize("seed", range(300))
def test_on_intervals_every_point_lies_between_the_answers(seed: int) -> None:
    random, floats = Random(seed), bool(seed % 2)
    unit = [Fraction(random.randrange(-8, 9), 4) for _ in range(2 * COUNT)]
    low = [min(pair) for pair in zip(unit[:COUNT], unit[COUNT:], strict=True)]
    high = [max(pair) for pair in zip(unit[:COUNT], unit[COUNT:], strict=True)]
    formula = random_formula(random, 3)
    got = found(formula, low, high, floats=floats)
    steps = [Fraction(k, 4) for k in (0, 1, 2, 4)]
    axes = [[l + (u - l) * s for s in steps] for l, u in zip(low, high, strict=True)]
    points = list(product(*axes))
    truths = {holds(formula, point) for point in points}
    assert got.possible or truths == {False}
    assert not got.certain or truths == {True}
    for point in points:
        assert fraction(got.least) <= margin(formula, point) <= fraction(got.most)


@pytest.mark.parametrize("seed", range(200))
def test_an_atom_alone_is_bounded_by_what_corners_reach(seed: int) -> None:
    random = Random(seed)
    pairs = [sorted([small(random), small(random)]) for _ in range(COUNT)]
    low, high = [p[0] for p in pairs], [p[1] for p in pairs]
    atom = random_atom(random)
    values = [form(atom, corner) for corner in product(*pairs)]
    least, most = min(values), max(values)
    ends = as_array(low, floats=False), as_array(high, floats=False)
    assert tuple(map(fraction, form_range(atom, *ends))) == (least, most)
    got = margins(atom, *ends)
    if atom.relation is Relation.EQUAL:
        inside = least <= 0 <= most
        assert got.possible == inside
        assert got.certain == (least == most == 0)
        assert fraction(got.most) == (0 if inside else -min(abs(least), abs(most)))
        assert fraction(got.least) == -max(abs(least), abs(most))
    else:
        weak = atom.relation is Relation.AT_MOST
        assert got.possible == (least <= 0 if weak else least < 0)
        assert got.certain == (most <= 0 if weak else most < 0)
        assert (fraction(got.least), fraction(got.most)) == (-most, -least)


def test_ends_are_not_rounded() -> None:
    """1/3 is no double: with an exact end the atom holds, with the double below it does not."""
    third = fmpq(1, 3)
    atom = Atom(((0, fmpq(-1)),), third)
    exact = as_array([Fraction(1, 3)], floats=False)
    assert margins(atom, exact, exact).certain
    near = np.array([1 / 3])
    assert not margins(atom, near, near).possible
