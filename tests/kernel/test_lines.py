"""Lines and planes lie below and above their function everywhere on the interval."""

from fractions import Fraction
from random import Random

import numpy as np
import pytest
from flint import fmpq

from tests.kernel.meaning import _apply
from tests.kernel.proofs import dyadic
from verifai.graph.nodes import pwl, relu
from verifai.kernel import hints
from verifai.kernel.arithmetic import Arithmetic, Exact, Rounded
from verifai.kernel.lines import Shape, image, intercepts
from verifai.kernel.network import Input, Network, Product, Pwl, Sign, Square

ARITHMETICS: list[Arithmetic] = [Rounded(), Exact()]
Unary = Pwl | Sign | Square


def fraction(x: object) -> Fraction:
    return Fraction(x) if isinstance(x, float) else Fraction(int(x.p), int(x.q))  # type: ignore[attr-defined]


def random_node(random: Random, kind: str) -> Unary:
    if kind == "sign":
        return Sign("f", (1,), 0)
    if kind == "square":
        return Square("f", (1,), 0)
    if kind == "relu":
        return relu("f", (1,), 0)
    knots = sorted({dyadic(random, 3, 2) for _ in range(random.randrange(1, 5))})
    if kind == "clip":
        return pwl("f", (1,), 0, [-1.0, 1.0], [0.0, 1.0, 0.0], -1.0)
    return pwl("f", (1,), 0, knots, [dyadic(random, 3, 2) for _ in range(len(knots) + 1)], 0.1)


def random_interval(random: Random) -> tuple[float, float]:
    """Ends at knots, at zero, equal, wide, far out, next to each other."""
    l = random.choice([dyadic(random, 3, 2), random.uniform(-3, 3), 0.0, -1e-300, -1e40])
    u = random.choice([l, float(np.nextafter(l, np.inf)), l + 1, l + random.uniform(0, 4), abs(l)])
    return (l, u) if l <= u else (u, l)


def points(random: Random, node: Unary, l: float, u: float) -> list[Fraction]:
    low, high = Fraction(l), Fraction(u)
    knots = node.knots.reshape(-1).tolist() if isinstance(node, Pwl) else [0.0]
    near = [
        Fraction(k) + e for k in knots for e in (0, Fraction(1, 10**400), -Fraction(1, 10**400))
    ]
    inside = [low + (high - low) * Fraction(random.randrange(101), 100) for _ in range(12)]
    return [low, high, *(p for p in near if low <= p <= high), *inside]


@pytest.mark.parametrize("ar", ARITHMETICS, ids=["rounded", "exact"])
@pytest.mark.parametrize("kind", ["relu", "pwl", "clip", "sign", "square"])
@pytest.mark.parametrize("seed", range(40))
def test_lines_with_any_slopes_enclose(seed: int, kind: str, ar: Arithmetic) -> None:
    random = Random(seed)
    node = random_node(random, kind)
    l, u = random_interval(random)
    low, high = np.array([[l]]), np.array([[u]])
    codes = random.choice([None, np.array([[random.randrange(256)]], dtype=np.uint8)])
    default = hints.slopes(node, [(low, high)], codes)
    wild = tuple(np.array([[random.choice([0.0, 1.0, random.uniform(-9, 9), 1e30])]]) for _ in "lu")
    shape = Shape(node, ar) if isinstance(node, Pwl) else None
    for slopes in (default, wild):
        lifted = ar.lift(np.nan_to_num(slopes[0])), ar.lift(np.nan_to_num(slopes[1]))
        lines = intercepts(node, shape, [(ar.lift(low), ar.lift(high))], lifted, ar)
        below, t, above, s = (
            fraction(a[0, 0])
            for a in (
                *lines.lower,
                lines.below,
                *lines.upper,
                lines.above,
            )
        )
        for y in points(random, node, l, u):
            f = _apply(node, 0, [y])
            assert below * y + t <= f <= above * y + s


@pytest.mark.parametrize("ar", ARITHMETICS, ids=["rounded", "exact"])
@pytest.mark.parametrize("kind", ["relu", "pwl", "clip", "sign", "square"])
@pytest.mark.parametrize("seed", range(20))
def test_images_enclose_and_are_reached(seed: int, kind: str, ar: Arithmetic) -> None:
    random = Random(seed + 99)
    node = random_node(random, kind)
    l, u = sorted(random.uniform(-3, 3) for _ in range(2))
    shape = Shape(node, ar) if isinstance(node, Pwl) else None
    low, high = image(node, shape, [(ar.lift(np.array([[l]])), ar.lift(np.array([[u]])))], ar)
    seen = [_apply(node, 0, [y]) for y in points(random, node, l, u)]
    assert fraction(low[0, 0]) <= min(seen) <= max(seen) <= fraction(high[0, 0])
    if kind != "square":  # extremes are at ends and knots, which are among the points
        assert min(seen) - fraction(low[0, 0]) < 1e-12
        assert fraction(high[0, 0]) - max(seen) < 1e-12


@pytest.mark.parametrize("ar", ARITHMETICS, ids=["rounded", "exact"])
@pytest.mark.parametrize("seed", range(60))
def test_planes_enclose_the_product(seed: int, ar: Arithmetic) -> None:
    random = Random(seed)
    boxes = [random_interval(random) for _ in range(2)]
    floats = [(np.array([[l]]), np.array([[u]])) for l, u in boxes]
    wild = tuple(np.array([[random.uniform(-9, 9)]]) for _ in range(4))
    node = Product("f", (1,), 0, 1)
    for slopes in (hints.slopes(node, floats), wild):
        ends = [(ar.lift(l), ar.lift(u)) for l, u in floats]
        planes = intercepts(node, None, ends, tuple(ar.lift(s) for s in slopes), ar)
        s, t, p, q = (fraction(a[0, 0]) for a in (*planes.lower, *planes.upper))
        low, high = fraction(planes.below[0, 0]), fraction(planes.above[0, 0])
        for _ in range(12):
            x, y = (
                Fraction(l) + (Fraction(u) - Fraction(l)) * Fraction(random.randrange(9), 8)
                for l, u in boxes
            )
            assert s * x + t * y + low <= x * y <= p * x + q * y + high


def test_exact_lines_touch_the_function() -> None:
    ar = Exact()
    node = relu("f", (1,), 0)
    low, high = np.array([[-1.0]]), np.array([[3.0]])
    lines = intercepts(
        node,
        Shape(node, ar),
        [(ar.lift(low), ar.lift(high))],
        tuple(ar.lift(s) for s in hints.slopes(node, [(low, high)])),
        ar,
    )
    assert (lines.lower[0][0, 0], lines.below[0, 0]) == (1, 0)
    assert (lines.upper[0][0, 0], lines.above[0, 0]) == (fmpq(3, 4), fmpq(3, 4))


def test_default_slopes_are_those_of_the_specification() -> None:
    def slopes(node: Unary | Product, l: float, u: float, code: int = 255) -> tuple[float, float]:
        codes = np.array([[code]], dtype=np.uint8)
        low, high = hints.slopes(node, [(np.array([[l]]), np.array([[u]]))], codes)
        return float(low[0, 0]), float(high[0, 0])

    unit = relu("f", (1,), 0)
    assert slopes(unit, -3, 1) == (0, 0.25)
    assert slopes(unit, -1, 3) == (1, 0.75)
    assert slopes(unit, -1, 3, 32) == (0.25, 0.75)
    assert slopes(unit, 1, 2) == (1, 1)
    assert slopes(unit, -2, 0) == (0, 0)
    concave = pwl("f", (1,), 0, [0.0], [1.0, 0.0])
    assert slopes(concave, -3, 1) == (0.75, 1)
    clip = pwl("f", (1,), 0, [-1.0, 1.0], [0.0, 1.0, 0.0], -1.0)
    assert slopes(clip, -2, 2) == (0.5, 0.5)
    assert slopes(clip, -3, 0) == (pytest.approx(0), pytest.approx(1 / 3))
    assert slopes(clip, 0, 3) == (pytest.approx(1 / 3), 0)
    assert slopes(Square("f", (1,), 0), -1, 3) == (2, 2)
    assert slopes(Sign("f", (1,), 0), -1, 3) == (0, 0)


@pytest.mark.parametrize(("l", "u", "settled"), [(-1, 0, True), (0, 1, True), (-1, 1, False)])
def test_settled_is_where_one_piece_covers(l: float, u: float, settled: bool) -> None:
    network = Network((Input("x", (1,)), relu("f", (1,), 0)), (1,))
    assert hints.settled(network, 0, np.array([[l]]), np.array([[u]]))[0, 0] == settled
