"""A folder of answers survives every end: kills at random moments, cut lines, spoiled files."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import verifai as vf
from tests.certify.kills import answers_in, survive
from verifai.certify import decide as deciding
from verifai.certify.folder import COUNTEREXAMPLES, PROOFS, RESULTS, Folder

DATA = Path(vf.__file__).parent / "data"
NET = vf.load(DATA / "digits_mlp.onnx")
with np.load(DATA / "digits_test.npz") as file:
    X, Y = file["images"][:8] / 16, file["labels"][:8].tolist()
RADII = ["1/100", "1/25", "1/10"]
KILLS = 30  # benchmarks/evidence.py has a hundred


def run(folder: Path | None, count: int = 4, jobs: int = 1, **changed: Any) -> vf.Certification:
    how = {"eps": RADII, "clip": (0, 1), "timeout": 60, "jobs": jobs, "save": folder} | changed
    return vf.certify(NET, X[:count], Y[:count], **how)


def answers(report: vf.Certification) -> list[tuple[int, str, str]]:
    return [(e.number, ball.eps, ball.status) for e in report.inputs for ball in e.balls]


def searches(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The queries that are searched from now on, in this process."""
    found: list[Any] = []
    search = deciding.verify

    def noted(query: Any, **how: Any) -> Any:
        found.append(query)
        return search(query, **how)

    monkeypatch.setattr(deciding, "verify", noted)
    return found


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are found in /proc")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
def test_kills_at_random_moments_lose_nothing(tmp_path: Path) -> None:
    kept, whole = tmp_path / "kept", run(None, len(X))  # here, so that children need import nothing
    before = survive(lambda jobs: run(kept, len(X), jobs=jobs), kept, KILLS)
    assert before
    report = run(kept, len(X), jobs=2)
    assert answers(report) == answers(whole)
    again = report.recheck()
    assert again.failures == ()
    assert again.proofs + again.counterexamples == len(answers(report))
    assert before <= answers_in(kept)


def test_what_is_kept_is_checked_not_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(tmp_path)
    lines = (tmp_path / RESULTS).read_text()
    found = searches(monkeypatch)
    second = run(tmp_path)
    assert found == []
    assert answers(second) == answers(first)
    assert (tmp_path / RESULTS).read_text() == lines
    between = run(tmp_path, eps=["1/50"])
    assert found == [] and between.inputs[0].balls[0].by == "1/25"
    assert between.recheck().failures == ()
    run(tmp_path, clip=(-1, 2), count=1)  # another question
    assert len(found) >= 1


def test_a_line_that_was_cut_off_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(tmp_path)
    results = tmp_path / RESULTS
    whole = results.read_bytes()
    lines = whole.splitlines(keepends=True)
    places = range(len(whole) - len(lines[-1]), len(whole))
    found = searches(monkeypatch)
    for end in [*places[::40], len(whole) - 1]:
        results.write_bytes(whole[:end])
        assert answers(run(tmp_path)) == answers(first)
        assert len(Folder(tmp_path).entries) == len(lines)
    assert len(found) <= len(places[::40]) + 1


LINE = (
    '{"key": "k", "input": %s, "label": 0, "eps": "%s", "status": "verified", "by": "1/2", '
    '"file": "", "reason": "", "seconds": 0, "timeout": null}'
)
NOISE = [
    b"",
    b"{}",
    b"[1]",
    b"null",
    b"\xff\xfe",
    b"[" * 5000,
    b'{"key": 1}',
    (LINE % ('"x"', "1/2")).encode(),
    (LINE % ("1", "one")).encode(),
]


def test_lines_that_say_nothing_are_passed_over(tmp_path: Path) -> None:
    first = run(tmp_path, count=1)
    results = tmp_path / RESULTS
    results.write_bytes(b"\n".join(NOISE) + b"\n" + results.read_bytes())
    assert len(Folder(tmp_path).entries) == len(RADII)
    assert answers(run(tmp_path, count=1)) == answers(first)


def test_spoiled_evidence_is_searched_anew_and_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(tmp_path, count=1)
    files = [*(tmp_path / PROOFS).glob("*.cert"), *(tmp_path / COUNTEREXAMPLES).glob("*.json")]
    assert len(files) >= 2
    found = searches(monkeypatch)
    for path in files:
        good = path.read_bytes()
        for bad in (b"", good[:-1], b"nonsense", b'{"inputs": ["0"]}', b'{"inputs": [0]}', b"[]"):
            path.write_bytes(bad)
            assert first.recheck().failures
            assert answers(run(tmp_path, count=1)) == answers(first)
            assert path.read_bytes() != bad
    assert len(found) >= len(files)
    assert first.recheck().failures == ()


def test_lines_that_lie_are_not_believed(tmp_path: Path) -> None:
    first = run(tmp_path, count=2)
    results = tmp_path / RESULTS
    lines = [json.loads(line) for line in results.read_text().splitlines()]
    proofs = [line for line in lines if line["file"].startswith(PROOFS)]
    keys = {line["key"] for line in lines}
    assert len(keys) == 2
    lies = []
    for line in proofs[:2]:
        lies += [line | {"eps": eps, "by": eps} for eps in (*RADII, "1/2")]
        lies += [line | {"key": key} for key in keys]
        lies += [line | {"file": f"../{line['file']}"}, line | {"file": ""}]
        lies += [line | {"status": "falsified"}]
    for lie in lies:
        results.write_text("".join(json.dumps(each) + "\n" for each in [*lines, lie]))
        assert answers(run(tmp_path, count=2)) == answers(first)


def test_what_was_undecided_is_searched_anew_with_more_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = searches(monkeypatch)
    late = run(tmp_path, count=1, timeout=1e-6)
    assert {status for _, _, status in answers(late)} == {"timeout"}
    spent = len(found)
    run(tmp_path, count=1, timeout=1e-7)
    assert len(found) == spent
    more = run(tmp_path, count=1, timeout=None)
    assert len(found) > spent and more.shares()[0].undecided == 0


def test_the_kernel_alone_accepts_what_lies_there(tmp_path: Path) -> None:
    from verifai.kernel.check import check

    run(tmp_path)
    (network,) = tmp_path.glob("*.network")
    proofs = list((tmp_path / PROOFS).glob("*.cert"))
    assert proofs
    for path in proofs:
        query = path.with_name(f"{path.name}.query.json").read_bytes()
        assert check(network.read_bytes(), query, path.read_bytes()).leaves >= 1
