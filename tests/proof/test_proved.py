"""The proved checker behind `check`: what its words mean, and that nothing else is acceptance."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kernel.test_certificate import good_query
from verifai.kernel.errors import InputError, Rejection, Unable
from verifai.proof import proved
from verifai.proof.files import Files


def says(monkeypatch: pytest.MonkeyPatch, folder: Path, text: str, code: int) -> None:
    """Puts a program there that prints a text and ends with an exit code."""
    path = folder / proved.PROGRAM
    path.write_text(f"#!/bin/sh\ncat <<'END'\n{text}\nEND\nexit {code}\n", "utf-8")
    path.chmod(0o755)
    monkeypatch.setattr(proved, "BUILT", path)


def test_its_word_of_acceptance_is_needed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    files = Files.of(good_query())
    says(monkeypatch, tmp_path, "the statement\naccepted: proved", 0)
    proved.require_proved(files, b"certificate")
    for text, code in (
        ("accepted: proved", 1),
        ("accepted: proved", 4),
        ("accepted", 0),
        ("accepted: proved\nmore", 0),
        ("refused: rule close: accepted: proved", 0),
        ("", 0),
    ):
        says(monkeypatch, tmp_path, text, code)
        with pytest.raises(Unable, match="the proved checker broke off"):
            proved.require_proved(files, b"certificate")


def test_a_refusal_names_the_rule(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    says(monkeypatch, tmp_path, "the statement\nrefused: rule uncovered: it has a sign", 1)
    with pytest.raises(Rejection, match=r"^uncovered: the proved checker: it has a sign$"):
        proved.require_proved(Files.of(good_query()), b"certificate")


def test_where_it_is_missing_it_is_said_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(proved, "BUILT", tmp_path / "none")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="run make proved"):
        proved.program()
