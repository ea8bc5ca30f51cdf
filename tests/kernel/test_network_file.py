"""Networks come back from their files unchanged, and malformed files are refused."""

import json
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from flint import fmpq
from hypothesis import given
from hypothesis import strategies as st

from verifai.bounds.compiled import compile_network
from verifai.graph.nodes import affine, pwl, relu
from verifai.kernel.errors import InputError
from verifai.kernel.files.container import Array, digest, unpack
from verifai.kernel.files.network import decode_network
from verifai.kernel.network import Affine, Input, Network, Node, Product, Pwl, Sign, Square
from verifai.kernel.operator import Conv, Dense, Gather, Operator
from verifai.kernel.replay import evaluate
from verifai.proof.container import pack
from verifai.proof.network import encode_network


def every_kind(seed: int = 0) -> Network:
    """A network with every kind of node and operator, and random data."""
    draw = np.random.default_rng(seed)
    short = bool(seed % 2)  # data that float32 holds, or not

    def data(*shape: int) -> Array:
        values = draw.normal(size=shape)
        return values.astype(np.float32) if short else values

    conv = Conv.of(
        data(4, 1, 2, 2), (5, 6), stride=(2, 1), padding=((1, 0), (0, 2)), dilation=(1, 2), groups=2
    )
    size, flat = conv.size(60), (conv.size(60),)
    order = draw.integers(-1, size, 7)
    return Network(
        (
            Input("x", (2, 5, 6)),
            Input("öther input", (3,)),
            affine("conv", flat, ((0, conv),), bias=data(size)),
            relu("relu", flat, 2),
            affine("pick", (7,), ((3, Gather.of(size, order, data(7))),), divisor=3.0),
            affine(
                "sum",
                (7,),
                (
                    (4, Gather.of(7)),
                    (4, Gather.of(7, None, -2.0)),
                    (1, Dense.of(data(7, 3))),
                    (1, Dense.of(data(7, 3))),
                ),
                bias=data(7),
                divisor=np.arange(1.0, 8.0),
                radius=abs(data(7)) * 1e-9,
            ),
            pwl("clip", (7,), 5, [-1.0, 1.0], [0.0, 1.0, 0.0], -1.0),
            pwl("prelu", (7,), 5, data(1, 7), data(2, 7), data(7)),
            Sign("sign", (7,), 5),
            Square("square", (7,), 6),
            Product("product", (7,), 6, 7),
        ),
        (8, 9, 10, 0),
    )


def same_operator(left: Operator, right: Operator) -> bool:
    if isinstance(left, Gather) and isinstance(right, Gather):
        same = np.array_equal(left.index, right.index) and np.array_equal(left.scale, right.scale)
        return same and left.inputs == right.inputs and left.is_identity == right.is_identity
    if isinstance(left, Conv) and isinstance(right, Conv):
        keys = ("spatial", "stride", "before", "after", "dilation", "groups")
        if any(getattr(left, key) != getattr(right, key) for key in keys):
            return False
    assert isinstance(left, Dense | Conv)
    return type(left) is type(right) and np.array_equal(left.weight, right.weight)


def same_node(left: Node, right: Node) -> bool:
    if type(left) is not type(right) or left.sources != right.sources:
        return False
    keys: tuple[str, ...] = ()
    if isinstance(left, Affine) and isinstance(right, Affine):
        keys = ("bias", "divisor", "radius")
        pairs = zip(left.terms, right.terms, strict=True)
        if not all(same_operator(mine, other) for (_, mine), (_, other) in pairs):
            return False
    if isinstance(left, Pwl):
        keys = ("knots", "slopes", "anchor")
    arrays = [(getattr(left, key), getattr(right, key)) for key in keys]
    return (left.name, left.shape) == (right.name, right.shape) and all(
        (a is None and b is None) or np.array_equal(a, b) for a, b in arrays
    )


def same_network(left: Network, right: Network) -> bool:
    nodes = zip(left.nodes, right.nodes, strict=True)
    return left.outputs == right.outputs and all(same_node(a, b) for a, b in nodes)


@given(st.integers(0, 10_000))
def test_a_network_comes_back(seed: int) -> None:
    network = every_kind(seed)
    data = encode_network(network)
    back = decode_network(data)
    assert same_network(back, network)
    assert encode_network(back) == data
    assert digest(data) == digest(encode_network(every_kind(seed)))


def test_the_digest_is_sha256() -> None:
    assert digest(b"abc").startswith(
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


def test_safetensors_sees_float32_shared_arrays_and_single_numbers() -> None:
    weight = np.arange(6.0).reshape(2, 3)
    network = Network(
        (
            Input("x", (3,)),
            affine("a", (2,), ((0, Dense.of(weight)),), bias=0.1),
            affine("b", (2,), ((0, Dense.of(weight.copy())), (1, Gather.of(2, None, 0.5)))),
        ),
        (2,),
    )
    arrays = safetensors.numpy.load(encode_network(network))
    found = sorted((str(a.dtype), a.shape) for a in arrays.values())
    assert found == [("float32", (1,)), ("float32", (1,)), ("float32", (2, 3)), ("float64", (1,))]
    assert same_network(decode_network(encode_network(network)), network)


def test_a_vector_is_one_number_only_if_the_bits_agree() -> None:
    network = Network(
        (Input("x", (2,)), affine("y", (2,), ((0, Gather.of(2, None, [0.0, -0.0])),))), (1,)
    )
    back = decode_network(encode_network(network)).nodes[1]
    assert isinstance(back, Affine)
    (operator,) = [operator for _, operator in back.terms]
    assert isinstance(operator, Gather)
    assert np.signbit(operator.scale).tolist() == [False, True]


@pytest.mark.parametrize("stride", [7, 1 << 62, 1 << 70])
def test_a_stride_beyond_every_length_sees_the_first_place(stride: int) -> None:
    """Loaders refuse such strides by name; in the format they mean what they say."""
    weight = np.arange(1.0, 5.0).reshape(1, 1, 2, 2)
    conv = Conv.of(weight, (3, 4), stride=(stride, stride))
    network = Network((Input("x", (12,)), affine("y", (1,), ((0, conv),))), (1,))
    back = decode_network(encode_network(network))
    assert same_network(back, network)
    assert evaluate(back, [fmpq(k) for k in range(12)])[0][-1] == 0 * 1 + 1 * 2 + 4 * 3 + 5 * 4
    x = np.arange(12.0)[None]
    assert compile_network(back).forward(x)[1].tolist() == [[34.0]]


@pytest.mark.parametrize("name", ["", "a\nb", "\ud800", "x" * 501])
def test_a_name_that_cannot_be_printed_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="printable"):
        encode_network(Network((Input(name, (1,)),), (0,)))


def test_a_kind_without_a_format_is_not_written() -> None:
    softmax: Any = type("Softmax", (), {"name": "s", "shape": (1,), "sources": (0,)})()
    with pytest.raises(InputError, match="node 's' is of a kind that the format lacks"):
        encode_network(Network((Input("x", (1,)), softmax), (1,)))


def edited(change: Callable[[list[dict[str, Any]], list[Any], dict[str, Array]], object]) -> bytes:
    """The file of a network after a change of its nodes, outputs, arrays."""
    metadata, arrays = unpack(encode_network(every_kind()), max_header=1 << 20)
    nodes, outputs = json.loads(metadata["nodes"]), json.loads(metadata["outputs"])
    arrays = dict(arrays)
    change(nodes, outputs, arrays)
    texts = {"nodes": json.dumps(nodes), "outputs": json.dumps(outputs)}
    return pack({**metadata, **texts}, arrays)


X, OTHER, CONV, RELU, PICK, SUM, CLIP, PRELU, SIGN, SQUARE, PRODUCT = range(11)
NETWORK_ERRORS: list[tuple[Callable[..., object], str]] = [
    (lambda n, o, a: n[X].update(extra=1), "node 'x': want the keys kind, name, shape"),
    (lambda n, o, a: n[CONV].pop("bias"), "node 'conv': want the keys"),
    (lambda n, o, a: n[X].update(name=3), "node 0: name: want a printable string"),
    (lambda n, o, a: n[X].update(name="a\u202eb"), "node 0: name: want a printable string"),
    (lambda n, o, a: n[OTHER].update(name="x"), "node 'x' occurs twice"),
    (lambda n, o, a: n[X].update(kind="softmax"), "node 'x': kind: want one of input, affine"),
    (lambda n, o, a: n[X].update(kind=["input"]), "node 'x': kind"),
    (lambda n, o, a: n.insert(0, []), "node 0: want an object"),
    (lambda n, o, a: n[X].update(shape=3), "node 'x': shape: want a list"),
    (lambda n, o, a: n[X].update(shape=[True]), "node 'x': shape: want an integer"),
    (lambda n, o, a: n[X].update(shape=["3"]), "node 'x': shape: want an integer"),
    (lambda n, o, a: n[X].update(shape=[-1, -60]), "node 'x': a bad shape"),
    (lambda n, o, a: n[X].update(shape=[0]), "node 'x': a bad shape"),
    (lambda n, o, a: n[X].update(shape=[1 << 60]), "node 'x': a bad shape"),
    (lambda n, o, a: n[X].update(shape=[1] * 33), "node 'x': a bad shape"),
    (lambda n, o, a: n[X].update(shape=[1 << 27, 2]), "more than 134217728 values in all"),
    (lambda n, o, a: n[RELU].update(source="nobody"), "node 'relu': want the name of an"),
    (lambda n, o, a: n[RELU].update(source="relu"), "node 'relu': want the name of an"),
    (lambda n, o, a: n[RELU].update(source=2), "node 'relu': want the name of an"),
    (lambda n, o, a: n[PRODUCT].update(right="x"), "node 'product': .* values for shape"),
    (lambda n, o, a: n[PRODUCT].update(right=None), "node 'product': want the name of an"),
    (lambda n, o, a: n[CONV].update(bias="99"), "node 'conv': bias: want the name of an array"),
    (lambda n, o, a: n[CONV].update(bias=["0"]), "node 'conv': bias: want the name of an array"),
    (lambda n, o, a: n[CONV].update(bias=None), "node 'conv': bias: want the name of an array"),
    (lambda n, o, a: n[CONV].update(bias=n[SUM]["bias"]), "node 'conv': bias: 7 numbers"),
    (lambda n, o, a: n[CONV].update(radius=n[SUM]["bias"]), "node 'conv': divisor, radius: 7"),
    (lambda n, o, a: a.update({n[SUM]["radius"]: -np.ones(7)}), "node 'sum': a negative radius"),
    (
        lambda n, o, a: a.update({n[SUM]["divisor"]: np.full(7, 1.5)}),
        "node 'sum': a divisor that is no",
    ),
    (lambda n, o, a: n[CONV].update(terms={}), "node 'conv': terms: want a list"),
    (lambda n, o, a: n[CONV].update(terms=[3]), "node 'conv': source: want"),
    (
        lambda n, o, a: n[CONV]["terms"][0].update(operator="fft"),
        "node 'conv': operator: want dense",
    ),
    (
        lambda n, o, a: n[CONV]["terms"][0].update(x=1),
        "node 'conv': want the keys source, operator",
    ),
    (lambda n, o, a: n[SUM]["terms"][0].update(x=1), "node 'sum': want the keys source, operator"),
    (lambda n, o, a: n[SUM]["terms"][2].update(x=1), "node 'sum': want the keys source, operator"),
    (
        lambda n, o, a: n[CONV]["terms"][0].update(groups=True),
        "node 'conv': groups: want an integer",
    ),
    (lambda n, o, a: n[CONV]["terms"][0].update(groups=3), "node 'conv': 4 output channels in 3"),
    (lambda n, o, a: n[CONV]["terms"][0].update(stride=[]), "node 'conv': convolution data for"),
    (lambda n, o, a: n[CONV]["terms"][0].update(stride=[0, 1]), "node 'conv': a convolution with"),
    (lambda n, o, a: n[CONV]["terms"][0].update(stride="11"), "node 'conv': stride: want a list"),
    (lambda n, o, a: n[CONV]["terms"][0].update(spatial=[6, 5]), "node 'conv': terms of"),
    (lambda n, o, a: a.update({n[CONV]["terms"][0]["weight"]: np.zeros((0, 1, 2, 2))}), "does not"),
    (lambda n, o, a: a.update({n[SUM]["terms"][2]["weight"]: np.zeros(21)}), "'sum': weight: an"),
    (lambda n, o, a: a.update({n[PICK]["terms"][0]["index"]: np.zeros(7)}), "'pick': index: an"),
    (lambda n, o, a: a.update({n[PICK]["terms"][0]["scale"]: np.zeros(7, int)}), "scale: an array"),
    (lambda n, o, a: a.update({n[PICK]["terms"][0]["index"]: np.arange(7) - 2}), "outside -1"),
    (lambda n, o, a: a.update({n[PICK]["terms"][0]["index"]: np.arange(3)}), "7 numbers for 3"),
    (lambda n, o, a: a.update({n[PRELU]["knots"]: np.zeros((0, 7))}), "'prelu': an array"),
    (lambda n, o, a: a.update({n[PRELU]["knots"]: np.zeros((1, 5))}), "'prelu': knots and slopes"),
    (lambda n, o, a: a.update({n[PRELU]["slopes"]: np.zeros((3, 7))}), "'prelu': knots and slopes"),
    (lambda n, o, a: a.update({n[CLIP]["knots"]: np.zeros((2, 1))}), "'clip': knots that do not"),
    (lambda n, o, a: a.update(more=np.zeros(1)), "array 'more' is not used"),
    (lambda n, o, a: o.append("nobody"), "outputs: want the name of an earlier node"),
    (lambda n, o, a: o.append(["x"]), "outputs: want the name of an earlier node"),
    (lambda n, o, a: o.clear(), "needs nodes and outputs"),
]


@pytest.mark.parametrize(("change", "reason"), NETWORK_ERRORS)
def test_a_malformed_network_is_refused(change: Callable[..., object], reason: str) -> None:
    assert edited(lambda n, o, a: None)
    with pytest.raises(InputError, match=reason):
        decode_network(edited(change))


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({}, "want the keys format, nodes, outputs"),
        ({"format": "other", "nodes": "[]", "outputs": "[]"}, "network: format: want"),
        ({"format": "verifai-network-1", "nodes": "[", "outputs": "[]"}, "not JSON"),
        ({"format": "verifai-network-1", "nodes": "{}", "outputs": "[]"}, "nodes: want a list"),
        ({"format": "verifai-network-1", "nodes": "[]", "outputs": "{}"}, "outputs: want a list"),
        ({"format": "verifai-network-1", "nodes": "[" * 99999, "outputs": "[]"}, "too deeply"),
        ({"format": "verifai-network-1", "nodes": '[{"a":1,"a":1}]', "outputs": "[]"}, "twice"),
        ({"format": "verifai-network-1", "nodes": "[1.5]", "outputs": "[]"}, "no integer"),
        ({"format": "verifai-network-1", "nodes": "[]", "outputs": "[]"}, "needs nodes"),
    ],
)
def test_a_network_file_with_bad_metadata_is_refused(metadata: dict[str, str], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        decode_network(pack(metadata, {}))


@given(st.integers(0, 2**32))
def test_a_mutated_network_file_is_refused_or_read(seed: int) -> None:
    draw = random.Random(seed)
    data = bytearray(encode_network(every_kind()))
    for _ in range(draw.randint(1, 4)):
        data[draw.randrange(draw.choice([len(data), 3000]))] = draw.randrange(256)
    with suppress(InputError):
        decode_network(bytes(data))
