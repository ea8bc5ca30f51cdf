"""A small shipped network (about x² on [0, 1]) with a true, a false and a broken property."""

from pathlib import Path

import pytest

import verifai

MODEL = Path(verifai.__file__).parent / "data" / "yarotsky_4.onnx"


def vnnlib(unsafe: str, upper: str = "1") -> str:
    return (
        "(declare-const X_0 Real)\n(declare-const Y_0 Real)\n"
        f"(assert (>= X_0 0))\n(assert (<= X_0 {upper}))\n(assert {unsafe})\n"
    )


@pytest.fixture
def model() -> str:
    return str(MODEL)


@pytest.fixture
def true_property(tmp_path: Path) -> str:
    path = tmp_path / "true.vnnlib"
    path.write_text(vnnlib("(>= Y_0 1.25)"))
    return str(path)


@pytest.fixture
def false_property(tmp_path: Path) -> str:
    path = tmp_path / "false.vnnlib"
    path.write_text(vnnlib("(>= Y_0 0.5)"))
    return str(path)


@pytest.fixture
def empty_domain(tmp_path: Path) -> str:
    path = tmp_path / "empty.vnnlib"
    path.write_text(vnnlib("(>= Y_0 0.5)", upper="-1"))
    return str(path)
