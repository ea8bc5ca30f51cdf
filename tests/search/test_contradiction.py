"""Rows that contradict each other close before any search; domains that are empty are called so."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from flint import fmpq

import verifai as vf
from tests.bounds.nets import dense
from verifai.api import check, query_from
from verifai.bounds.compiled import compile_network
from verifai.graph.formulas import atom
from verifai.kernel.context import Row
from verifai.kernel.network import Network
from verifai.kernel.query import And, Atom, Formula, Or, Query, Relation
from verifai.search import driver
from verifai.search.close.rows import contradiction
from verifai.verdict import Falsified, Verdict, Verified
from verifai.verify import Options, verify

CASES = Path(__file__).parents[2] / ".." / "shared" / "cases" / "search"
NET = dense((2, 8, 3))
FIRST = NET.offsets[-1] - 3


def less(terms: dict[int, int], constant: fmpq | int = 0) -> Atom:
    """Σ of outputs and a constant is below 0."""
    return atom({FIRST + k: fmpq(c) for k, c in terms.items()}, fmpq(constant), Relation.LESS)


CYCLE = (less({0: 1, 1: -1}), less({1: 1, 2: -1}), less({2: 1, 0: -1}))
PAIR = (less({0: 1, 1: -1}), less({0: -1, 1: 1}))


def asked(*unsafe: Formula, domain: tuple[Atom, ...] = (), net: Network = NET) -> Query:
    return Query(net, (fmpq(0),) * 2, (fmpq(1),) * 2, And(unsafe), domain)


def at_once(query: Query, monkeypatch: pytest.MonkeyPatch) -> Verdict:
    """The verdict where no box may be searched."""
    for name in ("Boxes", "Phases", "Wide"):
        monkeypatch.setattr(driver, name, lambda *_, name=name: pytest.fail(name))
    return verify(query, Options(workers=1))


THIRD = atom({FIRST: fmpq(1, 3), FIRST + 1: fmpq(-1, 7)}, fmpq(1, 11), Relation.LESS)
MINUS_THIRD = atom({FIRST: fmpq(-2, 3), FIRST + 1: fmpq(2, 7)}, fmpq(-2, 11))


@pytest.mark.parametrize(
    "unsafe",
    [
        PAIR,
        CYCLE,
        (Or((And(PAIR), And(CYCLE))),),
        (less({2: 1}, -100), Or((And(PAIR), And((CYCLE[0], Or((And(PAIR), And(CYCLE)))))))),
        (THIRD, MINUS_THIRD),
        (PAIR[0], less({1: 1}), less({0: -1})),
        (atom({FIRST: fmpq(1), 0: fmpq(1)}, fmpq(0)), less({0: -1}, 0), less({1: 1})),
        (Or((PAIR[0],)), PAIR[1]),
        (Atom((), fmpq(0), Relation.LESS),),
    ],
    ids=range(9),
)
def test_contradictory_rows_close_before_any_search(
    unsafe: tuple[Formula, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    query = asked(*unsafe)
    found = at_once(query, monkeypatch)
    assert isinstance(found, Verified)
    assert not found.vacuous
    assert check(query, found.certificate, exact=True).nodes > 0


def test_an_alternative_that_contradicts_itself_leaves_the_others() -> None:
    """Whatever way the rest is refuted or falsified."""
    never, ever = less({0: -1}, 1000), less({0: -1}, -1000)
    for others, kind in (((never,), Verified), ((ever,), Falsified), ((never,) * 40, Verified)):
        parts = (And(CYCLE), *others, And(PAIR))
        assert isinstance(verify(asked(Or(parts)), Options(timeout=60)), kind)
        nested = Or((*others, And((never, Or((And(PAIR), never))))))
        assert isinstance(verify(asked(Or((And(PAIR), nested))), Options(timeout=60)), kind)


@pytest.mark.parametrize(
    ("widths", "share"), [((5, 30, 30, 4), fmpq(1, 2)), ((20, 12, 12, 4), fmpq(5, 2))]
)
def test_marks_do_not_confuse_longer_searches(widths: tuple[int, ...], share: fmpq) -> None:
    """A tie among alternatives that take boxes, or phases, to be refuted."""
    net = dense(widths, seed=4)
    first, inputs = net.offsets[-1] - widths[-1], widths[0]
    points = np.random.default_rng(0).uniform(-1, 1, size=(20_000, inputs))
    top = compile_network(net).forward(points)[-1].max(axis=0)

    def above(k: int) -> Atom:
        limit = fmpq(int(1000 * top[k]), 1000)
        return atom({first + k: fmpq(-1)}, limit + share * abs(limit))

    tie = And(
        tuple(
            atom({first + a: fmpq(1), first + b: fmpq(-1)}, fmpq(0), Relation.LESS)
            for a, b in ((0, 1), (1, 0))
        )
    )
    ends = (fmpq(-1),) * inputs, (fmpq(1),) * inputs
    query = Query(net, *ends, And((Or((above(2), tie, above(3), above(0))),)))
    found = verify(query, Options(timeout=100))
    assert isinstance(found, Verified)
    assert found.effort.nodes > 1


def test_the_shared_case() -> None:
    if not CASES.is_dir():
        pytest.skip("needs the shared cases")
    query = query_from(CASES / "contradiction.onnx", CASES / "contradiction.vnnlib")
    found = verify(query, Options(timeout=60))
    assert isinstance(found, Verified)
    assert found.effort.nodes == 0


@pytest.mark.parametrize("seed", range(200))
def test_rows_that_agree_are_never_called_contradictory(seed: int) -> None:
    """A point that fulfils all rows is planted; without it about half contradict each other."""
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(1, 5)), int(rng.integers(1, 7))
    point = [fmpq(int(x), 4) for x in rng.integers(-4, 5, size=n)]
    low, high = np.full(n, -1.0), np.full(n, 1.0)
    rows = []
    for number in range(m):
        factors = [fmpq(int(c), int(d)) for c, d in rng.integers(1, 6, size=(n, 2))]
        factors = [f * int(s) for f, s in zip(factors, rng.choice([-1, 1], size=n), strict=True)]
        here = sum((f * x for f, x in zip(factors, point, strict=True)), fmpq(0))
        is_free, is_strict = bool(rng.integers(2)), bool(rng.integers(2))
        room = fmpq(0) if is_free else fmpq(int(rng.integers(0, 3)), 8)
        is_strict = is_strict and not is_free and room > 0
        rows.append((number, Row(list(range(n)), factors, -here - room, is_strict, is_free)))
    assert contradiction(rows, low, high) is None


def test_most_random_contradictions_are_found() -> None:
    """Three rows over two values that leave nothing, as corners say: all are refuted."""
    rng, count = np.random.default_rng(0), 0
    low, high = np.full(2, -1.0), np.full(2, 1.0)
    for _ in range(200):
        whole = rng.integers(-3, 4, size=(3, 3))
        rows = [
            (k, Row([0, 1], [fmpq(int(a)), fmpq(int(b))], fmpq(int(c)), True))
            for k, (a, b, c) in enumerate(whole.tolist())
            if a and b
        ]
        grid = [fmpq(k, 24) for k in range(-24, 25)]
        is_met = any(
            all(row.constant + row.factors[0] * x + row.factors[1] * y < 0 for _, row in rows)
            for x, y in itertools.product(grid, grid)
        )
        found = contradiction(rows, low, high)
        assert not (is_met and found)
        count += found is not None
    assert count > 40


SUM = {0: fmpq(-1), 1: fmpq(-1)}


@pytest.mark.parametrize(
    "domain",
    [
        (atom(SUM, fmpq(2), Relation.LESS),),
        (atom(SUM, fmpq(7, 3)),),
        (atom(SUM, fmpq(3), Relation.EQUAL),),
        (
            atom({0: fmpq(1, 3), 1: fmpq(1, 7)}, fmpq(-1, 10)),
            atom({0: fmpq(-1, 3), 1: fmpq(-1, 7)}, fmpq(1, 10), Relation.LESS),
        ),
    ],
)
def test_a_domain_that_its_rows_make_empty_is_vacuous(domain: tuple[Atom, ...]) -> None:
    query = asked(less({0: -1}, -1000), domain=domain)
    found = verify(query, Options(timeout=60))
    assert isinstance(found, Verified)
    assert found.vacuous
    assert "VACUOUS" in found.statement
    for exact in (False, True):
        assert check(query, found.certificate, exact=exact).vacuous


def test_a_domain_that_is_not_empty_is_not_vacuous() -> None:
    """Nor where the unsafe formula contradicts it, itself, or the box."""
    half = atom(SUM, fmpq(1))  # x + y ≥ 1
    for unsafe in (
        PAIR,
        (less({0: -1}, 1000),),
        (atom({0: fmpq(1), 1: fmpq(1)}, fmpq(-1), Relation.LESS),),
        (atom({0: fmpq(1)}, fmpq(1)),),
    ):
        query = asked(*unsafe, domain=(half,))
        found = verify(query, Options(timeout=60))
        assert isinstance(found, Verified)
        assert not found.vacuous
        assert "VACUOUS" not in found.statement
    tight = asked(less({0: -1}, 1000), domain=(atom(SUM, fmpq(2)),))  # the corner alone
    found = verify(tight, Options(timeout=60))
    assert isinstance(found, Verified)
    assert not found.vacuous


def test_the_words_say_vacuous() -> None:
    query = asked(less({0: -1}, -1000), domain=(atom(SUM, fmpq(2), Relation.LESS),))
    assert str(vf.verify(query)).count("VACUOUS") == 2


@pytest.mark.parametrize("seed", range(12))
def test_equalities_that_hold_on_whole_regions_are_no_hindrance(seed: int) -> None:
    """relu(y) = 0 and an equality beside it: both hold at many points, one of which is found."""
    rng = np.random.default_rng(seed)
    net = dense((3, 8, 8, 2), seed)
    values = compile_network(net).forward(rng.uniform(-1, 1, size=(2000, 3)))
    ties = []
    for relu, other in ((2, 3), (4, 1)):
        dead = np.flatnonzero((values[relu] == 0).mean(axis=0) > 0.2)
        if not len(dead):
            continue
        where = np.flatnonzero(values[relu][:, dead[0]] == 0)
        middle = fmpq(int(1000 * np.median(values[other][where, -1])), 1000)
        last = net.offsets[other + 1] - 1
        ties = [
            atom({int(net.offsets[relu] + dead[0]): fmpq(1)}, fmpq(0), Relation.EQUAL),
            atom({last: fmpq(1)}, -middle, Relation.EQUAL),
        ]
        query = Query(net, (fmpq(-1),) * 3, (fmpq(1),) * 3, And(tuple(ties)))
        assert isinstance(verify(query, Options(timeout=60, workers=1)), Falsified)
