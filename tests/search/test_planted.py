"""Networks with a small violation hidden in them: whoever calls one verified has failed."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from flint import fmpq

from tests.search.oracle import is_counterexample, rationals
from verifai.graph.formulas import atom
from verifai.graph.nodes import affine, relu
from verifai.kernel.network import Input, Network, Node
from verifai.kernel.operator import Dense, Gather
from verifai.kernel.query import And, Query, Relation
from verifai.kernel.replay import replay
from verifai.verdict import Falsified, Verified
from verifai.verify import Options, verify

WIDTH = 6  # hidden neurons of the surroundings


def planted(seed: int, inputs: int, sharpness: float) -> tuple[Query, list[fmpq]]:
    """A query that is violated only within 1/sharpness of a point, in the sum norm; the point.

    Surroundings at most M in absolute value, plus a spike relu(1 - sharpness·|x - point|) of height
    2M + 1: unsafe is more than M + 1/2.
    """
    rng = np.random.default_rng(seed)
    place = np.round(rng.uniform(-0.9, 0.9, size=inputs) * 1024) / 1024
    eye = np.eye(inputs)
    both = np.concatenate([eye, -eye])
    first = rng.normal(size=(WIDTH, inputs))
    last = rng.normal(size=(1, WIDTH))
    bound = float(np.abs(last[0]) @ (np.abs(first).sum(axis=1) + 1)) + 1
    height = np.ceil(2 * bound + 1)
    nodes: list[Node] = [
        Input("x", (inputs,)),
        affine("away", (2 * inputs,), ((0, Dense.of(both)),), bias=-both @ place),
        relu("distance", (2 * inputs,), 1),
        affine("s", (1,), ((2, Dense.of(-sharpness * np.ones((1, 2 * inputs)))),), bias=1.0),
        relu("spike", (1,), 3),
        affine("y", (WIDTH,), ((0, Dense.of(first)),), bias=rng.uniform(-1, 1, size=WIDTH)),
        relu("z", (WIDTH,), 5),
        affine("out", (1,), ((6, Dense.of(last)), (4, Gather.of(1, scale=height)))),
    ]
    net = Network(tuple(nodes), (7,))
    (threshold,) = rationals([bound + 0.5])
    unsafe = And((atom({net.offsets[7]: fmpq(-1)}, threshold, Relation.LESS),))
    ends = (fmpq(-1),) * inputs, (fmpq(1),) * inputs
    return Query(net, *ends, unsafe), rationals(place)


CASES = [
    (seed, inputs, sharpness)
    for seed, inputs in enumerate((1, 1, 2, 2, 3, 4, 6, 14))
    for sharpness in (4.0, 64.0, 4096.0)
]


def test_no_planted_counterexample_is_called_verified() -> None:
    counts = Counter[str]()
    for seed, inputs, sharpness in CASES:
        query, point = planted(seed, inputs, sharpness)
        assert is_counterexample(query, point)
        verdict = verify(query, Options(nodes=2000, workers=1, seed=seed))
        name = f"seed {seed}, {inputs} inputs, sharpness {sharpness}"
        assert not isinstance(verdict, Verified), name
        if isinstance(verdict, Falsified):
            found = list(verdict.counterexample.inputs)
            assert replay(query, found).violates is True, name
            assert is_counterexample(query, found), name
        counts[type(verdict).__name__] += 1
    print(dict(counts))
    assert counts["Falsified"] >= len(CASES) / 2


@pytest.mark.slow
def test_no_tiny_planted_counterexample_is_called_verified() -> None:
    counts = Counter[str]()
    for seed in range(1000, 1200):
        rng = np.random.default_rng(seed)
        inputs, sharpness = int(rng.integers(1, 6)), float(2 ** rng.integers(2, 30))
        query, point = planted(seed, inputs, sharpness)
        assert is_counterexample(query, point)
        verdict = verify(query, Options(nodes=4000, workers=2, seed=seed))
        assert not isinstance(verdict, Verified), f"seed {seed}"
        counts[type(verdict).__name__] += 1
    print(dict(counts))
    assert counts["Falsified"] >= 50
