"""Every error term of the rounded arithmetic does its part: without it some bound is too high.

The terms are the methods of `Terms`, and the rows of SPEC.md's table. One after the other is
switched off, and cases built for it (cancellation, underflow, sums in a bad order) are judged by
exact evaluation. Several terms cover for each other. So each is shown to be needed in one of two
ways: switched off alone, its case fails; or switched off with those that cover for it, its case
fails, and holds again when it alone of them is switched on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import numpy as np
import pytest
from flint import fmpq

import verifai.kernel
from tests.kernel.proofs import Block, Close, written
from verifai.graph.nodes import affine, pwl
from verifai.kernel.arithmetic import Exact, Rounded, Terms, exactly
from verifai.kernel.checker import Checker
from verifai.kernel.context import Contexts, FormBuilder
from verifai.kernel.eliminate import lower_bounds
from verifai.kernel.errors import Rejection
from verifai.kernel.network import Input, Network, Node
from verifai.kernel.operator import Array, Dense, Gather
from verifai.kernel.query import And, Query
from verifai.kernel.replay import evaluate

SPEC = Path(verifai.kernel.__file__).parent / "SPEC.md"
Off = Callable[..., object]
OFF: dict[str, Off] = {
    "slip": lambda _self, _operations, magnitude: 0 * magnitude,
    "underflow": lambda _self: 0.0,
    "fits": lambda _self, _values: True,
    "forward": lambda _self, _depth, magnitude: 0 * magnitude,
    "radius": lambda _self, _radius, magnitude: 0 * magnitude,
    "line": lambda _self, magnitude: 0 * magnitude,
    "curve": lambda _self, magnitude: 0 * magnitude,
    "derivative": lambda _self, magnitude: 0 * magnitude,
    "tangent": lambda _self, magnitude: 0 * magnitude,
    "scaled": lambda _self: 0.0,
    "merged": lambda _self: 0.0,
    "pulled": lambda _self, _depth, magnitude: 0 * magnitude,
    "bias": lambda _self, bias: 0 * bias,
    "products": lambda _self, _count, size: 0 * size,
    "summed": lambda _self, total: 0 * total,
    "form": lambda _self, _entries, size: 0 * size,
    "end": lambda _self, total, _error: total,
}
ELSEWHERE = ("curve", "derivative", "tangent")  # test_smooth_terms has their cases
COEFFICIENTS = ("scaled", "merged", "pulled", "bias")
# Which other terms cover for a term in its case.
COVERS = {
    "bias": ("pulled", "form"),
    "products": ("pulled", "form"),
    "merged": ("pulled", "form", "products"),
    "scaled": ("form", "line", "products", "summed"),
    "summed": ("pulled", "form", "bias", "products"),
    "end": (*COEFFICIENTS, "products", "summed", "form"),
}


def rows() -> list[str]:
    table = SPEC.read_text("utf-8").split("## 8. Rounding")[1].split("**Zeros.**")[0]
    return re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)


def test_the_table_of_the_specification_is_the_room() -> None:
    methods = [name for name, of in vars(Terms).items() if callable(of) and name[0] != "_"]
    assert rows() == methods == list(OFF)


def test_errors_are_made_nowhere_else() -> None:
    room = ("arithmetic.py", "elementary.py")
    for path in SPEC.parent.rglob("*.py"):
        names = re.findall(r"\b(UNIT|SLACK|TINY|LARGEST|nextafter|ulp)\b", path.read_text("utf-8"))
        assert path.name in (*room, "number.py", "binary64.py") or not names, path.name


class Case:
    """A network at one exact input."""

    def __init__(self, nodes: tuple[Node, ...], point: list[float]) -> None:
        ends = tuple(fmpq(*x.as_integer_ratio()) for x in point)
        network = Network((Input("x", (len(point),)), *nodes), (len(nodes),))
        self.query = Query(network, ends, ends, And(()))
        self.low, self.high = evaluate(network, list(ends))

    def is_forward_sound(self) -> bool:
        root = Checker(self.query).root
        low, high = exactly(root.low), exactly(root.high)
        return bool(((low <= self.low) & (self.high <= high)).all())

    def is_bound_sound(
        self, form: dict[int, fmpq], *, constants: tuple[float, ...] = (), exact: bool = False
    ) -> bool:
        """Whether LB of a form (plus constants), with slopes by default, is at most its value."""
        with np.errstate(all="ignore"):
            root = Checker(self.query, exact=exact).root
            builder = FormBuilder(root, 1)
            for value, factor in form.items():
                builder.term(0, value, factor)
            for constant in constants:
                builder.plus(0, fmpq(*constant.as_integer_ratio()))
            low, high = root.low[None], root.high[None]
            scene = Contexts(root, written(Close(Block())), low, high, np.array([-1]))
            found = lower_bounds(root, builder.build(), scene)[0]
        true = sum((fmpq(*c.as_integer_ratio()) for c in constants), fmpq(0))
        for value, factor in form.items():
            true += factor * (self.low if factor > 0 else self.high)[value]
        return bool((found if exact else fmpq(*float(found).as_integer_ratio())) <= true)


def cancelling(random: Random, n: int = 24) -> tuple[list[float], list[float]]:
    """Weights and a point whose products nearly cancel."""
    weights = [random.uniform(-1, 1) * 2**30 for _ in range(n)]
    point = [random.uniform(-1, 1) for _ in range(n)]
    rest = sum(w * x for w, x in zip(weights, point, strict=True))
    return [*weights, -rest], [*point, 1.0]


def dense(name: str, weight: object, source: int = 0, **more: object) -> Node:
    operator = Dense.of(weight)
    return affine(name, (len(operator.weight),), ((source, operator),), **more)


def forward(random: Random, _sign: fmpq) -> bool:
    w, x = cancelling(random)
    return Case((dense("y", [w]),), x).is_forward_sound()


def products(random: Random, sign: fmpq) -> bool:
    w, x = cancelling(random)
    return Case((dense("y", [w]),), x).is_bound_sound({len(x): sign})


def pulled(random: Random, sign: fmpq) -> bool:
    w, v = cancelling(random)
    case = Case((dense("h", np.array([w]).T), dense("y", [v], 1)), [1.0])
    return case.is_bound_sound({len(w) + 1: sign})


SPREAD = dense("y", [[1.0]], radius=0.125)


def bias(random: Random, _sign: fmpq) -> bool:
    n, minus = 4000, fmpq(-1)
    added = np.array([1.0] + [2.0**-53] * (n - 1))
    h = affine("h", (n,), ((0, Gather.of(n)),), bias=added)
    case = Case((h, dense("y", np.ones((1, n)), 1)), [0.0] * n)
    return case.is_bound_sound({n: minus, 2 * n: minus})


def line(random: Random, _sign: fmpq) -> bool:
    a, z = random.uniform(1, 2) * 2**40, random.uniform(0, 1)
    return Case((pwl("f", (1,), 0, [0.0, 1.0], [0.0, -a / z, -a / z], a),), [z]).is_forward_sound()


def form(random: Random, sign: fmpq) -> bool:
    big = random.uniform(1, 2) * 2**60
    constants = (big, random.uniform(-9, 9), random.uniform(-9, 9), -big)
    return Case((dense("y", [[1.0]]),), [0.0]).is_bound_sound({1: sign}, constants=constants)


def summed(random: Random, sign: fmpq) -> bool:
    there = affine("h", (1,), ((0, Gather.of(1)),), bias=2.0**53)
    back = affine("y", (1,), ((1, Gather.of(1)),), bias=-(2.0**53))
    constants = (random.uniform(0.1, 0.9),)
    return Case((there, back), [0.0]).is_bound_sound({2: sign}, constants=constants)


def scaled(random: Random, sign: fmpq) -> bool:
    slope, factor = random.uniform(1, 2) * 2**30, random.uniform(1, 2)
    ways = [(slope, factor), (-(slope * factor), 1.0)]
    nodes = [pwl(f"n{i}", (1,), 0, [-9.0], [w, w], -9 * w) for i, (w, _) in enumerate(ways)]
    return _on_ways(tuple(nodes), [f for _, f in ways], sign)


def merged(random: Random, sign: fmpq) -> bool:
    big, small = random.uniform(1, 2) * 2**53, random.uniform(1, 2)
    nodes = [dense(f"n{i}", [[w]]) for i, w in enumerate((big, small, -big))]
    return _on_ways(tuple(nodes), [1.0, 1.0, 1.0], sign)


def _on_ways(nodes: tuple[Node, ...], factors: list[float], sign: fmpq) -> bool:
    """Coefficients of one input that come on several ways and nearly cancel."""
    form = {1 + i: sign * fmpq(*f.as_integer_ratio()) for i, f in enumerate(factors)}
    return Case(nodes, [1.0]).is_bound_sound(form)


def fits(_random: Random, _sign: fmpq) -> bool:
    """Not a bound: beyond what `underflow` stands for, nothing may be judged."""
    try:
        Checker(Case((), [2.0**301]).query)
    except Rejection as rejection:
        return rejection.rule == "finite"
    return False


CASES: dict[str, Callable[[Random, fmpq], bool]] = {
    "slip": forward,
    "underflow": lambda _, sign: Case((), [5e-324] * 16).is_bound_sound(
        dict.fromkeys(range(16), sign / 2)
    ),
    "fits": fits,
    "forward": forward,
    "radius": lambda _, sign: Case((SPREAD,), [1.0]).is_bound_sound({1: sign}),
    "line": line,
    "scaled": scaled,
    "merged": merged,
    "pulled": pulled,
    "bias": bias,
    "products": products,
    "summed": summed,
    "form": form,
    "end": lambda _, __: Case((), [1.0]).is_bound_sound({0: fmpq(1)}, constants=(1.5 * 2.0**-53,)),
}


def verdicts(name: str) -> Iterator[bool]:
    for seed in range(1 if name == "bias" else 12):
        yield CASES[name](Random(seed), fmpq(1 if seed % 2 else -1))


def in_a_bad_order(_self: Rounded, a: Array, b: Array) -> Array:
    return np.asarray(np.cumsum(a * b, axis=1)[:, -1])


@pytest.mark.parametrize("name", [name for name in OFF if name not in ELSEWHERE])
def test_a_term_is_needed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Rounded, "inner", in_a_bad_order)
    assert all(verdicts(name)), "all terms together are not enough"
    others = COVERS.get(name, ())
    for other in others:
        monkeypatch.setattr(Rounded, other, OFF[other])
    assert all(verdicts(name)), "it does not cover its own case"
    monkeypatch.setattr(Rounded, name, OFF[name])
    assert not all(verdicts(name)), "nothing fails without it"


def test_a_radius_is_needed_in_the_forward_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Case((SPREAD,), [1.0]).is_forward_sound()
    monkeypatch.setattr(Rounded, "radius", OFF["radius"])
    assert not Case((SPREAD,), [1.0]).is_forward_sound()


def test_a_radius_is_needed_in_exact_arithmetic(monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case((SPREAD,), [1.0])
    assert case.is_bound_sound({1: fmpq(1)}, exact=True)
    monkeypatch.setattr(Exact, "radius", OFF["radius"])
    with pytest.MonkeyPatch.context() as root:
        root.setattr("verifai.kernel.bound.reached", lambda proposed, _sharp: proposed)
        assert not case.is_bound_sound({1: fmpq(1)}, exact=True)


@pytest.mark.parametrize("name", ["scaled", "merged", "pulled", "products", "form", "end"])
def test_exact_arithmetic_has_no_terms(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What rounded arithmetic adds by hand is not asked for there; a slip is zero."""
    monkeypatch.setattr(Terms, name, lambda *_: 1 / 0)
    monkeypatch.setattr(Rounded, name, OFF[name])
    case = Case((dense("h", [[0.1], [0.7]], bias=1 / 3), dense("y", [[1.0, -3.0]], 1)), [0.3])
    assert case.is_bound_sound({3: fmpq(1, 3), 1: fmpq(2)}, constants=(0.1,), exact=True)
