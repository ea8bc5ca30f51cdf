"""Whatever breaks a command off ends in exit code 4: never in 0 or 1, which are answers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import verifai.verify  # noqa: F401
from verifai.cli import run
from verifai.kernel.errors import Unable

BREAKS = (
    MemoryError,
    RecursionError,
    KeyboardInterrupt,
    OSError,
    ZeroDivisionError,
    SystemExit,
    KeyError,
    Unable,
)


@pytest.fixture
def proof(model: str, true_property: str, tmp_path: Path) -> str:
    path = str(tmp_path / "proof.cert")
    assert run(["verify", model, true_property, "--certificate", path]) == 0
    return path


@pytest.mark.parametrize("kind", BREAKS)
@pytest.mark.parametrize("options", [[], ["--json"], ["--exact"]])
def test_a_break_in_check_is_code_4(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    model: str,
    true_property: str,
    proof: str,
    kind: type[BaseException],
    options: list[str],
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise kind("broken")

    assert run(["check", model, true_property, proof, *options]) == 0
    capsys.readouterr()
    monkeypatch.setattr("verifai.api.check_twice", broken)
    assert run(["check", model, true_property, proof, *options]) == 4
    said = capsys.readouterr()
    assert "error: " in said.err
    assert '"verdict": "error"' in said.out if "--json" in options else not said.out


def test_a_break_while_an_error_is_told_is_code_4(
    model: str, true_property: str, proof: str
) -> None:
    """As where memory is too short even for the words."""
    program = """
import sys, verifai.cli
def broken(*_, **__):
    raise MemoryError
verifai.cli._fail = broken
verifai.cli.click.echo = broken
verifai.cli.main(sys.argv[1:])
"""
    words = ["check", model, "nowhere.vnnlib", proof]
    done = subprocess.run([sys.executable, "-c", program, *words], check=False, capture_output=True)
    assert done.returncode == 4, done.stderr


def test_a_check_that_cannot_end_leaves_verify_without_a_verdict(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    model: str,
    true_property: str,
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise Unable("the second process of the check ended without an answer")

    monkeypatch.setattr(sys.modules["verifai.verify"], "check", broken)
    assert run(["verify", model, true_property]) == 2
    assert "second process" in capsys.readouterr().out
