"""Verdicts over every kind of node: no sample beats a proof, both arithmetics accept, Z3 agrees."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from multiprocessing import get_context
from unittest.mock import patch

import numpy as np
import pytest
import z3

from tests.search.kinds import KINDS, POLYNOMIAL, Case, make_case
from tests.search.oracle import encode_z3
from tests.search.test_agreement import ATTACK_SECONDS, LEAST, MISSES, recheck
from verifai.api import bounds
from verifai.kernel.number import nearest
from verifai.kernel.query import And, Formula
from verifai.kernel.replay import replay
from verifai.search import driver
from verifai.verdict import Falsified, Verdict, Verified
from verifai.verify import Options, verify

FIRST_SEED = 50_000
TIMEOUT = 10.0
Z3_MILLISECONDS = 300
FLOAT = 1e-9  # what sampling in floats may be off


@dataclass(frozen=True)
class Outcome:
    """What became of one case; `fault` is empty unless somebody is wrong."""

    seed: int
    kind: str
    verdict: str
    fault: str
    note: str
    asked: str

    def __str__(self) -> str:
        return f"seed {self.seed} ({self.kind}): {self.verdict} {self.fault}{self.note}"


def margins(formula: Formula, values: np.ndarray) -> np.ndarray:
    """How far the formula holds at every sample."""
    if isinstance(formula, And):
        return np.min([margins(part, values) for part in formula.parts], axis=0)
    if not hasattr(formula, "terms"):
        return np.max([margins(part, values) for part in formula.parts], axis=0)
    total = np.full(len(values), float(nearest(formula.constant)))
    for value, factor in formula.terms:
        total += float(nearest(factor)) * values[:, value]
    return -total


def z3_says(case: Case) -> str:
    """sat or unsat, where Z3 can be asked and knows in time."""
    if case.kind not in POLYNOMIAL or case.kind == "radius":
        return ""
    solver = z3.Solver()
    solver.set("timeout", Z3_MILLISECONDS)
    solver.add(*encode_z3(case.query)[0])
    answer = str(solver.check())
    return "" if answer == "unknown" else answer


def fault_of(case: Case, verdict: Verdict, seed: int) -> tuple[str, str]:
    """What is wrong with a verdict, or nothing; and what Z3 said."""
    query = case.query
    said = z3_says(case) if seed % 3 == 0 else ""
    if isinstance(verdict, Verified):
        recheck(query, verdict.certificate, exact=False)
        if seed % 4 == 0:
            recheck(query, verdict.certificate, exact=True)
        if (margins(query.unsafe, case.values) > FLOAT).any():
            return "but a sample violates it", said
        return ("but z3 says sat" if said == "sat" else ""), said
    if isinstance(verdict, Falsified):
        if replay(query, list(verdict.counterexample.inputs)).violates is not True:
            return "but the kernel's replay says no", said
        return ("but z3 says unsat" if said == "unsat" else ""), said
    return "", said


def stray_bounds(case: Case) -> str:
    """Whether a sample lies outside the certified bounds of the outputs."""
    net = case.query.network
    box = list(zip(case.query.lower, case.query.upper, strict=True))
    ends = bounds(net, box)
    start = net.offsets[net.outputs[0]]
    for k, (low, high) in enumerate(ends):
        seen = case.values[:, start + k]
        if seen.min() < nearest(low) - FLOAT or seen.max() > nearest(high) + FLOAT:
            return f"output {k} leaves its bounds"
    return ""


def outcome(seed: int) -> Outcome:
    """The verdict of one case, compared."""
    case = make_case(seed)
    stray = stray_bounds(case)
    with patch.object(driver, "ATTACK_SECONDS", ATTACK_SECONDS):
        verdict = verify(case.query, Options(timeout=TIMEOUT, workers=1))
    fault, said = fault_of(case, verdict, seed)
    note = "" if isinstance(verdict, Verified | Falsified) else f" {verdict}"
    return Outcome(seed, case.kind, type(verdict).__name__, fault or stray, note, said)


def judge(outcomes: list[Outcome]) -> None:
    """Fails for any fault, too many misses, or kinds that are all alike."""
    counts, asked = Counter(o.verdict for o in outcomes), Counter(o.asked for o in outcomes)
    print(f"seeds {outcomes[0].seed} to {outcomes[-1].seed}: {dict(counts)}, z3 {dict(asked)}")
    missed = [str(o) for o in outcomes if o.verdict == "Unknown"]
    print("\n".join(missed))
    faults = [str(o) for o in outcomes if o.fault]
    assert not faults, "\n".join(faults)
    assert len(missed) <= MISSES * len(outcomes), missed
    assert min(counts["Verified"], counts["Falsified"]) >= LEAST * len(outcomes)
    assert min(asked["sat"], asked["unsat"]) > 0.01 * len(outcomes)
    seen = {(o.kind, o.verdict) for o in outcomes}
    for kind in KINDS:
        assert {(kind, "Verified"), (kind, "Falsified")} <= seen, f"{kind}: only one verdict"


def test_verdicts_over_all_kinds_agree_with_samples() -> None:
    judge([outcome(seed) for seed in range(FIRST_SEED, FIRST_SEED + 180)])


@pytest.mark.slow
def test_ten_thousand_verdicts_over_all_kinds_agree_with_samples() -> None:
    with get_context("spawn").Pool(2) as pool:
        judge(pool.map(outcome, range(2 * FIRST_SEED, 2 * FIRST_SEED + 10_000), chunksize=50))
