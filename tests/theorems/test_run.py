"""What makes a theorem fail: the rules of the gallery, on theorems made up for the purpose."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flint import fmpq

from verifai.kernel.errors import InputError
from verifai.kernel.network import Input, Network, Square
from verifai.theorems import evidence
from verifai.theorems.claim import Claim, Finding, Outcome, Role, Theorem, Trust, parameter
from verifai.theorems.distance import within
from verifai.theorems.run import Report, run


@dataclass(frozen=True)
class Parameters:
    size: int = parameter(2, "nothing", 1, 4)


PROVED = Claim("true", "1 = 1", lambda: evidence.exact(True))
REFUTED = evidence.exact(False, counterexample="1 ≠ 2")


def control(finding: Finding) -> Claim:
    return Claim("control", "1 = 2", lambda: finding, role=Role.CONTROL)


def gallery(*claims: Claim) -> Theorem[Any]:
    def all_claims(_: Parameters) -> Iterator[Claim]:
        yield from claims

    return Theorem("name", "title", "statement", "proposal", "source", Parameters(), all_claims)


def ran(*claims: Claim) -> Report:
    return run(gallery(*claims))


def test_a_theorem_with_a_refuted_control_holds() -> None:
    report = ran(PROVED, control(REFUTED))
    assert report.holds
    assert report.trust == {Trust.EXACT: 2}
    assert report.seconds >= 0


@pytest.mark.parametrize(
    "finding",
    [
        evidence.exact(True),
        Finding(Outcome.OPEN, Trust.CERTIFIED, "time-out"),
        evidence.measured("something"),
        evidence.exact(False),
        Finding(Outcome.REFUTED, Trust.SOLVER, "z3 says sat", "x = 1"),
    ],
    ids=["proved", "open", "measured", "without counterexample", "by a solver"],
)
def test_a_control_that_is_not_refuted_fails(finding: Finding) -> None:
    report = ran(PROVED, control(finding))
    assert not report.holds
    assert "control control" in report.problems[0]


@pytest.mark.parametrize(
    "finding",
    [
        REFUTED,
        Finding(Outcome.OPEN, Trust.EXACT),
        evidence.measured("something"),
        Finding(Outcome.PROVED, Trust.CERTIFIED),
        Finding(Outcome.PROVED, Trust.SAMPLED),
    ],
    ids=["refuted", "open", "measured", "certified without a certificate", "in floating point"],
)
def test_a_claim_that_is_not_proved_fails(finding: Finding) -> None:
    report = ran(Claim("claim", "1 = 2", lambda: finding), control(REFUTED))
    assert len(report.problems) == 1


def test_without_claim_or_control_nothing_holds() -> None:
    assert ran(PROVED).problems == ("no control was checked",)
    assert ran(control(REFUTED)).problems == ("no claim was checked",)


def test_a_measurement_neither_proves_nor_fails() -> None:
    measurement = Claim("m", "sizes", lambda: evidence.measured("3"), role=Role.MEASUREMENT)
    assert ran(PROVED, control(REFUTED), measurement).holds
    assert not ran(measurement, control(REFUTED)).holds
    wrong = Claim("m", "sizes", lambda: REFUTED, role=Role.MEASUREMENT)
    assert not ran(PROVED, control(REFUTED), wrong).holds


def test_names_and_parameters_are_checked() -> None:
    with pytest.raises(InputError, match="two claims"):
        ran(PROVED, PROVED)
    with pytest.raises(InputError, match=r"parameter size: 5 \(want 1 to 4\)"):
        run(gallery(PROVED, control(REFUTED)), Parameters(5))


def square(distance: fmpq) -> Any:
    net = Network((Input("x", (1,)), Square("x²", (1,), 0)), (1,))
    return within(net, {1: 1}, distance, ((fmpq(-1), fmpq(1)),))


def test_a_decided_query_brings_its_certificate_or_its_counterexample() -> None:
    proved = evidence.decided(square(fmpq(1)))
    assert (proved.outcome, proved.trust) == (Outcome.PROVED, Trust.CERTIFIED)
    assert proved.certificate is not None
    refuted = evidence.decided(square(fmpq(1, 2)))
    assert refuted.outcome is Outcome.REFUTED
    assert "violated by" in refuted.counterexample


def test_a_replay_refutes_only_by_a_counterexample() -> None:
    query = square(fmpq(1, 2))
    assert evidence.replayed(query, [fmpq(1)]).outcome is Outcome.REFUTED
    assert evidence.replayed(query, [fmpq(1, 2)]).outcome is Outcome.OPEN


def test_a_certificate_by_hand_counts_only_if_the_kernel_accepts_it() -> None:
    from verifai.proof.record import Block, Choose, Close, Record

    close = Close(Block(rows=((-1, 1.0),)))
    records: list[Record] = [Choose(0, 2), close, close]
    assert evidence.accepted(square(fmpq(1)), records).outcome is Outcome.PROVED
    rejected = evidence.accepted(square(fmpq(1, 2)), records)
    assert rejected.outcome is Outcome.OPEN
    assert "close" in rejected.detail


def test_identities_are_expanded_and_the_solver_is_named() -> None:
    sympy, z3 = pytest.importorskip("sympy"), pytest.importorskip("z3")
    x, y = sympy.Symbol("x"), z3.Real("y")
    assert evidence.identities((x + 1) ** 2 - x**2 - 2 * x - 1).outcome is Outcome.PROVED
    wrong = evidence.identities((x + 1) ** 2 - x**2)
    assert wrong.outcome is Outcome.REFUTED and "2*x + 1" in wrong.counterexample
    said = evidence.unsatisfiable([y * y < 0])
    assert (said.outcome, said.trust) == (Outcome.PROVED, Trust.SOLVER)
    assert evidence.unsatisfiable([y * y < 1]).outcome is Outcome.REFUTED
    with pytest.raises(ValueError, match="trust"):
        evidence.together(said, wrong)
    assert evidence.together(evidence.exact(True, "a"), wrong).outcome is Outcome.REFUTED
