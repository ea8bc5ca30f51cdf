"""What comes of a solver's answer, and processes that end when they should."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import Any

import pytest
from flint import fmpq

from tests.solvers.nets import random_network
from verifai import api
from verifai.api import ask
from verifai.graph.formulas import atom
from verifai.graph.nodes import affine
from verifai.kernel.errors import InputError
from verifai.kernel.network import Input, Network, Smooth, Square
from verifai.kernel.operator import Dense
from verifai.kernel.query import And, Query, Relation
from verifai.kernel.replay import replay
from verifai.solvers import smt
from verifai.solvers.smt import (
    EngineReply,
    SolverAnswer,
    Status,
    race,
    rational_model,
    require_solver,
)
from verifai.solvers.smt_worker import engine_named
from verifai.solvers.smtlib import Script, write_smtlib
from verifai.verdict import Falsified, Unknown

HARD = """(set-logic QF_NIA)
(declare-const |x| Int)
(declare-const |y| Int)
(declare-const |z| Int)
(assert (= (+ (* |x| |x| |x|) (* |y| |y| |y|) (* |z| |z| |z|)) 114))
"""


def squares() -> Network:
    """x ↦ x², twice."""
    return Network((Input("x", (2,)), Square("s", (2,), 0)), (1,))


def query(*unsafe: Any) -> Query:
    return Query(squares(), (fmpq(0),) * 2, (fmpq(2),) * 2, And(unsafe))


@pytest.mark.parametrize("solver", ["z3", "cvc5", "both"])
def test_a_model_is_replayed_and_falsifies(solver: str) -> None:
    net = random_network(5, kinds="relu")
    posed = Query(
        net, (fmpq(-1),) * 3, (fmpq(1),) * 3, And((atom({net.offsets[-1] - 1: fmpq(1)}, fmpq(-9)),))
    )
    verdict = ask(posed, solver, timeout=120)
    assert isinstance(verdict, Falsified)
    assert replay(posed, verdict.counterexample.inputs).violates is True
    assert "Some input in this domain" in verdict.statement


@pytest.mark.parametrize("solver", ["z3", "cvc5"])
def test_unsat_is_a_claim_and_never_verified(solver: str) -> None:
    verdict = ask(query(atom({2: fmpq(1)}, fmpq(1))), solver, timeout=120)
    assert isinstance(verdict, Unknown)
    assert not verdict.is_timeout
    assert verdict.reason == f"claimed unsat by {solver}, without a certificate"


def lying(monkeypatch: pytest.MonkeyPatch, **said: Any) -> None:
    def answers(scripts: Any, timeout: float | None = None) -> Any:
        yield SolverAnswer("z3", **said)

    monkeypatch.setattr(smt, "race", answers)


def test_a_lying_model_falsifies_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    posed = query(atom({2: fmpq(1)}, fmpq(-1), Relation.EQUAL))
    lying(monkeypatch, status=Status.SAT, inputs=(fmpq(1, 2), fmpq(0)))
    verdict = ask(posed, "z3")
    assert isinstance(verdict, Unknown)
    assert "did not survive exact replay" in verdict.reason
    lying(monkeypatch, status=Status.SAT, inputs=(fmpq(-1), fmpq(0)))  # outside of the box
    assert isinstance(ask(posed, "z3"), Unknown)
    lying(monkeypatch, status=Status.SAT, inputs=(fmpq(1), fmpq(0)))
    assert isinstance(ask(posed, "z3"), Falsified)


def test_a_model_that_uses_up_a_radius_falsifies_nothing() -> None:
    node = affine("y", (1,), ((0, Dense.of([[1.0]])),), radius=0.5)
    net = Network((Input("x", (1,)), node), (1,))
    one = (fmpq(1),)
    verdict = ask(Query(net, one, one, And((atom({1: fmpq(-1)}, fmpq(5, 4)),))), "z3", timeout=120)
    assert isinstance(verdict, Unknown)
    assert "did not survive exact replay" in verdict.reason


def test_a_false_claim_of_unsat_falsifies_and_verifies_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lying(monkeypatch, status=Status.UNSAT)
    assert isinstance(ask(query(atom({2: fmpq(1)}, fmpq(-1))), "z3"), Unknown)


def test_a_claim_lets_the_search_look_for_a_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float | None] = []

    def search(posed: Query, *, timeout: float | None) -> Unknown:
        asked.append(timeout)
        return Unknown("gave up")

    monkeypatch.setattr(api, "verify", search)
    lying(monkeypatch, status=Status.UNSAT)
    verdict = ask(query(atom({2: fmpq(1)}, fmpq(1))), "z3", timeout=20, certify=True)
    assert isinstance(verdict, Unknown)
    assert verdict.reason.startswith("claimed unsat by z3")
    assert verdict.reason.endswith("the search: gave up")
    assert len(asked) == 1 and asked[0] is not None and 0 < asked[0] <= 20


def test_a_time_out_is_kept_and_the_process_gone() -> None:
    script = Script(HARD, ("|x|", "|y|", "|z|"), "QF_NIA")
    run = smt._Run("z3", script, 1.5)
    start = time.monotonic()
    answer = run.finish()
    assert answer.is_timeout and answer.status is Status.UNKNOWN
    assert time.monotonic() - start < 60
    assert run.process.poll() is not None
    with pytest.raises(ProcessLookupError):
        os.kill(run.process.pid, 0)


def test_the_loser_of_a_race_is_ended() -> None:
    easy = write_smtlib(query(atom({2: fmpq(1)}, fmpq(1))))
    start = time.monotonic()
    answers = race({"z3": easy, "cvc5": Script(HARD, ("|x|", "|y|", "|z|"), "QF_NIA")}, 120)
    first = next(answers)
    answers.close()
    assert first.solver == "z3" and first.status is Status.UNSAT
    assert time.monotonic() - start < 60


@pytest.mark.parametrize("solver", ["z3", "cvc5"])
def test_what_a_solver_cannot_read_is_a_reason(solver: str) -> None:
    (answer,) = race({solver: Script("(assert (= nobody 1.0))\n", (), "QF_LRA")}, 30)
    assert answer.status is Status.UNKNOWN
    assert f"{solver} failed" in answer.reason


def test_a_process_that_crashes_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smt, "_START", "import sys; sys.exit('no memory')")
    (answer,) = race({"z3": Script("", (), "QF_LRA")}, 30)
    assert answer.status is Status.UNKNOWN
    assert "no memory" in answer.reason


@pytest.mark.parametrize("solver", ["z3", "cvc5"])
def test_an_irrational_model_is_moved_to_a_rational_one(solver: str) -> None:
    """2 ≤ x² ≤ 2.1 has rational points; x² = 2 has none."""
    near = atom({2: fmpq(-1)}, fmpq(2)), atom({2: fmpq(1)}, fmpq(-21, 10))
    found = rational_model(engine_named(solver), write_smtlib(query(*near)))
    assert found.status is Status.SAT
    assert 2 <= found.ends[0][0] ** 2 <= fmpq(21, 10)
    never = atom({2: fmpq(1)}, fmpq(-2), Relation.EQUAL)
    found = rational_model(engine_named(solver), write_smtlib(query(never)))
    assert found == EngineReply(Status.UNKNOWN, reason="its model is irrational")


class Irrational:
    """An engine whose first answer is an interval; pinned to a rational it agrees above √2."""

    name = "irrational"

    def __init__(self) -> None:
        self.scripts: list[Script] = []

    def check(self, script: Script) -> EngineReply:
        self.scripts.append(script)
        if len(self.scripts) == 1:
            return EngineReply(Status.SAT, ((fmpq(1), fmpq(3, 2)),))
        return engine_named("z3").check(script)


def test_pinning_tries_the_ends_of_the_interval() -> None:
    body = "(declare-const |x| Real)\n(assert (and (> (* |x| |x|) 2.0) (> |x| 0.0)))\n"
    engine = Irrational()
    found = rational_model(engine, Script(body, ("|x|",), "QF_NRA"))
    assert found == EngineReply(Status.SAT, ((fmpq(3, 2), fmpq(3, 2)),))
    assert len(engine.scripts) == 3


def test_unknown_names_and_missing_packages_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="no solver 'yices'"):
        require_solver("yices")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"verifai-nn\[smt\]"):
        require_solver("cvc5")


def test_a_node_that_no_solver_knows_is_named() -> None:
    net = Network((Input("x", (1,)), Smooth("bell", (1,), 0, "erf")), (1,))
    one = (fmpq(1),)
    posed = Query(net, one, one, And((atom({1: fmpq(-1)}, fmpq(2)),)))
    with pytest.raises(InputError, match="'bell'"):
        ask(posed, "both", timeout=120)
    nodes = (Input("x", (1,)), Smooth("bell", (1,), 0, "exp"))
    posed = replace(posed, network=Network(nodes, (1,)))
    assert isinstance(ask(posed, "cvc5", timeout=120), Falsified)  # e ≥ 2
    posed = replace(posed, unsafe=And((atom({1: fmpq(-1)}, fmpq(3)),)))
    verdict = ask(posed, "both", timeout=120)
    assert isinstance(verdict, Unknown)
    assert "z3 cannot be asked (node 'bell'" in verdict.reason


@pytest.mark.parametrize("timeout", [3e6, 1e30])
def test_a_long_time_is_no_error(timeout: float) -> None:
    pytest.importorskip("z3")
    (answer,) = race(
        {"z3": Script("(declare-const x Real)\n(assert (> x 1.0))\n", ("x",), "QF_NRA")}, timeout
    )
    assert answer.status is Status.SAT


def test_whatever_fails_while_waiting_reaches_the_caller() -> None:
    class Strange(float):
        """A time that cannot be counted down."""

        def __sub__(self, other: float) -> float:
            raise OverflowError("no such time")

    script = Script("(declare-const x Real)\n(assert (> x 1.0))\n", ("x",), "QF_NRA")
    with pytest.raises(OverflowError, match="no such time"):
        list(race({"z3": script}, Strange(1.0)))
