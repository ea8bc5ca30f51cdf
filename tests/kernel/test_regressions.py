"""One test per flaw that reading the checker has found, named after the right behaviour."""

import numpy as np
import pytest
from flint import fmpq

from tests.kernel.proofs import (
    Block,
    Close,
    Derive,
    Point,
    Split,
    below_query,
    decide,
    proof,
    random_network,
    written,
)
from verifai.graph.formulas import atom
from verifai.graph.nodes import affine, relu
from verifai.kernel import checker, derive
from verifai.kernel.checker import _Run
from verifai.kernel.derive import Context, Plan
from verifai.kernel.errors import Rejection
from verifai.kernel.files.certificate import Proof, check_form
from verifai.kernel.ledger import Ledger
from verifai.kernel.network import Input, Network
from verifai.kernel.operator import Dense
from verifai.kernel.query import And, Atom, Query, Relation

ONE = Network((Input("x", (1,)),), (0,))


def unit_query(*unsafe: Atom, network: Network = ONE) -> Query:
    return Query(network, (fmpq(0),), (fmpq(1),), And(unsafe))


def test_table_sizes_whose_sum_is_right_only_modulo_two_to_the_32_are_rejected() -> None:
    bad = proof(
        tree=[1, 3, 3, 3, 3],
        choose_or=[0],
        choose_count=[4],
        close_block=[0, 1, 2, 3],
        block_size=[2**31 - 1, 2**31 - 1, 2, 1],
        entry_kind=[0],
        entry_index=[0],
        entry_number=[1.0],
        block_codes=[-1] * 4,
    )
    with pytest.raises(Rejection, match="table"):
        check_form(bad, ONE)


@pytest.mark.parametrize("exact", [False, True])
def test_an_atom_with_coefficient_zero_cuts_nothing(exact: bool) -> None:
    never = Atom(((0, fmpq(0)),), fmpq(1))  # 0·x + 1 ≤ 0
    assert decide(unit_query(never), Close(Block(rows=((0, 1.0),))), exact=exact).leaves == 1
    always = Atom(((0, fmpq(0)),), fmpq(-1), Relation.AT_MOST)
    with pytest.raises(Rejection, match="close"):
        decide(unit_query(always), Close(Block(rows=((0, 1.0),))), exact=exact)


@pytest.mark.parametrize("exact", [False, True])
def test_point_leaves_in_one_batch_know_constant_nodes(exact: bool) -> None:
    net = Network((Input("x", (1,)), affine("c", (2,), (), bias=[1.0, 2.0])), (1,))
    query = unit_query(atom({1: fmpq(1), 2: fmpq(1)}, fmpq(0)), network=net)
    assert decide(query, Split(0, 0.5, Point(), Point()), exact=exact).leaves == 2


@pytest.mark.parametrize("exact", [False, True])
def test_a_bound_beyond_float_is_rejected_and_no_crash(exact: bool) -> None:
    query = unit_query(atom({0: fmpq(-(10**300))}, fmpq(0)))
    tree = Close(Block(rows=((0, 1e308),)))
    with pytest.raises(Rejection, match="close"):
        decide(query, tree, exact=exact)


def test_codes_for_other_values_than_the_networks_are_rejected() -> None:
    net = Network((Input("x", (1,)), relu("r", (1,), 0)), (1,))
    query = unit_query(atom({1: fmpq(1)}, fmpq(1)), network=net)  # r + 1 ≤ 0
    for columns, accepts in ((1, True), (2, False)):
        tree = Close(Block(rows=((0, 1.0),), codes=(0,) * columns))
        if accepts:
            decide(query, tree, exact=False)
        else:
            with pytest.raises(Rejection, match="range"):
                decide(query, tree, exact=False)


def _many_forms(count: int) -> Proof:
    plan = tuple(("form", ((0, 1.0 + i), (1, 1.0)), None) for i in range(count))
    return written(Derive(plan, Close(Block(rows=((0, 1.0),)))))


def test_many_form_steps_are_evaluated_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    weight = Dense.of(np.ones((4000, 1)))
    net = Network((Input("x", (1,)), affine("y", (4000,), ((0, weight),))), (1,))
    query = unit_query(atom({1: fmpq(1), 2: fmpq(1)}, fmpq(1)), network=net)
    seen: list[int] = []
    original = Ledger.multiply

    def spy(self: Ledger, builder, form, scene, index, rows) -> bool:  # type: ignore[no-untyped-def]
        seen.append(len(scene.low))
        return original(self, builder, form, scene, index, rows)

    monkeypatch.setattr(Ledger, "multiply", spy)
    decide(query, _many_forms(300), exact=False)
    assert len(seen) > 300
    assert max(seen) < 200


def test_what_a_node_step_derives_does_not_depend_on_the_size_of_chunks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ends: dict[int, list[np.ndarray]] = {}
    for size in (1, 1 << 18):
        monkeypatch.setattr(derive, "CHUNK_VALUES", size)
        ends[size] = []
        for seed in range(40):
            net = random_network(seed, ("dense", "relu"), depth=4)
            plan = tuple(
                ("node", i, Block(bounds=((net.offsets[i], -0.5),)))
                for i in range(1, len(net.nodes))
            )
            run = _Run(checker.Checker(below_query(net, fmpq(2))), written(Derive(plan, Close())))
            root = run.root
            place = Context(0, root.low, root.high, (), (0,), (), 0, False)
            found = Plan(run.ledger, [place]).follow(0)[0]
            ends[size] += [found.low, found.high]
    assert all(np.allclose(a, b, 1e-9, 1e-12) for a, b in zip(*ends.values(), strict=True))
