"""The documentation's table of ONNX operators is the one that is loaded by."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.load.onnx_schemas import FILE
from verifai.load.onnx.operators import NEWEST_OPSET, OLDEST_OPSET, ROWS, page

DOCS = Path(__file__).parents[2] / "docs"


def test_the_documented_table_is_that_of_the_code() -> None:
    assert (DOCS / "onnx-operators.md").read_text("utf-8") == page()


def test_the_guide_says_which_opsets_are_read() -> None:
    guide = (DOCS / "guide.md").read_text("utf-8")
    (section,) = re.findall(r"^### ONNX operators\n(.*?)^##", guide, re.DOTALL | re.MULTILINE)
    assert f"Opsets {OLDEST_OPSET} to {NEWEST_OPSET} are read" in section
    assert "(onnx-operators.md)" in section


def test_the_table_is_in_order_and_the_standard_has_all_of_it() -> None:
    assert list(ROWS) == sorted(ROWS)
    assert set(ROWS) == set(json.loads(FILE.read_text("ascii")))


@pytest.mark.parametrize("name", ROWS)
def test_what_a_row_names_is_there(name: str) -> None:
    assert callable(ROWS[name].function())
