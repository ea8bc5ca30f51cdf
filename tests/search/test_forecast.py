"""Where few of many inputs matter, inputs are split; where all matter, the forecast says so."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from verifai.bounds.compiled import compile_network
from verifai.bounds.interval import Bounds
from verifai.graph.formulas import atom
from verifai.graph.nodes import affine, relu
from verifai.kernel.bound import rounded_root
from verifai.kernel.files.certificate import decode_certificate
from verifai.kernel.network import Input, Network
from verifai.kernel.number import exact
from verifai.kernel.operator import Dense
from verifai.kernel.query import And, Query, Relation
from verifai.proof.files import Files
from verifai.search.clauses import problem_of
from verifai.search.judge import Judge, directed
from verifai.search.loop.forecast import Forecast
from verifai.search.loop.frontier import root_region
from verifai.search.split.inputs import BoxSearch
from verifai.verdict import Verified
from verifai.verify import Options, verify

INPUTS, WIDTH = 24, 16


def query_of(seed: int, *, matter: int, share: float) -> Query:
    """No output reaches a threshold: `share` of the way from the greatest seen to the bound's.

    Only the first `matter` of 24 inputs have an influence worth mentioning.
    """
    rng = np.random.default_rng(seed)
    influence = np.where(np.arange(INPUTS) < matter, 1.0, 1e-3)
    first = rng.normal(size=(WIDTH, INPUTS)) * influence
    second, last = rng.normal(size=(WIDTH, WIDTH)), rng.normal(size=(1, WIDTH))
    nodes = (
        Input("x", (INPUTS,)),
        affine("a", (WIDTH,), ((0, Dense.of(first)),), bias=rng.normal(size=WIDTH)),
        relu("b", (WIDTH,), 1),
        affine("c", (WIDTH,), ((2, Dense.of(second)),), bias=rng.normal(size=WIDTH)),
        relu("d", (WIDTH,), 3),
        affine("y", (1,), ((4, Dense.of(last)),)),
    )
    net = Network(nodes, (5,))
    compiled = compile_network(net)
    points = rng.uniform(-1, 1, size=(4000, INPUTS))
    seen = compiled.forward(np.concatenate([points, np.sign(points)]))[5].max()
    ends = tuple(exact(-1.0) for _ in range(INPUTS)), tuple(exact(1.0) for _ in range(INPUTS))
    value = net.offsets[5]
    probe = Query(net, *ends, And((atom({value: exact(-1.0)}, exact(0.0), Relation.AT_MOST),)))
    bound = rounded_root(probe).high[value]
    limit = float(seen + share * (bound - seen))
    unsafe = atom({value: exact(-1.0)}, exact(limit), Relation.AT_MOST)
    return Query(net, *ends, And((unsafe,)))


def search_of(query: Query) -> BoxSearch:
    """A box search at its start."""
    root, compiled, problem = rounded_root(query), compile_network(query.network), problem_of(query)
    judge = Judge(problem.top, directed(problem, problem.top, 1.0), {0: 0})
    none = np.zeros(0, dtype=np.int64)
    search = BoxSearch(compiled, judge, integers=none, climber=None)
    offsets = query.network.offsets
    sides = [tuple(side[None, a:b] for a, b in pairwise(offsets)) for side in (root.low, root.high)]
    search.add(root_region(Bounds(sides[0], sides[1])))
    return search


def test_forecasts_are_near_the_number_of_boxes_it_takes() -> None:
    errors = []
    for seed in range(8):
        search, forecast, said = search_of(query_of(seed, matter=2, share=0.02)), Forecast(), 0.0
        while search.open:
            search.advance()
            if search.visited < 40:
                said = forecast.boxes(search)
        errors.append(abs(math.log2(said / search.visited)))
    assert np.median(errors) < 2.5, errors


def test_forecasts_are_hopeless_where_all_inputs_matter() -> None:
    for seed in range(4):
        said = {}
        for matter in (2, INPUTS):
            search, forecast = search_of(query_of(seed, matter=matter, share=0.02)), Forecast()
            while search.visited < 15:
                search.advance()
                said[matter] = forecast.boxes(search)
        assert said[INPUTS] > 100 * said[2], said


@pytest.mark.parametrize("seed", range(3))
def test_few_of_many_inputs_are_split_and_phases_otherwise(seed: int) -> None:
    for matter, is_split in ((2, True), (INPUTS, False)):
        query = query_of(seed, matter=matter, share=0.02 if is_split else 0.1)
        verdict = verify(query, Options(timeout=20, workers=1))
        assert isinstance(verdict, Verified)
        names = Files.of(query).digests
        split = decode_certificate(verdict.certificate, *names).split_form
        assert len(split) > 0
        assert bool((split < INPUTS).all()) == is_split
