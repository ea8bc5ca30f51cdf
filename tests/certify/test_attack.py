"""An attack alone: exact counterexamples, and no word about what it does not find."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import verifai as vf
from verifai.kernel.replay import replay

DATA = Path(vf.__file__).parent / "data"
NET = vf.load(DATA / "digits_mlp.onnx")
with np.load(DATA / "digits_test.npz") as file:
    X, Y = file["images"] / 16, file["labels"].tolist()


def test_a_counterexample_is_exact() -> None:
    query = vf.robust(NET, X[0], eps="1/5", label=Y[0], clip=(0, 1))
    found = vf.attack(query, timeout=60)
    assert isinstance(found, vf.Falsified)
    assert replay(query, found.counterexample.inputs).violates
    assert "second reader" in found.statement


def test_what_holds_is_not_proved() -> None:
    query = vf.robust(NET, X[0], eps="1/1000", label=Y[0], clip=(0, 1))
    found = vf.attack(query, timeout=0.5)
    assert isinstance(found, vf.Unknown) and found.is_timeout
    assert "no counterexample was found" in found.reason


def test_nothing_lies_in_an_empty_domain() -> None:
    query = vf.in_range(vf.load(DATA / "wave.onnx"), [(1, 0), (0, 1)], upper=0, allow_empty=True)
    assert vf.attack(query).status == "unknown"


def test_float32_programs_are_attacked_at_their_own_numbers() -> None:
    program = vf.load(DATA / "digits_mlp.onnx", semantics="float32")
    found = vf.attack(vf.robust(program, X[0], eps="1/5", label=Y[0], clip=(0, 1)), timeout=60)
    assert isinstance(found, vf.Falsified)
    assert all(float(np.float32(x)) == x for x in map(_double, found.counterexample.inputs))


def _double(value: object) -> float:
    return int(value.p) / int(value.q)  # type: ignore[attr-defined]


@pytest.mark.parametrize("bad", [None, "query", NET])
def test_only_queries_are_attacked(bad: object) -> None:
    with pytest.raises(vf.InputError, match="query"):
        vf.attack(bad)  # type: ignore[arg-type]
