"""--timeout ends a command that reads, searches, checks or writes for ever."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from verifai import api
from verifai.cli import run
from verifai.load.vnnlib import version2 as vnnlib2
from verifai.theorems import run as theorems
from verifai.verdict import Falsified
from verifai.verify import verify

SHORT = ["--timeout", "0.05"]


def forever(*_: object, **__: object) -> None:
    """Work that looks at no clock."""
    while True:
        sum(range(1000))


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that take for ever to read."""
    monkeypatch.setattr(api, "query_from", forever)
    monkeypatch.setattr(api, "load", forever)
    monkeypatch.setattr(vnnlib2, "load_vnnlib2", forever)


@pytest.mark.usefixtures("endless")
@pytest.mark.parametrize(
    "command",
    ["verify", "check", "solve", "export", "export-network"],
)
def test_reading_ends(
    command: str, model: str, true_property: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [model, true_property] if command != "export-network" else [model]
    if command == "check":
        arguments.append(true_property)
    assert run([command.partition("-")[0], *arguments, *SHORT]) == 3
    captured = capsys.readouterr()
    assert captured.err == "time-out: the time budget of 0.05 s is spent\n"
    assert not captured.out
    assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL


@pytest.mark.usefixtures("endless")
def test_json_says_time_out(
    model: str, true_property: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["verify", model, true_property, "--json", *SHORT]) == 3
    assert json.loads(capsys.readouterr().out) == {
        "schema": 1,
        "verdict": "timeout",
        "reason": "the time budget of 0.05 s is spent",
    }


@pytest.mark.usefixtures("endless")
def test_the_standards_answer_and_the_competitions(
    tmp_path: Path, model: str, true_property: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["verify", true_property, "--network", f"N={model}", *SHORT]) == 3
    assert capsys.readouterr().out == "timed-out\n"
    result = tmp_path / "result.txt"
    assert run(["vnncomp", "v1", "any", model, true_property, str(result), "0.05"]) == 3
    assert result.read_text() == "timeout\n"


def test_theorems_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(theorems, "require_within", forever)
    arguments = ["theorem", "run", "yarotsky_square", "--out", str(tmp_path), *SHORT]
    assert run(arguments) == 3
    assert run(["theorem", "run", "--all", "--out", str(tmp_path), *SHORT]) == 3


def test_a_limit_is_a_positive_number(model: str, true_property: str) -> None:
    for command in ("check", "export", "inspect", "verify"):
        for value in ("0", "-1", "nan", "inf"):
            files = [model] if command == "inspect" else [model, true_property]
            assert run([command, *files, "--timeout", value]) == 4


def test_a_time_out_of_an_outer_limit_is_no_verdict_of_an_inner_one(
    model: str, false_property: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A search inside a command that is out of time ends the command; it is not answered."""
    from verifai.alarm import alarm
    from verifai.search.attack import witness

    query = api.query_from(model, false_property)
    assert isinstance(verify(query), Falsified)
    monkeypatch.setattr(witness.Witnesses, "attack", forever)
    monkeypatch.setattr(witness.Witnesses, "try_points", forever)
    monkeypatch.setattr(witness.Witnesses, "confirm", forever)
    with pytest.raises(KeyError), alarm(0.05, lambda: KeyError("outer")):
        verify(query, None)
