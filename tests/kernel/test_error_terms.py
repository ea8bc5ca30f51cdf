"""Every error term of the rounded arithmetic does its part: without it some bound is too high.

The kernel's source is copied with terms deleted and run on cases built for them (cancellation,
underflow, sums in a bad order). Several terms cover for each other. So each is shown to be needed
in one of two ways: deleted alone, its case fails; or deleted with those that cover for it, its case
fails, and holds again when it alone of them is put back.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from types import SimpleNamespace

import numpy as np
import pytest
from flint import fmpq

import verifai.kernel
from verifai.kernel.arithmetic import exactly
from verifai.kernel.network import Input, Network, affine, pwl
from verifai.kernel.operator import Dense, Gather
from verifai.kernel.replay import evaluate

KERNEL = Path(verifai.kernel.__file__).parent
RADIUS_TERM = ("eliminate.py", "self.total - self._radius(i, node.radius, part)", "self.total")
TERMS = {
    "forward": (
        "forward.py",
        "lower - ar.slip(steps, below), upper + ar.slip(steps, above)",
        "lower, upper",
    ),
    "forward radius": ("forward.py", "ar.lift(node.radius) * size", "0 * size"),
    "affine": ("bound.py", "size * (steps * UNIT * SLACK)", "size * 0"),
    "bias": ("bound.py", "abs(node.bias) * (len(node.bias) * UNIT * SLACK)", "0"),
    "radius": RADIUS_TERM,
    "exact radius": RADIUS_TERM,
    "constants": ("eliminate.py", "(size + abs(self.total)) * UNIT", "abs(self.total) * UNIT"),
    "total": ("eliminate.py", "(size + abs(self.total)) * UNIT", "size * UNIT"),
    "pass on": ("eliminate.py", "PASSED = 4.0", "PASSED = 0.0"),
    "merge": ("eliminate.py", "MERGED = 2.0", "MERGED = 0.0"),
    "underflow": ("eliminate.py", "todo.error * SLACK + TINY", "todo.error * SLACK"),
    "pwl": ("lines.py", "ar.slip(16, size)", "0 * size"),
    "forms": ("context.py", "error = size * scale", "error = size * 0"),
}
DOT = ("eliminate.py", "self._add(a @ bias,", "self._add(np.cumsum(a * bias, axis=1)[:, -1],")


def mutated(folder: Path, changes: list[tuple[str, str, str]]) -> SimpleNamespace:
    """The kernel with these changes, imported under a name of its own."""
    name = f"mutant_{folder.name.replace('-', '_')}_{len(list(folder.iterdir()))}"
    target = folder / name
    (target / "files").mkdir(parents=True)
    sources = {p.relative_to(KERNEL).as_posix(): p.read_text() for p in KERNEL.rglob("*.py")}
    for file, old, new in changes:
        assert sources[file].count(old) == 1, f"{file} no longer has {old!r} once"
        sources[file] = sources[file].replace(old, new)
    for file, text in sources.items():
        (target / file).write_text(text.replace("verifai.kernel", name))
    sys.path.insert(0, str(folder))
    try:
        parts = (
            "arithmetic",
            "elementary",
            "fixed_point",
            "bound",
            "eliminate",
            "context",
            "checker",
            "number",
            "network",
            "operator",
            "query",
        )
        return SimpleNamespace(**{p: importlib.import_module(f"{name}.{p}") for p in parts})
    finally:
        sys.path.remove(str(folder))
        for module in [m for m in sys.modules if m.split(".")[0] == name]:
            del sys.modules[module]


class Case:
    """A network at one exact input, in the words of a mutant."""

    def __init__(self, kernel: SimpleNamespace, build: str, point: list[float]) -> None:
        names = {"np": np, "pwl": kernel.network.pwl, "affine": kernel.network.affine}
        names |= {"Input": kernel.network.Input, "Dense": kernel.operator.Dense}
        names |= {"Gather": kernel.operator.Gather, "point": point}
        self.kernel, ends = kernel, tuple(fmpq(*x.as_integer_ratio()) for x in point)
        nodes = eval(build, names)
        net = kernel.network.Network(nodes, (len(nodes) - 1,))
        self.query = kernel.query.Query(net, ends, ends, kernel.query.And(()))
        own = {"np": np, "pwl": pwl, "affine": affine, "Input": Input}
        same = eval(build, own | {"Dense": Dense, "Gather": Gather, "point": point})
        self.network = Network(same, (len(same) - 1,))
        self.low, self.high = evaluate(self.network, list(ends))

    def is_forward_sound(self) -> bool:
        root = self.kernel.checker.Checker(self.query).root
        low, high = exactly(root.low), exactly(root.high)
        return bool(((low <= self.low) & (self.high <= high)).all())

    def is_bound_sound(
        self, form: dict[int, fmpq], *, constants: tuple[float, ...] = (), exact: bool = False
    ) -> bool:
        """Whether LB of a form (plus constants), with slopes by default, is at most its value."""
        with np.errstate(all="ignore"):
            checker = self.kernel.checker.Checker(self.query, exact=exact)
            root, context = checker.root, self.kernel.context
            builder = context.FormBuilder(root, 1)
            for value, factor in form.items():
                builder.term(0, value, factor)
            for constant in constants:
                builder.plus(0, fmpq(*constant.as_integer_ratio()))
            proof = SimpleNamespace(codes=np.zeros((0, 0)), block_start=np.zeros(1, dtype=int))
            blocks = np.array([-1])
            scene = context.Scene(root, proof, root.low[None], root.high[None], blocks)
            found = self.kernel.eliminate.lower_bounds(root, builder.build(), scene)[0]
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


ONE_LAYER = "(Input('x', (len(point),)), affine('y', (1,), ((0, Dense.of([{w}])),)))"
TWO_LAYERS = (
    "(Input('x', (1,)), affine('h', ({n},), ((0, Dense.of(np.array([{w}]).T)),)),"
    " affine('y', (1,), ((1, Dense.of([{v}])),)))"
)
RADIUS = "(Input('x', (1,)), affine('y', (1,), ((0, Dense.of([[1.0]])),), radius=0.125))"
BIG_BIAS = (
    "(Input('x', ({n},)), affine('h', ({n},), ((0, Gather.of({n})),), bias=np.array({b})),"
    " affine('y', (1,), ((1, Dense.of(np.ones((1, {n})))),)))"
)
TALL = "(Input('x', (1,)), pwl('f', (1,), 0, [0.0, 1.0], [0.0, {s}, {s}], {a}))"
THERE_AND_BACK = (
    "(Input('x', (1,)), affine('h', (1,), ((0, Gather.of(1)),), bias=2.0**53),"
    " affine('y', (1,), ((1, Gather.of(1)),), bias=-(2.0**53)))"
)


def sound(name: str, kernel: SimpleNamespace) -> bool:
    """Whether the case of a term holds in this kernel, at every one of several seeds."""
    return all(_cases(name, kernel))


def _cases(name: str, kernel: SimpleNamespace) -> Iterator[bool]:
    plus, minus = fmpq(1), fmpq(-1)
    for seed in range(12):
        random = Random(seed)
        sign = plus if seed % 2 else minus
        if name == "forward":
            w, x = cancelling(random)
            yield Case(kernel, ONE_LAYER.format(w=w), x).is_forward_sound()
        elif name == "constants":
            w, x = cancelling(random)
            yield Case(kernel, ONE_LAYER.format(w=w), x).is_bound_sound({len(x): sign})
        elif name == "affine":
            w, v = cancelling(random)
            case = Case(kernel, TWO_LAYERS.format(w=w, v=v, n=len(w)), [1.0])
            yield case.is_bound_sound({len(w) + 1: sign})
        elif name == "forward radius":
            yield Case(kernel, RADIUS, [1.0]).is_forward_sound()
        elif name in ("radius", "exact radius"):
            case = Case(kernel, RADIUS, [1.0])
            yield case.is_bound_sound({1: sign}, exact=name == "exact radius")
        elif name == "bias":
            n = 4000
            b = [1.0] + [2.0**-53] * (n - 1)
            case = Case(kernel, BIG_BIAS.format(n=n, b=b), [0.0] * n)
            yield case.is_bound_sound(dict.fromkeys(range(n, n + 1), minus) | {2 * n: minus})
            return
        elif name == "underflow":
            case = Case(kernel, "(Input('x', (16,)),)", [5e-324] * 16)
            yield case.is_bound_sound(dict.fromkeys(range(16), sign / 2))
        elif name == "pwl":
            a = random.uniform(1, 2) * 2**40
            z = random.uniform(0, 1)
            yield Case(kernel, TALL.format(s=-a / z, a=a), [z]).is_forward_sound()
        elif name == "forms":
            case = Case(kernel, ONE_LAYER.format(w=[1.0]), [0.0])
            big = random.uniform(1, 2) * 2**60
            small = (random.uniform(-9, 9), random.uniform(-9, 9))
            yield case.is_bound_sound({1: sign}, constants=(big, *small, -big))
        elif name == "total":
            case = Case(kernel, THERE_AND_BACK, [0.0])
            yield case.is_bound_sound({2: sign}, constants=(random.uniform(0.1, 0.9),))
        elif name == "pass on":
            slope, factor = random.uniform(1, 2) * 2**30, random.uniform(1, 2)
            yield _on_two_ways(kernel, LINE, (slope, -(slope * factor)), (factor, 1.0), sign)
        elif name == "merge":
            big, small = random.uniform(1, 2) * 2**53, random.uniform(1, 2)
            yield _on_two_ways(kernel, ONE, (big, small, -big), (1.0, 1.0, 1.0), sign)


ONE = "affine('{n}', (1,), ((0, Dense.of([[{w}]])),))"
LINE = "pwl('{n}', (1,), 0, [-9.0], [{w}, {w}], {a})"


def _on_two_ways(
    kernel: SimpleNamespace,
    way: str,
    weights: tuple[float, ...],
    factors: tuple[float, ...],
    sign: fmpq,
) -> bool:
    """Coefficients of one input that come on several ways and nearly cancel."""
    each = [way.format(n=f"n{i}", w=w, a=-9 * w) for i, w in enumerate(weights)]
    case = Case(kernel, f"(Input('x', (1,)), {', '.join(each)})", [1.0])
    form = {1 + i: sign * fmpq(*f.as_integer_ratio()) for i, f in enumerate(factors)}
    return case.is_bound_sound(form)


# Which other terms cover for a term in its case, and which sums must come in a bad order.
ALONE = {
    "forward": (),
    "forward radius": (),
    "radius": (),
    "exact radius": (),
    "affine": (),
    "underflow": (),
    "pwl": (),
    "forms": (),
    "bias": ("affine", "forms"),
    "constants": ("affine", "forms"),
    "merge": ("affine", "forms", "constants"),
    "pass on": ("forms", "pwl", "constants", "total"),
    "total": ("affine", "forms", "bias"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mutants")


def without(folder: Path, names: tuple[str, ...], *more: tuple[str, str, str]) -> SimpleNamespace:
    chosen = [TERMS[name] for name in names]
    if {"constants", "total"} <= set(names):
        chosen = [c for c in chosen if c[1] != TERMS["total"][1]]
        chosen.append((*TERMS["total"][:2], "0 * size"))
    return mutated(folder, [*chosen, *more])


@pytest.mark.parametrize("name", TERMS)
def test_all_terms_together_are_sound(name: str, folder: Path) -> None:
    assert sound(name, without(folder, (), DOT))


@pytest.mark.parametrize("name", TERMS)
def test_a_term_is_needed(name: str, folder: Path) -> None:
    others = ALONE[name]
    bad = (DOT,) if name == "bias" else ()
    assert not sound(name, without(folder, (name, *others), *bad)), "nothing fails without it"
    assert sound(name, without(folder, others, *bad)), "it does not cover its own case"
