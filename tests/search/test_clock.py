"""Searches under clocks that stand still, leap, or are looked at from another thread."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from flint import fmpq

from tests.bounds.nets import dense
from verifai.api import query_from
from verifai.graph.formulas import atom
from verifai.graph.nodes import affine, relu
from verifai.kernel.errors import InputError
from verifai.kernel.network import Input, Network, Node, Square
from verifai.kernel.operator import Conv, Dense
from verifai.kernel.query import And, Query, Relation
from verifai.kernel.replay import evaluate, replay
from verifai.verdict import Falsified, Unknown, Verdict, Verified
from verifai.verify import Options, verify

CASES = Path(__file__).parents[2] / ".." / "shared" / "cases" / "limits"


def asked(seed: int) -> Query:
    """A small network that takes some splitting, and a bound above most of its values."""
    net = dense((4, 20, 20, 1), seed)
    value = net.offsets[-1] - 1
    below = atom({value: fmpq(-1)}, fmpq(1 + seed % 3, 1))
    return Query(net, (fmpq(-1),) * 4, (fmpq(1),) * 4, And((below,)))


def still() -> Iterator[float]:
    return itertools.repeat(100.0)


def leaping() -> Iterator[float]:
    return (1000.0 * k for k in itertools.count())


def stuttering() -> Iterator[float]:
    """Many readings alike, then a leap, as on a machine that has more to do."""
    return (0.3 * (k // 50) for k in itertools.count())


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("clock", [still, leaping, stuttering])
@pytest.mark.parametrize("timeout", [0.0, 1e-9, 0.5, 5.0])
def test_no_clock_makes_a_search_fail(
    clock: Callable[[], Iterator[float]],
    timeout: float,
    seed: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    readings = clock()
    monkeypatch.setattr(time, "perf_counter", lambda: next(readings))
    found = verify(asked(seed), Options(timeout=timeout, nodes=200, workers=1))
    assert isinstance(found, Verified | Falsified | Unknown)
    if timeout == 0.0 and clock is leaping:
        assert isinstance(found, Unknown)
        assert found.is_timeout


def generator() -> Query:
    """A few inputs, twelve thousand neurons: one batch of bounds takes minutes."""
    rng = np.random.default_rng(0)
    nodes: list[Node] = [Input("z", (1, 2))]
    first = Dense.of(rng.normal(size=(4 * 8 * 8, 2)).astype(np.float32))
    nodes.append(affine("a", (1, 4, 8, 8), ((0, first),)))
    side, channels = 8, 4
    for layer, outputs in enumerate((32, 32, 32, 32, 32, 32)):
        nodes.append(relu(f"r{layer}", nodes[-1].shape, len(nodes) - 1))
        weight = rng.normal(size=(outputs, channels, 3, 3)).astype(np.float32) / 6
        conv = Conv.of(weight, (side, side), padding=((1, 1), (1, 1)))
        shape = (1, outputs, side, side)
        nodes.append(affine(f"c{layer}", shape, ((len(nodes) - 1, conv),)))
        channels = outputs
    net = Network(tuple(nodes), (len(nodes) - 1,))
    terms = {net.offsets[-1] - 1 - k: fmpq(-1) for k in range(3)}
    unsafe = And((atom(terms, fmpq(40), Relation.LESS),))
    return Query(net, (fmpq(-1),) * 2, (fmpq(1),) * 2, unsafe)


def test_other_threads_are_served_by_clocks_that_are_looked_at() -> None:
    answers, query = list[Verdict](), generator()
    thread = threading.Thread(
        target=lambda: answers.append(verify(query, Options(timeout=1.0, workers=1)))
    )
    thread.start()
    thread.join()
    (found,) = answers
    assert isinstance(found, Unknown)
    assert found.is_timeout


@pytest.mark.parametrize(("name", "kind"), [("generator", Unknown), ("squares", Verified)])
def test_the_shared_cases(name: str, kind: type[Verdict]) -> None:
    if not CASES.is_dir():
        pytest.skip("needs the shared cases")
    query = query_from(CASES / f"{name}.onnx", CASES / f"{name}.vnnlib")
    found = verify(query, Options(timeout=3.0))
    assert isinstance(found, kind)
    assert kind is Verified or found.status == "timeout"


def tower(height: int) -> Network:
    """x^(2^height)."""
    nodes: list[Node] = [Input("x", (1,)), *(Square(f"s{k}", (1,), k) for k in range(height))]
    return Network(tuple(nodes), (height,))


def test_long_rationals_are_enclosed() -> None:
    """0.7 to the power 2^40 has 2^41 digits; an enclosure has some thousand, and decides."""
    net = tower(40)
    low, high = evaluate(net, [fmpq(7, 10)])
    assert 0 <= low[-1] < high[-1] < fmpq(1, 10**1000)
    half = atom({40: fmpq(-1)}, fmpq(1, 2))
    unsafe = Query(net, (fmpq(3, 10),), (fmpq(9, 10),), And((half,)))
    assert replay(unsafe, [fmpq(9, 10)]).violates is False
    assert isinstance(verify(unsafe, Options(timeout=60)), Verified)
    small = atom({40: fmpq(1)}, fmpq(-1, 2))
    assert replay(Query(net, (fmpq(0),), (fmpq(1),), And((small,))), [fmpq(1, 3)]).violates is True


def test_short_rationals_stay_exact() -> None:
    low, high = evaluate(tower(6), [fmpq(1, 3)])
    assert low[-1] == high[-1] == fmpq(1, 3**64)


def test_long_rationals_beyond_every_double_are_refused() -> None:
    with pytest.raises(InputError, match="may exceed"):
        evaluate(tower(40), [fmpq(11, 10)])
