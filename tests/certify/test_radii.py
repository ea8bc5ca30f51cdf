"""Radii of a data set: every bracket stands by itself, and the shares are those of the brackets."""

from __future__ import annotations

import csv
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flint import fmpq

import verifai as vf
from tests.properties.nets import mlp
from verifai.certify.chart import step_chart
from verifai.certify.radii import Radii
from verifai.kernel.errors import InputError
from verifai.kernel.replay import evaluate

NET = mlp([[[1.0], [-1.0]]], [[0.0, 0.0]])  # x against -x: the radius is |x|
X = [["1/2"], ["-1/4"], ["1/8"], ["1/2"]]
Y = [0, 1, 0, 1]


@pytest.fixture(scope="module")
def found() -> Radii:
    return vf.radii(NET, X, Y, tolerance="1/100", timeout=20)


def test_each_bracket_stands_by_itself(found: Radii) -> None:
    for each, x, true in zip(found.found, X, (fmpq(1, 2), fmpq(1, 4), fmpq(1, 8)), strict=False):
        assert each.upper is not None and each.counterexample is not None
        assert each.lower <= true <= each.upper <= each.lower + fmpq(1, 100)
        assert each.query is not None and each.certificate is not None
        assert vf.check(each.query, each.certificate).leaves >= 1
        (inputs,) = each.counterexample.inputs
        assert abs(inputs - fmpq(*map(int, x[0].split("/")))) == each.upper
        outputs = evaluate(NET, [inputs])[0][-2:]
        assert outputs[each.label] <= outputs[1 - each.label]
    assert found.found[3].status == "classified wrongly"
    assert (found.found[3].lower, found.found[3].upper) == (0, 0)


def test_shares_count_the_brackets(found: Radii) -> None:
    assert [found.certified(e) for e in ("1/10", "1/5", "2/5", "3/5")] == [0.75, 0.5, 0.25, 0.0]
    assert [found.attacked(e) for e in ("0", "1/10", "1/5", "3/5")] == [0.25, 0.25, 0.5, 1.0]
    assert len(found) == 4
    assert "certified radii: least 0, " in str(found)


def test_the_table_is_exact_and_the_picture_well_formed(found: Radii, tmp_path: Path) -> None:
    text = found.to_csv(tmp_path / "radii.csv")
    assert (tmp_path / "radii.csv").read_text() == text
    rows = list(csv.DictReader(text.splitlines()))
    assert [row["label"] for row in rows] == ["0", "1", "0", "1"]
    assert rows[0]["lower"] == str(found.found[0].lower)
    picture = ET.fromstring(found.plot(tmp_path / "radii.svg"))
    assert picture.tag.endswith("svg")
    assert (tmp_path / "radii.svg").stat().st_size > 1000


def test_a_curve_without_counterexamples_or_certificates_is_drawn() -> None:
    for lower, upper in (([0.0, 0.0], [None, None]), ([0.5], [None]), ([0.0], [0.0])):
        assert ET.fromstring(step_chart(lower, upper)) is not None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: vf.radii(NET, X, Y[:2]), "X has 4 inputs, but Y has 2 labels"),
        (lambda: vf.radii(NET, [], []), "there are no inputs"),
        (lambda: vf.radii(NET, [[1, 2]], [0]), r"X\[0\]: x: 2 numbers"),
        (lambda: vf.radii(NET, X, [0, 1, 0, 7]), r"Y\[3\]: no label 7"),
        (lambda: vf.radii(NET, X, Y, tolerance=-1), "tolerance"),
        (lambda: vf.radii(np.zeros(3), X, Y), "net"),
    ],
)
def test_mistakes_are_named(call: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()


def test_shares_want_numbers(found: Radii) -> None:
    with pytest.raises(InputError, match="eps"):
        found.certified("wide")
