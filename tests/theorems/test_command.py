"""The command `verifai theorem`: what it prints, writes and returns."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from verifai.cli import run
from verifai.cli.theorem_run import lines_of
from verifai.theorems.claim import Table
from verifai.theorems.registry import THEOREMS

SMALL = ["--certified", "1", "--depth", "2", "--trained", "0"]


def test_list_names_every_theorem(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["theorem", "list"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in said] == [theorem.name for theorem in THEOREMS]
    proved = {line.split()[0] for line in said if line.split()[1] == "proved"}
    assert proved == {theorem.name for theorem in THEOREMS if theorem.proved}


def test_show_prints_statement_and_queries(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["theorem", "show", "yarotsky_square", "--certified", "1"]) == 0
    said = capsys.readouterr().out
    assert "sup |f_m - x²| = 4^(-m-1)" in said
    assert "proved (Coq; theorem yarotsky_square of proofs/gallery/YarotskySquare.v)" in said
    assert said.index("An example by hand") < said.index("The statement")
    assert "the kernel accepted a certificate" in said
    assert "No input in this domain makes" in said  # of the claim
    assert "Some input in this domain makes" in said  # of its control


def test_run_writes_what_the_kernel_can_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from verifai.kernel.__main__ import main

    code = run(["theorem", "run", "yarotsky_square", *SMALL, "--out", str(tmp_path)])
    said = capsys.readouterr().out
    assert code == 0
    assert "certified = 1, depth = 2" in said
    assert "HOLDS" in said and "counterexample: " in said
    folder = tmp_path / "yarotsky_square"
    assert (folder / "statement.txt").is_file()
    files = [str(folder / f"bound-1.cert{end}") for end in (".network", ".query.json", "")]
    assert main(files) == 0


def test_run_prints_one_object(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["theorem", "run", "yarotsky_square", *SMALL, "--json", "--out", str(tmp_path)]
    assert run(arguments) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["holds"] is True and found["problems"] == []
    assert found["proved"] == "theorem yarotsky_square of proofs/gallery/YarotskySquare.v"
    assert found["parameters"]["certified"] == 1
    assert {r["outcome"] for r in found["results"]} == {"proved", "refuted"}
    assert "bound-1.cert" in found["files"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["run"],
        ["run", "fermat"],
        ["show", "fermat"],
        ["run", "--all", "yarotsky_square"],
        ["run", "yarotsky_square", "--certified", "0"],
        ["run", "yarotsky_square", "--nothing", "1"],
    ],
)
def test_wrong_usage_is_an_error(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["theorem", *arguments]) == 4
    assert "error: " in capsys.readouterr().err


def test_tables_have_columns() -> None:
    assert lines_of(Table(("a", "bb"), (("ccc", "d"),))) == ["a    bb", "ccc  d"]
