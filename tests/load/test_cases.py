"""Files from outside with their right answers, if they lie beside the repository."""

from __future__ import annotations

from pathlib import Path

import pytest

import verifai as vf
from verifai.load.errors import LoadError

CASES = Path(__file__).parents[2] / ".." / "shared" / "cases"
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="the cases are not beside the project")


@pytest.mark.parametrize("name", ["two_outputs", "clip_max"])
def test_what_was_read_wrongly_is_falsified(name: str) -> None:
    folder = CASES / "readings"
    query = vf.query_from(folder / f"{name}.onnx", folder / f"{name}.vnnlib")
    assert isinstance(vf.verify(query, timeout=60), vf.Falsified)


@pytest.mark.parametrize(
    ("model", "prop", "reason"),
    [
        ("readings/pool_same", "readings/pool_same", "AveragePool.*auto_pad SAME_UPPER"),
        ("readings/squeeze_no_axes", "readings/squeeze_no_axes", "Squeeze.*an empty list of axes"),
        ("readings/identity", "readings/after_exit", "line 1: 'assert' after exit"),
        ("readings/index_space", "readings/index_space", "line 15: .*parted by commas"),
        ("refusals/initialized_only", "refusals/initialized_only", "every input is initialized"),
    ],
)
def test_what_has_no_one_reading_is_refused_by_name(model: str, prop: str, reason: str) -> None:
    with pytest.raises(LoadError, match=reason):
        vf.query_from(CASES / f"{model}.onnx", CASES / f"{prop}.vnnlib")


@pytest.mark.parametrize("name", ["input_is_output", "opset_twice", "unsorted"])
def test_unusual_files_load(name: str) -> None:
    assert vf.load(CASES / "refusals" / f"{name}.onnx").outputs


def test_a_false_atom_is_unsat() -> None:
    folder = CASES / "refusals"
    query = vf.query_from(folder / "false_atom.onnx", folder / "false_atom.vnnlib")
    assert isinstance(vf.verify(query, timeout=60), vf.Verified)
