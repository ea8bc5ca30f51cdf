"""The shipped networks do what the table in networks/README.md says, and their scripts run."""

import re
import runpy
import subprocess
import sys
from fractions import Fraction
from itertools import product
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

import verifai as vf
from verifai.bench.instances import read_instances

ROOT = Path(__file__).parents[2]
DATA = ROOT / "verifai" / "data"
README = (ROOT / "networks" / "README.md").read_text("utf-8")
KINDS = ("residual", "maxpool", "sigmoid", "tanh", "sign", "small", "small_16bit")


class Session:
    """onnxruntime's view of a network file."""

    def __init__(self, path: Path) -> None:
        self._session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        self._shape = self._session.get_inputs()[0].shape

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return self._session.run(None, {"x": x.reshape(self._shape).astype(np.float32)})[0][0]


def digits() -> tuple[np.ndarray, np.ndarray]:
    with np.load(DATA / "digits_test.npz") as file:
        return file["images"] / 16, file["labels"]


@pytest.mark.parametrize("kind", KINDS)
def test_classifier_knows_the_shipped_digits(kind: str) -> None:
    images, labels = digits()
    session = Session(DATA / f"digits_{kind}.onnx")
    right = [session(image).argmax() == label for image, label in zip(images, labels, strict=True)]
    assert np.mean(right) >= 0.9


@pytest.mark.parametrize(
    ("kind", "operators"),
    [
        ("residual", {"Conv", "BatchNormalization", "Relu", "Add", "Flatten", "Gemm"}),
        ("maxpool", {"Conv", "Relu", "MaxPool", "Flatten", "Gemm"}),
        ("sigmoid", {"Gemm", "Sigmoid"}),
        ("tanh", {"Gemm", "Tanh"}),
        ("sign", {"Gemm", "Sign"}),
    ],
)
def test_file_holds_the_operators_as_they_are(kind: str, operators: set[str]) -> None:
    model = onnx.load(DATA / f"digits_{kind}.onnx")
    assert {node.op_type for node in model.graph.node} == operators
    assert [opset.version for opset in model.opset_import] == [17]


def test_every_shipped_network_is_in_the_table() -> None:
    named = set(re.findall(r"`(\w+)\.onnx`", README))
    assert {path.stem for path in DATA.glob("*.onnx")} == named


@pytest.mark.parametrize("name", sorted(path.name for path in DATA.glob("*.onnx")))
def test_every_shipped_network_loads(name: str) -> None:
    assert vf.load(DATA / name).outputs


def test_attention_looks_up_the_value_of_the_largest_key() -> None:
    session, generator = Session(DATA / "attention.onnx"), np.random.default_rng(0)
    keys = generator.permuted(np.tile([-0.6, 0.0, 0.6], (100, 1)), axis=1)
    tokens = np.concatenate([keys[:, :, None], generator.uniform(-1, 1, (100, 3, 3))], axis=2)
    value = tokens[np.arange(100), keys.argmax(1), 1]
    clear = abs(value) > 0.2
    answers = np.array([session(x).argmax() for x in tokens])
    assert clear.sum() > 50
    assert (answers[clear] == (value[clear] > 0)).all()


def test_odd_is_the_distance_to_the_nearest_even_number() -> None:
    session = Session(DATA / "odd_16.onnx")
    for quarters in range(65):
        x = quarters / 4
        assert session(np.array([x]))[0] == min(x % 2, 2 - x % 2)


@pytest.mark.parametrize(
    ("name", "bits"), [("digits_small", 16), ("wave", 16), ("wave", 4)], ids=str
)
def test_copy_is_rounded_to_the_nearest_multiple(name: str, bits: int) -> None:
    plain, copy = (onnx.load(DATA / f"{stem}.onnx") for stem in (name, f"{name}_{bits}bit"))
    differ = False
    for before, after in zip(plain.graph.initializer, copy.graph.initializer, strict=True):
        x, y = (onnx.numpy_helper.to_array(t).astype(np.float64) for t in (before, after))
        assert (y * 2**bits == np.round(y * 2**bits)).all()
        assert abs(x - y).max() <= 2.0 ** -(bits + 1)
        differ |= (x != y).any()
    assert differ


def falls(name: str) -> float:
    """The deepest fall of the score from one income to the next on a grid, 0 if it never falls."""
    session, grid = Session(DATA / f"credit_{name}.onnx"), np.linspace(0, 1, 11)
    scores = [[session(np.array([i, d, a]))[0] for i in grid] for d, a in product(grid, grid)]
    return float(np.diff(scores).min(initial=0))


def test_only_the_free_scorer_falls_with_income() -> None:
    assert falls("monotone") == 0
    assert falls("free") < -0.01


def needs_training() -> None:
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")


def run(script: str, *options: str) -> None:
    """The script as a process; `test_digits.py` does the same of train_digits.py."""
    needs_training()
    command = [sys.executable, ROOT / "networks" / script, *options]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("script", "options", "names"),
    [
        ("train_digits_cnn.py", ("--epochs", "1"), ("digits_residual", "digits_maxpool")),
        ("train_digits_mlp.py", ("--epochs", "1"), ("digits_sigmoid", "digits_sign")),
        ("train_attention.py", ("--steps", "2"), ("attention",)),
        ("train_credit.py", ("--steps", "2"), ("credit_monotone", "credit_free")),
        ("train_pair.py", ("--epochs", "1", "--steps", "2"), ("digits_small", "wave_4bit")),
        ("parity.py", ("--below", "16"), ("odd_16",)),
    ],
)
def test_script_writes_networks_of_the_shipped_form(
    script: str,
    options: tuple[str, ...],
    names: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Run in this process, which imports torch once for all of them."""
    needs_training()
    monkeypatch.setattr(sys, "argv", [script, *options, "--out", str(tmp_path)])
    runpy.run_path(str(ROOT / "networks" / script), run_name="__main__")
    for name in names:
        written, shipped = (onnx.load(folder / f"{name}.onnx").graph for folder in (tmp_path, DATA))
        assert list(written.node) == list(shipped.node)
        assert [t.dims for t in written.initializer] == [t.dims for t in shipped.initializer]


@pytest.mark.slow
@pytest.mark.parametrize("script", ["train_attention.py", "train_credit.py"])
def test_training_twice_gives_the_same_bytes(script: str, tmp_path: Path) -> None:
    for folder in ("first", "second"):
        run(script, "--steps", "50", "--out", str(tmp_path / folder))
    for path in (tmp_path / "first").iterdir():
        assert path.read_bytes() == (tmp_path / "second" / path.name).read_bytes()


def test_instances_are_the_queries_they_describe(tmp_path: Path) -> None:
    run("write_instances.py", "--out", str(tmp_path))
    found = read_instances(tmp_path / "instances.csv")
    assert {each.expected for each in found} == {"sat", "unsat", ""}
    images, labels = digits()
    for each in found:
        stem, centre, radius = Path(each.vnnlib).stem.rsplit("_", 2)
        query = vf.query_from(tmp_path / each.onnx, tmp_path / each.vnnlib)
        if stem != "attention":
            wanted = vf.robust(
                query.network,
                images[int(centre)],
                eps=str(Fraction(radius)),
                label=int(labels[int(centre)]),
                clip=(0, 1),
            )
            assert (query.lower, query.upper) == (wanted.lower, wanted.upper)
            assert len(query.unsafe.parts[0].parts) == 9
