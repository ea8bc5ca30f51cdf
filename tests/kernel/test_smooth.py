"""Lines of smooth functions lie below and above them, whatever their slopes, and nearly touch."""

from random import Random

import numpy as np
import pytest
from flint import arb, fmpq

from tests.kernel.balls import ball
from verifai.kernel import hints
from verifai.kernel.arithmetic import Arithmetic, Exact, Rounded
from verifai.kernel.errors import InputError, Rejection
from verifai.kernel.functions import SMOOTH
from verifai.kernel.lines import image, intercepts
from verifai.kernel.network import FUNCTIONS, Input, Network, Smooth
from verifai.kernel.number import exact
from verifai.kernel.replay import evaluate

ARITHMETICS: list[Arithmetic] = [Rounded(), Exact()]


def rational(x: object) -> fmpq:
    return x if isinstance(x, fmpq) else exact(float(x))  # type: ignore[arg-type]


def interval(random: Random, function: str) -> tuple[float, float]:
    """Tiny, huge, one point, across and beside every seam."""
    middle = random.choice(
        [0.0, random.gauss(0, 1), random.gauss(0, 8), np.pi * random.randrange(5)]
    )
    width = random.choice([0.0, 1e-15, 10.0 ** random.uniform(-8, 1), random.uniform(0, 4), 30.0])
    l, u = float(middle - width / 2), float(middle + width / 2)
    if function in ("log", "sqrt", "reciprocal"):
        l, u = abs(l) + random.choice([1e-9, 0.25]), abs(l) + 0.25 + width
    if function == "sqrt":
        l = random.choice([0.0, l])
    return (-u, -l) if function == "reciprocal" and random.random() < 0.5 else (l, u)


def lines_of(
    function: str, l: float, u: float, slopes: tuple[float, float], ar: Arithmetic
) -> tuple[fmpq, fmpq, fmpq, fmpq]:
    ends = ar.lift(np.array([[l]])), ar.lift(np.array([[u]]))
    lifted = (ar.lift(np.array([[slopes[0]]])), ar.lift(np.array([[slopes[1]]])))
    lines = intercepts(Smooth("f", (1,), 0, function), None, [ends], lifted, ar)
    below, t, above, s = (*lines.lower, lines.below, *lines.upper, lines.above)
    return rational(below[0, 0]), rational(t[0, 0]), rational(above[0, 0]), rational(s[0, 0])


def defaults(function: str, l: float, u: float) -> tuple[float, float]:
    node = Smooth("f", (1,), 0, function)
    low, high = hints.slopes(node, [(np.array([[l]]), np.array([[u]]))])
    return float(low[0, 0]), float(high[0, 0])


def points(random: Random, l: float, u: float) -> list[fmpq]:
    low, high = exact(l), exact(u)
    seams = [fmpq(0), *(exact(k * np.pi / 2) for k in range(-9, 40))]
    inside = [low + (high - low) * fmpq(random.randrange(1001), 1000) for _ in range(25)]
    return [low, high, *(s for s in seams if low <= s <= high), *inside]


@pytest.mark.parametrize("ar", ARITHMETICS, ids=["rounded", "exact"])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_lines_with_any_slopes_enclose(function: str, ar: Arithmetic) -> None:
    random = Random(3)
    for _ in range(60):
        l, u = interval(random, function)
        wild = random.choice([0.0, 1.0, random.uniform(-2, 2), 1e6, -1e-300]), random.gauss(0, 1)
        for slopes in (defaults(function, l, u), wild):
            below, t, above, s = lines_of(function, l, u, slopes, ar)
            for y in points(random, l, u):
                f = ball(function, y)
                assert not f < arb(below * y + t), (function, l, u, slopes, y)
                assert not f > arb(above * y + s), (function, l, u, slopes, y)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_lines_nearly_touch(function: str) -> None:
    """The intercepts are the extremes, seen on a fine grid, up to rounding."""
    random = Random(4)
    for _ in range(40):
        l, u = interval(random, function)
        if not 1e-6 < u - l < 5:
            continue
        slopes = random.choice([defaults(function, l, u), (0.0, 0.0), (0.3, -0.2)])
        _, t, _, s = lines_of(function, l, u, slopes, Rounded())
        grid = [exact(float(y)) for y in np.linspace(l, u, 1501)]
        values = [ball(function, y) for y in grid]
        rest = [f - arb(exact(slopes[0]) * y) for f, y in zip(values, grid, strict=True)]
        least = min(rest, key=float)
        rest = [f - arb(exact(slopes[1]) * y) for f, y in zip(values, grid, strict=True)]
        greatest = max(rest, key=float)
        scale = 1e-5 * (1 + max(abs(float(f)) for f in values)) * max(1.0, u - l) ** 2
        bend = scale if function not in ("reciprocal", "sqrt", "log") else 0.05 * scale / 1e-5
        assert -1e-11 < float(least - arb(t)) < bend, (function, l, u, slopes)
        assert -1e-11 < float(arb(s) - greatest) < bend, (function, l, u, slopes)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_exact_lines_lie_between_the_function_and_the_rounded_ones(function: str) -> None:
    random = Random(5)
    for _ in range(25):
        l, u = interval(random, function)
        slopes = defaults(function, l, u)
        rounded, sharp = (lines_of(function, l, u, slopes, ar) for ar in ARITHMETICS)
        assert rounded[1] <= sharp[1]
        assert sharp[3] <= rounded[3]


@pytest.mark.parametrize("ar", ARITHMETICS, ids=["rounded", "exact"])
@pytest.mark.parametrize(
    ("function", "l", "u"),
    [
        ("log", 0.0, 1.0),
        ("log", -1.0, 1.0),
        ("sqrt", -1e-9, 1.0),
        ("reciprocal", -1.0, 1.0),
        ("reciprocal", 0.0, 1.0),
    ],
)
def test_intervals_with_undefined_points_are_rejected(
    function: str, l: float, u: float, ar: Arithmetic
) -> None:
    ends = [(ar.lift(np.array([[l, 1.0]])), ar.lift(np.array([[u, 2.0]])))]
    with pytest.raises(Rejection, match="domain"):
        image(Smooth("f", (2,), 0, function), None, ends, ar)


def test_default_slopes_are_those_of_the_specification() -> None:
    assert defaults("exp", 0, 1) == pytest.approx((np.exp(0.5), np.e - 1), rel=1e-12)
    assert defaults("log", 1, 3) == pytest.approx((np.log(3) / 2, 0.5), rel=1e-12)
    assert defaults("reciprocal", 1, 3) == pytest.approx((-0.25, -1 / 3), rel=1e-12)
    assert defaults("reciprocal", -3, -1) == pytest.approx((-1 / 3, -0.25), rel=1e-12)
    for l, u in ((-1.0, 4.0), (-1.0, 1.5), (-3.0, 1.0)):
        ends = np.linspace(0, u, 9999), np.linspace(l, 0, 9999)
        above = ((np.tanh(ends[0]) - np.tanh(l)) / (ends[0] - l)).max()
        below = ((np.tanh(u) - np.tanh(ends[1])) / (u - ends[1])).max()
        tangent = 1 - np.tanh((l + u) / 2) ** 2
        lower, upper = defaults("tanh", l, u)
        assert upper == pytest.approx(min(above, tangent) if l + u > 0 else above)
        assert lower == pytest.approx(min(below, tangent) if l + u < 0 else below)
    assert defaults("sin", 0.5, 1.5)[1] == pytest.approx(np.cos(1))
    assert defaults("sin", -1, 1) == pytest.approx((np.sin(1), np.sin(1)))
    assert defaults("cos", 0, 9) == (0, 0)


def test_the_table_has_a_row_for_every_function() -> None:
    assert set(SMOOTH) == set(FUNCTIONS)


def test_replay_of_smooth_networks_is_narrow() -> None:
    """Twenty nested functions, and still far below 2^-100."""
    nodes: list[Input | Smooth] = [Input("x", (1,))]
    for i in range(20):
        nodes.append(Smooth(f"n{i}", (1,), i, ("sin", "exp", "sigmoid", "erf", "cos")[i % 5]))
    low, high = evaluate(Network(tuple(nodes), (20,)), [fmpq(1, 3)])
    assert 0 < high[-1] - low[-1] < fmpq(1, 2**150)
    value = arb(fmpq(1, 3))
    for node in nodes[1:]:
        assert isinstance(node, Smooth)
        value = (
            getattr(value, node.function)()
            if node.function != "sigmoid"
            else 1 / (1 + (-value).exp())
        )
    assert arb(low[-1]) <= value <= arb(high[-1])


def test_replay_where_a_function_is_undefined_is_an_error() -> None:
    net = Network((Input("x", (1,)), Smooth("y", (1,), 0, "log")), (1,))
    with pytest.raises(InputError, match="log of 'y' may be undefined"):
        evaluate(net, [fmpq(-1)])
