"""The door hands on what it is given: the arithmetic, the pause, the share, and the limits."""

from __future__ import annotations

import pytest
from flint import fmpq

from tests.kernel.distance import ABS, CLOSE, LESS, SIDE, D, below_zero, query_of
from tests.kernel.proofs import Split, written
from verifai.kernel import check as door
from verifai.kernel import checker
from verifai.kernel.check import check, read
from verifai.kernel.errors import InputError
from verifai.proof.files import Files
from verifai.proof.share import Forked

FILES = Files.of(query_of(ABS, below_zero(fmpq(0), LESS)))
PROOF = FILES.certificate(written(Split(D, 0.0, SIDE, SIDE)))


class Stop(Exception):
    """What a pause raises."""


def stop() -> None:
    raise Stop


@pytest.mark.parametrize("exact", [False, True])
def test_a_pause_ends_a_check_without_an_answer(exact: bool) -> None:
    with pytest.raises(Stop):
        check(FILES.network, FILES.query, PROOF, exact=exact, pause=stop)
    with pytest.raises(Stop):
        check(FILES.network, FILES.query, FILES.certificate(written(CLOSE)), pause=stop)


def test_the_arithmetic_and_the_share_are_those_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def judge(query: object, proof: object, **options: object) -> None:
        asked.append((options["exact"], options["helper"]))

    monkeypatch.setattr(door, "judge", judge)
    given = [(False, None), (True, None), (False, Forked), (True, Forked)]
    for exact, helper in given:
        check(FILES.network, FILES.query, PROOF, exact=exact, helper=helper)
    assert asked == given


def test_exact_arithmetic_decides_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    class Watched(checker.Checker):
        def __init__(self, *words: object, **options: object) -> None:
            super().__init__(*words, **options)  # type: ignore[arg-type]
            made.append(self.root.ar.rounds)

    monkeypatch.setattr(checker, "Checker", Watched)
    check(FILES.network, FILES.query, PROOF, exact=True)
    check(FILES.network, FILES.query, PROOF)
    assert made == [False, True]


def test_a_network_file_that_is_too_long_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    size = len(FILES.network)
    monkeypatch.setattr(door, "MAX_NETWORK", size)
    assert read(FILES.network, FILES.query).longest == 2
    monkeypatch.setattr(door, "MAX_NETWORK", size - 1)
    with pytest.raises(InputError, match=f"more than {size - 1} bytes"):
        read(FILES.network, FILES.query)


def test_a_query_belongs_to_the_bytes_of_its_network() -> None:
    with pytest.raises(InputError, match="the digest"):
        read(FILES.network, FILES.query.replace(FILES.digests[0].encode(), b"0" * 64))
