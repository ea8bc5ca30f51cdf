"""Z3, cvc5, the search and phase enumeration on the same small queries: they must agree."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from multiprocessing import get_context
from unittest.mock import patch

import pytest

from tests.search.cases import make_case
from tests.search.oracle import decide, is_counterexample
from verifai.search import driver
from verifai.solvers.smt import Status, rational_model
from verifai.solvers.smt_worker import engine_named
from verifai.solvers.smtlib import write_smtlib
from verifai.verdict import Falsified, Verified
from verifai.verify import Options, confirm, verify

FIRST_SEED = 40_000
ATTACK_SECONDS = 0.02
LEAST = 0.3
MISSES = 0.01


@dataclass(frozen=True)
class Outcome:
    """What everybody says of one case: sat, unsat or unknown; `fault` is empty if all is well."""

    seed: int
    answers: tuple[tuple[str, str], ...]
    fault: str


def outcome(seed: int) -> Outcome:
    """One case, decided in four ways."""
    query = make_case(seed).query
    answers = {"phases": "unsat" if decide(query) is None else "sat"}
    fault = ""
    script = write_smtlib(query)
    for name in ("z3", "cvc5"):
        found = rational_model(engine_named(name), script)
        answers[name] = found.status.value
        if found.status is Status.SAT:
            point = [low for low, _ in found.ends]
            if not is_counterexample(query, point):
                fault += f"{name}: fractions deny its model; "
            if confirm(query, point) is None:
                fault += f"{name}: its model does not survive replay; "
    with patch.object(driver, "ATTACK_SECONDS", ATTACK_SECONDS):
        verdict = verify(query, Options(timeout=120.0, workers=1))
    kinds = {Verified: "unsat", Falsified: "sat"}
    answers["search"] = kinds.get(type(verdict), "unknown")
    if len(set(answers.values()) - {"unknown"}) > 1:
        fault += "they differ"
    return Outcome(seed, tuple(answers.items()), fault)


def judge(outcomes: list[Outcome]) -> None:
    """Fails for any fault, for too many unknowns, or cases that are all alike."""
    faults = [str(o) for o in outcomes if o.fault]
    assert not faults, "\n".join(faults)
    unknown = [str(o) for o in outcomes if "unknown" in dict(o.answers).values()]
    assert len(unknown) <= MISSES * len(outcomes), "\n".join(unknown)
    counts = Counter(dict(o.answers)["phases"] for o in outcomes)
    print(f"seeds {outcomes[0].seed} to {outcomes[-1].seed}: {dict(counts)}")
    assert min(counts["sat"], counts["unsat"]) >= LEAST * len(outcomes)


def test_solvers_search_and_phases_agree() -> None:
    judge([outcome(seed) for seed in range(FIRST_SEED, FIRST_SEED + 300)])


@pytest.mark.slow
def test_solvers_search_and_phases_agree_on_a_thousand() -> None:
    with get_context("spawn").Pool(2) as pool:
        judge(pool.map(outcome, range(2 * FIRST_SEED, 2 * FIRST_SEED + 1000), chunksize=25))
