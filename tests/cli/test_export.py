"""`verifai export` and `verifai solve` as a user meets them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import sympy
import z3

import verifai as vf
from verifai.cli import run
from verifai.cli.export import FORMATS

Out = pytest.CaptureFixture[str]


def test_a_query_as_smtlib(
    model: str, true_property: str, false_property: str, capsys: Out
) -> None:
    for path, answer in ((true_property, z3.unsat), (false_property, z3.sat)):
        assert run(["export", model, path]) == 0
        text = capsys.readouterr().out
        assert text.endswith("(check-sat)\n")
        solver = z3.Solver()
        solver.from_string(text)
        assert solver.check() == answer
        assert vf.to_z3(vf.query_from(model, path)).check() == answer


def test_a_network_as_smtlib_asks_nothing(model: str, tmp_path: Path, capsys: Out) -> None:
    target = tmp_path / "net.smt2"
    assert run(["export", model, "-o", str(target), "--dialect", "cvc5"]) == 0
    assert capsys.readouterr().out == ""
    assert target.read_text() == vf.to_smtlib(vf.load(model), dialect="cvc5")
    assert "(check-sat)" not in target.read_text()


def test_a_network_as_sympy(model: str, capsys: Out) -> None:
    assert run(["export", model, "--format", "sympy"]) == 0
    names: dict[str, Any] = {}
    exec(capsys.readouterr().out, names)
    value = names["y0"].subs(names["x0"], sympy.Rational(1, 3))
    assert value == vf.to_sympy(vf.load(model)).at("1/3")[0]
    assert abs(value - sympy.Rational(1, 9)) < sympy.Rational(1, 100)


def test_sympy_takes_no_property(model: str, true_property: str, capsys: Out) -> None:
    assert run(["export", model, true_property, "--format", "sympy"]) == 4
    assert "without a PROPERTY" in capsys.readouterr().err


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_is_written_whole_to_a_file(
    kind: str, model: str, tmp_path: Path, capsys: Out
) -> None:
    assert run(["export", model, "--format", kind]) == 0
    text = capsys.readouterr().out
    assert run(["export", model, "--format", kind, "-o", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out").read_text() == text != ""


def test_a_folder_is_no_place_to_write(model: str, tmp_path: Path, capsys: Out) -> None:
    assert run(["export", model, "-o", str(tmp_path)]) == 4
    assert "it is a folder" in capsys.readouterr().err


@pytest.mark.parametrize("solver", ["z3", "cvc5", "both"])
def test_a_claim_of_unsat_leaves_with_2(
    model: str, true_property: str, solver: str, capsys: Out
) -> None:
    assert run(["solve", model, true_property, "--solver", solver, "--timeout", "60"]) == 2
    assert "claimed unsat by" in capsys.readouterr().out


def test_a_model_leaves_with_1_and_is_exact(model: str, false_property: str, capsys: Out) -> None:
    assert run(["solve", model, false_property, "--timeout", "60", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["verdict"] == "falsified"
    assert len(found["counterexample"]["inputs"]) == 1


def test_a_certificate_can_be_looked_for(model: str, true_property: str, capsys: Out) -> None:
    assert run(["solve", model, true_property, "--solver", "z3", "--certify"]) == 0
    assert capsys.readouterr().out.startswith("verified in ")


@pytest.mark.parametrize("value", ["0", "nan", "-3"])
def test_a_solvers_time_is_positive(model: str, true_property: str, value: str) -> None:
    assert run(["solve", model, true_property, f"--timeout={value}"]) == 4


def test_an_unknown_dialect_is_refused(model: str) -> None:
    with pytest.raises(vf.InputError, match="dialect 'yices'"):
        vf.to_smtlib(vf.load(model), dialect="yices")
