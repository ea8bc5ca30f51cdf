"""The command line of the VNN-LIB 2 standard: verify QUERY --network, check, supports, --name."""

import json
import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import onnx
import pytest

from tests.load.vnnlib2_documents import relu_model, save
from verifai.cli import run
from verifai.cli.solver import answer
from verifai.load.vnnlib.version2 import load_vnnlib2
from verifai.verdict import Unknown

Out = pytest.CaptureFixture[str]
HEAD = """(vnnlib-version <2.0>)
(declare-network f
  (declare-input X real [1,2]) (declare-hidden H real [1,3] "pre") (declare-output Y real [1,2]))
(declare-network g (equal-to f) (declare-input U real [1,2]) (declare-output V real [1,2]))
(assert (and (>= X[0,0] -1.0) (<= X[0,0] 1.0) (>= X[0,1] -1.0) (<= X[0,1] 1.0)))
(assert (and (== X[0,0] U[0,0]) (>= U[0,1] (- X[0,1] 0.5)) (<= U[0,1] (+ X[0,1] 0.5))))
"""


@pytest.fixture
def network(tmp_path: Path) -> str:
    return f"f={save(tmp_path / 'f.onnx', relu_model(1))}"


def query(folder: Path, bound: str, type_: str = "real") -> str:
    path = folder / "query.vnnlib"
    text = HEAD.replace("real", type_)
    path.write_text(text + f"(assert (>= (* (- Y[0,0] V[0,0]) (- Y[0,0] V[0,0])) {bound}))")
    return str(path)


def test_unsat_is_one_line_and_its_certificate_checks(
    network: str, tmp_path: Path, capsys: Out
) -> None:
    file, proof = query(tmp_path, "100.0"), str(tmp_path / "proof.cert")
    assert run(["verify", file, "--network", network, "--certificate", proof]) == 0
    out, err = capsys.readouterr()
    assert out == "unsat\n"
    assert "verified in" in err
    assert "note:" not in err
    assert run(["check", file, proof, "--network", network, "--exact"]) == 0
    other = query(tmp_path, "99.0")
    assert run(["check", other, proof, "--network", network]) == 1
    assert "rejected: rule digest" in capsys.readouterr().out


def test_sat_lists_every_variable_in_order(network: str, tmp_path: Path, capsys: Out) -> None:
    assert run(["verify", query(tmp_path, "0.001"), "--network", network]) == 1
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == "sat"
    heads = [line for line in lines if " " in line]
    assert heads == [
        *("X real [1,2]", "H real [1,3]", "Y real [1,2]", "U real [1,2]", "V real [1,2]")
    ]
    assert all(re.fullmatch(r"-?\d+\.\d+", line) for line in lines if " " not in line)
    numbers = [Fraction(line) for line in lines if " " not in line]
    x, y, u, v = numbers[:2], numbers[5:7], numbers[7:9], numbers[9:11]
    assert x[0] == u[0]
    assert abs(x[1] - u[1]) <= Fraction(1, 2)
    assert (y[0] - v[0]) ** 2 >= Fraction(1, 1000)


def test_assignments_are_serialised(network: str, tmp_path: Path, capsys: Out) -> None:
    file = query(tmp_path, "0.001", "float32")
    folder = tmp_path / "new" / "folder"
    arguments = ["verify", file, "--network", network, "--serialise-assignments", str(folder)]
    assert run(arguments) == 1
    out, err = capsys.readouterr()
    assert out == "sat\n"
    assert "declared float32; decided over the real numbers" in err
    found = {p.stem: onnx.load_tensor(str(p)) for p in folder.iterdir()}
    assert {name: list(t.dims) for name, t in found.items()} == {
        **{name: [1, 2] for name in "XUYV"},
        "H": [1, 3],
    }
    arrays = {name: onnx.numpy_helper.to_array(t) for name, t in found.items()}
    assert all(a.dtype == np.float32 for a in arrays.values())
    assert abs(arrays["Y"][0, 0] - arrays["V"][0, 0]) > 0.03


def test_json_holds_the_answer(network: str, tmp_path: Path, capsys: Out) -> None:
    file = query(tmp_path, "0.001")
    assert run(["verify", file, "--network", network, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["answer"].startswith("sat\nX real [1,2]\n")
    assert (found["verdict"], found["types"]) == ("falsified", ["real"])


def test_no_answer_is_said_in_the_standards_words(network: str, tmp_path: Path) -> None:
    posed = load_vnnlib2(query(tmp_path, "100.0"), network.partition("=")[2])
    assert answer(Unknown("the time is up", is_timeout=True), posed) == "timed-out"
    assert answer(Unknown("the budget is spent"), posed) == "unknown"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--network", "f"], "'f' is not NAME=FILE"),
        (["--network", "f=a", "--network", "f=b"], "f is given twice"),
        (["--network", "g={f}"], "no model is given for the network f"),
        (["--network", "f={f}", "--network", "g={f}"], "a model is given for g"),
        (["more.vnnlib", "--network", "f={f}"], "the query comes alone"),
        ([], "Missing argument 'PROPERTY'"),
        (["--network", "f=absent.onnx"], "absent.onnx"),
    ],
)
def test_errors_go_to_standard_error(
    network: str, tmp_path: Path, capsys: Out, arguments: list[str], reason: str
) -> None:
    file = network.partition("=")[2]
    given = [each.replace("{f}", file) for each in arguments]
    assert run(["verify", query(tmp_path, "1.0"), *given]) == 4
    out, err = capsys.readouterr()
    assert out == ""
    assert reason in err


def test_a_document_about_one_network_is_a_property_too(
    network: str, tmp_path: Path, capsys: Out
) -> None:
    model = network.partition("=")[2]
    assert run(["verify", model, query(tmp_path, "100.0")]) == 0
    assert "verified in" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flag", "lines"),
    [
        ("--onnx-opset-versions", ["7", "28"]),
        ("--onnx-element-types", ["real"]),
        ("--vnnlib-versions", ["2.0", "2.1"]),
        ("--hidden-node-theories", ["NH", "H"]),
        ("--multiple-input-output-theories", ["SIO", "MIO"]),
        ("--multiple-inputs-output-theories", ["SIO", "MIO"]),
        ("--multiple-network-theories", ["SNET", "MENET", "MINET", "MNET"]),
        ("--multiple-node-comparison-theories", ["SNC", "MNC"]),
        ("--arithmetic-complexity-theories", ["BND", "OUTC", "LIN", "POLY"]),
        ("--optimised-disjunctive-reasoning", ["true"]),
        ("--serialise-assignments", ["true"]),
    ],
)
def test_capabilities_are_listed(flag: str, lines: list[str], capsys: Out) -> None:
    assert run(["supports", flag]) == 0
    assert capsys.readouterr().out.split() == lines


def test_operators_name_and_version(capsys: Out) -> None:
    assert run(["supports", "--onnx-operators"]) == 0
    assert {"Conv", "Gemm", "Relu"} <= set(capsys.readouterr().out.split())
    assert run(["--name"]) == 0
    assert run(["--version"]) == 0
    assert re.fullmatch(r"verifai\n\d+\.\d+\.\d+\n", capsys.readouterr().out)
    assert run(["supports"]) == 4
    assert run(["supports", "--onnx-operators", "--vnnlib-versions"]) == 4
