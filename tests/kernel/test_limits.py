"""Small files that ask for much are refused before any of it is done; real ones are far off."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from flint import fmpq

from tests.kernel.distance import ABS, at_least, query_of
from tests.kernel.false_claims import INPUT, PAIR, chain, on
from tests.kernel.proofs import Block, Close, Derive, Split, Tree, decide, plan_of, written
from verifai.graph.nodes import affine, pwl
from verifai.kernel import limits
from verifai.kernel.errors import InputError, Rejection
from verifai.kernel.files.container import digest
from verifai.kernel.files.network import decode_network
from verifai.kernel.limits import PRODUCTS, STEPS, VALUES, check_work
from verifai.kernel.network import Input, Network, Node, Square
from verifai.kernel.operator import Conv, Dense, Gather
from verifai.kernel.query import And, Atom, Query
from verifai.proof.files import Files
from verifai.proof.network import encode_network
from verifai.proof.query import encode_query

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "cases" / "hostile"
ONE = fmpq(1)
LIMIT = 1 << 30  # bytes of memory for a refusal
SECONDS = 20  # of processor time, after which the system ends the process


def alone(network: bytes, query: bytes, certificate: bytes, folder: Path, *options: str) -> str:
    """What the kernel alone says about these files, within narrow limits."""

    def narrow() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))

    names = [folder / name for name in ("network", "query", "certificate")]
    for path, data in zip(names, (network, query, certificate), strict=True):
        path.write_bytes(data)
    done = subprocess.run(
        [sys.executable, "-m", "verifai.kernel", *map(str, names), *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=narrow,
        env={"OPENBLAS_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"},
    )
    return f"{done.returncode} {done.stdout}{done.stderr}"


def files(query: Query, tree: Tree) -> tuple[bytes, bytes, bytes]:
    found = Files.of(query)
    return found.network, found.query, found.certificate(written(tree))


def vast(values: int) -> Network:
    """So many values for one number in the file."""
    return Network((Input("x", (1,)), affine("y", (values,), (), bias=1.0)), (1,))


OPTIONS = pytest.mark.parametrize("options", [(), ("--exact",)], ids=["rounded", "exact"])


@OPTIONS
def test_a_network_of_many_values_in_a_small_file_is_refused(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    network = encode_network(vast(1 << 24)).replace(b"[16777216]", b"[67108864]")
    assert len(network) < 400
    query = encode_query(on(INPUT, 0, 1), digest(network))
    found = alone(network, query, b"", tmp_path, *options)
    assert found.startswith("4 ")
    assert "more values" in found


@OPTIONS
def test_a_certificate_that_repeats_a_plan_is_rejected(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    query = on(chain(Square("y", (1,), 0)), fmpq(1, 3), fmpq(9, 10), at_least(1, ONE))
    tree: Tree = Close(Block(rows=((0, 1.0),)))
    plan = (("node", 1, None),) * 3000
    for _ in range(3000):
        tree = Derive(plan, tree)
    found = alone(*files(query, tree), tmp_path, *options)
    assert found.startswith("1 rejected: work: ")


@pytest.mark.skipif(not SHARED.exists(), reason="the cases are not beside this checkout")
@pytest.mark.parametrize(("name", "code"), [("k1", "4 "), ("k3", "1 ")])
@OPTIONS
def test_cases_that_cost_much_are_refused(
    tmp_path: Path, name: str, code: str, options: tuple[str, ...]
) -> None:
    data = [(SHARED / f"{name}.{kind}").read_bytes() for kind in ("net", "json", "cert")]
    assert alone(*data, tmp_path, *options).startswith(code)


def repeated(terms: int, operator: Dense | Gather | Conv, size: int) -> bytes:
    """A network whose one node adds an operator to itself so many times."""
    node = affine("y", (operator.size(size),), ((0, operator),) * terms)
    return encode_network(Network((Input("x", (size,)), node), (1,)))


def piecewise(pieces: int, values: int) -> bytes:
    wide = affine(
        "w", (values,), ((0, Dense.of(np.ones((1, 1)))),) if values == 1 else (), bias=1.0
    )
    many = pwl("y", (values,), 1, np.arange(pieces), np.ones(pieces + 1))
    return encode_network(Network((Input("x", (1,)), wide, many), (2,)))


HOSTILE: dict[str, Callable[[], bytes]] = {
    "numbers: a selection, again and again": lambda: repeated(400, Gather.of(1 << 16), 1 << 16),
    "numbers: weights, again and again": lambda: repeated(500, Dense.of(np.ones((256, 256))), 256),
    "numbers: padding": lambda: repeated(
        1,
        Conv.of([[[[1.0]]]], (2, 2), padding=((4000, 4000), (4000, 4000)), stride=(5000, 5000)),
        4,
    ),
    "products: a kernel as large as its input": lambda: repeated(
        1, Conv.of(np.ones((1, 1, 300, 300)), (600, 600)), 360_000
    ),
    "products: pieces": lambda: piecewise(20_000, 200_000),
    "values: many nodes": lambda: encode_network(
        Network(
            (Input("x", (1,)), *(affine(f"y{i}", (1 << 14,), (), bias=1.0) for i in range(32))),
            (1,),
        )
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_network_that_asks_for_much_is_refused_by_what_it_asks_for(name: str) -> None:
    data = HOSTILE[name]()
    with pytest.raises(InputError, match=f"more {name.split(':')[0]} in all"):
        decode_network(data)


def test_what_a_query_lists_may_be_asked_for() -> None:
    """An image of many pixels, whose ends stand in the query."""
    pixels = 300 * 300
    layers: list[Node] = [Input("x", (pixels,))]
    layers += [affine(f"y{i}", (pixels,), ((i, Gather.of(pixels)),)) for i in range(5)]
    data = encode_network(Network(tuple(layers), (5,)))
    with pytest.raises(InputError, match="more values"):
        decode_network(data)
    assert decode_network(data, beside=10 * pixels).offsets[-1] == 6 * pixels


def test_limits_are_far_above_real_networks() -> None:
    """Of the networks of the public benchmarks, 0.33 values, 0.9 numbers, 16 products a byte."""
    assert VALUES[1] >= 16 * 0.33
    assert limits.NUMBERS[1] >= 64 * 0.9
    assert PRODUCTS[1] >= 256 * 16


# certificates


@pytest.mark.parametrize("count", [1, 40])
def test_every_tree_node_may_derive_everything_several_times(count: int) -> None:
    leaf: Tree = Close(Block(rows=((0, 1.0),)))
    for k in range(count):
        leaf = (
            Split(0, k / 64, Derive(plan_of(ABS) * 4, leaf), Derive(plan_of(ABS) * 4, leaf))
            if (k < 6)
            else Derive(plan_of(ABS) * 4, leaf)
        )
    proof = written(leaf)
    check_work(proof, ABS, 2)


def tree_of(plan: tuple[tuple[str, object, Block | None], ...], count: int) -> Tree:
    tree: Tree = Close(Block(rows=((0, 1.0),)))
    for _ in range(count):
        tree = Derive(plan, tree)  # type: ignore[arg-type]
    return tree


MANY = Block(rows=tuple((0, 1.0) for _ in range(3000)))
LONG = tuple((v, 1.0) for v in range(3000))
WIDE = Network((Input("x", (4000,)),), (0,))


@pytest.mark.parametrize(
    ("network", "tree", "what"),
    [
        (ABS, lambda: tree_of((("node", 1, None),) * 2000, 2000), "steps"),
        (ABS, lambda: tree_of((("image", 1, None),) * 2000, 2000), "steps"),
        (ABS, lambda: tree_of((("plain", 1, None),) * 2000, 2000), "steps"),
        (ABS, lambda: tree_of((("form", 1, None),) * 2000, 2000), "steps"),
        (ABS, lambda: tree_of((("node", 1, MANY),), 2000), "terms"),
        (ABS, lambda: tree_of((("form", 1, MANY),), 2000), "terms"),
        (PAIR, lambda: tree_of((("form", 1, MANY),) * 2, 1000), "terms"),
    ],
)
def test_a_tree_that_repeats_its_steps_is_rejected(
    network: Network, tree: Callable[[], Tree], what: str
) -> None:
    with pytest.raises(Rejection, match=what) as found:
        check_work(written(tree()), network, 2)
    assert found.value.rule == "work"


def balanced(depth: int, leaf: Tree, form: object = 0) -> Tree:
    tree = leaf
    for _ in range(depth):
        tree = Split(form, 0.0, tree, tree)  # type: ignore[arg-type]
    return tree


def test_leaves_that_share_a_long_block_are_rejected() -> None:
    with pytest.raises(Rejection, match="terms"):
        check_work(written(balanced(12, Close(MANY))), ABS, 2)
    check_work(written(balanced(4, Close(MANY))), ABS, 2)


def test_a_long_row_counts_with_every_term() -> None:
    block = Block(rows=tuple((0, 1.0) for _ in range(50)))
    proof = written(balanced(10, Close(block)))
    check_work(proof, ABS, 2)
    with pytest.raises(Rejection, match="terms"):
        check_work(proof, ABS, 3000)


def test_splits_that_share_a_long_form_count_with_every_term() -> None:
    small = Network((Input("x", (3000,)),), (0,))
    check_work(written(balanced(10, Close(), LONG)), small, 2)  # 64 terms a value and tree node
    with pytest.raises(Rejection, match="terms"):
        check_work(written(balanced(12, Close(), LONG)), ABS, 2)


def test_a_query_knows_its_longest_row() -> None:
    long = Atom(tuple((v, ONE) for v in range(9)), ONE)
    net = Network((Input("x", (12,)),), (0,))
    assert query_of(net, long).longest == 9
    assert query_of(net, And((And((long,)),))).longest == 9
    assert query_of(net, at_least(0, ONE), domain=(long,)).longest == 9
    assert query_of(net).longest == 0


def test_the_checker_counts_before_it_works() -> None:
    query = query_of(ABS, at_least(0, fmpq(2)))
    assert decide(query, Close(), exact=False).leaves == 1
    with pytest.raises(Rejection, match="work"):
        decide(query, tree_of((("node", 1, None),) * 2000, 2000), exact=False)
    assert STEPS[0] + STEPS[1] * 4 * 2001 + limits.STORED * 2000 < 2000 * 2000


def test_a_path_holds_few_contexts_at_a_time(tmp_path: Path) -> None:
    """Of two children the smaller is visited first: few wait, with intervals of their own."""
    values, depth = 270_000, 300
    assert depth * values * 16 > LIMIT
    far = Atom(((1, -ONE), (2, -ONE)), fmpq(4))
    leaf = Close(Block(rows=((0, 1.0),)))
    for is_left in (True, False):
        tree: Tree = leaf
        for k in range(depth):
            deep, at = Derive((("image", 1, None),), tree), (depth - k) / (2 * depth)
            tree = Split(0, 1 - at, deep, leaf) if is_left else Split(0, at, leaf, deep)
        found = alone(*files(on(vast(values), 0, 1, far), tree), tmp_path)
        assert found.startswith("0 "), found[-300:]
