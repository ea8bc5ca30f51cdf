"""Whether time limits are kept, and whether a longer limit loses what a shorter one finds.

    python benchmarks/limits.py table [--limit 5]
    python benchmarks/limits.py losses FAMILY/instances.csv ... [--limits 5 20 60] [--first 20]

`table` makes networks that no limit of seconds suffices for, and prints how long commands took
that were given one, less what the same program takes to start (on a tiny network); it exits with 1
if one took longer than the limit and a second. `losses` runs every instance under every limit and
prints those that a longer limit left open and a shorter one did not; it exits with 1 if there are.
"""

import argparse
import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from verifai.bench.instances import read_instances
from verifai.bench.run import BenchPlan, run_all

ROOT = Path(__file__).resolve().parents[1]
VERIFAI = [sys.executable, "-m", "verifai"]
MAXIMIZE = """import sys, verifai as vf
net = vf.load(sys.argv[1])
inputs = len(net.input_values)
try:
    print(vf.maximize(net, 0, [(-1, 1)] * inputs, timeout=float(sys.argv[2])).status)
except vf.InputError as error:
    print(error)
"""
Weights = dict[str, np.ndarray]


def save(path: Path, nodes: list[onnx.NodeProto], weights: Weights, ends: list[list[int]]) -> Path:
    """Writes a model from x to y with these shapes."""
    values = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in zip(("x", "y"), ends, strict=True)
    ]
    tensors = [
        numpy_helper.from_array(a.astype(np.int64 if a.dtype.kind == "i" else np.float32), name)
        for name, a in weights.items()
    ]
    graph = helper.make_graph(nodes, "made", values[:1], values[1:], tensors)
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), str(path))
    return path


def generator(path: Path) -> Path:
    """Two inputs become an image by convolutions: 50,000 ReLUs."""
    rng, side = np.random.default_rng(0), 32
    weights: Weights = {
        "w": rng.normal(size=(2, 8 * side * side)),
        "s": np.array([1, 8, side, side]),
    }
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"]),
        helper.make_node("Reshape", ["h", "s"], ["h0"]),
        helper.make_node("Relu", ["h0"], ["r0"]),
    ]
    channels = 8
    for k, out in enumerate((16, 16, 9, 1)):
        weights[f"k{k}"] = rng.normal(size=(out, channels, 3, 3)) / np.sqrt(9 * channels / 2)
        name = f"c{k}"
        nodes.append(helper.make_node("Conv", [f"r{k}", f"k{k}"], [name], pads=[1] * 4))
        nodes.append(helper.make_node("Relu", [name], [f"r{k + 1}"]))
        channels = out
    nodes[-1] = helper.make_node("Flatten", [name], ["y"])
    return save(path, nodes, weights, [[1, 2], [1, side * side]])


def attention(path: Path) -> Path:
    """A block of a vision transformer: 16 tokens of 48, three heads, normalization, GELU-free."""
    rng, tokens, width, heads = np.random.default_rng(0), 16, 48, 3
    each = width // heads
    weights: Weights = {"axes": np.array([1]), "gain": np.ones(width), "shift": np.zeros(width)}
    for name in ("q", "k", "v", "o"):
        weights[f"w{name}"] = rng.normal(size=(width, width)) / np.sqrt(width)
    weights |= {"w1": rng.normal(size=(width, 96)) / 7, "w2": rng.normal(size=(96, width)) / 10}
    weights |= {"heads": np.array([1, tokens, heads, each]), "flat": np.array([1, tokens, width])}
    weights["head"] = rng.normal(size=(width, 10)) / 7
    nodes = [helper.make_node("LayerNormalization", ["x", "gain", "shift"], ["n"], axis=-1)]
    for name, perm in (("q", [0, 2, 1, 3]), ("k", [0, 2, 3, 1]), ("v", [0, 2, 1, 3])):
        nodes += [
            helper.make_node("MatMul", ["n", f"w{name}"], [f"{name}0"]),
            helper.make_node("Reshape", [f"{name}0", "heads"], [f"{name}1"]),
            helper.make_node("Transpose", [f"{name}1"], [name], perm=perm),
        ]
    nodes += [
        helper.make_node("MatMul", ["q", "k"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["share"], axis=-1),
        helper.make_node("MatMul", ["share", "v"], ["mixed"]),
        helper.make_node("Transpose", ["mixed"], ["back"], perm=[0, 2, 1, 3]),
        helper.make_node("Reshape", ["back", "flat"], ["joined"]),
        helper.make_node("MatMul", ["joined", "wo"], ["out"]),
        helper.make_node("Add", ["x", "out"], ["a"]),
        helper.make_node("LayerNormalization", ["a", "gain", "shift"], ["m"], axis=-1),
        helper.make_node("MatMul", ["m", "w1"], ["up"]),
        helper.make_node("Relu", ["up"], ["on"]),
        helper.make_node("MatMul", ["on", "w2"], ["down"]),
        helper.make_node("Add", ["a", "down"], ["b"]),
        helper.make_node("ReduceMean", ["b"], ["mean"], axes=[1], keepdims=0),
        helper.make_node("MatMul", ["mean", "head"], ["y"]),
    ]
    del weights["axes"]
    return save(path, nodes, weights, [[1, tokens, width], [1, 10]])


def perceptron(path: Path, widths: tuple[int, ...]) -> Path:
    """Dense layers with ReLUs between them."""
    rng, weights, nodes, last = np.random.default_rng(1), Weights(), [], "x"
    for k, (n, m) in enumerate(itertools.pairwise(widths)):
        weights |= {
            f"w{k}": rng.normal(size=(n, m)) * 1.5 / np.sqrt(n),
            f"b{k}": rng.normal(size=m),
        }
        end = "y" if k == len(widths) - 2 else f"h{k}"
        nodes.append(helper.make_node("Gemm", [last, f"w{k}", f"b{k}"], [end]))
        if end != "y":
            nodes.append(helper.make_node("Relu", [end], [f"r{k}"]))
        last = f"r{k}"
    return save(path, nodes, weights, [[1, widths[0]], [1, widths[-1]]])


def tower(path: Path) -> Path:
    """Squares of squares of three mixed inputs."""
    weights: Weights = {"w": np.random.default_rng(0).normal(size=(3, 3)) / 3}
    nodes, last = [], "x"
    for k in range(40):
        nodes.append(helper.make_node("MatMul", [last, "w"], [f"m{k}"]))
        nodes.append(helper.make_node("Mul", [f"m{k}", f"m{k}"], [f"s{k}"]))
        last = f"s{k}"
    nodes.append(helper.make_node("Identity", [last], ["y"]))
    return save(path, nodes, weights, [[1, 3], [1, 3]])


def property_file(path: Path, inputs: int, outputs: int, reach: float, unsafe: str) -> Path:
    """Every input within `reach` of 0, and an unsafe condition."""
    lines = [f"(declare-const X_{i} Real)" for i in range(inputs)]
    lines += [f"(declare-const Y_{i} Real)" for i in range(outputs)]
    for i in range(inputs):
        lines += [f"(assert (>= X_{i} {-reach:f}))", f"(assert (<= X_{i} {reach:f}))"]
    path.write_text("\n".join([*lines, f"(assert {unsafe})"]))
    return path


def commands(folder: Path, limit: float) -> Iterator[tuple[str, list[str], list[str]]]:
    """Names, commands, and what starts the same program to do nothing."""
    seconds = ["--timeout", f"{limit:g}"]
    tiny = str(perceptron(folder / "tiny.onnx", (1, 2, 1)))
    easy = str(property_file(folder / "tiny.vnnlib", 1, 1, 1, "(>= Y_0 99)"))
    nothing = [*VERIFAI, "verify", tiny, easy]
    image = generator(folder / "generator.onnx")
    many = property_file(folder / "generator.vnnlib", 2, 1024, 1, "(>= (+ Y_0 (* -1 Y_1)) 30)")
    yield "verify, 50,000 neurons", [*VERIFAI, "verify", str(image), str(many), *seconds], nothing
    block = attention(folder / "attention.onnx")
    flip = property_file(folder / "attention.vnnlib", 768, 10, 0.5, "(<= Y_0 (- Y_1 100))")
    yield "verify, a ViT block", [*VERIFAI, "verify", str(block), str(flip), *seconds], nothing
    wide = perceptron(folder / "wide.onnx", (20, 200, 200, 200, 10))
    parts = " ".join(f"(and (>= Y_{k % 10} {60 + k / 7}) (<= X_{k % 20} 0.9))" for k in range(1000))
    ways = property_file(folder / "wide.vnnlib", 20, 10, 1, f"(or {parts})")
    asked = [*VERIFAI, "verify", str(wide), str(ways), *seconds]
    yield "verify, a thousand alternatives", asked, nothing
    squares = tower(folder / "tower.onnx")
    top = property_file(folder / "tower.vnnlib", 3, 3, 0.9, "(and (>= Y_0 1e-9) (<= Y_1 Y_2))")
    yield (
        "verify, a tower of squares",
        [*VERIFAI, "verify", str(squares), str(top), *seconds],
        nothing,
    )
    small = perceptron(folder / "small.onnx", (4, 60, 60, 60, 1))
    over = property_file(folder / "small.vnnlib", 4, 1, 1, "(>= Y_0 9)")
    proof, files = folder / "small.cert", [str(small), str(over)]
    made = [*VERIFAI, "verify", *files, "--timeout", "120", "--certificate", str(proof)]
    subprocess.run(made, check=True, capture_output=True)
    checked = [*VERIFAI, "check", *files, str(proof), "--exact", *seconds]
    yield "check --exact of a long proof", checked, nothing
    large = perceptron(folder / "large.onnx", (100, 2000, 2000, 2000, 10))
    exported = [*VERIFAI, "export", str(large), "-o", str(folder / "large.smt2"), *seconds]
    yield "export, 8 million weights", exported, nothing
    yield "inspect, 8 million weights", [*VERIFAI, "inspect", str(large), *seconds], nothing
    gallery = [*VERIFAI, "theorem", "run", "--all", "--out", str(folder / "theorems"), *seconds]
    yield "theorem run --all", gallery, [sys.executable, "-c", "import torch, sympy, z3"]
    highest = [sys.executable, "-c", MAXIMIZE, str(image), f"{limit:g}"]
    load = MAXIMIZE.partition("inputs")[0]
    yield "maximize, 50,000 neurons", highest, [sys.executable, "-c", load, str(image)]


def wall(command: list[str]) -> tuple[float, int, str]:
    """Seconds, exit code, and the first line that a command printed."""
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    seconds = time.perf_counter() - start
    lines = [*done.stdout.splitlines(), *done.stderr.splitlines(), ""]
    return seconds, done.returncode, lines[0]


def table(limit: float) -> int:
    """Prints the commands; how many were late."""
    late = 0
    print(f"{'command':34} {'seconds':>8} {'start-up':>8}  code  said (limit {limit:g} s)")
    with tempfile.TemporaryDirectory() as folder:
        for name, command, idle in commands(Path(folder), limit):
            start_up = min(wall(idle)[0] for _ in range(2))
            seconds, code, said = wall(command)
            is_late = seconds - start_up > limit + 1
            late += is_late
            mark = "LATE" if is_late else "    "
            print(
                f"{name:34} {seconds:8.2f} {start_up:8.2f}  {code:4}  {said[:60]} {mark}",
                flush=True,
            )
    print(f"{late} late")
    return late


def losses(files: list[Path], limits: list[float], first: int | None) -> int:
    """Prints what every limit solved, and the losses; how many these are."""
    lost = 0
    for file in files:
        instances = read_instances(file)[:first]
        solved: dict[float, set[int]] = {}
        for limit in limits:
            results = run_all(instances, file.parent, BenchPlan(timeout=limit))
            solved[limit] = {i for i, result in enumerate(results) if result.is_solved}
        counts = ", ".join(f"{len(solved[limit])} in {limit:g} s" for limit in limits)
        print(f"{file.parent.name}: of {len(instances)} {counts}", flush=True)
        for short, long in ((a, b) for a in limits for b in limits if a < b):
            for i in sorted(solved[short] - solved[long]):
                lost += 1
                print(
                    f"  LOST in {long:g} s, solved in {short:g} s: {instances[i].name}", flush=True
                )
    print(f"{lost} losses")
    return lost


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=["table", "losses"])
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--limit", type=float, default=5.0)
    parser.add_argument("--limits", type=float, nargs="+", default=[5.0, 20.0, 60.0])
    parser.add_argument("--first", type=int)
    options = parser.parse_args()
    os.environ["PYTHONPATH"] = str(ROOT)
    if options.kind == "table":
        sys.exit(bool(table(options.limit)))
    sys.exit(bool(losses(options.files, sorted(options.limits), options.first)))


if __name__ == "__main__":
    main()
