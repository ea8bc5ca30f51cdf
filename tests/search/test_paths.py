"""Every way to a proof ends in a certificate that the kernel accepts, and metamorphic laws."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from flint import fmpq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.bounds.nets import dense, residual_conv
from tests.search.cases import make_case
from tests.search.oracle import is_counterexample, rationals
from tests.search.test_agreement import recheck
from verifai.bounds.compiled import compile_network
from verifai.graph.formulas import atom
from verifai.graph.nodes import affine, relu
from verifai.kernel.files.certificate import Kind, Proof, decode_certificate
from verifai.kernel.network import Affine, Input, Network, Node, Pwl
from verifai.kernel.operator import Conv, Dense, Gather
from verifai.kernel.query import And, Atom, Formula, Or, Query, Relation
from verifai.proof.files import Files
from verifai.search import driver, wide
from verifai.search.close import leaf
from verifai.search.close.leaf import LeafSolver
from verifai.search.close.protocol import LeafAnswer
from verifai.verdict import Falsified, Unknown, Verified
from verifai.verify import Options, verify

OPTIONS = Options(timeout=120, workers=1)


@pytest.fixture(autouse=True)
def short_attacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "ATTACK_SECONDS", 0.02)


def seen(network: Network, radius: float, seed: int = 0) -> np.ndarray:
    """Outputs at random points and corners of the box, (B, outputs)."""
    rng = np.random.default_rng(seed)
    inputs = len(network.input_values)
    points = rng.uniform(-radius, radius, size=(4000, inputs))
    points[::2] = np.sign(points[::2]) * radius
    return np.asarray(compile_network(network).forward(points)[network.outputs[0]])


def at_least(network: Network, threshold: float, index: int = 0) -> Atom:
    """Output `index` is at least the threshold."""
    (limit,) = rationals([threshold])
    return atom({network.offsets[network.outputs[0]] + index: fmpq(-1)}, limit)


def on_box(network: Network, unsafe: Formula, radius: float = 1.0) -> Query:
    """The query of a box around zero."""
    inputs = len(network.input_values)
    (end,) = rationals([radius])
    return Query(network, (-end,) * inputs, (end,) * inputs, And((unsafe,)))


def beyond(network: Network, radius: float, share: float) -> Query:
    """Output 0 exceeds all that was seen by a share of its spread."""
    values = seen(network, radius)[:, 0]
    return on_box(network, at_least(network, values.max() + share * np.ptp(values)), radius)


def proof_of(query: Query, options: Options = OPTIONS) -> Proof:
    """The certificate of a query that must come out verified, checked in both arithmetics."""
    verdict = verify(query, options)
    assert isinstance(verdict, Verified), str(verdict)
    recheck(query, verdict.certificate, exact=False)
    recheck(query, verdict.certificate, exact=True)
    return decode_certificate(verdict.certificate, *Files.of(query).digests)


def kinds(proof: Proof) -> set[Kind]:
    return {Kind(k) for k in proof.tree.tolist()}


def split_nodes(query: Query, proof: Proof) -> set[str]:
    """The kinds of the nodes whose values are split."""
    owners = {query.network.owner(int(v))[0] for v in proof.split_form if v >= 0}
    return {type(query.network.nodes[i]).__name__ for i in owners}


def test_root_bound_alone() -> None:
    proof = proof_of(beyond(dense((3, 8, 8, 1)), 0.5, 3.0))
    assert kinds(proof) <= {Kind.DERIVE, Kind.CLOSE}
    assert proof.tree.tolist().count(Kind.CLOSE) == 1


def test_input_splits() -> None:
    query = beyond(dense((3, 24, 24, 1)), 1.0, 0.05)
    proof = proof_of(query)
    assert split_nodes(query, proof) == {"Input"}


def test_neuron_splits() -> None:
    query = beyond(dense((16, 12, 8, 1)), 0.6, 0.15)
    proof = proof_of(query)
    assert split_nodes(query, proof) == {"Affine"}


@pytest.mark.parametrize("widths", [(3, 10, 3), (15, 10, 3)])
def test_alternatives(widths: tuple[int, ...]) -> None:
    net = dense(widths)
    most = seen(net, 0.5).max(axis=0)
    spread = np.ptp(seen(net, 0.5))
    far = [
        at_least(net, m + s * spread, i)
        for i, (m, s) in enumerate(zip(most, (0.1, 1.0, 0.3), strict=True))
    ]
    unsafe = Or((far[0], And((far[1], Or((far[0], far[2]))))))
    assert Kind.CHOOSE in kinds(proof_of(on_box(net, unsafe, 0.5)))


def test_alternatives_that_cut_the_box() -> None:
    net = dense((3, 10, 1))
    query = on_box(net, at_least(net, 0.0))
    left = replace(query, upper=(fmpq(-1, 2), *query.upper[1:]))
    values = [seen(net, 1.0).max() + 0.2, *query.lower]
    parts = [
        And((atom({0: fmpq(s)}, fmpq(1, 2)), at_least(net, float(values[0])))) for s in (1, -1)
    ]
    proof = proof_of(replace(left, upper=query.upper, unsafe=And((Or(tuple(parts)),))))
    assert Kind.CHOOSE in kinds(proof)


class _Spy(LeafSolver):
    """A solver that counts its answers."""

    blocks = 0

    def __call__(self, *args: object) -> LeafAnswer:
        answer = super().__call__(*args)  # type: ignore[arg-type]
        _Spy.blocks += answer.block is not None
        return answer


@pytest.mark.parametrize("inputs", [3, 14])
def test_linear_programs_close_what_multipliers_leave_open(
    inputs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that exclude each other only in one exact proportion."""
    monkeypatch.setattr(leaf, "LeafSolver", _Spy)
    _Spy.blocks = 0
    rng = np.random.default_rng(0)
    weight = rng.normal(size=(1, inputs))
    net = Network(
        (
            Input("x", (inputs,)),
            affine("y", (1,), ((0, Dense.of(weight)),), bias=20.0),
            relu("z", (1,), 1),
            affine("out", (2,), ((2, Dense.of([[1.0], [-1.375]])),)),
        ),
        (3,),
    )
    rows = And((at_least(net, 20.25), at_least(net, -1.375 * 20.25 + 1e-6, 1)))
    proof_of(on_box(net, rows))
    assert _Spy.blocks > 0


def test_input_splits_then_neuron_splits_of_regions_without_points() -> None:
    """Phases that exclude each other, so that no linear program has a solution."""
    query = make_case(10_065).query
    assert split_nodes(query, proof_of(query)) == {"Input", "Affine"}


def test_convolution_and_residual_sum() -> None:
    proof_of(beyond(residual_conv(), 0.05, 2.0))


def pooled(kind: str, seed: int) -> Network:
    """A convolution, relu, pooling of 2×2 windows as loaders lower it, a dense layer."""
    rng = np.random.default_rng(seed)
    conv = Conv.of(rng.normal(size=(2, 1, 3, 3)) / 3, (4, 4), padding=((1, 1), (1, 1)))
    nodes: list[Node] = [
        Input("x", (1, 4, 4)),
        affine("y", (2, 4, 4), ((0, conv),), bias=rng.normal(size=32) / 4),
        relu("z", (2, 4, 4), 1),
    ]
    if kind == "average":
        window = Conv.of(np.eye(2)[:, :, None, None] * np.ones((2, 2)), (4, 4), stride=(2, 2))
        nodes.append(affine("pool", (2, 2, 2), ((2, window),), divisor=4.0))
    else:
        at = np.arange(32).reshape(2, 4, 4)
        order = [at[:, i::2, j::2].reshape(-1) for i in (0, 1) for j in (0, 1)]
        _maxima(nodes, 2, np.stack(order, axis=1).reshape(-1), "a")
        _maxima(nodes, len(nodes) - 1, np.arange(16), "b")
    nodes.append(affine("out", (1,), ((len(nodes) - 1, Dense.of(rng.normal(size=(1, 8)))),)))
    return Network(tuple(nodes), (len(nodes) - 1,))


def _maxima(nodes: list[Node], source: int, order: np.ndarray, name: str) -> None:
    """max(a, b) = b + relu(a - b) of neighbours in an order of the source's values."""
    size = int(np.prod(nodes[source].shape))
    left, right = order[::2], order[1::2]
    count = len(left)
    minus = Gather.of(size, right, -1.0)
    nodes.append(affine(f"d{name}", (count,), ((source, Gather.of(size, left)), (source, minus))))
    nodes.append(relu(f"r{name}", (count,), len(nodes) - 1))
    rest = (source, Gather.of(size, right))
    nodes.append(affine(f"m{name}", (count,), ((len(nodes) - 1, Gather.of(count)), rest)))


@pytest.mark.parametrize("kind", ["max", "average"])
def test_pooling(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wide, "BOX_WORK", 0.0)  # inputs could be split as well
    query = beyond(pooled(kind, 1), 0.3, 0.1)
    assert split_nodes(query, proof_of(query)) == {"Affine"}


@pytest.mark.parametrize("workers", [1, 2])
def test_an_empty_box_is_verified_vacuously(workers: int) -> None:
    query = on_box(dense((2, 6, 6, 1)), at_least(dense((2, 6, 6, 1)), -100.0))
    empty = replace(query, lower=(fmpq(1, 2), fmpq(-1)), upper=(fmpq(1, 3), fmpq(1)))
    verdict = verify(empty, Options(timeout=120, workers=workers))
    assert isinstance(verdict, Verified), str(verdict)
    assert verdict.vacuous
    recheck(empty, verdict.certificate, exact=True)


def test_a_range_without_integers_is_verified_vacuously() -> None:
    net = dense((2, 6, 6, 1))
    query = on_box(net, at_least(net, -100.0))
    ends = {"lower": (fmpq(1, 3), fmpq(-1)), "upper": (fmpq(2, 3), fmpq(1))}
    empty = replace(query, **ends, integers=frozenset({0}))
    verdict = verify(empty, Options(timeout=120, workers=1))
    assert isinstance(verdict, Verified), str(verdict)
    recheck(empty, verdict.certificate, exact=True)


def test_an_integer_below_a_fraction_is_split() -> None:
    """A row cuts an integer's range at 0.65: of [0, 0.65] only 0 is left."""
    query = make_case(23_902).query
    assert len(query.integers) == 2
    proof_of(query)


def test_equalities_are_met_exactly() -> None:
    """An output equal to a third on a plane of inputs: no double does that."""
    net = dense((4, 8, 8, 2))
    values = seen(net, 1.0)
    first = net.offsets[net.outputs[0]]
    (middle,) = rationals([float(np.median(values[:, 0]))])
    unsafe = atom({first: fmpq(3)}, -3 * middle - fmpq(1, 1000), Relation.EQUAL)
    plane = atom({0: fmpq(1), 1: fmpq(1, 3)}, fmpq(1, 7), Relation.EQUAL)
    query = replace(on_box(net, unsafe), domain=(plane,))
    verdict = verify(query, OPTIONS)
    assert isinstance(verdict, Falsified), str(verdict)
    assert verdict.counterexample.margin == 0
    assert is_counterexample(query, list(verdict.counterexample.inputs))


# Laws.


@pytest.mark.parametrize("widths", [(3, 24, 24, 1), (16, 12, 8, 1), (4, 6, 5, 1)])
def test_one_worker_and_a_seed_give_equal_bytes(widths: tuple[int, ...]) -> None:
    query = beyond(dense(widths), 0.6, 0.1)
    options = Options(nodes=100_000, workers=1, seed=3)
    first, second = (verify(query, options) for _ in range(2))
    assert isinstance(first, Verified), str(first)
    assert isinstance(second, Verified), str(second)
    assert first.certificate == second.certificate


LAW = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)
SEEDS = st.integers(min_value=40_000, max_value=49_999)


@LAW
@given(seed=SEEDS, data=st.data())
def test_a_smaller_box_stays_verified(seed: int, data: st.DataObject) -> None:
    query = make_case(seed).query
    verdict = verify(query, OPTIONS)
    if not isinstance(verdict, Verified) or verdict.vacuous:  # an empty box has no smaller ones
        return
    shares = st.integers(min_value=0, max_value=8)
    lower, upper = list[fmpq](), list[fmpq]()
    for low, high in zip(query.lower, query.upper, strict=True):
        ends = sorted((data.draw(shares), data.draw(shares)))
        lower.append(low + (high - low) * fmpq(ends[0], 8))
        upper.append(low + (high - low) * fmpq(ends[1], 8))
    smaller = replace(query, lower=tuple(lower), upper=tuple(upper))
    assert isinstance(verify(smaller, OPTIONS), Verified)


def permuted(network: Network, rng: np.random.Generator) -> tuple[Network, dict[int, int]]:
    """The network with hidden dense relu layers in another order; where each value went."""
    nodes, moved = list(network.nodes), {v: v for v in range(network.offsets[-1])}
    for i, node in enumerate(network.nodes):
        if not isinstance(node, Pwl) or not isinstance(nodes[node.source], Affine):
            continue
        before = nodes[node.source]
        readers = [j for j, n in enumerate(nodes) if i in n.sources]
        direct = [j for j, n in enumerate(nodes) if node.source in n.sources]
        simple = isinstance(before, Affine) and all(isinstance(op, Dense) for _, op in before.terms)
        if not simple or direct != [i] or node.knots.shape[1] != 1:
            continue
        if not all(_is_plain(nodes[j], i, network.sizes[i]) for j in readers):
            continue
        order = rng.permutation(network.sizes[i])
        for k, old in enumerate(order.tolist()):
            for n in (i, node.source):
                moved[network.offsets[n] + old] = network.offsets[n] + k
        terms = tuple((s, Dense.of(op.weight[order])) for s, op in before.terms)  # type: ignore[union-attr]
        nodes[node.source] = replace(before, terms=terms, bias=before.bias[order])  # type: ignore[union-attr]
        for j in readers:
            reader = nodes[j]
            changed = tuple(
                (s, Dense.of(op.weight[:, order]) if s == i else op)  # type: ignore[union-attr]
                for s, op in reader.terms  # type: ignore[union-attr]
            )
            nodes[j] = replace(reader, terms=changed)  # type: ignore[arg-type]
    return Network(tuple(nodes), network.outputs), moved


def _is_plain(node: Node, source: int, size: int) -> bool:
    """Whether a node reads a source by dense weights of its full width only."""
    terms = node.terms if isinstance(node, Affine) else ()
    mine = [op for s, op in terms if s == source]
    return bool(mine) and all(isinstance(op, Dense) and op.weight.shape[1] == size for op in mine)


def _renamed(formula: Formula, moved: dict[int, int]) -> Formula:
    if isinstance(formula, Atom):
        terms = {moved[v]: c for v, c in formula.terms}
        return atom(terms, formula.constant, formula.relation)
    return type(formula)(tuple(_renamed(part, moved) for part in formula.parts))


def test_permutation_moves_neurons() -> None:
    net, moved = permuted(dense((3, 8, 8, 1)), np.random.default_rng(1))
    assert sum(old != new for old, new in moved.items()) > 10
    point = np.array([[0.1, -0.7, 0.4]])
    before, after = (compile_network(n).forward(point)[-1] for n in (dense((3, 8, 8, 1)), net))
    assert before == pytest.approx(after)


@LAW
@given(seed=SEEDS)
def test_permuting_hidden_neurons_keeps_the_verdict(seed: int) -> None:
    query = make_case(seed).query
    network, moved = permuted(query.network, np.random.default_rng(seed))
    unsafe = _renamed(query.unsafe, moved)
    assert isinstance(unsafe, And)
    other = replace(query, network=network, unsafe=unsafe)
    assert type(verify(other, OPTIONS)) is type(verify(query, OPTIONS))


# Budgets.


def hard() -> Query:
    """A query that takes minutes."""
    return beyond(dense((8, 60, 60, 60, 1), seed=5), 1.0, 0.4)


def test_a_node_budget_ends_in_unknown() -> None:
    verdict = verify(hard(), Options(nodes=200, workers=1))
    assert isinstance(verdict, Unknown)
    assert verdict.reason == "the budget of 200 subproblems is spent"
    assert not verdict.is_timeout
    assert verdict.effort.nodes >= 200


def test_a_memory_budget_ends_in_unknown() -> None:
    verdict = verify(hard(), Options(memory_mib=1, workers=1, timeout=600))
    assert isinstance(verdict, Unknown)
    assert verdict.reason == "the open subproblems hold more than 1 MiB"
    assert not verdict.is_timeout


@pytest.mark.parametrize("workers", [1, 2])
def test_a_time_budget_ends_in_unknown(workers: int) -> None:
    verdict = verify(hard(), Options(timeout=2.0, workers=workers))
    assert isinstance(verdict, Unknown)
    assert verdict.reason == "the time budget of 2 s is spent"
    assert verdict.is_timeout
    assert 0 <= verdict.open_fraction <= 1
