"""Every error term of smooth functions does its part, as `test_error_terms` shows of the others.

Two kinds of terms: errors of the elementary functions' values, where flint's balls judge values at
points; and terms of intercepts, where they judge lines at points of the interval. A term that
others cover for is deleted with them, and alone of them put back.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
from flint import arb, ctx, fmpq, fmpz

import verifai.kernel
from tests.kernel.balls import ball, exceeds
from verifai.kernel import smooth
from verifai.kernel.arithmetic import Exact, Rounded
from verifai.kernel.functions import PERIODIC, SMOOTH, Function
from verifai.kernel.lines import intercepts
from verifai.kernel.network import Smooth
from verifai.kernel.number import exact

KERNEL = Path(verifai.kernel.__file__).parent
Change = tuple[str, str, str]
PRECISION = 6000  # bits of the judge, for the sine of 2^5000
SEEDS = 16

# exp, off by nearly all that it may be off
SLOPPY = (
    "elementary.py",
    "k.astype(np.int64))\n    value = ",
    "k.astype(np.int64)) * (1 + 2.0**-46.1)\n    value = ",
)
FALLING, TANH, SINE = "y, y * 2.0**-45 + TINY", "t * 2.0**-45 + 4 * U", "np.where(known, 2.0**-47, "
VALUE_TERMS = {
    "exp": ("value, value * 2.0**-46 + TINY", "value, 0 * value + TINY"),
    "exp far": ("value, value * 2.0**-46 + TINY", "value, value * 2.0**-46"),
    "sigmoid falling": (FALLING, "y, 0 * y + TINY"),
    "sigmoid falling far": (FALLING, "y, y * 2.0**-45"),
    "sigmoid": ("error + 2 * U", "error"),
    "tanh exp": (TANH, "0 * t + 4 * U"),
    "tanh": (TANH, "t * 2.0**-45"),
    "log": ("(abs(series) + abs(value)) * 2.0**-46", "0 * value"),
    "reciprocal": ("abs(value) * (2 * U) + TINY", "0 * value + TINY"),
    "reciprocal far": ("abs(value) * (2 * U) + TINY", "abs(value) * (2 * U)"),
    "sqrt": ("value, value * (2 * U) + TINY", "value, 0 * value + TINY"),
    "gauss": ("value, value * 2.0**-42 + TINY", "value, 0 * value + TINY"),
    "gauss far": ("value, value * 2.0**-42 + TINY", "value, value * 2.0**-42"),
    "erf": ("error = value * 2.0**-41 + TINY", "error = 0 * value + TINY"),
    "erf near": ("error = value * 2.0**-41 + TINY", "error = value * 2.0**-41"),
    "erf far": ("np.where(far, U, error)", "np.where(far, 0.0, error)"),
    "sin": (SINE + "1.0)", "np.where(known, 0.0, 1.0)"),
    "sin far": (SINE + "1.0)", "np.where(known, 2.0**-47, 0.0)"),
}
EXACT_VALUE_TERMS = {
    "exp": ("_rational(1, BITS - 1 - int(k))", "ZERO"),
    "log": ("ln2(w), w), _rational(1, BITS)", "ln2(w), w), ZERO"),
    "reciprocal": ("_rational(1, min(w, BITS + size))", "ZERO"),
    "sqrt": ("_rational(1, w - GUARD)", "ZERO"),
    "sigmoid": ("error + _rational(1, w)", "_rational(1, w)"),
    "tanh": ("2 * y - 1), 2 * error", "2 * y - 1), ZERO"),
    "gauss": ("2 * error + t * _rational(1, BITS + 1)", "ZERO"),
    "erf": ("error * series + _rational(1, BITS)", "ZERO"),
    "erf far": ("return ONE, _rational(1, BITS)", "return ONE, ZERO"),
    "sin": ("_rational(sign * total, w), _rational(1, BITS)", "_rational(sign * total, w), ZERO"),
    "sin far": ("return ZERO, ONE", "return ZERO, ZERO"),
    "log guard": ("GUARD = 32", "GUARD = 0"),
}
DERIVED: dict[str, Callable[[arb, arb], arb]] = {  # f' from y and f(y)
    "sigmoid": lambda _y, f: f * (1 - f),
    "tanh": lambda _y, f: 1 - f * f,
    "reciprocal": lambda _y, f: -f * f,
    "sqrt": lambda _y, f: 1 / (2 * f),
    "log": lambda y, _f: 1 / y,
}
Switch = Callable[[pytest.MonkeyPatch], None]


def no_term(name: str) -> Switch:
    """Switches off a method of `Terms`, in rounded arithmetic."""
    return lambda patch: patch.setattr(Rounded, name, lambda _self, magnitude: 0 * magnitude)


def no_error_of_slopes(name: str) -> Switch:
    """A derivative as exact as if the value that it is made of were."""
    right = SMOOTH[name].slope

    def slope(*given: Any) -> tuple[Any, Any]:
        d, off = right(*given)
        return d, 0 * off

    return lambda patch: patch.setitem(SMOOTH, name, SMOOTH[name]._replace(slope=slope))


def no_error_of_values(patch: pytest.MonkeyPatch) -> None:
    for kind in (Rounded, Exact):
        right = kind.smooth

        def values(ar: Any, function: Any, z: Any, right: Any = right) -> tuple[Any, Any]:
            value, error = right(ar, function, z)
            return value, 0 * error

        patch.setattr(kind, "smooth", values)


def no_error_of_derivatives(patch: pytest.MonkeyPatch) -> None:
    right = Function.derivative

    def derivative(*given: Any) -> tuple[Any, Any]:
        d, off = right(*given)
        return d, 0 * off

    patch.setattr(Function, "derivative", derivative)


def no_defect(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(smooth, "DEFECT", 0.0)


def flat(patch: pytest.MonkeyPatch) -> None:
    """Waves of hardly any height."""
    for name in PERIODIC:
        patch.setitem(SMOOTH, name, SMOOTH[name]._replace(waves=2.0**-1000))


LINE_TERMS: dict[str, Switch] = {
    "end error": no_error_of_values,
    "curve": no_term("curve"),
    "tangent error": no_error_of_values,
    "derivative off": no_error_of_derivatives,
    "tangent": no_term("tangent"),
    "curve outside": no_term("curve"),
    "waves": flat,
    "defect": no_defect,
    "curve of waves": no_term("curve"),
}
# Which other terms cover for a term of lines in its case.
TANGENT = ("tangent error", "tangent")
COVERS = {
    "derivative off": TANGENT,
    "curve of waves": ("end error",),
}


def mutated(folder: Path, changes: list[Change]) -> SimpleNamespace:
    """The kernel with these changes, imported under a name of its own."""
    name = f"mutant_{folder.name.replace('-', '_')}_{len(list(folder.iterdir()))}"
    target = folder / name
    target.mkdir()
    sources = {p.name: p.read_text() for p in KERNEL.glob("*.py")}
    for file, old, new in changes:
        assert sources[file].count(old) == 1, f"{file} no longer has {old!r} once"
        sources[file] = sources[file].replace(old, new)
    for file, text in sources.items():
        (target / file).write_text(text.replace("verifai.kernel", name))
    sys.path.insert(0, str(folder))
    try:
        parts = ("elementary", "fixed_point")
        return SimpleNamespace(**{p: importlib.import_module(f"{name}.{p}") for p in parts})
    finally:
        sys.path.remove(str(folder))
        for module in [m for m in sys.modules if m.split(".")[0] == name]:
            del sys.modules[module]


def points(name: str, random: Random) -> list[fmpq]:
    """Arguments at which values need the term."""
    ranges = {
        "exp far": (-709, -701),
        "sigmoid falling": (-9, -1),
        "sigmoid falling far": (-709, -701),
        "sigmoid": (37, 45),
        "tanh exp": (0.01, 1),
        "tanh": (20, 30),
        "gauss far": (26.5, 27),
        "erf far": (6.01, 6.1),
        "sin far": (2.0**21, 2.0**22),
    }
    if name == "reciprocal far":
        return [exact(1.5e308)]
    if name == "erf near":
        return [exact(5e-324)]
    low, high = ranges.get(name, (0.3, 3.0))
    return [exact(random.uniform(low, high)) for _ in range(200)]


def exact_points(name: str, random: Random) -> list[fmpq]:
    """The same for integer series; long fractions, of which nothing is exact by chance."""
    whole = {"tanh": -60, "erf far": 13, "sin far": 1 << 5000}.get(name, 0)
    start = fmpq(9, 10) if name == "erf far" else fmpq(1, 4)
    return [whole + start + fmpq(random.getrandbits(600), fmpz(1) << 604) for _ in range(12)]


def values_hold(kernel: SimpleNamespace, name: str, *, is_exact: bool) -> bool:
    """Whether every value at the term's points is off by no more than it says."""
    function = name.split()[0]
    if is_exact:
        compute = getattr(kernel.fixed_point, function)
        found = [(q, *compute(q)) for q in exact_points(name, Random(name))]
    else:
        at = points(name, Random(name))
        with np.errstate(all="ignore"):
            pair = getattr(kernel.elementary, function)(np.array([float(q) for q in at]))
        ends = zip(at, *(a.tolist() for a in pair), strict=True)
        found = [(q, exact(value), exact(error)) for q, value, error in ends]
    with ctx.workprec(PRECISION):
        return not any(exceeds(function, *each) for each in found)


class Line(NamedTuple):
    """A function, an interval, a slope, which of the two lines, and in which arithmetic."""

    function: str
    low: Any
    high: Any
    slope: Any
    side: str
    arithmetic: str


def lines(name: str, random: Random) -> Iterator[Line]:
    """Lines that need the term."""
    x = random.uniform(1, 2)
    if name == "end error":
        yield Line("exp", exact(1.0), exact(x), fmpq(0), "upper", "exact")
    elif name == "curve":
        yield Line("exp", x, x + 1, 1e6 * random.random(), "upper", "rounded")
    elif name == "tangent error":
        yield Line("sqrt", exact(x) - fmpq(1, fmpz(1) << 300), exact(x), fmpq(0), "upper", "exact")
    elif name == "tangent":
        yield Line("log", 1e10 * x, 1e10 * x + 1, 1e6 * random.random(), "upper", "rounded")
    elif name == "derivative off":
        yield Line("exp", x, x + 1, 0.0, "lower", "rounded")
    elif name in ("curve outside", "waves"):
        z = (2 * random.randrange(400, 900) - 0.5) * np.pi
        slope = 1e6 * random.random() if name == "curve outside" else 0.0
        yield Line("sin", z, z, slope, "lower", "rounded")
    elif name == "defect":
        k = 2 * random.randrange(60, 160) + 1
        cut, gap = exact(k * np.pi), _beyond(k)
        if gap > 0:
            yield Line("sin", cut, cut + gap, gap * gap / 6 - 1, "upper", "exact")
    else:
        yield Line("sin", x, x, 0.0, random.choice(["lower", "upper"]), "rounded")


def _beyond(k: int) -> fmpq:
    """kπ less the double used for it; between them the sine of odd k is concave where positive."""
    rest = (arb.pi() * k - arb(exact(k * np.pi))) * arb(2) ** 300
    return fmpq(rest.mid().floor().unique_fmpz(), fmpz(1) << 300)


def lines_hold(name: str, off: tuple[str, ...]) -> bool:
    """Whether, without some terms, all lines of the case are below, or above, at some points."""
    with pytest.MonkeyPatch.context() as patch:
        for each in off:
            LINE_TERMS[each](patch)
        return all(_holds(each) for seed in range(SEEDS) for each in lines(name, Random(seed)))


def _holds(given: Line) -> bool:
    is_exact, is_lower = given.arithmetic == "exact", given.side == "lower"
    ar = Exact() if is_exact else Rounded()
    kind = object if is_exact else np.float64
    l, u, slope = (np.array([[q]], dtype=kind) for q in given[1:4])
    node = Smooth("f", (1,), 0, given.function)
    found = intercepts(node, None, [(l, u)], (slope, slope), ar)
    t = (found.below if is_lower else found.above)[0, 0]
    low, high, s, t = (q if isinstance(q, fmpq) else exact(float(q)) for q in (*given[1:4], t))
    gaps = [ball(given.function, y) - arb(s * y + t) for y in (low, high, (low + high) / 2)]
    return not any(gap < 0 if is_lower else gap > 0 for gap in gaps)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("smooth")


@pytest.mark.parametrize("name", VALUE_TERMS)
def test_an_error_of_values_is_needed(name: str, folder: Path) -> None:
    more: list[Change] = [SLOPPY] if name == "tanh exp" else []
    assert values_hold(mutated(folder, more), name, is_exact=False)
    deleted = mutated(folder, [*more, ("elementary.py", *VALUE_TERMS[name])])
    assert not values_hold(deleted, name, is_exact=False), "nothing fails without it"


@pytest.mark.parametrize("name", EXACT_VALUE_TERMS)
def test_an_error_of_values_in_integers_is_needed(name: str, folder: Path) -> None:
    assert values_hold(mutated(folder, []), name, is_exact=True)
    deleted = mutated(folder, [("fixed_point.py", *EXACT_VALUE_TERMS[name])])
    assert not values_hold(deleted, name, is_exact=True), "nothing fails without it"


@pytest.mark.parametrize("name", LINE_TERMS)
def test_a_term_of_lines_is_needed(name: str) -> None:
    others = COVERS.get(name, ())
    assert lines_hold(name, ())
    assert not lines_hold(name, (*others, name)), "nothing fails without it"
    assert lines_hold(name, others), "it does not cover its own case"


def slopes_hold(name: str, *, is_exact: bool) -> bool:
    """Whether derivatives are off by no more than they say."""
    ar, random = Exact() if is_exact else Rounded(), Random(name)
    given = [exact(random.uniform(0.3, 3.0)) for _ in range(100)]
    if is_exact:  # long ones, whose reciprocal is rounded
        given = [q + fmpq(random.getrandbits(600), fmpz(1) << 604) for q in given]
    z = np.array([given], dtype=object if is_exact else np.float64)
    row = SMOOTH[name]
    found = row.derivative(z, ar.smooth(row.values, z), ar)
    d, off = ([q if isinstance(q, fmpq) else exact(float(q)) for q in a[0]] for a in found)
    with ctx.workprec(PRECISION):
        true = [DERIVED[name](arb(q), ball(name, q)) for q in given]
        gaps = zip(true, d, off, strict=True)
        return not any(abs(t - arb(value)) > arb(error) for t, value, error in gaps)


@pytest.mark.parametrize("name", [name for name in DERIVED if name != "log"])
def test_the_error_of_a_derivative_is_needed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert slopes_hold(name, is_exact=True)
    no_error_of_slopes(name)(monkeypatch)
    assert not slopes_hold(name, is_exact=True), "nothing fails without it"


@pytest.mark.parametrize("name", ["log", "reciprocal", "sqrt"])
def test_the_rounding_of_a_derivative_is_needed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    no_error_of_values(monkeypatch)
    assert slopes_hold(name, is_exact=False)
    no_term("derivative")(monkeypatch)
    assert not slopes_hold(name, is_exact=False), "nothing fails without it"
