"""The store survives kills and writers at the same time, and nothing in it is believed."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

import verifai as vf
from tests.evidence.kills import kept, survive
from verifai.evidence.keeper import Keeper
from verifai.evidence.store import ASKED, PROOFS, STALE, AskedFor, Store
from verifai.proof.evidence import Evidence, write_evidence
from verifai.proof.files import Files

DATA = Path(vf.__file__).parent / "data"
NET = vf.load(DATA / "wave.onnx")
KILLS = 15  # benchmarks/evidence.py has a hundred


def asked(upper: int) -> vf.Query:
    return vf.in_range(NET, [(-1, 1)] * 2, lower=-9, upper=upper)


QUERIES = [asked(upper) for upper in (5, 6, 7)]
VERDICTS = [vf.verify(query, timeout=60, workers=1) for query in QUERIES]
PROOFS_FOUND = [v.certificate for v in VERDICTS if isinstance(v, vf.Verified)]
FILES = [Files.of(query) for query in QUERIES]
ITEMS = kept(FILES, PROOFS_FOUND)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
def test_kills_at_random_moments_lose_nothing(tmp_path: Path) -> None:
    assert survive(tmp_path / "store", ITEMS, KILLS, seed=3) > 0
    keeper = Keeper(Store(tmp_path / "store"), is_locked=True)
    there = {path.stem for path in (tmp_path / "store" / PROOFS).glob("*.proof")}
    for i, query in enumerate(QUERIES):
        settled = keeper.settle(f"p{i}", query)
        assert settled.how == ("checked" if FILES[i].digests[1] in there else "stale")


def test_what_killed_writers_left_is_swept_in_time(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.keep(*ITEMS[0])
    left = [tmp_path / part / f".{name}" for part in (PROOFS, ASKED) for name in ("old", "new")]
    for path in left:
        path.write_bytes(b"half")
        if path.name == ".old":
            before = time.time() - 2 * STALE
            os.utime(path, (before, before))
    store.sweep()
    assert [path.exists() for path in left] == [False, True, False, True]
    assert store.evidence(ITEMS[0][0].query) is not None


def test_a_false_claim_in_the_store_is_not_believed(tmp_path: Path) -> None:
    """Evidence of a true statement lies where that of a false one would: all digests fit."""
    store, false = Store(tmp_path), asked(-8)
    files = Files.of(false)
    lie = AskedFor.of("p", files)
    for evidence in (
        Evidence(files, PROOFS_FOUND[0]),
        Evidence(FILES[0], PROOFS_FOUND[0]),
        Evidence(files, b""),
    ):
        store.keep(lie, evidence)
        locked = Keeper(store, is_locked=True).settle("p", false)
        assert locked.verdict is None and "does not stand" in locked.note
    settled = Keeper(store, workers=1).settle("p", false, 60)
    assert isinstance(settled.verdict, vf.Falsified) and settled.how == "searched"
    assert Keeper(store, is_locked=True).settle("p", false).how == "checked"


def test_nothing_is_written_where_it_is_locked(tmp_path: Path) -> None:
    settled = Keeper(Store(tmp_path / "none"), is_locked=True).settle("p", QUERIES[0])
    assert settled.verdict is None and settled.is_new
    assert not (tmp_path / "none").exists()


def test_what_is_undecided_is_not_kept(tmp_path: Path) -> None:
    keeper = Keeper(Store(tmp_path), workers=1)
    hard = vf.equivalent(NET, vf.load(DATA / "wave_16bit.onnx"), [(-1, 1)] * 2, tolerance="1/9999")
    settled = keeper.settle("p", hard, 1e-6)
    assert isinstance(settled.verdict, vf.Unknown)
    assert list(tmp_path.iterdir()) == []


def test_orphans_are_what_nobody_asks_for(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for item in ITEMS:
        store.keep(*item)
    store.place("not a digest").write_bytes(b"")
    digests = [asked.query for asked, _ in ITEMS]
    assert store.orphans(set()) == []
    store.forget("p1")
    assert store.orphans(set()) == [digests[1]]
    assert store.orphans({digests[1]}) == []
    store.remove(digests[1])
    store.remove(digests[1])
    assert store.orphans(set()) == []


def test_equal_evidence_is_equal_bytes_whoever_writes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        Store(tmp_path / name).keep(*ITEMS[0])
    places = [Store(tmp_path / name).place(ITEMS[0][0].query) for name in ("a", "b")]
    assert places[0].read_bytes() == places[1].read_bytes() == write_evidence(ITEMS[0][1])
