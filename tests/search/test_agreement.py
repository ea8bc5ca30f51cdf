"""Whole verdicts against exact oracles: phase enumeration and Z3, which must agree as well."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from multiprocessing import get_context
from unittest.mock import patch

import pytest

from tests.search.cases import FAMILIES, SHAPES, make_case
from tests.search.oracle import decide, decide_z3, is_counterexample
from verifai.kernel.check import check
from verifai.kernel.query import Query
from verifai.kernel.replay import replay
from verifai.proof.files import Files
from verifai.search import driver
from verifai.verdict import Falsified, Verdict, Verified
from verifai.verify import Options, verify

FIRST_SEED = 10_000
TIMEOUT = 10.0
ATTACK_SECONDS = 0.02  # instead of a quarter of a second for every property that holds
MISSES = 0.01
LEAST = 0.3


@dataclass(frozen=True)
class Outcome:
    """What became of one case; `fault` is empty unless somebody is wrong."""

    seed: int
    family: str
    shape: str
    verdict: str
    fault: str
    note: str

    def __str__(self) -> str:
        kind = f"{self.family}, {self.shape}"
        return f"seed {self.seed} ({kind}): {self.verdict} {self.fault}{self.note}"


def recheck(query: Query, certificate: bytes, *, exact: bool) -> None:
    """The kernel's check, as somebody else would run it later; Rejection if it fails."""
    files = Files.of(query)
    check(files.network, files.query, certificate, exact=exact)


def fault_of(query: Query, verdict: Verdict, *, is_sat: bool, exact: bool) -> str:
    """What is wrong with a verdict, in words, or nothing."""
    if isinstance(verdict, Verified):
        recheck(query, verdict.certificate, exact=False)
        if exact:
            recheck(query, verdict.certificate, exact=True)
        return "but there is a counterexample" if is_sat else ""
    if isinstance(verdict, Falsified):
        point = list(verdict.counterexample.inputs)
        if replay(query, point).violates is not True:
            return "but the kernel's replay says no"
        if not is_counterexample(query, point):
            return "but fractions say no"
        return "" if is_sat else "but the oracle finds no counterexample"
    return ""


def outcome(seed: int) -> Outcome:
    """The verdict of one case, compared."""
    case = make_case(seed)
    query, traits = case.query, ", ".join(sorted(case.traits))
    point = decide(query)
    if (point is not None) != decide_z3(query):
        return Outcome(seed, case.family, case.shape, "oracles", "differ", "")
    if point is not None and not is_counterexample(query, point):
        return Outcome(seed, case.family, case.shape, "oracle's point", "is none", "")
    with patch.object(driver, "ATTACK_SECONDS", ATTACK_SECONDS):
        verdict = verify(query, Options(timeout=TIMEOUT, workers=1))
    fault = fault_of(query, verdict, is_sat=point is not None, exact=seed % 5 == 0)
    note = f"[{traits}] {'' if isinstance(verdict, Verified | Falsified) else verdict}"
    return Outcome(seed, case.family, case.shape, type(verdict).__name__, fault, note)


def judge(outcomes: list[Outcome]) -> None:
    """Fails for any fault, too many misses, or cases that are all alike."""
    counts = Counter(o.verdict for o in outcomes)
    print(f"seeds {outcomes[0].seed} to {outcomes[-1].seed}: {dict(counts)}")
    for missed in (o for o in outcomes if o.verdict == "Unknown"):
        print(missed)
    faults = [str(o) for o in outcomes if o.fault]
    assert not faults, "\n".join(faults)
    assert counts["Unknown"] <= MISSES * len(outcomes), [
        str(o) for o in outcomes if o.verdict == "Unknown"
    ]
    assert min(counts["Verified"], counts["Falsified"]) >= LEAST * len(outcomes)
    seen = {(o.family, o.verdict) for o in outcomes} | {(o.shape, o.verdict) for o in outcomes}
    for kind in (*FAMILIES, *SHAPES):
        assert {(kind, "Verified"), (kind, "Falsified")} <= seen, f"{kind}: only one verdict"


def test_verdicts_agree_with_exact_oracles() -> None:
    judge([outcome(seed) for seed in range(FIRST_SEED, FIRST_SEED + 150)])


@pytest.mark.slow
def test_ten_thousand_verdicts_agree_with_exact_oracles() -> None:
    seeds = range(2 * FIRST_SEED, 3 * FIRST_SEED)
    with get_context("spawn").Pool(2) as pool:
        judge(pool.map(outcome, seeds, chunksize=50))
