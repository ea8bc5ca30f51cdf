"""A pytest project of somebody else's: five properties of a network in ten lines."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import verifai

ROOT = Path(verifai.__file__).parents[1]
DATA = Path(verifai.__file__).parent / "data"
TESTS = """import numpy as np
import pytest

import verifai as vf

net, digits = vf.load("digits.onnx"), np.load("digits.npz")

@pytest.mark.parametrize("i", range(5))
def test_a_digit_is_robust(proved, i):
    x, label = digits["images"][i] / 16, int(digits["labels"][i])
    proved(vf.robust(net, x, eps="1/50", label=label, clip=(0, 1)))
"""
SPY = """
import sys
import pytest

@pytest.fixture(autouse=True)
def _spied(monkeypatch):
    import verifai.verify
    module = sys.modules["verifai.verify"]
    search = module.verify
    def noted(query, *rest, **how):
        with open("searched.txt", "a") as file:
            print("searched", file=file)
        return search(query, *rest, **how)
    monkeypatch.setattr(module, "verify", noted)
"""


def make(folder: Path, tests: str = TESTS, *, spied: bool = True) -> Path:
    """The project; `spied`: it counts searches."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(DATA / "digits_mlp.onnx", folder / "digits.onnx")
    shutil.copy(DATA / "digits_test.npz", folder / "digits.npz")
    (folder / "test_net.py").write_text(tests)
    (folder / "pytest.ini").write_text("[pytest]\n")
    if spied:
        (folder / "conftest.py").write_text(SPY)
    return folder


def pytest(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """What pytest says of the project, with this plugin and no other."""
    environment = dict(os.environ, PYTHONPATH=str(ROOT), PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    environment |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "pytest", "-p", "verifai.pytest_plugin", "-q", *options]
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


def searches(folder: Path) -> int:
    """How many searches there were since this was asked last."""
    noted = folder / "searched.txt"
    count = len(noted.read_text().splitlines()) if noted.exists() else 0
    noted.unlink(missing_ok=True)
    return count


def edit_one_weight(model: Path) -> None:
    """Moves one weight of an ONNX file a little."""
    import onnx

    loaded = onnx.load(model)
    tensor = loaded.graph.initializer[0]
    array = onnx.numpy_helper.to_array(tensor).copy()
    array.flat[7] += 0.0625
    tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))
    onnx.save(loaded, model)
