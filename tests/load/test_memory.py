"""What limits a file is the memory at hand, and work that a small file may not ask for."""

from __future__ import annotations

import gzip
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import verifai
from tests.load.evaluate import evaluate
from tests.load.models import Weights, load, model, runtime
from verifai import memory
from verifai.kernel.errors import InputError
from verifai.load import unpack
from verifai.load.errors import LoadError
from verifai.load.onnx import read
from verifai.load.onnx.read import load_onnx
from verifai.load.vnnlib import version1
from verifai.load.vnnlib.version1 import load_vnnlib

ROOT = Path(__file__).parents[2]
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 55889\n"
X: dict[str, list[Any]] = {"x": [1, 1]}


def node(op_type: str, *names: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(op_type, names[:-1], names[-1:], **attributes)


def test_memory_at_hand_is_that_of_limits_too() -> None:
    program = """if True:
        import resource
        from verifai.memory import at_hand
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
        print(at_hand())
    """
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert 0 < int(done.stdout) < 1 << 30
    assert memory.at_hand() > 0


def test_memory_of_a_container_is_what_its_limit_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "_GROUP", tmp_path)
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("300\n")
    plain = memory.at_hand()
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.stat").write_text("anon 200\ninactive_file 50\nactive_file 9\n")
    assert memory.at_hand() == 750 < plain


def poor(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """So many bytes are at hand."""
    monkeypatch.setattr(memory, "_rooms", lambda: iter([size]))
    monkeypatch.setattr(memory, "_SMALL", 0)


def doubled(count: int) -> onnx.ModelProto:
    weights = {"w": np.full((1, count), 0.5, np.float32)}
    return model([node("MatMul", "x", "w", "y")], X, weights)


def test_a_model_that_memory_does_not_hold_is_refused_with_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proto = doubled(1 << 20)
    assert load(proto, tmp_path).outputs
    poor(monkeypatch, 12 << 20)
    with pytest.raises(LoadError, match="4 MiB or more takes 20 MiB of memory, 12 MiB are at hand"):
        load(proto, tmp_path)
    (tmp_path / "packed.onnx.gz").write_bytes(gzip.compress(proto.SerializeToString()))
    with pytest.raises(LoadError, match="of memory, 12 MiB are at hand"):
        load_onnx(tmp_path / "packed.onnx.gz")
    poor(monkeypatch, 22 << 20)
    with pytest.raises(
        LoadError, match="numbers of tensor 'w' take about 24 MiB of memory, 22 MiB"
    ):
        load(proto, tmp_path)


def test_more_than_64_mib_may_be_packed_densely(tmp_path: Path) -> None:
    path = tmp_path / "dense.onnx.gz"
    path.write_bytes(gzip.compress(doubled(17 << 20).SerializeToString(), 1))
    assert path.stat().st_size < 1 << 20
    network = load_onnx(path)
    assert network.sizes[-1] == 17 << 20


def test_a_file_that_is_packed_too_densely_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpack, "MIN_UNPACKED", 1 << 20)
    path = tmp_path / "bomb.onnx.gz"
    path.write_bytes(gzip.compress(bytes(1 << 22)))
    with pytest.raises(LoadError, match=r"bomb.onnx.gz: packed so densely .* unpack it first"):
        load_onnx(path)


@pytest.mark.parametrize("name", ["net.onnx", "net.onnx.gz"])
def test_a_pointer_of_git_lfs_is_not_the_model(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(POINTER)
    with pytest.raises(LoadError, match="this is a Git LFS pointer, not the model: git lfs pull"):
        load_onnx(tmp_path / name)
    (tmp_path / "property.vnnlib").write_text(POINTER)
    with pytest.raises(LoadError, match="Git LFS pointer, not the file: git lfs pull"):
        load_vnnlib(tmp_path / "property.vnnlib", load(doubled(2), tmp_path))


def test_a_pointer_of_git_lfs_is_no_external_data(tmp_path: Path) -> None:
    proto = doubled(2)
    onnx.external_data_helper.convert_model_to_external_data(proto, size_threshold=0)
    onnx.save(proto, tmp_path / "net.onnx")
    (data,) = (file for file in tmp_path.iterdir() if file.suffix != ".onnx")
    data.write_text(POINTER)
    with pytest.raises(LoadError, match="Git LFS pointer, not the data of tensor 'w'"):
        load_onnx(tmp_path / "net.onnx")


# ---- Small files, large costs --------------------------------------------------------------------

WIDE = node("Expand", "x", "s", "t0")
SUM = {"s": np.array([4096, 4096]), "axes": np.array([0, 1])}


def chain(op_type: str, count: int, *more: str, **attributes: Any) -> list[onnx.NodeProto]:
    steps = [(f"t{i}", *more, f"t{i + 1}") for i in range(count)]
    return [node(op_type, *names, **attributes) for names in steps]


def summed(nodes: list[onnx.NodeProto], last: str, weights: Weights) -> onnx.ModelProto:
    return model(
        [WIDE, *nodes, node("ReduceSum", last, "axes", "y", keepdims=0)], X, {**SUM, **weights}
    )


def squares(first: Any, op_type: str = "Mul") -> onnx.ModelProto:
    steps = [node(op_type, f"t{i}", f"t{i}", f"t{i + 1}") for i in range(34)]
    return model([*steps, node("Mul", "x", "t34", "y")], X, {"t0": np.asarray(first, np.float32)})


def newton() -> onnx.ModelProto:
    steps = []
    for i in range(30):
        steps += [node("Div", "one", f"t{i}", f"u{i}"), node("Add", f"t{i}", f"u{i}", f"t{i + 1}")]
    weights = {"t0": np.float32(0.3), "one": np.float32(1)}
    return model([*steps, node("Mul", "x", "t30", "y")], X, weights)


def filled(shape: int, *nodes: onnx.NodeProto, **weights: Any) -> onnx.ModelProto:
    value = numpy_helper.from_array(np.array([0.3], np.float32))
    made = node("ConstantOfShape", "n", "c", value=value)
    return model([made, *nodes], X, {"n": np.array([shape]), **weights})


TURNED = {"i": np.arange(4096)[::-1].copy()}
ALL = [f"t{i}" for i in range(11)]
HOSTILE = {
    "squares": ("a constant of more than 16384 bits", squares([[0.9]])),
    "powers": (
        "a constant of more than 16384 bits",
        model(
            [*chain("Pow", 9, "e"), node("Mul", "x", "t9", "y")],
            X,
            {"t0": np.float32(0.9), "e": np.float32(64)},
        ),
    ),
    "quotients": ("a constant of more than 16384 bits", newton()),
    "product": (
        "a constant of more than 16384 bits",
        filled(1 << 18, node("ReduceProd", "c", "p", keepdims=0), node("Mul", "x", "p", "y")),
    ),
    "sums": (
        "constants in exact arithmetic in all",
        filled((1 << 20) + 4096, node("Add", "c", "c", "d"), node("Mul", "x", "d", "y")),
    ),
    "gathers": ("made in all", summed(chain("Gather", 20, "i", axis=1), "t20", TURNED)),
    "held": (
        "held at once",
        summed([*chain("Gather", 10, "i", axis=1), node("Sum", *ALL, "z")], "z", TURNED),
    ),
    "relus": ("makes more than", summed(chain("Relu", 1), "t1", {"s": np.array([5100, 5100])})),
    "tiles": (
        "at most|makes more than",
        model(
            [node("Tile", "x", "r", "t0"), *chain("Tile", 20, "r")],
            X,
            {"r": np.array([4, 4])},
            outputs=("t20",),
        ),
    ),
    "pool": (
        "makes more than",
        model(
            [node("Expand", "x", "s", "t0"), node("MaxPool", "t0", "y", kernel_shape=[64, 64])],
            X,
            {"s": np.array([1, 1, 128, 128])},
        ),
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_small_file_that_asks_for_much_is_refused(name: str, tmp_path: Path) -> None:
    message, proto = HOSTILE[name]
    assert proto.ByteSize() < 1 << 17
    with pytest.raises(LoadError, match=message):
        load(proto, tmp_path)


def test_slices_of_slices_take_no_memory(tmp_path: Path) -> None:
    weights = {"b": np.array([-1]), "e": np.array([-5000]), "a": np.array([1]), "p": np.array([-1])}
    proto = model(
        [*chain("Slice", 9, "b", "e", "a", "p"), node("ReduceMax", "t9", "y", keepdims=0)],
        {"t0": [2, 3]},
        weights,
    )
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    (result,) = evaluate(load(proto, tmp_path), x)
    assert result == runtime(proto.SerializeToString(), {"t0": x})[0]


def test_constants_of_moderate_length_are_exact(tmp_path: Path) -> None:
    steps = [node("Mul", f"t{i}", f"t{i}", f"t{i + 1}") for i in range(6)]
    proto = model([*steps, node("Mul", "x", "t6", "y")], X, {"t0": np.array([[0.9]], np.float32)})
    (result,) = evaluate(load(proto, tmp_path), np.ones((1, 1)))
    assert result.item() == pytest.approx(float(np.float32(0.9)) ** 64, rel=1e-15)


def test_values_that_memory_does_not_hold_are_refused_by_node(tmp_path: Path) -> None:
    """In a process of its own, with a real limit: the input is repeated 2^23 times.

    The limit is raised step by step, so that memory also runs out where no claim foresaw it.
    """
    repeats = {"n": np.array([1, 1 << 23], np.int64)}
    path = tmp_path / "repeated.onnx"
    onnx.save(model([node("Tile", "x", "n", "z"), node("Sub", "z", "z", "y")], X, repeats), path)
    program = f"""if True:
        import resource
        from pathlib import Path
        from verifai.load.onnx.read import load_onnx
        for more in range(64, 1664, 160):
            used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (used + (more << 20), resource.RLIM_INFINITY))
            try:
                load_onnx({str(path)!r})
            except Exception as error:
                print(type(error).__name__, error)
    """
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    said = done.stdout.splitlines()
    assert len(said) >= 4
    assert all(re.match(r"LoadError .* memory.* are at hand$", line) for line in said), said


def test_memory_that_runs_out_is_an_error_of_the_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*_: Any, **_named: Any) -> None:
        raise MemoryError

    network = load(doubled(2), tmp_path)
    path = tmp_path / "property.vnnlib"
    declared = " ".join(f"(declare-const {name} Real)" for name in ("X_0", "Y_0", "Y_1"))
    path.write_text(f"{declared} (assert (<= X_0 1)) (assert (>= X_0 0))")
    onnx.save(doubled(2), tmp_path / "dense.onnx")
    monkeypatch.setattr(version1, "query_of", exhausted)
    with pytest.raises(InputError, match="conditions of the property take more memory than the"):
        load_vnnlib(path, network)
    monkeypatch.setattr(read, "shrunk", exhausted)
    with pytest.raises(LoadError, match=r"weights and values of 'dense\.onnx' take more memory"):
        load_onnx(tmp_path / "dense.onnx", shrink=True)
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(import_module("verifai.load.torch.graph"), "_applied", exhausted)
    with pytest.raises(InputError, match=r"(?s)relu.* its values take more memory than the"):
        verifai.load(torch.nn.ReLU().eval(), torch.zeros(1, 2))
