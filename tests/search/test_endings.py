"""Searches that are stopped from outside: exit codes, and no process left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from itertools import pairwise

import numpy as np
import onnx
import pytest
from flint import fmpq
from onnx import TensorProto, helper, numpy_helper

from tests.processes import PATIENCE, is_left_alone, wait_for_helper
from verifai.graph.formulas import atom
from verifai.graph.nodes import relu
from verifai.kernel.network import Input, Network
from verifai.kernel.query import And, Query
from verifai.search.budget import Meter, Stopped
from verifai.verdict import Falsified, Unknown, Verified
from verifai.verify import Options, verify

WIDTHS = (8, 60, 60, 60, 1)


@pytest.fixture(scope="module")
def hard(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A network and a property that take minutes."""
    rng = np.random.default_rng(5)
    nodes, weights, last = [], [], "x"
    x = rng.uniform(-1, 1, size=(4000, WIDTHS[0]))
    for k, (n, m) in enumerate(pairwise(WIDTHS)):
        w = (rng.normal(size=(n, m)) / np.sqrt(n) * 1.5).astype(np.float32)
        b = (rng.normal(size=m) / 3).astype(np.float32)
        weights += [numpy_helper.from_array(w, f"w{k}"), numpy_helper.from_array(b, f"b{k}")]
        nodes.append(helper.make_node("Gemm", [last, f"w{k}", f"b{k}"], [f"y{k}"]))
        x, last = x @ w + b, f"y{k}"
        if k < len(WIDTHS) - 2:
            nodes.append(helper.make_node("Relu", [last], [f"z{k}"]))
            x, last = np.maximum(x, 0), f"z{k}"
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, size])
        for name, size in (("x", WIDTHS[0]), (last, 1))
    ]
    graph = helper.make_graph(nodes, "hard", ends[:1], ends[1:], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    folder = tmp_path_factory.mktemp("hard")
    onnx.save(model, str(folder / "net.onnx"))
    lines = [f"(declare-const X_{i} Real)" for i in range(WIDTHS[0])] + ["(declare-const Y_0 Real)"]
    for i in range(WIDTHS[0]):
        lines += [f"(assert (>= X_{i} -1.0))", f"(assert (<= X_{i} 1.0))"]
    lines.append(f"(assert (>= Y_0 {x.max() + 0.4 * np.ptp(x):.6f}))")
    (folder / "property.vnnlib").write_text("\n".join(lines))
    return str(folder / "net.onnx"), str(folder / "property.vnnlib")


def start(hard: tuple[str, str], *options: str) -> subprocess.Popen[str]:
    """`verifai verify` in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "verifai", "verify", *hard, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def test_time_out(hard: tuple[str, str]) -> None:
    process = start(hard, "--timeout", "4")
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 3, out + err
    assert "Traceback" not in err
    assert is_left_alone(process.pid)


@pytest.mark.parametrize("everyone", [True, False])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm(hard: tuple[str, str], number: int, everyone: bool) -> None:
    """A terminal's Ctrl-C reaches the whole group, `kill` the first process only."""
    process = start(hard, "--timeout", "600")
    wait_for_helper(process)
    if everyone:
        os.killpg(process.pid, number)
    else:
        os.kill(process.pid, number)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2, out + err
    assert "interrupted" in out
    assert "Traceback" not in err
    assert is_left_alone(process.pid)


def test_a_killed_search_takes_its_helpers_along(hard: tuple[str, str]) -> None:
    process = start(hard, "--timeout", "600")
    wait_for_helper(process)
    process.kill()
    process.communicate(timeout=PATIENCE)
    assert is_left_alone(process.pid)


def test_node_budget(hard: tuple[str, str]) -> None:
    process = start(hard, "--nodes", "100", "--workers", "1")
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2, out + err
    assert "budget of 100 subproblems" in out


def test_a_formula_that_always_holds_is_falsified_at_any_point() -> None:
    net = Network((Input("x", (2,)),), (0,))
    query = Query(net, (fmpq(0), fmpq(1, 3)), (fmpq(1), fmpq(2, 3)), And(()))
    found = verify(query, Options(timeout=60.0, workers=1))
    assert isinstance(found, Falsified)


def test_a_check_that_outlives_the_budget_is_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel asks now and then whether to go on; what is raised ends it without an answer."""
    net = Network((Input("x", (1,)), relu("y", (1,), 0)), (1,))
    query = Query(net, (fmpq(-1),), (fmpq(1),), And((atom({1: fmpq(-1)}, fmpq(2)),)))
    assert isinstance(verify(query, Options(timeout=60.0, workers=1)), Verified)

    def watch(self: Meter, share: float = 1.0) -> None:
        if share == 1.0:  # what the check asks, and not the search
            raise Stopped("spent", is_timeout=True)

    monkeypatch.setattr(Meter, "watch", watch)
    found = verify(query, Options(timeout=60.0, workers=1))
    assert isinstance(found, Unknown)
    assert found.is_timeout
