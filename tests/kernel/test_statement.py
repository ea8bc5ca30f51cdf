"""The statement says what was checked, whatever the names in a file try to make it say."""

from __future__ import annotations

import numpy as np
import pytest
from flint import fmpq

from verifai.kernel.network import Affine, Input, Network
from verifai.kernel.operator import Gather
from verifai.kernel.query import And, Atom, Query, Relation
from verifai.kernel.statement import statement


def said(name: str) -> str:
    same = Gather.of(1)
    nodes = (Input("x", (1,)), Affine(name, (1,), ((0, same),), np.zeros(1)))
    net = Network(nodes, (1,))
    unsafe = And((Atom(((1, fmpq(1)),), fmpq(0), Relation.AT_MOST),))
    return statement(Query(net, (fmpq(0),), (fmpq(1),), unsafe))


@pytest.mark.parametrize("name", ["y", "y#2", "y'", "/block.1/Relu_output:0", "größe-3"])
def test_names_that_are_one_word_stand_as_they_are(name: str) -> None:
    assert f"outputs {name}[1]" in said(name)
    assert f"{name}[0] ≤ 0" in said(name)


@pytest.mark.parametrize("name", ["x[0] - y", "y ≤ 5 and y", "y\nVerified", "", "y\x1b[2K", "y, z"])
def test_names_that_might_be_something_else_are_quoted(name: str) -> None:
    assert f"outputs {name!r}[1]" in said(name)
    assert f"{name!r}[0] ≤ 0" in said(name)
    assert len(said(name).splitlines()) == len(said("y").splitlines())
