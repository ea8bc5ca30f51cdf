"""LB is below the exact value at every point, whatever multipliers and slopes it is given."""

from fractions import Fraction
from random import Random

import numpy as np
import pytest
from flint import fmpq

from tests.kernel.meaning import values_at
from tests.kernel.proofs import KINDS, Block, Close, below_query, dyadic, random_network, written
from verifai.graph.nodes import affine, relu
from verifai.kernel import eliminate
from verifai.kernel.checker import Checker, _Run
from verifai.kernel.context import Contexts, FormBuilder
from verifai.kernel.derive import Context
from verifai.kernel.eliminate import lower_bounds
from verifai.kernel.errors import Rejection
from verifai.kernel.network import Input, Network, Product, Pwl, Sign, Square
from verifai.kernel.number import exact as rational
from verifai.kernel.operator import Dense
from verifai.kernel.query import Query

Form = dict[int, fmpq]


@pytest.fixture(autouse=True)
def every_part_of_a_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of weights are used for a single form already, where values are 0."""
    monkeypatch.setattr(eliminate, "COPIED", 1)


def as_fraction(value: object) -> Fraction:
    if isinstance(value, fmpq):
        return Fraction(int(value.p), int(value.q))
    return Fraction(float(value))  # type: ignore[arg-type]


def bound(query: Query, form: Form, block: Block, *, exact: bool) -> object:
    """LB(form; block) in the root's context."""
    checker = Checker(query, exact=exact)
    proof = written(Close(block))
    run, root = _Run(checker, proof), checker.root
    place = Context(0, root.low, root.high, (), tuple(range(len(checker.first))), (), 0, False)
    scene = Contexts(root, proof, root.low[None], root.high[None], np.array([0]))
    with np.errstate(all="ignore"):
        builder = FormBuilder(root, 1)
        for value, factor in form.items():
            builder.term(0, value, factor)
        run.ledger.multiply(builder, 0, scene, 0, place.rows)
        return lower_bounds(root, builder.build(), scene)[0]


def random_block(random: Random, network: Network) -> Block:
    total = network.offsets[-1]
    slopes = []
    for i, node in enumerate(network.nodes):
        if isinstance(node, Pwl | Sign | Square | Product):
            places = 4 if isinstance(node, Product) else 2
            for k in range(network.sizes[i]):
                if random.random() < 0.3:
                    place = random.randrange(places)
                    slopes.append((network.offsets[i] + k, place, dyadic(random, 4, 2)))
    columns = sum(network.sizes[i] for i, n in enumerate(network.nodes) if isinstance(n, Pwl))
    codes = tuple(random.choice([255, random.randrange(129)]) for _ in range(columns))
    some = [random.randrange(total) for _ in range(random.randrange(3))]
    return Block(
        rows=((0, random.choice([0.0, 0.5, 1.0])),),
        bounds=tuple((v, dyadic(random)) for v in some),
        slopes=tuple(slopes),
        codes=codes if random.random() < 0.5 else (),
    )


def true_value(query: Query, form: Form, block: Block, values: list[Fraction]) -> Fraction:
    """The form plus the block's rows and bounds, with the root's rounded intervals."""
    total = sum((as_fraction(c) * values[v] for v, c in form.items()), Fraction(0))
    atom = query.unsafe.parts[0]
    row = as_fraction(atom.constant) + sum(as_fraction(c) * values[v] for v, c in atom.terms)  # type: ignore[union-attr]
    total += Fraction(block.rows[0][1]) * row
    root = Checker(query).root
    for v, m in block.bounds:
        low, high = Fraction(root.low[v]), Fraction(root.high[v])
        total += Fraction(m) * (low - values[v]) if m > 0 else -Fraction(m) * (values[v] - high)
    return total


def case(seed: int, kinds: tuple[str, ...] | None = None) -> tuple[Query, Form, Block, Random]:
    random = Random(seed)
    kinds = kinds or (KINDS if seed % 3 else (*KINDS, "radius"))
    network = random_network(seed, kinds, depth=4 + seed % 4)
    form = {v: rational(dyadic(random)) for v in random.sample(range(network.offsets[-1]), 2)}
    return below_query(network, fmpq(1)), form, random_block(random, network), random


@pytest.mark.parametrize("seed", range(150))
def test_rounded_bound_is_below_every_value(seed: int) -> None:
    query, form, block, random = case(seed)
    found = bound(query, form, block, exact=False)
    assert np.isfinite(found)  # type: ignore[call-overload]
    size = query.network.sizes[0]
    for _ in range(12):
        point = [Fraction(random.choice([-8, 8, random.randrange(-8, 9)]), 8) for _ in range(size)]
        values = values_at(query.network, point, random)
        assert as_fraction(found) <= true_value(query, form, block, values)


@pytest.mark.parametrize("seed", range(80))
def test_exact_bound_is_below_every_value_and_close_to_the_rounded_one(seed: int) -> None:
    # a sign tells 0 from the end just below 0 that rounded arithmetic has, so it is left out here
    query, form, block, random = case(seed, tuple(k for k in KINDS if k != "sign"))
    block = Block(rows=block.rows, slopes=block.slopes, codes=block.codes)
    rounded = as_fraction(bound(query, form, block, exact=False))
    sharp = as_fraction(bound(query, form, block, exact=True))
    root = Checker(query).root
    scale = 1 + Fraction(float(root.magnitude.max())) ** 2
    assert sharp - rounded <= scale / 10**9
    assert rounded <= sharp + scale / 10**9
    size = query.network.sizes[0]
    for _ in range(6):
        point = [Fraction(random.choice([-8, 8, random.randrange(-8, 9)]), 8) for _ in range(size)]
        values = values_at(query.network, point, random)
        assert sharp <= true_value(query, form, block, values)


def partly_zero(seed: int) -> Network:
    """Two layers of relus of which some are 0 on the whole of [-1, 1]^3, read by two nodes."""
    random = Random(seed)

    def dense(rows: int, columns: int, source: int) -> tuple[int, Dense]:
        return source, Dense.of([[dyadic(random) for _ in range(columns)] for _ in range(rows)])

    def bias(size: int) -> list[float]:
        return [random.choice([0.25, -50.0, 0.0]) for _ in range(size)]

    last = (dense(2, 5, 4), dense(2, 6, 2)) if seed % 2 else (dense(2, 5, 4),)
    return Network(
        (
            Input("x", (3,)),
            affine("a", (6,), (dense(6, 3, 0),), bias=bias(6)),
            relu("f", (6,), 1),
            affine("b", (5,), (dense(5, 6, 2),), bias=bias(5)),
            relu("g", (5,), 3),
            affine("y", (2,), last, divisor=3.0 if seed % 3 else None),
        ),
        (5,),
    )


@pytest.mark.parametrize("seed", range(30))
def test_values_that_are_0_change_no_bound(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    query = below_query(partly_zero(seed), fmpq(1))
    total, parts = query.network.offsets[-1], []
    pull = eliminate._Elimination._pull

    def seen(self, i, term, part, alive):  # type: ignore[no-untyped-def]
        parts.append(part.columns is not None or alive is not None)
        return pull(self, i, term, part, alive)

    monkeypatch.setattr(eliminate._Elimination, "_pull", seen)
    found = []
    for exact in (False, True):
        root = Checker(query, exact=exact).root
        scene = Contexts(
            root, written(Close(Block())), root.low[None], root.high[None], np.array([0])
        )
        builder = FormBuilder(root, 2 * total)
        signs = np.repeat([1.0, -1.0], total)
        builder.units(np.arange(2 * total), np.tile(np.arange(total), 2), signs)
        found.append([as_fraction(x) for x in lower_bounds(root, builder.build(), scene)])
    assert any(parts) == bool((root.high[3:20] <= 0).any())
    for rounded, sharp in zip(*found, strict=True):
        assert rounded <= sharp <= rounded + Fraction(1, 10**9)


def test_an_affine_network_is_bounded_exactly() -> None:
    network = random_network(3, ("dense",), depth=3)
    query = below_query(network, fmpq(0))
    last = network.offsets[-1] - 1
    low = as_fraction(bound(query, {last: fmpq(1)}, Block(rows=((0, 0.0),)), exact=True))
    n = network.sizes[0]
    corners = [[Fraction(1 if i >> j & 1 else -1) for j in range(n)] for i in range(1 << n)]
    assert low == min(values_at(network, c)[last] for c in corners)


@pytest.mark.parametrize("factor", [1e308, 1e-320, -1e308])
def test_overflow_gives_no_bound_and_underflow_a_sound_one(factor: float) -> None:
    query, _, _, random = case(7)
    block = Block(bounds=((query.network.offsets[-1] - 1, factor),), rows=((0, 0.0),))
    form = {0: fmpq(1)}
    found = bound(query, form, block, exact=False)
    if np.isfinite(found):  # type: ignore[call-overload]
        for _ in range(5):
            point = [Fraction(random.randrange(-8, 9), 8) for _ in range(query.network.sizes[0])]
            values = values_at(query.network, point)
            assert as_fraction(found) <= true_value(query, form, block, values)


def test_a_value_beyond_the_largest_magnitude_is_refused() -> None:
    network = random_network(1, ("square",), depth=14)
    query = below_query(network, fmpq(0), lower=(fmpq(10**30),) * network.sizes[0])
    query = below_query(
        network,
        fmpq(0),
        lower=(fmpq(10**30),) * network.sizes[0],
        upper=(fmpq(10**31),) * network.sizes[0],
    )
    with pytest.raises(Rejection, match="finite"):
        Checker(query)


def test_an_inaccurate_matrix_product_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    query, form, block, _ = case(4)
    from verifai.kernel.arithmetic import Rounded

    fine = Rounded.matmul

    def coarse(self: Rounded, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        return np.asarray(left.astype(np.float16).astype(float) @ right) * (1 + 1e-4)

    checker = Checker(query)
    assert checker
    monkeypatch.setattr(Rounded, "matmul", coarse)
    with pytest.raises(Rejection, match="arithmetic"):
        _with_good_root(query, form, block, fine, monkeypatch, coarse)


def _with_good_root(query, form, block, fine, monkeypatch, coarse):  # type: ignore[no-untyped-def]
    """LB by a bad product over a root whose probe was prepared by a good one."""
    from verifai.kernel.arithmetic import Rounded

    monkeypatch.setattr(Rounded, "matmul", fine)
    checker = Checker(query)
    proof = written(Close(block))
    scene = Contexts(
        checker.root, proof, checker.root.low[None], checker.root.high[None], np.array([0])
    )
    builder = FormBuilder(checker.root, 1)
    builder.term(0, query.network.offsets[-1] - 1, fmpq(1))
    monkeypatch.setattr(Rounded, "matmul", coarse)
    return lower_bounds(checker.root, builder.build(), scene)
