"""The guide's list of ONNX operators is the list of those that are lowered."""

from __future__ import annotations

import re
from pathlib import Path

from verifai.load.onnx.operators import LOWERINGS, NEWEST_OPSET, OLDEST_OPSET

GUIDE = (Path(__file__).parents[2] / "docs" / "guide.md").read_text("utf-8")


def test_the_guide_lists_every_operator() -> None:
    (section,) = re.findall(r"^### ONNX operators\n(.*?)^##", GUIDE, re.DOTALL | re.MULTILINE)
    opening, names, *_ = section.split("\n\n")
    assert names.rstrip(".").replace("\n", " ").split(", ") == sorted(LOWERINGS)
    assert f"Opsets {OLDEST_OPSET} to {NEWEST_OPSET} are read" in opening
