"""Claims about |x - y|, small enough to prove by hand, and what rejects a tree."""

import pytest
from flint import fmpq

from tests.kernel.proofs import (
    Block,
    Close,
    Tree,
    decide,
)
from verifai.graph.formulas import atom
from verifai.graph.nodes import affine, relu
from verifai.kernel.errors import Rejection
from verifai.kernel.files.certificate import Proof
from verifai.kernel.network import Input, Network
from verifai.kernel.operator import Dense
from verifai.kernel.query import And, Atom, Formula, Query, Relation

BOTH = pytest.mark.parametrize("exact", [False, True], ids=["rounded", "exact"])
LESS, EQUAL = Relation.LESS, Relation.EQUAL
ONE = fmpq(1)

# x, y; d = x - y, s = x + y; relu(d), relu(-d) … so that |x - y| is the sum of nodes 2's values
ABS = Network(
    (
        Input("x", (2,)),
        affine("d", (2,), ((0, Dense.of([[1.0, -1.0], [-1.0, 1.0]])),)),
        relu("r", (2,), 1),
        affine("a", (1,), ((2, Dense.of([[1.0, 1.0]])),)),
    ),
    (3,),
)
X, Y, D, R, A = 0, 1, 2, 4, 6


def query_of(
    network: Network, *unsafe: Formula, low: int = -1, high: int = 1, **changes: object
) -> Query:
    n = len(network.input_values)
    box = {"lower": (fmpq(low),) * n, "upper": (fmpq(high),) * n}
    return Query(network, unsafe=And(unsafe), **(box | changes))  # type: ignore[arg-type]


def at_least(value: int, threshold: fmpq, relation: Relation = Relation.AT_MOST) -> Atom:
    return atom({value: fmpq(-1)}, threshold, relation)


def far(threshold: int) -> Atom:
    """The distance is at least this (as a sum of two values, so that it cuts no interval)."""
    return atom({R: -ONE, R + 1: -ONE}, fmpq(threshold))


def below_zero(size: fmpq, relation: Relation = Relation.AT_MOST) -> Atom:
    """|x - y| ≤ -size, written as 2·relu(x - y) - (x - y)."""
    return atom({R: fmpq(2), D: -ONE}, size, relation)


def rejected(query: Query, tree: Tree | Proof, rule: str, *, exact: bool) -> None:
    with pytest.raises(Rejection) as found:
        decide(query, tree, exact=exact)
    assert found.value.rule == rule, str(found.value)


CLOSE = Close(Block(rows=((0, 1.0),)))
SIDE = Close(Block(rows=((0, 1.0), (-1, 1.0))))
