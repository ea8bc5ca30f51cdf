"""`verifai certify`: the folder, the table, what is gone on with, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import verifai as vf
from verifai.cli import run

DATA = Path(vf.__file__).parent / "data"
CALL = ["certify", str(DATA / "digits_mlp.onnx"), str(DATA / "digits_test.npz")]
HOW = ["--scale", "1/16", "--clip", "0,1", "--eps", "1/100,1/10", "--limit", "3"]


def test_a_data_set_is_certified_and_gone_on_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", str(tmp_path / "kept")]
    assert run([*CALL, *HOW, *out]) == 0
    said = capsys.readouterr().out
    assert "1/100" in said and "(3 inputs)" in said
    names = {path.name for path in (tmp_path / "kept").iterdir()}
    assert {"results.jsonl", "answers.csv", "table.tex", "plot.svg", "proofs"} <= names
    before = (tmp_path / "kept" / "results.jsonl").read_text()
    assert run([*CALL, *HOW, *out, "--recheck", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["recheck"]["failures"] == []
    assert found["recheck"]["proofs"] + found["recheck"]["counterexamples"] == 6
    assert [shares["eps"] for shares in found["shares"]] == ["1/100", "1/10"]
    assert (tmp_path / "kept" / "results.jsonl").read_text() == before


def test_what_is_undecided_has_its_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*CALL, *HOW, "--out", str(tmp_path), "--timeout", "1e-6"]) == 2
    assert "100.0" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--eps", "x"], "eps"),
        (["--eps", "-1"], "negative"),
        (["--eps", "1/8", "--clip", "0"], "--clip"),
        (["--eps", "1/8", "--scale", "1,2"], "--scale"),
        (["--eps", "1/8", "--inputs", "pictures"], "no array pictures (it has images, labels"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*CALL, *words, "--out", str(tmp_path)]) == 4
    assert said in capsys.readouterr().err


def test_files_that_are_no_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "one.npy", np.zeros(3))
    np.savez(tmp_path / "numbers.npz", images=np.float64(1), labels=np.int64(1))
    np.savez(tmp_path / "objects.npz", images=np.array([object()]), labels=np.array([1]))
    (tmp_path / "text.npz").write_text("text")
    for name, said in {
        "one.npy": "one array",
        "numbers.npz": "one number",
        "objects.npz": "no .npz file",
        "text.npz": "no .npz file",
        "none.npz": "No such file",
    }.items():
        call = [*CALL[:2], str(tmp_path / name), "--eps", "1/8", "--out", str(tmp_path / "out")]
        assert run(call) == 4
        assert said in capsys.readouterr().err, name
