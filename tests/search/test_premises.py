"""Hidden values bounded with the unsafe rows as premises: true where these hold, and proofs."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pytest

from tests.search.cases import make_case
from tests.search.oracle import decide
from tests.search.test_agreement import recheck
from tests.search.test_forecast import query_of
from tests.search.test_programs import boxed
from verifai.kernel.files.certificate import ROW, Kind, decode_certificate
from verifai.proof.files import Files
from verifai.search import driver, wide
from verifai.search.close import programs
from verifai.search.close.columns import units_of
from verifai.search.close.premises import Hidden, Patience, Premises
from verifai.search.close.programs import Programs
from verifai.search.close.proposals import Proposals
from verifai.search.goals import Goals
from verifai.verdict import Falsified, Unknown, Verified
from verifai.verify import Options, verify


def proposals_of(seed: int, shift: float) -> tuple[Proposals, list[np.ndarray], list[Hidden]]:
    """Proposals of one round; points that both outputs' rows, less a shift, allow."""
    compiled, bounds, goals = boxed(seed)
    goals = Goals(goals.forms, goals.constant - shift, goals.margin, goals.names)
    made = Programs(compiled, goals, bounds, units_of(compiled, bounds))
    program = made._of(0).program
    ends = program.visit(bounds)
    assert ends is not None
    hidden = Premises(lambda: False).round(program, ends, Patience.of(len(made.units)))
    points = np.random.default_rng(seed).uniform(-1, 1, size=(20_000, 6))
    values = compiled.forward(points)
    unsafe = (values[-1] + goals.constant[0] <= 0).all(axis=1)
    return Proposals(compiled, goals, made), [v[unsafe] for v in values], hidden


def test_bounds_hold_wherever_the_rows_do() -> None:
    """They exclude values outside the unsafe set, none inside, whatever duals are proposed."""
    seen = sharper = 0
    for seed in range(12):
        for spoiled in (False, True):
            proposals, values, hidden = proposals_of(seed, 1.0)
            bounds = proposals.programs.bounds
            if spoiled:  # another neuron's multipliers: weaker, not wrong
                duals = [h.duals for h in hidden]
                hidden = [h._replace(duals=d) for h, d in zip(hidden, duals[::-1], strict=True)]
            found = proposals.tightened(bounds, 0, hidden)
            if found is None:
                continue
            after, _ = found
            seen += len(values[0])
            for node in proposals.compiled.preactivations:
                assert (values[node] >= after.lower[node] - 1e-9).all()
                assert (values[node] <= after.upper[node] + 1e-9).all()
                width = (bounds.upper[node] - bounds.lower[node]).sum()
                sharper += (after.upper[node] - after.lower[node]).sum() < 0.99 * width
    assert seen > 1000
    assert sharper >= 12


@pytest.mark.parametrize("seed", range(4))
def test_proofs_with_premises_are_accepted(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounds wherever they may be: their bounds are in the tree, both arithmetics accept it."""
    monkeypatch.setattr(wide, "BOX_WORK", 0.0)
    monkeypatch.setattr(programs._Pace, "prefers_round", lambda self, *_: self.gain != 0.0)
    query = query_of(seed, matter=5, share=0.02)
    verdict = verify(query, Options(timeout=120, workers=1))
    assert isinstance(verdict, Verified), str(verdict)
    recheck(query, verdict.certificate, exact=True)
    names = Files.of(query).digests
    proof = decode_certificate(verdict.certificate, *names)
    assert (proof.tree == Kind.DERIVE).sum() > 2
    assert (proof.entry_index[proof.entry_kind == ROW] >= 0).all()


def test_verdicts_with_premises_agree_with_exact_oracles() -> None:
    counts = dict.fromkeys((Verified, Falsified, Unknown), 0)
    with (
        patch.object(driver, "FEW_INPUTS", 0),
        patch.object(wide, "BOX_WORK", 0.0),
        patch.object(driver, "ATTACK_SECONDS", 0.02),
        patch.object(wide, "PATIENT_SECONDS", 0.02),
        patch.object(programs._Pace, "prefers_round", lambda self, *_: self.gain != 0.0),
    ):
        for seed in range(7000, 7080):
            query = make_case(seed).query
            verdict = verify(query, Options(timeout=20, workers=1))
            is_sat = decide(query) is not None
            assert not isinstance(verdict, Falsified if not is_sat else Verified), seed
            counts[type(verdict)] += 1
    assert counts[Verified] > 20
    assert counts[Falsified] > 20
    assert counts[Unknown] <= 1
