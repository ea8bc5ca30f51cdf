"""Bounds that are attained: margin 0 against a strict row, and the nearest false statement."""

import dataclasses

import numpy as np
import pytest
from flint import fmpq, fmpz

from tests.search.test_agreement import recheck
from verifai.graph.formulas import atom
from verifai.graph.nodes import affine, relu
from verifai.kernel.checker import Checker
from verifai.kernel.files.certificate import IMAGE, PLAIN, decode_certificate
from verifai.kernel.network import Input, Network, Node, Square
from verifai.kernel.operator import Dense, Gather
from verifai.kernel.query import And, Or, Query, Relation
from verifai.proof.files import Files
from verifai.verdict import Falsified, Verdict, Verified
from verifai.verify import Options, verify


def yarotsky(depth: int) -> Network:
    """f_m(x) - x², f_m the interpolant of x² by compositions of the tooth 2·min(x, 1 - x)."""
    nodes: list[Node] = [Input("x", (1,))]
    parts, last = [(0, 1.0)], 0
    for s in range(1, depth + 1):
        twice = Dense.of(np.ones((2, 1)))
        nodes.append(affine(f"a{s}", (2,), ((last, twice),), bias=np.array([0.0, -0.5])))
        nodes.append(relu(f"r{s}", (2,), len(nodes) - 1))
        tooth = Dense.of(np.array([[2.0, -4.0]]))
        nodes.append(affine(f"g{s}", (1,), ((len(nodes) - 1, tooth),)))
        last = len(nodes) - 1
        parts.append((last, -(4.0**-s)))
    terms = tuple((node, Gather.of(1, None, factor)) for node, factor in parts)
    nodes.append(Square("x²", (1,), 0))
    nodes.append(affine("error", (1,), (*terms, (len(nodes) - 1, Gather.of(1, None, -1.0)))))
    return Network(tuple(nodes), (len(nodes) - 1,))


def verdict(depth: int, tolerance: fmpq) -> tuple[Query, Verdict]:
    """Whether |f_m(x) - x²| ≤ tolerance on [0, 1]."""
    net = yarotsky(depth)
    value = net.value(net.outputs[0], 0)
    sides = [atom({value: fmpq(sign)}, tolerance, Relation.LESS) for sign in (-1, 1)]
    query = Query(net, (fmpq(0),), (fmpq(1),), And((Or(tuple(sides)),)))
    return query, verify(query, Options(timeout=120.0, workers=1))


@pytest.mark.parametrize("depth", [1, 2, 3, 5])
def test_a_bound_that_is_attained_is_verified(depth: int) -> None:
    """Every knot is an end of some box: rounded bounds alone would miss each by the last bit."""
    query, found = verdict(depth, fmpq(1, fmpz(4) ** (depth + 1)))
    assert isinstance(found, Verified)
    assert found.effort.leaves <= 2 ** (depth + 2)
    recheck(query, found.certificate, exact=True)


@pytest.mark.parametrize("depth", [1, 2, 3, 5])
def test_a_bound_below_what_is_attained_is_falsified(depth: int) -> None:
    tolerance = fmpq(1, fmpz(4) ** (depth + 1)) * (1 - fmpq(1, 2**20))
    found = verdict(depth, tolerance)[1]
    assert isinstance(found, Falsified)
    assert found.counterexample.margin > 0


def test_plain_bounds_that_miss_a_knot_are_not_accepted_and_sharp_ones_are() -> None:
    query, found = verdict(3, fmpq(1, fmpz(4) ** 4))
    assert isinstance(found, Verified)
    proof = decode_certificate(found.certificate, *Files.of(query).digests)
    assert (proof.step_block == -1).any()
    blocks = np.where(proof.step_block == -1, PLAIN, proof.step_block)
    plain = dataclasses.replace(proof, step_block=blocks)
    assert not list(Checker(query).open_leaves(proof))
    assert {leaf.reason.rule for leaf in Checker(query).open_leaves(plain)} == {"close"}


def test_bounds_are_sharp_only_where_that_is_needed() -> None:
    """Equal pre-activations on both sides of a knot would cost exact arithmetic at every box."""
    query, found = verdict(3, fmpq(1, fmpz(4) ** 4) * (1 + fmpq(1, 8)))
    assert isinstance(found, Verified)
    proof = decode_certificate(found.certificate, *Files.of(query).digests)
    assert set(proof.step_block[proof.step_target >= 0].tolist()) <= {PLAIN, IMAGE}
