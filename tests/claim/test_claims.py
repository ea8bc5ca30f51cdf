"""Some 400 claims with what must come out: true, false, undefined somewhere, no claims at all."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from verifai.claim.proposals import ProposedClaim, judged, read_proposals

FILE = Path(__file__).with_name("claims.txt")
PROPOSALS = read_proposals(FILE)
EXAMPLES = sorted((Path(__file__).parents[2] / "examples" / "claims").glob("*.txt"))


@pytest.mark.parametrize("proposal", PROPOSALS, ids=lambda each: f"line {each.line}")
def test_every_claim_comes_out_right(proposal: ProposedClaim) -> None:
    (found,) = judged([proposal])
    assert found.verdict == proposal.expected, found
    if found.answer is not None:
        assert (found.answer.outcome == "refuted") == (found.verdict in ("refuted", "undefined"))
        assert found.answer.trust in ("certified", "exact", "solver")
        if found.answer.outcome == "refuted":
            assert found.answer.trust == "exact"
            assert found.answer.counterexample or "for all" not in found.answer.reading
    else:
        assert found.error.startswith("column ")


def test_the_file_has_enough_of_each() -> None:
    counts = Counter(each.expected for each in PROPOSALS)
    assert sum(counts.values()) >= 300
    assert min(counts[word] for word in ("proved", "refuted", "undefined", "error")) >= 25


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples_come_out_as_they_say(path: Path) -> None:
    found = list(judged(read_proposals(path)))
    assert found
    assert [each for each in found if not each.is_as_expected] == []
    assert all(each.proposal.expected for each in found)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 3
