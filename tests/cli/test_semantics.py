"""--semantics float32 on the command line: another verdict, other words, certificates apart."""

import json
from pathlib import Path

import pytest

from tests.load.test_float32 import Y_AT_MOST_HALF, there_and_back, written
from verifai.cli import run

Out = pytest.CaptureFixture[str]


def posed(folder: Path, limit: str) -> tuple[str, str]:
    path = folder / "property.vnnlib"
    path.write_text(Y_AT_MOST_HALF.format(limit))
    return str(written(there_and_back(), folder)), str(path)


def test_a_claim_about_reals_is_none_about_float32(tmp_path: Path, capsys: Out) -> None:
    files = posed(tmp_path, "0.5")
    assert run(["verify", *files]) == 0
    assert run(["verify", *files, "--semantics", "float32", "--nodes", "50"]) == 2
    assert "verified" not in capsys.readouterr().out.splitlines()[-1]


def test_the_assumptions_are_printed_by_both_commands(tmp_path: Path, capsys: Out) -> None:
    files, proof = posed(tmp_path, "-10"), str(tmp_path / "proof")
    float32 = ["--semantics", "float32"]
    assert run(["verify", *files, *float32, "--certificate", proof]) == 0
    said = capsys.readouterr().out
    assert "for every float32 program whose rounding lies within the radii, assuming:" in said
    assert run(["check", *files, proof, *float32]) == 0
    said = capsys.readouterr().out
    assert "assuming:" in said
    assert "Winograd" in said
    assert run(["check", *files, proof]) == 1
    said = capsys.readouterr().out
    assert "rule digest" in said
    assert "hint: it was made under --semantics float32" in said


def test_a_certificate_of_other_files_is_no_matter_of_semantics(
    tmp_path: Path, capsys: Out
) -> None:
    files, proof = posed(tmp_path, "-10"), str(tmp_path / "proof")
    assert run(["verify", *files, "--certificate", proof]) == 0
    assert run(["check", *files, proof, "--semantics", "float32"]) == 1
    assert "hint: it was made under --semantics real" in capsys.readouterr().out
    assert run(["check", *files, proof, "--semantics", "float32", "--json"]) == 1
    assert "--semantics real" in json.loads(capsys.readouterr().out)["hint"]
    others = posed(tmp_path, "-11")
    assert run(["check", *others, proof]) == 1
    assert "hint" not in capsys.readouterr().out
    assert run(["check", *others, proof, "--semantics", "float32", "--assume-ulp", "2"]) == 1
    assert (
        "hint: if it was made under --semantics float32 --assume-ulp K" in capsys.readouterr().out
    )


def test_what_does_not_fit_is_an_error(tmp_path: Path, capsys: Out) -> None:
    files = posed(tmp_path, "0.5")
    assert run(["verify", *files, "--assume-ulp", "4"]) == 4
    assert run(["verify", *files, "--semantics", "float16"]) == 4
    assert run(["verify", *files, "--semantics", "float32", "--assume-ulp", "0"]) == 4
    assert "float32" in capsys.readouterr().err
