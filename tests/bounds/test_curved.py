"""Lines of sign, square, product and smooth nodes: sound, as the kernel's, and worth choosing."""

from dataclasses import replace

import numpy as np
import pytest

from tests.bounds.nets import attention, curved, head, mixed, waves
from verifai.bounds import crown
from verifai.bounds.compiled import compile_network
from verifai.bounds.crown import backward, refine
from verifai.bounds.dual import Rows
from verifai.bounds.interval import Bounds, interval
from verifai.bounds.optimize import Ascent, optimize
from verifai.bounds.relax import families, intercept, relax, slope_entries
from verifai.bounds.smear import gradient_ranges
from verifai.bounds.tighten import tighten
from verifai.graph.nodes import affine
from verifai.kernel.bound import rounded_root
from verifai.kernel.context import Contexts, FormBuilder
from verifai.kernel.eliminate import lower_bounds
from verifai.kernel.network import (
    FUNCTIONS,
    Input,
    Network,
    Node,
    Product,
    Pwl,
    Sign,
    Smooth,
    Square,
)
from verifai.kernel.number import exact
from verifai.kernel.operator import Dense
from verifai.kernel.query import And, Query
from verifai.proof.record import Block, Close, assemble

EPS = 1e-9
CURVED_ASCENT = Ascent(steps=20, curved=True)


def box(network: Network, seed: int, width: float, count: int = 1):
    rng = np.random.default_rng(seed)
    middle = rng.normal(size=(count, len(network.input_values))) / 2
    return middle - width, middle + width


def single(kind: str) -> Network:
    """One node of a kind on inputs of its own."""
    x, y = Input("x", (64,)), Input("y", (64,))
    if kind == "product":
        return Network((x, y, Product("z", (64,), 0, 1)), (2,))
    if kind in ("sign", "square"):
        return Network((x, {"sign": Sign, "square": Square}[kind]("z", (64,), 0)), (1,))
    return Network((x, Smooth("z", (64,), 0, kind)), (1,))


def ends_of(kind: str, seed: int, width: float):
    """Boxes (5, inputs) with ends of very different size, inside the domain."""
    rng = np.random.default_rng(seed)
    count = 128 if kind == "product" else 64
    low = rng.normal(size=(5, count)) * 10.0 ** rng.uniform(-3, 1, size=(5, 1))
    high = low + width * rng.uniform(size=low.shape) * rng.choice([0, 1, 1, 1], size=low.shape)
    if kind in ("log", "sqrt", "reciprocal"):
        low, high = np.abs(low) + 1e-3, (np.abs(low) + 1e-3) + (high - low)
    if kind == "reciprocal":
        side = rng.uniform(size=low.shape) < 0.5
        low, high = np.where(side, low, -high), np.where(side, high, -low)
    return low, high


@pytest.mark.parametrize("kind", ["sign", "square", "product", *FUNCTIONS])
@pytest.mark.parametrize("width", [1e-9, 1e-2, 1.0, 4.0, 50.0])
def test_every_line_of_a_family_is_sound_and_touches(kind, width):
    compiled = compile_network(single(kind))
    low, high = ends_of(kind, 3, width)
    bounds, node = interval(compiled, low, high), len(compiled.sizes) - 1
    sources = compiled.network.nodes[node].sources
    lines = relax(compiled, bounds, node)
    found = families(compiled, bounds, node, lines)
    rng = np.random.default_rng(0)
    shares = [0.0, 1.0, *rng.uniform(size=4)]
    points = [low, high, *(rng.uniform(low, high) for _ in range(200))]
    truth = [compiled.forward(p) for p in points]
    for side, family in found.items():
        sign = -1 if side[1] else 1
        default = lines.upper if side[1] else lines.lower
        for share in (family.start, *(np.full_like(family.start, s) for s in shares)):
            slopes = tuple(
                np.where(family.is_free, s, d)
                for s, d in zip(family.slopes(share), default, strict=True)
            )
            end, place = intercept(compiled, bounds, side, slopes)
            for values in truth:
                form = values[node] - sum(
                    s * values[i] for s, i in zip(slopes, sources, strict=True)
                )
                size = 1 + sum(np.abs(s * values[i]) for s, i in zip(slopes, sources, strict=True))
                assert (sign * (form - end) >= -1e-12 * (size + np.abs(values[node]))).all()
            for i, at in zip(sources, place, strict=True):
                assert ((bounds.lower[i] <= at) & (at <= bounds.upper[i])).all()
        start = family.slopes(family.start)
        for s, d in zip(start, default, strict=True):
            slip = 1e-6 * (1 + np.abs(d))
            assert (np.abs(s - d) <= slip)[np.broadcast_to(family.is_free, d.shape)].all()


@pytest.mark.parametrize("kind", FUNCTIONS)
def test_a_convex_function_leaves_no_choice_above_and_a_concave_one_none_below(kind):
    compiled = compile_network(single(kind))
    low, high = ends_of(kind, 1, 0.5)
    bounds = interval(compiled, low, high)
    found = families(compiled, bounds, 1, relax(compiled, bounds, 1))
    middle = compiled.forward((low + high) / 2)[1]
    chord = (compiled.forward(low)[1] + compiled.forward(high)[1]) / 2
    plain = np.abs(low - high) > 1e-3
    one_sided = plain & ((low > 0) | (high < 0)) if kind not in ("sin", "cos") else plain & False
    for k, family in ((k, found[1, k]) for k in (0, 1) if (1, k) in found):
        bends_away = (chord < middle) if k == 0 else (chord > middle)
        assert not (family.is_free & bends_away & one_sided).any()
    assert found


def test_sign_chooses_lines_through_the_jump():
    compiled = compile_network(single("sign"))
    low, high = np.full((1, 64), -1.0), np.full((1, 64), 4.0)
    bounds = interval(compiled, low, high)
    found = families(compiled, bounds, 1, relax(compiled, bounds, 1))
    below, above = found[1, 0], found[1, 1]
    assert below.slopes(np.ones((1, 64)))[0][0, 0] == 0.5
    assert above.slopes(np.ones((1, 64)))[0][0, 0] == 2.0
    assert intercept(compiled, bounds, (1, 0), (np.full((1, 64), 0.5),))[0][0, 0] == -1.0
    assert intercept(compiled, bounds, (1, 1), (np.full((1, 64), 2.0),))[0][0, 0] == 1.0


def test_a_product_takes_either_plane_of_mccormick():
    compiled = compile_network(single("product"))
    low, high = np.full((1, 128), -1.0), np.full((1, 128), 3.0)
    high[:, 64:] = 2.0
    bounds = interval(compiled, low, high)
    found = families(compiled, bounds, 2, relax(compiled, bounds, 2))
    for side, share, slopes, end in (
        (0, 0.0, (-1.0, -1.0), -1.0),  # x·y ≥ -x - y - 1
        (0, 1.0, (2.0, 3.0), -6.0),
        (1, 0.0, (2.0, -1.0), 2.0),
        (1, 1.0, (-1.0, 3.0), 3.0),
    ):
        given = found[2, side].slopes(np.full((1, 64), share))
        assert (given[0][0, 0], given[1][0, 0]) == slopes
        assert intercept(compiled, bounds, (2, side), given)[0][0, 0] == end


NETS = {
    **{f: (lambda seed, f=f: curved(f, seed=seed)) for f in FUNCTIONS},
    "mixed": mixed,
    "waves": waves,
    "head": head,
}


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("width", [0.02, 0.3, 1.0])
def test_bounds_hold_at_dense_samples_and_optimised_ones_are_no_looser(name, width):
    network = NETS[name](1)
    compiled, out = compile_network(network), len(network.nodes) - 1
    lower, upper = box(network, 1, width)
    rng = np.random.default_rng(0)
    points = rng.uniform(lower, upper, size=(4000, lower.shape[1]))
    points[:500] = np.where(rng.uniform(size=points[:500].shape) < 0.5, lower, upper)
    values = compiled.forward(points)
    root = interval(compiled, lower, upper)
    relaxation = refine(compiled, root)
    tight, _ = tighten(compiled, root, ascent=Ascent(steps=5, curved=True))
    for bounds in (relaxation.bounds, tight.bounds):
        for node, found in enumerate(values):
            slip = EPS * (1 + np.abs(found))
            assert (bounds.lower[node] - slip <= found).all(), network.nodes[node].name
            assert (found <= bounds.upper[node] + slip).all(), network.nodes[node].name
    size = network.sizes[out]
    forms = np.concatenate([np.eye(size), -np.eye(size)])
    plain = backward(compiled, relaxation, {out: forms}).value
    rows = Rows({out: forms[:, None]}, np.zeros((2 * size, 1)))
    best = optimize(compiled, relaxation, rows, ascent=CURVED_ASCENT).value
    truth = (values[out] @ forms.T).min(axis=0)
    slip = EPS * (1 + np.abs(truth))
    assert (plain - slip <= best).all()
    assert (best <= truth + slip).all()
    assert (best > plain + 1e-6 * (truth - plain)).any()


@pytest.mark.parametrize("name", [*NETS, "attention"])
@pytest.mark.parametrize("width", [0.1, 0.5])
def test_images_of_tightened_intervals_hold_and_help_attention(name, width):
    network = attention(4, 3, 1) if name == "attention" else NETS[name](2)
    compiled, out = compile_network(network), len(network.nodes) - 1
    lower, upper = box(network, 2, width)
    root = interval(compiled, lower, upper)
    values = compiled.forward(
        np.random.default_rng(0).uniform(lower, upper, size=(1000, lower.shape[1]))
    )
    with_images = [
        refine(compiled, root, images=True).bounds,
        tighten(compiled, root, ascent=Ascent(steps=2, curved=True), images=True)[0].bounds,
    ]
    for bounds in with_images:
        for i, found in enumerate(values):
            slip = EPS * (1 + np.abs(found))
            assert (bounds.lower[i] - slip <= found).all()
            assert (found <= bounds.upper[i] + slip).all()
    plain = refine(compiled, root).bounds
    wide, narrow = (b.upper[out] - b.lower[out] for b in (plain, with_images[0]))
    assert (narrow <= wide + EPS).all()
    assert name != "attention" or narrow.sum() < 0.8 * wide.sum()


@pytest.mark.parametrize("function", ["sigmoid", "tanh", "erf"])
def test_bounds_of_perceptrons_are_not_much_wider_than_what_is_reached(function, record_property):
    ratios = []
    for seed in range(4):
        network = curved(function, (3, 10, 10, 2), seed)
        compiled, out = compile_network(network), len(network.nodes) - 1
        lower, upper = box(network, seed, 0.3)
        points = np.random.default_rng(seed).uniform(lower, upper, size=(4000, 3))
        points[:2000] = np.where(points[:2000] < (lower + upper) / 2, lower, upper)
        reached = np.ptp(compiled.forward(points)[out], axis=0).sum()
        root = interval(compiled, lower, upper)
        forms = np.concatenate([np.eye(2), -np.eye(2)])
        plain = -backward(compiled, refine(compiled, root), {out: forms}).value.sum()
        rows = Rows({out: forms[:, None]}, np.zeros((4, 1)))
        tight = tighten(compiled, root, ascent=CURVED_ASCENT)[0]
        best = -optimize(compiled, tight, rows, ascent=CURVED_ASCENT).value.sum()
        ratios.append((plain / reached, best / reached))
    mean = np.mean(ratios, axis=0)
    record_property("width_over_reached", mean.tolist())
    assert 1 < mean[1] < mean[0]
    assert mean[0] < {"sigmoid": 1.2, "tanh": 1.6, "erf": 1.7}[function], mean
    assert mean[1] < {"sigmoid": 1.08, "tanh": 1.2, "erf": 1.25}[function], mean


@pytest.mark.parametrize("name", NETS)
def test_gradients_over_a_box_hold_the_gradients_at_its_points(name):
    network = NETS[name](2)
    compiled, out = compile_network(network), len(network.nodes) - 1
    lower, upper = box(network, 2, 0.2)
    bounds = refine(compiled, interval(compiled, lower, upper)).bounds
    seeds = {out: np.ones((1, network.sizes[out]))}
    least, most = gradient_ranges(compiled, bounds, seeds)
    if any(isinstance(node, Sign) for node in network.nodes):
        seeds = {out - 1: np.ones((1, network.sizes[out - 1]))}
        least, most = gradient_ranges(compiled, bounds, seeds)
    for point in np.random.default_rng(0).uniform(lower, upper, size=(100, 1, lower.shape[1])):
        slope = compiled.gradient(compiled.forward(point), seeds)
        slip = EPS * (1 + np.abs(slope))
        assert (least - slip <= slope).all()
        assert (slope <= most + slip).all()


def kernel_bound(network: Network, bounds: Bounds, form, block: Block) -> float:
    """The kernel's own bound of a form of the last node, with a block's slopes."""
    lower, upper = (
        tuple(exact(float(x)) for i in network.inputs for x in side[i][0])
        for side in (bounds.lower, bounds.upper)
    )
    root = rounded_root(Query(network, lower, upper, And(())))
    low, high = (
        np.concatenate([a[0] for a in side])[None] for side in (bounds.lower, bounds.upper)
    )
    scene = Contexts(root, assemble([Close(block)]), low, high, np.zeros(1, dtype=np.int64))
    builder = FormBuilder(root, 1)
    start = network.offsets[len(network.nodes) - 1]
    for k, factor in enumerate(form.tolist()):
        builder.term(0, start + k, exact(factor))
    return float(lower_bounds(root, builder.build(), scene)[0])


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("width", [0.05, 0.5])
def test_the_kernel_finds_the_same_bounds_from_the_slopes_written_down(name, width):
    network = NETS[name](3)
    compiled, out = compile_network(network), len(network.nodes) - 1
    relaxation = refine(compiled, interval(compiled, *box(network, 3, width)))
    form = np.random.default_rng(3).normal(size=network.sizes[out])
    plain = backward(compiled, relaxation, {out: form[None]}).value[0]
    best = optimize(
        compiled,
        relaxation,
        Rows({out: form[None]}, np.zeros(1)),
        ascent=CURVED_ASCENT,
    )
    slopes = slope_entries(compiled, best.explicit, 0)
    codes = [
        best.codes[i][0] if i in best.codes else np.full(compiled.sizes[i], 255, np.uint8)
        for i in compiled.pieces
    ]
    block = Block(slopes=slopes, codes=np.concatenate(codes).tobytes() if codes else b"")
    size = 1 + np.abs(plain) + max(float(np.abs(a).max()) for a in relaxation.bounds.upper)
    assert kernel_bound(network, relaxation.bounds, form, Block()) == pytest.approx(
        plain, abs=1e-8 * size
    )
    assert kernel_bound(network, relaxation.bounds, form, block) == pytest.approx(
        best.value[0], abs=1e-8 * size
    )
    assert best.value[0] > plain
    assert slopes


def unguarded(function: str) -> Network:
    """Two layers of a function whose arguments leave its domain, and squares."""
    rng = np.random.default_rng(0)
    nodes: list[Node] = [Input("x", (3,))]
    for k, n in enumerate((3, 5)):
        weight = Dense.of(rng.normal(size=(5, n)))
        nodes.append(affine(f"y{k}", (5,), ((len(nodes) - 1, weight),)))
        nodes.append(Smooth(f"z{k}", (5,), len(nodes) - 1, function))
    nodes.append(Square("square", (5,), len(nodes) - 1))
    nodes.append(affine("out", (1,), ((len(nodes) - 1, Dense.of(np.ones((1, 5)))),)))
    return Network(tuple(nodes), (len(nodes) - 1,))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("function", [*FUNCTIONS, "attention"])
@pytest.mark.parametrize("width", [1.0, 100.0, 1e6])
def test_overflow_and_undefined_values_neither_warn_nor_prove_anything(function, width):
    network = attention() if function == "attention" else unguarded(function)
    compiled, out = compile_network(network), len(network.nodes) - 1
    inputs = len(network.input_values)
    ends = -width * np.ones((1, inputs)), width * np.ones((1, inputs))
    relaxation = refine(compiled, interval(compiled, *ends))
    tight, _ = tighten(compiled, relaxation.bounds, ascent=Ascent(steps=3, curved=True))
    points = np.random.default_rng(0).uniform(*ends, size=(200, inputs))
    values = compiled.forward(points)
    compiled.gradient(values, {out: np.ones((200, network.sizes[out]))})
    is_cut = any((np.abs(found) >= 2.0**300).any() for found in values)
    for bounds in (relaxation.bounds, tight.bounds):
        for i, found in enumerate(values):
            slip = EPS * (1 + np.abs(found)) if not is_cut else np.inf  # there the kernel says no
            assert np.isfinite(bounds.lower[i]).all() and np.isfinite(bounds.upper[i]).all()
            assert (bounds.lower[i] - slip <= found).all()
            assert (found <= bounds.upper[i] + slip).all()
    seeds = {out: np.ones((1, network.sizes[out]))}
    assert not np.isnan(gradient_ranges(compiled, relaxation.bounds, seeds)).any()


def test_repeated_values_of_a_selection_are_bounded_once_and_alike(monkeypatch):
    network = attention(3, 2, 1)
    compiled = compile_network(network)
    assert {network.nodes[i].name for i in compiled.twins} == {"ql", "kr", "wl", "vr"}
    root = interval(compiled, *box(network, 1, 0.3, 2))
    counts: list[int] = []
    plain = crown.unit_planes

    def counting(*args):
        counts.append(len(args[-1]))
        return plain(*args)

    monkeypatch.setattr(crown, "unit_planes", counting)
    once, few = refine(compiled, root).bounds, sum(counts)
    counts.clear()
    again = refine(replace(compiled, twins={}), root).bounds
    assert few < 0.7 * sum(counts)
    for a, b in zip(once.lower + once.upper, again.lower + again.upper, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)
    ascent = Ascent(steps=3, curved=True)
    first = tighten(compiled, root.take(slice(0, 1)), ascent=ascent)
    second = tighten(replace(compiled, twins={}), root.take(slice(0, 1)), ascent=ascent)
    for a, b in zip(first[0].bounds.lower, second[0].bounds.lower, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-9)
    assert [r.neurons.tolist() for r in first[1]] == [r.neurons.tolist() for r in second[1]]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", NETS)
def test_float32_stays_float32_and_near_float64(name):
    network = NETS[name](1)
    out, ends = len(network.nodes) - 1, box(network, 1, 0.3)
    form = np.ones((1, network.sizes[out]))
    found = []
    for dtype in (np.float32, np.float64):
        compiled = compile_network(network, dtype)
        relaxation = refine(compiled, interval(compiled, *(end.astype(dtype) for end in ends)))
        rows = Rows({out: form.astype(dtype)}, np.zeros(1, dtype))
        best = optimize(compiled, relaxation, rows, ascent=Ascent(steps=3, curved=True))
        slopes = [s for lines in relaxation.lines.values() for s in (*lines.lower, *lines.upper)]
        arrays = [*relaxation.bounds.lower, *relaxation.bounds.upper, *slopes, best.value]
        assert {a.dtype for a in arrays} == {np.dtype(dtype)}
        found.append(relaxation.bounds.lower[out])
    np.testing.assert_allclose(found[0], found[1], rtol=1e-4, atol=1e-4)


def test_tightened_attention_writes_down_slopes_for_every_bound():
    network = attention(2, 2, 1)
    compiled = compile_network(network)
    _, records = tighten(
        compiled,
        interval(compiled, *box(network, 1, 0.3)),
        ascent=Ascent(steps=5, curved=True),
    )
    assert records
    assert all(not isinstance(network.nodes[i], Pwl) for r in records for i in r.lower_slopes)
    assert any(r.lower_slopes and r.upper_slopes for r in records)
