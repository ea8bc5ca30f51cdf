"""No certificate is accepted for a claim that is false, whatever it holds."""

from collections import Counter
from collections.abc import Callable
from random import Random

import pytest

from tests.kernel.adversarial import (
    KINDS_OF_QUERY,
    Judge,
    Target,
    attempts,
    is_false,
    shifted,
    smooth_target,
    target,
    valid_tree,
)
from tests.kernel.proofs import decide
from verifai.kernel.errors import Rejection
from verifai.kernel.query import Or

EACH = 40


def run(
    seeds: range, each: int, make: Callable[[int], Target] = target
) -> tuple[Counter[str], Counter[str]]:
    """Certificates by how they were made, and rejections by rule."""
    made: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for seed in seeds:
        claim = make(seed)
        assert is_false(claim), f"seed {seed}: the counterexample is none"
        judge = Judge(claim, counts)
        for how, data in attempts(seed, each, claim, judge):
            made[how] += 1
            assert not judge.accepts(data), f"seed {seed}, {how}: {data.hex()}"
    return made, counts


FALSE = [range(18), pytest.param(range(18, 39), marks=pytest.mark.slow)]
FALSE_AND_SMOOTH = [range(12), pytest.param(range(12, 24), marks=pytest.mark.slow)]


@pytest.mark.parametrize("seeds", FALSE, ids=str)
def test_no_certificate_is_accepted_for_a_false_claim(
    seeds: range, capsys: pytest.CaptureFixture[str]
) -> None:
    made, counts = run(seeds, EACH)
    with capsys.disabled():
        print(f"\n{counts['certificates']} adversarial certificates: {dict(made)} {dict(counts)}")
    assert counts["certificates"] >= 39 * len(seeds)
    assert min(made[how] for how in ("moved", "random", "mutated", "bytes", "climbed")) > (
        3 * len(seeds)
    )
    assert counts["close"] > 26 * len(seeds)
    assert counts["point"] > 10


@pytest.mark.parametrize("seeds", FALSE_AND_SMOOTH, ids=str)
def test_none_is_accepted_where_functions_are_smooth(
    seeds: range, capsys: pytest.CaptureFixture[str]
) -> None:
    made, counts = run(seeds, EACH, smooth_target)
    with capsys.disabled():
        print(f"\n{counts['certificates']} for smooth networks: {dict(made)} {dict(counts)}")
    assert counts["certificates"] >= 39 * len(seeds)
    assert min(made[how] for how in ("moved", "random", "mutated", "bytes", "climbed")) > (
        3 * len(seeds)
    )
    assert counts["close"] > 26 * len(seeds)


@pytest.mark.slow
def test_none_of_50000_is_accepted_where_functions_are_smooth() -> None:
    _, counts = run(range(1000, 2050), 50, smooth_target)
    assert counts["certificates"] >= 50_000


@pytest.mark.slow
def test_no_certificate_of_100000_is_accepted(capsys: pytest.CaptureFixture[str]) -> None:
    made, counts = run(range(1000, 3100), 50)
    with capsys.disabled():
        print(f"\n{counts['certificates']} adversarial certificates: {dict(made)} {dict(counts)}")
    assert counts["certificates"] >= 100_000


@pytest.mark.parametrize("make", [target, smooth_target])
@pytest.mark.parametrize("kind", range(len(KINDS_OF_QUERY)))
def test_the_same_proofs_are_valid_where_the_claim_is_true(
    kind: int, make: Callable[[int], Target]
) -> None:
    """Otherwise moving the threshold past the counterexample would test nothing."""
    accepted = sum(_is_accepted(make(seed)) for seed in range(kind, 60, len(KINDS_OF_QUERY)))
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
