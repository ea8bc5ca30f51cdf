"""Searches on torch's arrays: numpy's verdicts, no second process, plain words where it cannot be.

The device is torch's CPU here, and a graphics card where there is one.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import numpy as np
import pytest
from flint import fmpq

from tests.bounds.nets import KINDS, curved, dense
from tests.search import cases, kinds
from verifai.bounds.compiled import compile_network
from verifai.bounds.crown import backward, refine
from verifai.bounds.interval import interval
from verifai.cli import run
from verifai.graph.formulas import atom
from verifai.graph.nodes import affine, pwl
from verifai.kernel.errors import InputError
from verifai.kernel.network import Input, Network, Node
from verifai.kernel.number import exact
from verifai.kernel.operator import Dense
from verifai.kernel.query import And, Query
from verifai.search import driver
from verifai.search import wide as many_inputs
from verifai.search.budget import NO_MEMORY
from verifai.search.loop import frontier, team
from verifai.search.split import phases
from verifai.search.split.inputs import BoxSearch
from verifai.verdict import Falsified, Unknown, Verdict, Verified
from verifai.verify import Options, verify

torch = pytest.importorskip("torch")
pytest.importorskip("array_api_compat")

cuda = pytest.param("cuda", marks=pytest.mark.gpu)
DEVICES = pytest.mark.parametrize("device", ["cpu", cuda])
TIMEOUT = 60.0


@pytest.fixture(autouse=True)
def _short_attacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "ATTACK_SECONDS", 0.02)
    monkeypatch.setattr(many_inputs, "PATIENT_SECONDS", 0.02)


def both(query: Query, device: str) -> tuple[Verdict, Verdict]:
    """The verdict by numpy and on a device."""
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    there = Options(timeout=TIMEOUT, workers=1, device=device)
    return verify(query, Options(timeout=TIMEOUT, workers=1)), verify(query, there)


@DEVICES
@pytest.mark.parametrize("maker", [cases.make_case, kinds.make_case], ids=["linear", "curved"])
def test_few_inputs(maker: Callable[[int], cases.Case | kinds.Case], device: str) -> None:
    seen = set()
    for seed in range(30_000, 30_000 + len(kinds.KINDS)):
        here, there = both(maker(seed).query, device)
        assert type(here) is type(there), f"seed {seed}: {here} and {there}"
        assert not isinstance(there, Unknown), f"seed {seed}: {there}"
        seen.add(type(there))
    assert seen == {Verified, Falsified}


def zigzag(inputs: int = 16, width: int = 8) -> Network:
    """Two layers of a function with three pieces, which no linear program here substitutes."""
    rng, nodes, n = np.random.default_rng(3), list[Node](), inputs
    nodes.append(Input("x", (inputs,)))
    for k in range(2):
        weight = Dense.of(rng.normal(size=(width, n)) / np.sqrt(n))
        nodes.append(affine(f"y{k}", (width,), ((len(nodes) - 1, weight),)))
        nodes.append(pwl(f"z{k}", (width,), len(nodes) - 1, [-0.3, 0.4], [0.1, 1.0, -0.5], -0.2))
        n = width
    weight = Dense.of(rng.normal(size=(1, width)))
    nodes.append(affine("out", (1,), ((len(nodes) - 1, weight),)))
    return Network(tuple(nodes), (len(nodes) - 1,))


WIDE = {  # a network, half the width of its box, and where the threshold lies
    "relu": (dense((16, 12, 10, 2), seed=1), 0.5, 0.6),
    "conv": (KINDS[1](1), 0.3, 0.65),
    "pieces": (zigzag(), 0.4, 0.8),
    "tanh": (curved("tanh", (14, 6, 5, 2), seed=2), 0.4, 0.2),
}


def wide(network: Network, reach: float, share: float) -> Query:
    """Whether the first output stays below a value between its greatest seen and its bound."""
    compiled, rng = compile_network(network), np.random.default_rng(7)
    n = len(network.input_values)
    middle = rng.normal(size=n)
    low, high = middle - reach, middle + reach
    points = low + rng.integers(0, 2, size=(4000, n)) * (high - low)
    last = network.outputs[0]
    seen = compiled.forward(points)[last][:, 0].max()
    relaxation = refine(compiled, interval(compiled, low[None], high[None]))
    form = np.zeros((1, network.sizes[last]))
    form[0, 0] = -1
    bound = -backward(compiled, relaxation, {last: form}).value[0]
    threshold = exact(float(seen + share * (bound - seen)))
    unsafe = And((atom({int(network.offsets[last]): fmpq(-1)}, threshold),))
    ends = [tuple(exact(float(x)) for x in side) for side in (low, high)]
    return Query(network, ends[0], ends[1], unsafe)


@DEVICES
@pytest.mark.parametrize("name", WIDE)
def test_many_inputs(name: str, device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phases, "is_reducible", lambda *_: False)  # ascents do all the work
    network, reach, share = WIDE[name]
    for found in both(wide(network, reach, share), device):
        assert isinstance(found, Verified), str(found)
        assert found.effort.leaves > 1, "decided at the root"
    for found in both(wide(network, reach, -0.05), device):
        assert isinstance(found, Falsified), str(found)


def test_a_search_on_a_device_forks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fork() -> int:
        raise AssertionError("a fork")

    monkeypatch.setattr(os, "fork", fork)
    monkeypatch.setattr(team, "PATIENCE", 0.0)
    query = wide(dense((4, 12, 12, 1), seed=4), 1.0, 0.15)
    assert isinstance(verify(query, Options(timeout=TIMEOUT, workers=2, device="cpu")), Verified)
    with pytest.raises(AssertionError, match="a fork"):
        verify(query, Options(timeout=TIMEOUT, workers=2))


def test_a_batch_fills_the_cards_free_memory_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = compile_network(dense((4, 12, 12, 1)))
    assert frontier.batch_size(compiled, 512) == 512
    one = 16 * sum(compiled.sizes)
    for room, size in ((100, 100), (1e9, frontier.DEVICE_BATCH), (0, 4)):
        free = int(room * one * frontier.BATCHES)
        monkeypatch.setattr(frontier, "free_bytes", lambda _like, free=free: free)
        assert frontier.batch_size(compiled, 512) == size


@pytest.mark.parametrize("device", ["gpu", "cuda:x", "meta", "", "cuda:99"])
def test_a_device_that_is_not_there_is_an_error_before_any_search(
    device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver.Driver, "refute", lambda _self: pytest.fail("a search"))
    with pytest.raises(InputError, match=f"no device '{device}'"):
        verify(wide(dense((4, 12, 12, 1)), 1.0, 0.15), Options(device=device))


def test_without_torch_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "array_api_compat.torch", None)
    with pytest.raises(InputError, match=r"verifai-nn\[torch\]"):
        verify(wide(dense((4, 12, 12, 1)), 1.0, 0.15), Options(device="cpu"))


def test_the_command_line_takes_a_device(capsys: pytest.CaptureFixture[str], tmp_path) -> None:
    text = "(declare-const X_0 Real)(declare-const Y_0 Real)(assert (>= X_0 0))"
    path = tmp_path / "square.vnnlib"
    path.write_text(f"{text}(assert (<= X_0 1))(assert (>= Y_0 1.25))")
    asked = ["verify", "verifai/data/yarotsky_4.onnx", str(path)]
    assert run([*asked, "--device", "cpu"]) == 0
    assert run([*asked, "--device", "cuda:99"]) == 4
    assert "no device 'cuda:99'" in capsys.readouterr().err


class OutOfMemoryError(RuntimeError):
    """As torch's is called."""


@pytest.mark.parametrize("error", [MemoryError, OutOfMemoryError])
def test_memory_that_is_spent_is_no_crash(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def advance(_self: BoxSearch) -> np.ndarray:
        raise error

    monkeypatch.setattr(BoxSearch, "advance", advance)
    found = verify(wide(dense((4, 12, 12, 1)), 1.0, 0.15), Options(workers=1))
    assert isinstance(found, Unknown)
    assert found.reason == NO_MEMORY
