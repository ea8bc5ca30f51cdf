"""The shipped classifier and its test images, and the script that trains them."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

ROOT = Path(__file__).parents[2]
DATA = ROOT / "verifai" / "data"


def scores(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """The network's scores on the images beside it, and the labels."""
    with np.load(folder / "digits_test.npz") as file:
        images, labels = file["images"], file["labels"]
    session = onnxruntime.InferenceSession(
        folder / "digits_mlp.onnx", providers=["CPUExecutionProvider"]
    )
    rows = [session.run(None, {"x": image[None] / np.float32(16)})[0][0] for image in images]
    return np.array(rows), labels


def test_shipped_classifier_knows_the_shipped_digits() -> None:
    values, labels = scores(DATA)
    assert values.shape == (40, 10)
    assert set(labels) == set(range(10))
    assert (values.argmax(1) == labels).mean() >= 0.9


def test_shipped_files_are_small() -> None:
    assert sum(file.stat().st_size for file in DATA.iterdir() if file.is_file()) < 200_000


def train(folder: Path) -> bytes:
    """A short training run into the folder; the network's bytes."""
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    command = [sys.executable, ROOT / "networks" / "train_digits.py", "--device", "cpu"]
    command += ["--epochs", "8", "--out", folder]
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    return (folder / "digits_mlp.onnx").read_bytes()


def test_the_script_trains(tmp_path: Path) -> None:
    train(tmp_path)
    values, labels = scores(tmp_path)
    assert (values.argmax(1) == labels).mean() > 0.5  # chance is 0.1


@pytest.mark.slow
def test_training_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    assert train(tmp_path / "first") == train(tmp_path / "second")
