"""What no condition needs is constant to the search; proofs are of the whole network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from flint import fmpq

from tests.bounds.nets import dense
from tests.search.test_paths import on_box, proof_of, seen, split_nodes
from verifai.bounds.compiled import compile_network
from verifai.graph.formulas import atom
from verifai.graph.nodes import affine, relu
from verifai.kernel.bound import rounded_root
from verifai.kernel.network import Affine, Network, Node, Pwl, Smooth
from verifai.kernel.operator import Dense
from verifai.kernel.query import Query
from verifai.search import driver
from verifai.search.clauses import problem_of
from verifai.search.goals import pwl_nodes
from verifai.search.quiet import quieted, silenced


@pytest.fixture(autouse=True)
def short_attacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "ATTACK_SECONDS", 0.02)


def with_head(network: Network, *, between: bool = False) -> Network:
    """The network and, beside its last layer or after it, relu and exp of a mixture of a layer."""
    at = len(network.nodes) - 3 if between else len(network.nodes) - 1
    rng = np.random.default_rng(7)
    weight = rng.normal(size=(4, network.sizes[at]))
    head: list[Node] = [
        affine("side", (4,), ((at, Dense.of(weight)),), bias=-0.5),
        relu("side relu", (4,), at + 1),
        Smooth("side exp", (4,), at + 2, "exp"),
    ]
    rest = [_shifted(node, at, 3) for node in network.nodes[at + 1 :]]
    nodes = (*network.nodes[: at + 1], *head, *rest)
    outputs = tuple(i + 3 if i > at else i for i in network.outputs)
    return Network(nodes, (*outputs, at + 3))


def _shifted(node: Node, at: int, by: int) -> Node:
    if isinstance(node, Affine):
        return replace(node, terms=tuple((s + by if s > at else s, op) for s, op in node.terms))
    assert isinstance(node, Pwl)
    return replace(node, source=node.source + by if node.source > at else node.source)


def below(network: Network, share: float, radius: float = 0.6) -> Query:
    """Output 0 exceeds output 1 by more than was seen."""
    values = seen(network, radius)
    gap = values[:, 0] - values[:, 1]
    limit = fmpq(*float(gap.max() + share * np.ptp(gap)).as_integer_ratio())
    start = network.offsets[network.outputs[0]]
    return on_box(network, atom({start: fmpq(-1), start + 1: fmpq(1)}, limit), radius)


@pytest.mark.parametrize("between", [False, True])
@pytest.mark.parametrize("widths", [(3, 14, 8, 2), (16, 10, 8, 2)])
def test_a_head_that_is_not_asked_about_changes_no_proof(
    widths: tuple[int, ...], between: bool
) -> None:
    plain = dense(widths)
    whole = with_head(plain, between=between)
    proofs = [proof_of(query) for query in (below(plain, 0.1), below(whole, 0.1))]
    assert proofs[0].tree.tolist() == proofs[1].tree.tolist()
    assert len(proofs[0].tree) > 1
    kinds = split_nodes(below(plain, 0.1), proofs[0])
    assert kinds == ({"Input"} if widths[0] == 3 else {"Affine"})


def test_constants_lie_in_the_roots_intervals_and_keep_their_places() -> None:
    whole = with_head(dense((3, 8, 8, 2)), between=True)
    query = below(whole, 0.5)
    root = rounded_root(query)
    quiet = quieted(root, problem_of(query))
    assert quiet.offsets == whole.offsets
    assert not compile_network(quiet).is_curved and compile_network(whole).is_curved
    assert pwl_nodes(compile_network(quiet)) == pwl_nodes(compile_network(whole))
    low, high = root.low.copy(), root.high.copy()
    silenced(whole, quiet, low, high)
    changed = (low != root.low) | (high != root.high)
    assert (low >= root.low).all() and (high <= root.high).all() and (low <= high).all()
    names = {whole.describe(int(v)).split("[")[0] for v in np.flatnonzero(changed)}
    assert "side exp" in names and names <= {"side", "side relu", "side exp"}


def test_what_is_needed_stays() -> None:
    whole = with_head(dense((3, 8, 8, 2)))
    start = whole.offsets[whole.outputs[1]]
    query = on_box(whole, atom({start: fmpq(-1)}, fmpq(1000)), 0.1)
    assert quieted(rounded_root(query), problem_of(query)) is whole
    plain = dense((3, 8, 8, 2))
    query = below(plain, 0.1)
    assert quieted(rounded_root(query), problem_of(query)) is plain
