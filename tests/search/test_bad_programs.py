"""What a linear program proposes may be wrong: proofs come later then, or not, but never false."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.search.cases import make_case
from tests.search.oracle import decide
from tests.search.test_agreement import fault_of, recheck
from tests.search.test_paths import at_least, on_box, short_attacks
from verifai.graph.nodes import affine, relu
from verifai.kernel.network import Input, Network
from verifai.kernel.operator import Dense
from verifai.kernel.query import And, Query
from verifai.solvers import linear_program
from verifai.solvers.linear_program import Array, Optimum, Simplex, Solved
from verifai.theorems.sawtooth_depth import constant_query
from verifai.verdict import Falsified, Verified
from verifai.verify import Options, verify

OPTIONS = Options(timeout=120, workers=1)
pytestmark = pytest.mark.usefixtures("short_attacks")
Bad = Callable[[Optimum, np.random.Generator], Optimum | None]


def nothing(found: Optimum, rng: np.random.Generator) -> None:
    """As if the status were unknown."""


def no_duals(found: Optimum, rng: np.random.Generator) -> Optimum:
    return replace(found, reduced=0 * found.reduced, row_duals=0 * found.row_duals)


def negated(found: Optimum, rng: np.random.Generator) -> Optimum:
    return replace(found, reduced=-found.reduced, row_duals=-found.row_duals)


def nudged(found: Optimum, rng: np.random.Generator) -> Optimum:
    def near(a: Array) -> Array:
        return a * (1 + 1e-6 * rng.normal(size=a.shape)) + 1e-6 * rng.normal(size=a.shape)

    return replace(found, reduced=near(found.reduced), row_duals=near(found.row_duals))


def nonsense(found: Optimum, rng: np.random.Generator) -> Optimum:
    size = len(found.point)
    reduced, rows = rng.normal(size=size), rng.normal(size=len(found.row_duals))
    return Optimum(float(rng.normal()), rng.normal(size=size), reduced, rows)


def boasting(found: Optimum, rng: np.random.Generator) -> Optimum:
    return replace(no_duals(found, rng), value=1e3)


__all__ = ["short_attacks"]
KINDS: list[Bad] = [nothing, no_duals, negated, nudged, nonsense, boasting]


@pytest.fixture(params=KINDS, ids=lambda bad: bad.__name__)
def bad(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Programs answer so; how often they were asked."""
    rng, asked, honest = np.random.default_rng(0), [0], linear_program._optimum
    solve = Simplex.solve

    def optimum(solver: Any, columns: int, rows: int) -> Optimum | None:
        found = honest(solver, columns, rows)
        return None if found is None else request.param(found, rng)

    def solved(self: Simplex, iterations: int, *, is_primal: bool = False) -> Solved:
        asked[0] += 1
        found = solve(self, iterations, is_primal=is_primal)
        if request.param is nothing:
            return Solved(-np.inf, is_optimal=False)
        if request.param is nudged or found.ray is None:
            return found
        return Solved(np.inf, is_optimal=False, ray=rng.normal(size=found.ray.shape))

    monkeypatch.setattr(linear_program, "_optimum", optimum)
    monkeypatch.setattr(Simplex, "solve", solved)
    return asked


def require_proof(query: Query) -> None:
    found = verify(query, OPTIONS)
    assert isinstance(found, Verified)
    recheck(query, found.certificate, exact=False)


def test_a_bound_that_is_attained_is_proved_all_the_same(bad: list[int]) -> None:
    """Margin 0 leaves no room: multipliers must be exact."""
    require_proof(constant_query(5))
    assert bad[0] > 0


@pytest.mark.parametrize("inputs", [3, 14])
def test_rows_that_exclude_each_other_in_one_proportion(inputs: int, bad: list[int]) -> None:
    rng = np.random.default_rng(0)
    net = Network(
        (
            Input("x", (inputs,)),
            affine("y", (1,), ((0, Dense.of(rng.normal(size=(1, inputs)))),), bias=20.0),
            relu("z", (1,), 1),
            affine("out", (2,), ((2, Dense.of([[1.0], [-1.375]])),)),
        ),
        (3,),
    )
    rows = And((at_least(net, 20.25), at_least(net, -1.375 * 20.25 + 1e-6, 1)))
    require_proof(on_box(net, rows))
    assert bad[0] > 0


@pytest.mark.parametrize("start", [0, 10_000])
def test_verdicts_stay_right(start: int, bad: list[int]) -> None:
    missed = list[int]()
    for seed in range(start, start + 40):
        query = make_case(seed).query
        found, is_sat = verify(query, OPTIONS), decide(query) is not None
        assert not fault_of(query, found, is_sat=is_sat, exact=False)
        missed += [] if isinstance(found, Verified | Falsified) else [seed]
    assert not missed
