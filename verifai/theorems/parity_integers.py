"""No ReLU network of one real input tells even from odd on all integers.

May import: the gallery's parts, kernel, symbolic. Must not know: files.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
from flint import fmpq

from verifai.graph.attach import attach
from verifai.graph.formulas import atom
from verifai.graph.graph import Graph
from verifai.kernel.network import Input, Network
from verifai.kernel.query import And, Or, Query, Relation
from verifai.symbolic.census import counterexamples
from verifai.symbolic.line import Pieces, pieces
from verifai.theorems import evidence
from verifai.theorems.claim import (
    Claim,
    CoqInstance,
    CoqProof,
    Finding,
    Outcome,
    Role,
    Table,
    Theorem,
    Trust,
    parameter,
)
from verifai.theorems.construction import Layer, Recipe, exported, relu_network, trained
from verifai.theorems.distance import avoids, beyond, output

HALF, ONE = fmpq(1, 2), fmpq(1)
LECTURE = (2, 365, 1, 4, 14, 42, 77, 1255559)  # which of these are even?
STATEMENT = """\
Decision rule: a function h on R says that the integer m is odd if h(m) > 1/2, and even otherwise.
No ReLU network R → R is right on all integers: beyond its last breakpoint it is affine, and an
affine function is wrong on at least one of any three consecutive integers.

Proof. If h is affine on [m, m + 2] then 2 h(m + 1) = h(m) + h(m + 2). If m is even and h right,
the left side is > 1 and the right side ≤ 1; if m is odd, the left side is ≤ 1 and the right > 1.

So if X is the last breakpoint, the smallest integer m ≥ X decided wrongly is at most ⌈X⌉ + 2. This
is sharp: h(x) = x is right on 0 and 1 and wrong on 2. On a
bounded range a ReLU network can be right: the folded sawtooth of k layers is, on 0, ..., 2^k.
"""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Sizes."""

    folds: int = parameter(8, "folds of the sawtooth that is right on 0 … 2^folds", 1, 16)
    most: int = parameter(8, "greatest integer of the training data", 2, 1000)
    width: int = parameter(64, "neurons of each of two hidden layers", 1, 256)
    seeds: int = parameter(3, "trained networks", 1, 20)
    steps: int = parameter(4000, "steps of Adam", 1, 100_000)
    digits: int = parameter(3, "digits read by the network of digits", 1, 5)


def layers(folds: int) -> list[Layer]:
    """The layers of the distance to the nearest even integer on [0, 2^folds]."""
    made: list[Layer] = []
    read: list[list[float]] = [[1.0]]
    for power in reversed(range(folds)):
        made.append((read * 2, [0.0, -float(1 << power)]))
        read = [[1.0, -2.0]]
    return [*made, (read, [0.0])]


def claims(sizes: Parameters) -> Iterator[Claim]:
    """The claims, in order."""
    yield Claim(
        "affine",
        "For all h affine on [m, m + 2]: 2 h(m + 1) = h(m) + h(m + 2).",
        affine_step,
    )
    yield Claim(
        "three",
        "No affine function is right on three consecutive integers, asked of Z3.",
        affine_z3,
    )
    yield Claim(
        "trained",
        f"Networks 1 → {sizes.width} → {sizes.width} → 1 trained by Adam on 0, ..., {sizes.most} "
        f"from seeds 0 to {sizes.seeds - 1} decide an integer wrongly at most 2 beyond ⌈X⌉, where "
        "X is their last breakpoint.",
        partial(train, sizes),
    )
    yield Claim(
        "lecture",
        f"Which of the integers {', '.join(map(str, LECTURE))} these networks decide wrongly.",
        partial(lecture, sizes),
        role=Role.MEASUREMENT,
    )
    yield Claim(
        "one-beyond",
        "Every network decides an integer wrongly at most 1 beyond ⌈X⌉.",
        one_beyond,
        role=Role.CONTROL,
    )
    yield Claim(
        "digits",
        f"The exact number of integers below 10^{sizes.digits} that a network trained on their "
        "decimal digits decides wrongly.",
        partial(train_digits, sizes),
        role=Role.MEASUREMENT,
    )
    reach = 1 << sizes.folds
    yield Claim(
        "sawtooth",
        f"The folded sawtooth of {sizes.folds} layers is wrong on an integer in 0, ..., {reach}.",
        partial(sawtooth, sizes.folds),
        partial(sawtooth_query, sizes.folds),
        Role.CONTROL,
    )


def affine_step() -> Finding:
    """The midpoint identity."""
    import sympy

    a, b, m = sympy.symbols("a b m")
    return evidence.identities(2 * (a * (m + 1) + b) - (a * m + b) - (a * (m + 2) + b))


def affine_z3() -> Finding:
    """Both parities of m, with the values of h as unknowns."""
    import z3

    a, b, m = z3.Reals("a b m")
    left, middle, right = (a * (m + i) + b for i in range(3))
    half = z3.Q(1, 2)
    even = z3.And(left <= half, middle > half, right <= half)
    odd = z3.And(left > half, middle <= half, right > half)
    return evidence.unsatisfiable([z3.Or(even, odd)])


def one_beyond() -> Finding:
    """h(x) = x, exported, which is affine everywhere: X counts as 0."""
    line = pieces(relu_network([([[1.0]], [0.0])]))
    start, wrong = first_wrong(line)
    late = wrong is None or wrong > start + 1
    values = ", ".join(f"h({m}) = {line(fmpq(m))}" for m in range(start, start + 3))
    return evidence.exact(not late, counterexample=f"h(x) = x, X = {start}: {values}")


def is_right(value: fmpq, integer: int) -> bool:
    """Whether the decision rule, given h(integer), says what is true."""
    return (value > HALF) == (integer % 2 == 1)


def first_wrong(line: Pieces) -> tuple[int, int | None]:
    """The ceiling of the last breakpoint, and the smallest integer from there decided wrongly."""
    last = line.last_breakpoint
    start = 0 if last is None else int(last.ceil())
    found = (m for m in range(start, start + 3) if not is_right(line(fmpq(m)), m))
    return start, next(found, None)


@cache
def fitted(sizes: Parameters, seed: int) -> Pieces:
    """The pieces of a network trained on 0, …, most and their parities."""
    integers = np.arange(sizes.most + 1)[:, None]
    widths = (1, sizes.width, sizes.width, 1)
    module = trained(Recipe(widths, seed, sizes.steps), integers, integers % 2)
    return pieces(exported(module, 1))


def train(sizes: Parameters) -> Finding:
    """Trained networks: their last breakpoints and where they are wrong beyond."""
    rows = []
    for seed in range(sizes.seeds):
        line = fitted(sizes, seed)
        start, wrong = first_wrong(line)
        if wrong is None:
            shown = f"seed {seed}: right at {start}, {start + 1} and {start + 2}"
            return evidence.exact(False, counterexample=shown)
        inside = sum(not is_right(line(fmpq(m)), m) for m in range(sizes.most + 1))
        first = next(m for m in range(wrong + 1) if not is_right(line(fmpq(m)), m))
        last = "none" if line.last_breakpoint is None else evidence.shown(line.last_breakpoint)
        of = f"{inside} of {sizes.most + 1}"
        rows.append((str(seed), of, last, str(wrong), str(first)))
    headings = ("seed", "wrong on the data", "last breakpoint X", "smallest wrong ≥ X", "of all")
    table = Table(headings, tuple(rows))
    perfect = sum(row[1].startswith("0 ") for row in rows)
    said = f"{len(rows)} networks, {perfect} of them right on all they were trained on"
    return Finding(Outcome.PROVED, Trust.EXACT, said, table=table)


def lecture(sizes: Parameters) -> Finding:
    """The integers that the lecture asks about, decided by every trained network."""
    rows = []
    for seed in range(sizes.seeds):
        line = fitted(sizes, seed)
        values = [line(fmpq(m)) for m in LECTURE]
        said = ["odd" if value > HALF else "even" for value in values]
        wrong = sum(not is_right(v, m) for v, m in zip(values, LECTURE, strict=True))
        rows.append((str(seed), *said, str(wrong)))
    truth = ("truth", *("odd" if m % 2 else "even" for m in LECTURE), "0")
    headings = ("seed", *map(str, LECTURE), "wrong")
    return evidence.measured("", table=Table(headings, (truth, *rows)))


def digits_query(net: Network) -> Query:
    """Does the network of digits say odd for an even last digit, or even for an odd one?

    The last digit is 2h + r; h and r are inputs of the graph.
    """
    count = net.sizes[net.inputs[0]]
    graph = Graph((Input("digits", (1, count)),))
    for name in ("half", "parity"):
        graph.add(Input(name, (1,)))
    said = attach(graph, net, [0], "")[net.outputs[0]]
    whole = Network(tuple(graph.nodes), (said,))
    half, parity = count, count + 1
    terms = {count - 1: ONE, half: fmpq(-2), parity: fmpq(-1)}
    link = atom(terms, fmpq(0), Relation.EQUAL)
    nine, zero = fmpq(9), fmpq(0)
    ends = [(zero, nine)] * count + [(zero, fmpq(4)), (zero, ONE)]
    y = output(whole)
    says_even, says_odd = atom({y: ONE}, -HALF), atom({y: -ONE}, HALF, Relation.LESS)
    is_even, is_odd = atom({parity: ONE}, zero), atom({parity: -ONE}, ONE)
    unsafe = Or((And((says_even, is_odd)), And((says_odd, is_even))))
    lower, upper = tuple(a for a, _ in ends), tuple(b for _, b in ends)
    integers = frozenset(range(count + 2))
    return Query(whole, lower, upper, And((unsafe,)), (link,), integers)


def train_digits(sizes: Parameters) -> Finding:
    """A network that reads digits: every integer it decides wrongly, counted."""
    count = sizes.digits
    numbers = np.arange(10**count)
    digits = numbers[:, None] // 10 ** np.arange(count)[::-1] % 10
    recipe = Recipe((count, 32, 1), 0, sizes.steps, rate=2e-2)
    module = trained(recipe, digits / 1.0, numbers[:, None] % 2)
    census = counterexamples(digits_query(exported(module, count)))
    wrong = sorted(int("".join(str(d) for d in point[:count])) for point in census)
    first = f", the smallest {wrong[0]}" if wrong else ""
    said = f"seed 0, {sizes.steps} steps: {len(wrong)} of {10**count} are wrong{first}"
    return evidence.measured(said)


def sawtooth_query(folds: int) -> Query:
    """Is |h(m) - r| < 1/2 for all integers m = 2k + r from 0 to 2^folds?"""
    net = relu_network(layers(folds))
    graph = Graph((Input("integer", (1, 1)), Input("half", (1,)), Input("parity", (1,))))
    places = attach(graph, net, [0], "")
    whole = Network(tuple(graph.nodes), (places[net.outputs[0]],))
    link = atom({0: ONE, 1: fmpq(-2), 2: fmpq(-1)}, fmpq(0), Relation.EQUAL)
    most, zero = fmpq(1 << folds), fmpq(0)
    return avoids(
        whole,
        beyond({output(whole): 1, 2: -1}, HALF, Relation.AT_MOST),
        ((zero, most), (zero, most / 2), (zero, ONE)),
        domain=(link,),
        integers=frozenset(range(3)),
    )


def sawtooth(folds: int) -> Finding:
    """The sawtooth is certified to be right on its range, which refutes that it is wrong there."""
    found = evidence.decided(sawtooth_query(folds))
    if found.outcome is not Outcome.PROVED:
        return Finding(Outcome.OPEN, Trust.CERTIFIED, found.detail + found.counterexample)
    said = f"the exported network is right on all {(1 << folds) + 1} integers"
    return Finding(
        Outcome.REFUTED,
        Trust.CERTIFIED,
        found.detail,
        counterexample=said,
        query=found.query,
        certificate=found.certificate,
    )


THEOREM = Theorem(
    name="parity_integers",
    title="no ReLU network of one real input tells even from odd on all integers",
    statement=STATEMENT,
    proposal="networks trained by Adam on integers and on digits; the folded sawtooth",
    source="the statement is elementary; the sawtooth is that of Telgarsky, COLT 2016",
    defaults=Parameters(),
    claims=claims,
    example="""\
h(x) = x says even at 0 and odd at 1, for h > 1/2 means odd; at 2 it says odd: wrong. Every affine
h is wrong at one of three neighbours, as up, down, up is no straight line.""",
    proved=CoqProof(
        "ParityIntegers.v",
        "parity_integers",
        "for ReLU networks R → R of every size and all real weights; from the last breakpoint X "
        "on some integer m < X + 3 is decided wrongly, and 2 in place of 3 is not enough; the "
        "folded sawtooth of d layers is right on 0, ..., 2^d, for every d",
        tuple(
            CoqInstance(f"Fold.fold_net {d} [1]%Q", partial(relu_network, layers(d)))
            for d in (1, 3, 8)
        ),
    ),
)
