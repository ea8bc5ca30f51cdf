"""The statement that a command prints is that of what the kernel read."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flint import fmpq

import verifai as vf
from verifai.cli import run
from verifai.kernel.check import check
from verifai.kernel.checker import Accepted
from verifai.kernel.query import And, Or
from verifai.kernel.statement import statement

Out = pytest.CaptureFixture[str]


@pytest.mark.parametrize("command", ["verify", "check"])
def test_what_is_said_is_what_the_kernel_read(
    command: str,
    model: str,
    true_property: str,
    tmp_path: Path,
    capsys: Out,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A writer that changed the query on its way to the kernel would be seen."""
    proof = str(tmp_path / "proof.cert")
    assert run(["verify", model, true_property, "--certificate", proof]) == 0
    assert "in [0, 1]" in capsys.readouterr().out

    def other(*arguments: Any, **options: Any) -> Accepted:
        accepted = check(*arguments, **options)
        return replace(accepted, query=replace(accepted.query, lower=(fmpq(-77),)))

    monkeypatch.setattr(sys.modules["verifai.verify"], "check", other)
    monkeypatch.setattr(sys.modules["verifai.kernel.check"], "check", other)
    assert run([command, model, true_property, *([proof] if command == "check" else [])]) == 0
    assert "in [-77, 1]" in capsys.readouterr().out


def test_words_that_a_query_was_posed_in_are_said_beside_what_the_kernel_read(
    model: str, true_property: str
) -> None:
    query = vf.query_from(model, true_property)
    posed = replace(query, stated=And((Or(query.unsafe.parts),)))
    verdict = vf.verify(posed)
    assert isinstance(verdict, vf.Verified)
    accepted = vf.check(posed, verdict.certificate)
    assert accepted.query is not posed
    assert "in the same order" in statement(accepted.query)
    assert statement(accepted.query) in verdict.statement
