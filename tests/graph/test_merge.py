"""Several networks in one graph compute what each computes alone; products are exact."""

import random
from pathlib import Path

import pytest
from flint import fmpq
from hypothesis import given
from hypothesis import strategies as st

from tests.load.vnnlib2_documents import relu_model, save
from verifai.graph.formulas import atom
from verifai.graph.merge import Port, merge
from verifai.graph.nodes import affine
from verifai.kernel.errors import InputError
from verifai.kernel.files.network import decode_network
from verifai.kernel.network import Affine, Input, Network
from verifai.kernel.operator import Dense
from verifai.kernel.query import And, Atom
from verifai.kernel.replay import evaluate
from verifai.load.onnx.read import load_onnx
from verifai.load.vnnlib import polynomial
from verifai.load.vnnlib.condition import LinearSum
from verifai.load.vnnlib.polynomial import Products, with_products
from verifai.proof.network import encode_network


def network(*sizes: int) -> Network:
    """The sum of the inputs' sums, once for each input."""
    inputs = [Input(f"x{i}", (size,)) for i, size in enumerate(sizes)]
    terms = tuple((i, Dense.of([[1.0] * size])) for i, size in enumerate(sizes))
    return Network((*inputs, affine("y", (1,), terms)), (len(inputs),))


@given(st.integers(0, 10**6))
def test_merged_networks_compute_what_each_computes(seed: int) -> None:
    rng = random.Random(seed)
    kinds = [network(2), network(1, 3), network(3)]
    parts = [(f"p{i}", rng.choice(kinds)) for i in range(rng.randint(1, 4))]
    places = [
        Port(p, node, i)
        for p, (_, net) in enumerate(parts)
        for node in net.inputs
        for i in range(net.sizes[node])
    ]
    equal = [(rng.choice(places), rng.choice(places)) for _ in range(rng.randint(0, 6))]
    merged = merge(parts, equal)
    point = [fmpq(rng.randint(-9, 9), 4) for _ in merged.network.inputs for _ in range(9)]
    total = len(merged.network.input_values)
    values, _ = evaluate(merged.network, point[:total])
    where: dict[Port, int] = {}
    for p, (_, net) in enumerate(parts):
        own = []
        for node in net.inputs:
            numbers = merged.values(p, node)
            where |= {Port(p, node, i): number for i, number in enumerate(numbers)}
            own += [values[number] for number in numbers]
        alone, _ = evaluate(net, own)
        assert values[merged.values(p, net.outputs[0])[0]] == alone[-1]
    assert all(where[a] == where[b] for a, b in equal)
    assert total == len(set(where.values()))
    assert decode_network(encode_network(merged.network)).outputs == merged.network.outputs


def test_names_say_which_network_and_single_networks_keep_theirs(tmp_path: Path) -> None:
    net = load_onnx(save(tmp_path / "f.onnx", relu_model(1)))
    names = [node.name for node in net.nodes]
    assert [node.name for node in merge([("f", net)]).network.nodes] == names
    both = merge([("f", net), ("g", net)])
    assert {node.name for node in both.network.nodes} == {f"{p}/{n}" for p in "fg" for n in names}
    assert len(both.network.outputs) == 2


def test_the_same_network_on_the_same_inputs_is_there_once(tmp_path: Path) -> None:
    net = load_onnx(save(tmp_path / "f.onnx", relu_model(1)))
    equal = [(Port(0, 0, i), Port(1, 0, i)) for i in range(2)]
    assert len(merge([("f", net), ("g", net)], equal).network.nodes) == len(net.nodes)
    crossed = [(Port(0, 0, i), Port(1, 0, 1 - i)) for i in range(2)]
    merged = merge([("f", net), ("g", net)], crossed).network
    assert len(merged.nodes) == 2 * len(net.nodes)
    assert isinstance(merged.nodes[1], Affine)


def test_wrong_places_are_refused() -> None:
    with pytest.raises(InputError, match="no networks"):
        merge([])
    for place in ((0, 0, 2), (0, 1, 0), (1, 0, 0), (0, 0, -1)):
        with pytest.raises(InputError, match="no value"):
            merge([("f", network(2))], [(Port(0, 0, 0), Port(*place))])


def terms(rng: random.Random, count: int) -> LinearSum:
    chosen = rng.sample(range(count), rng.randint(1, min(count, 3)))
    big = 2**60 + 1 if rng.random() < 0.2 else 1
    coefficients = {
        v: fmpq(rng.choice([-3, -1, 1, 2, big]), rng.choice([1, 3, 10])) for v in chosen
    }
    return LinearSum(coefficients, fmpq(rng.randint(-2, 2), 7))


@given(st.integers(0, 10**6))
def test_products_are_nodes_of_exactly_that_value(seed: int) -> None:
    rng = random.Random(seed)
    net = network(2, 3)
    products = Products(net.offsets[-1])
    factors = [terms(rng, 5) for _ in range(rng.randint(2, 5))]
    factors += rng.choices(factors, k=rng.randint(0, 2))
    result = products.product(factors)
    form = atom(result.terms, result.constant)
    grown, formula = with_products(net, products, And((form,)))
    point = [fmpq(rng.randint(-9, 9), 4) for _ in range(5)]
    values, _ = evaluate(grown, point)
    expected = fmpq(1)
    for factor in factors:
        expected *= sum((c * point[v] for v, c in factor.terms.items()), factor.constant)
    (part,) = formula.parts
    if isinstance(part, Atom):
        found = sum((c * values[v] for v, c in part.terms), part.constant)
        assert found == expected
    else:
        assert part == And(())
    decode_network(encode_network(grown))


def test_long_sums_become_dense_matrices() -> None:
    net = network(40)
    products = Products(net.offsets[-1])
    both = LinearSum({v: fmpq(v + 1) for v in range(40)}, fmpq(0))
    result = products.product([both, LinearSum({40: fmpq(1)}, fmpq(0))])
    grown, formula = with_products(net, products, And((atom(result.terms, result.constant),)))
    values, _ = evaluate(grown, [fmpq(1)] * 40)
    (part,) = formula.parts
    assert isinstance(part, Atom)
    assert sum(c * values[v] for v, c in part.terms) == 820 * 40


def test_products_are_capped(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = (LinearSum({v: fmpq(1)}, fmpq(0)) for v in range(2))
    with pytest.raises(InputError, match="a product of degree 65"):
        Products(2).product([x] * 33 + [y] * 32)
    monkeypatch.setattr(polynomial, "MAX_PRODUCTS", 3)
    with pytest.raises(InputError, match="more than 3 products"):
        Products(2).product([x] * 4 + [y] * 4)
    with pytest.raises(InputError, match="another network"):
        with_products(network(2), Products(2), And(()))


def test_names_that_would_clash_or_are_long_are_told_apart() -> None:
    nets = [Network((Input(name, (1,)),), (0,)) for name in ("b/x", "x")]
    joined = merge([("a", nets[0]), ("a/b", nets[1])]).network
    assert [node.name for node in joined.nodes] == ["a/b/x", "a/b/x'"]
    nodes = [Input("n" * 500 + end, (1,)) for end in ("a", "b")]
    parts = [("f", Network((node,), (0,))) for node in nodes]
    names = [node.name for node in merge(parts).network.nodes]
    assert names[1] == names[0] + "'"
    assert len(names[0]) < 410
