"""No certificate is accepted for a claim that is false, whatever it holds."""

from collections import Counter
from random import Random

import pytest

from tests.kernel.adversarial import (
    KINDS_OF_QUERY,
    Judge,
    Target,
    attempts,
    is_false,
    shifted,
    target,
    valid_tree,
)
from tests.kernel.proofs import decide
from verifai.kernel.errors import Rejection
from verifai.kernel.query import Or

EACH = 40


def run(seeds: range, each: int) -> tuple[Counter[str], Counter[str]]:
    """Certificates by how they were made, and rejections by rule."""
    made: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for seed in seeds:
        claim = target(seed)
        assert is_false(claim), f"seed {seed}: the counterexample is none"
        judge = Judge(claim, counts)
        for how, data in attempts(seed, each, claim, judge):
            made[how] += 1
            assert not judge.accepts(data), f"seed {seed}, {how}: {data.hex()}"
    return made, counts


def test_no_certificate_is_accepted_for_a_false_claim(capsys: pytest.CaptureFixture[str]) -> None:
    made, counts = run(range(39), EACH)
    with capsys.disabled():
        print(f"\n{counts['certificates']} adversarial certificates: {dict(made)} {dict(counts)}")
    assert counts["certificates"] >= 1500
    assert min(made[how] for how in ("moved", "random", "mutated", "bytes", "climbed")) > 100
    assert counts["close"] > 1000
    assert counts["point"] > 10


@pytest.mark.slow
def test_no_certificate_of_100000_is_accepted(capsys: pytest.CaptureFixture[str]) -> None:
    made, counts = run(range(1000, 3100), 50)
    with capsys.disabled():
        print(f"\n{counts['certificates']} adversarial certificates: {dict(made)} {dict(counts)}")
    assert counts["certificates"] >= 100_000


@pytest.mark.parametrize("kind", range(len(KINDS_OF_QUERY)))
def test_the_same_proofs_are_valid_where_the_claim_is_true(kind: int) -> None:
    """Otherwise moving the threshold past the counterexample would test nothing."""
    accepted = sum(_is_accepted(target(seed)) for seed in range(kind, 60, len(KINDS_OF_QUERY)))
    assert accepted >= 8


def _is_accepted(claim: Target) -> bool:
    ors = tuple(p for p in claim.query.unsafe.parts if isinstance(p, Or))
    rows = len(claim.query.unsafe.parts) - len(ors)
    tree = valid_tree(Random(0), claim, ors, rows, 1)
    try:
        decide(shifted(claim, 10**5), tree, exact=False)
    except Rejection:
        return False
    return True
