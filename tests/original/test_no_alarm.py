"""No false alarm: what is read rightly agrees, on public networks, random graphs, ONNX's cases."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from flint import fmpq
from onnx import TensorProto, helper

import verifai as vf
from tests.load.models import load, model
from tests.load.test_onnx_cases import as_array, baked, cases, variants
from tests.load.test_onnx_random import STEPS_BY_NAME, draw
from verifai.kernel.errors import InputError
from verifai.kernel.network import Network
from verifai.kernel.query import And, Query
from verifai.load.onnx.read import load_onnx
from verifai.original.look import SecondLook

BENCHMARKS = Path(__file__).parents[2] / ".." / "shared" / "benchmarks"
DATA = Path(vf.__file__).parent / "data"
AGREES = "and agrees with what was read from it"
Out = pytest.CaptureFixture[str]


def box(net: Network, low: int, high: int) -> Query:
    count = len(net.input_values)
    return Query(net, (fmpq(low),) * count, (fmpq(high),) * count, And(()))


def looked(query: Query, *, seed: int = 0) -> str:
    look = SecondLook(query, seed=seed)
    look.at_domain()
    (said,) = look.said
    return said


def instances() -> list[tuple[str, Path, Path]]:
    """A property for every network of the families."""
    found: dict[Path, tuple[str, Path, Path]] = {}
    for table in sorted(BENCHMARKS.glob("*/instances.csv")):
        for row in csv.reader(table.read_text().splitlines()):
            network, asked = (table.parent / name for name in row[:2])
            found.setdefault(network, (table.parent.name, network, asked))
    return list(found.values())


@pytest.mark.slow
@pytest.mark.skipif(not BENCHMARKS.is_dir(), reason="the benchmarks are not beside the repository")
def test_public_networks_agree(capsys: Out) -> None:
    counts: Counter[str] = Counter()
    silent = []
    for family, network, asked in instances():
        try:
            query = vf.query_from(network, asked)
        except InputError:
            counts["not loaded"] += 1
            continue
        said = looked(query)
        counts[family] += AGREES in said
        silent += [] if AGREES in said else [said]
    with capsys.disabled():
        print(f"\nagreed: {dict(counts)}; not compared: {silent}")
    assert sum(counts.values()) - counts["not loaded"] >= 95
    assert len(silent) <= 3  # of signs whose arguments are all near 0


@pytest.mark.parametrize("path", sorted(DATA.glob("*.onnx")), ids=lambda path: str(path.stem))
def test_shipped_networks_agree(path: Path) -> None:
    for seed in range(3):
        assert AGREES in looked(box(vf.load(path), 0, 1), seed=seed)
        assert AGREES in looked(box(vf.load(path, shrink=True), -2, 3), seed=seed)


def test_random_graphs_agree(tmp_path: Path) -> None:
    random = np.random.default_rng(77)
    for number in range(150):
        proto, _ = draw(random, list(STEPS_BY_NAME))
        said = looked(box(load(proto, tmp_path), -1, 2), seed=number)
        assert AGREES in said, onnx.printer.to_text(proto)


@pytest.mark.slow
def test_the_operators_own_cases_agree(tmp_path: Path) -> None:
    """With all inputs free, the first one, or none: constants are computed from constants, too."""
    path, agreed, silent = tmp_path / "case.onnx", 0, 0
    for case in cases():
        for given, _ in case.data_sets:
            inputs = [as_array(array) for array in given]
            if not all(isinstance(array, np.ndarray) for array in inputs):
                continue
            for free in variants(case.model, inputs):
                path.write_bytes(baked(case.model, inputs, free).SerializeToString())
                try:
                    network = load_onnx(path)
                except InputError:
                    continue
                said = looked(box(network, -1, 2))
                agreed += AGREES in said
                silent += AGREES not in said
    assert agreed >= 1500
    assert silent <= 0.03 * agreed


def narrowed(kind: int) -> Any:
    """A double model that casts to a coarser type and back, without any arithmetic."""
    nodes = [
        helper.make_node("Cast", ["x"], ["c"], to=kind),
        helper.make_node("Cast", ["c"], ["y"], to=TensorProto.DOUBLE),
    ]
    proto = model(nodes, {"x": [1, 4]})
    for entry in (*proto.graph.input, *proto.graph.output):
        entry.type.tensor_type.elem_type = TensorProto.DOUBLE
    return proto


def test_conversions_round(tmp_path: Path) -> None:
    assert AGREES in looked(box(load(narrowed(TensorProto.FLOAT), tmp_path), -1, 2))


@pytest.mark.parametrize("seed", range(4))
def test_networks_of_signs_are_compared(seed: int, tmp_path: Path) -> None:
    """Sums that are exact in float32 decide signs, also where they are 0."""
    random = np.random.default_rng(seed)
    first = random.choice([-1, 1], size=(6, 40)).astype(np.float32)
    second = random.choice([-1, 1], size=(40, 30)).astype(np.float32)
    last = random.normal(size=(30, 3)).astype(np.float32)
    nodes = [
        helper.make_node("MatMul", ["x", "a"], ["s"]),
        helper.make_node("Sign", ["s"], ["h"]),
        helper.make_node("MatMul", ["h", "b"], ["t"]),
        helper.make_node("Sign", ["t"], ["g"]),
        helper.make_node("MatMul", ["g", "c"], ["y"]),
    ]
    net = load(model(nodes, {"x": [1, 6]}, {"a": first, "b": second, "c": last}), tmp_path)
    for low, high in ((0, 1), (-1, 1), (0, 255)):
        assert "at 12 points of the domain and agrees" in looked(box(net, low, high), seed=seed)
