"""The demo returns 0 when everything expected holds, and only then."""

from pathlib import Path

import pytest
from flint import fmpq

from verifai.demo import run, run_demo
from verifai.demo.cases import DemoCase, cases
from verifai.kernel.replay import replay
from verifai.verdict import Counterexample, Falsified, Unknown, Verdict, Verified


def test_the_demo_proves_refutes_and_shows_what_it_says(tmp_path: Path) -> None:
    lines: list[str] = []
    code = run_demo(None, tmp_path, lines.append)
    said = "\n".join(lines)
    assert code == 0, said
    proved = [case.name for case in cases(None) if case.expected == "verified"]
    assert f"{len(proved)} proved" in said
    for end in ("network", "query.json", "certificate"):
        assert {f.name for f in tmp_path.glob(f"*.{end}")} == {f"{n}.{end}" for n in proved}
    assert "REJECTED" not in said
    assert "read as" in said
    assert "NOT AS EXPECTED" not in said


def only(name: str, monkeypatch: pytest.MonkeyPatch, answer: Verdict) -> DemoCase:
    """Makes the demo consist of one case, about which the search gives this answer."""
    (case,) = (case for case in cases(None) if case.name == name)
    monkeypatch.setattr(run, "cases", lambda folder: [case])
    monkeypatch.setattr(run, "verify", lambda query, *, timeout: answer)
    return case


def test_a_certificate_that_the_kernel_does_not_accept_fails_the_demo(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    only("square", monkeypatch, Verified(b"no certificate", "anything"))
    lines: list[str] = []
    assert run_demo(None, tmp_path, lines.append) == 1
    said = "\n".join(lines)
    assert "REJECTED" in said
    assert "0 proved" in said
    assert "NOT AS EXPECTED: square" in said


def test_an_undecided_case_fails_the_demo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    only("square", monkeypatch, Unknown("no time left", is_timeout=True))
    lines: list[str] = []
    assert run_demo(None, tmp_path, lines.append) == 1
    assert "unknown, expected verified (no time left)" in "\n".join(lines)


def test_a_counterexample_is_shown_with_its_exact_change(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (case,) = (case for case in cases(None) if case.name == "digit-0")
    point = tuple(case.query.upper)
    found = replay(case.query, point)
    answer = Falsified(Counterexample(point, found.outputs, fmpq(1, 8), True), "anything")
    only("digit-0", monkeypatch, answer)
    lines: list[str] = []
    assert run_demo(None, tmp_path, lines.append) == 0
    said = "\n".join(lines)
    assert "a 2" in said
    assert "by at most 0.1" in said
    assert "violates the property by 0.125 (exact arithmetic); float32 execution shows it" in said
