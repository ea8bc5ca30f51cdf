"""`verifai robust`, `range`, `monotone`, `equivalent`: verdicts, exit codes, what they write."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import verifai as vf
from verifai.cli import run

DATA = Path(vf.__file__).parent / "data"
WAVE, ROUNDED = str(DATA / "wave.onnx"), str(DATA / "wave_16bit.onnx")
UNIT = ["--box", "0,1"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["range", WAVE, *UNIT, "--lower", "-3", "--upper", "3"], 0),
        (["range", WAVE, *UNIT, "--upper", "-3"], 1),
        (["range", WAVE, "--box", "0,1", "--box", "1/2,1/2", "--upper", "3"], 0),
        (["equivalent", WAVE, ROUNDED, *UNIT, "--tolerance", "1/10"], 0),
        (["equivalent", WAVE, ROUNDED, *UNIT, "--tolerance", "1/1000000000"], 1),
        (["monotone", str(DATA / "credit_monotone.onnx"), *UNIT], 0),
        (["monotone", str(DATA / "credit_monotone.onnx"), *UNIT, "--falling"], 1),
    ],
)
def test_the_exit_code_is_the_verdict(
    words: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*words, "--workers", "1", "--json"]) == code
    found = json.loads(capsys.readouterr().out)
    assert found["verdict"] == ("verified", "falsified")[code]
    assert found["command"] == words[0]
    assert found["summary"].startswith("for every x in the box")


def test_robust_of_an_array_writes_its_certificate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = np.load(DATA / "digits_test.npz")
    image, label = kept["images"][0] / 16, int(kept["labels"][0])
    np.save(tmp_path / "x.npy", image.reshape(-1))
    proof = tmp_path / "p.cert"
    names = ",".join(f"digit {i}" for i in range(10))
    words = ["robust", str(DATA / "digits_small.onnx"), "--input", str(tmp_path / "x.npy")]
    words += ["--label", str(label), "--clip", "0,1", "--classes", names, "--workers", "1"]
    assert run([*words, "--eps", "1/1000", "--certificate", str(proof)]) == 0
    out = capsys.readouterr().out
    assert f"[{label}] (digit {label}) >" in out
    assert f"certificate: {proof}" in out
    net = vf.load(DATA / "digits_small.onnx", shrink=True)
    query = vf.robust(net, image, eps="1/1000", label=label, clip=(0, 1))
    assert vf.check(query, proof.read_bytes())
    assert run([*words, "--eps", "1/2", "--timeout", "60"]) == 1
    assert "onnxruntime) shows it too" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["range", WAVE, "--box", "0", "--upper", "1"], "--box: two numbers are wanted"),
        (["range", WAVE, *UNIT], "in_range needs a lower or an upper limit"),
        (["range", WAVE, *UNIT * 3, "--upper", "1"], "3 intervals for a network of 2 inputs"),
        (["robust", WAVE, "--input", "0,0,0", "--eps", "1"], "3 numbers for a network of 2"),
        (["robust", WAVE, "--input", WAVE + ".npy", "--eps", "1"], "No such file"),
        (["range", "none.pt2", *UNIT, "--upper", "1"], "none.pt2: No such file"),
    ],
)
def test_wrong_words_are_one_sentence(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == 4
    assert said in capsys.readouterr().err


def test_a_saved_torch_program_is_a_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch = pytest.importorskip("torch")
    module = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 1))
    with torch.no_grad():
        for part in (module[0], module[2]):
            part.weight[:] = 0.5
            part.bias[:] = 0.25
    path = tmp_path / "net.pt2"
    torch.export.save(torch.export.export(module.eval(), (torch.zeros(1, 2),)), path)
    assert run(["range", str(path), *UNIT, "--upper", "2.2", "--workers", "1"]) == 0
    assert run(["range", str(path), *UNIT, "--upper", "2.1", "--workers", "1"]) == 1
    assert "was not tried" in capsys.readouterr().out
    limit = tmp_path / "limit.vnnlib"
    names = "".join(f"(declare-const {n} Real)" for n in ("X_0", "X_1", "Y_0"))
    box = "".join(f"(assert (>= X_{i} 0))(assert (<= X_{i} 1))" for i in (0, 1))
    limit.write_text(f"{names}{box}(assert (>= Y_0 2.2))")
    assert run(["verify", str(path), str(limit), "--workers", "1"]) == 0
    path.write_bytes(b"PK nothing")
    assert run(["range", str(path), *UNIT, "--upper", "2.2"]) == 4
    assert "cannot read a program" in capsys.readouterr().err
