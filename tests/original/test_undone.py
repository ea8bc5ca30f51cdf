"""Wrong readings that were mended: with the mending undone, the second reader catches each."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from verifai.cli import run
from verifai.graph import results
from verifai.graph.builder import ONE, Builder
from verifai.graph.values import Activation
from verifai.load.onnx import call as onnx_call
from verifai.load.onnx import pointwise as onnx_pointwise
from verifai.load.onnx import window as onnx_window

ROOT = Path(__file__).parents[2]
READINGS = ROOT / ".." / "shared" / "cases" / "readings"
LARGEST = float(np.finfo(np.float32).max)
Undo = Callable[[pytest.MonkeyPatch], None]


def index_twice(patch: pytest.MonkeyPatch) -> None:
    """The index of a view is applied to the copy of the view once more."""
    right = results._place

    def place(builder: Builder, view: Activation, taken: dict[int, str]) -> int:
        if builder.whole(view) not in taken:
            return right(builder, view, taken)
        copy = Activation(builder.whole(view), view.index)
        return builder.linear([(copy, ONE)]).node

    patch.setattr(results, "_place", place)


def no_far_bound(patch: pytest.MonkeyPatch) -> None:
    """A bound of Clip that is float32's largest number is taken for none."""
    right = onnx_pointwise._bound

    def bound(*given: Any) -> float | None:
        found = right(*given)
        return None if found is not None and abs(found) == LARGEST else found

    patch.setattr(onnx_pointwise, "_bound", bound)


def no_negative_padding(patch: pytest.MonkeyPatch) -> None:
    """Padding that would have to be negative is taken for 0."""

    right = onnx_window._auto_pad

    def auto_pad(call: Any, mode: str, least: int, *given: int) -> tuple[int, int]:
        return right(call, mode, -(10**9), *given)

    patch.setattr(onnx_window, "_auto_pad", auto_pad)


def no_disagreement(patch: pytest.MonkeyPatch) -> None:
    """What the standard and onnxruntime read differently is read as the standard says."""
    patch.setattr(onnx_call.Call, "check_agreed", lambda *given: None)


CASES: dict[str, Undo] = {
    "two_outputs": index_twice,
    "clip_max": no_far_bound,
    "pool_same": no_negative_padding,
    "squeeze_no_axes": no_disagreement,
}


@pytest.mark.parametrize("name", CASES)
def test_a_mending_undone_ends_in_an_error(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [str(READINGS / f"{name}{end}") for end in (".onnx", ".vnnlib")]
    if not READINGS.is_dir():
        pytest.skip("the cases are not beside the repository")
    CASES[name](monkeypatch)
    assert run(["verify", *files, "--timeout", "20"]) == 4
    captured = capsys.readouterr()
    assert not captured.out
    assert re.search(
        r"the output '\w' of \w+\.onnx at index \d+: onnxruntime gives \S+, what was read here "
        r"gives \S+ \(at most \S+ apart is rounding\)",
        captured.err,
    )


def test_no_module_asks_for_the_plain_type() -> None:
    """A network that was loaded is a function, too: `is_function` asks for that."""
    pattern = re.compile(r"type\(.*\) is (not )?Network\b")
    sources = sorted((ROOT / "verifai").rglob("*.py"))
    assert len(sources) > 100
    assert not [path.name for path in sources if pattern.search(path.read_text("utf-8"))]
