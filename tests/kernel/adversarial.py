"""Certificates that try to prove false claims: each query here has an exact counterexample."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from random import Random

import numpy as np
from flint import fmpq

from tests.kernel.proofs import (
    ANY,
    SMOOTH_KINDS,
    Block,
    Choose,
    Close,
    Derive,
    Point,
    Split,
    Tree,
    plan_of,
    random_network,
    written,
)
from verifai.graph.formulas import atom
from verifai.kernel.checker import Checker
from verifai.kernel.errors import Rejection
from verifai.kernel.files.certificate import COUNTS, decode_certificate
from verifai.kernel.network import Network, Product, Pwl, Sign, Smooth, Square
from verifai.kernel.operator import Array
from verifai.kernel.query import And, Formula, Or, Query, Relation
from verifai.kernel.replay import evaluate, replay
from verifai.proof.certificate import encode_certificate

WILD = (0.0, 1.0, -1.0, 2.0, 0.5, 1e-300, 5e-324, 1e308, -1e308, 1e30, 1 + 2.0**-52, 3.0)
Plan = tuple[tuple[str, int, Block | None], ...]
KINDS_OF_QUERY = ("at", "strict", "near", "or", "integer", "equal")


@dataclass(frozen=True)
class Target:
    """A false claim: the query, where it fails, and all values there."""

    query: Query
    point: tuple[fmpq, ...]
    values: Array
    kind: str


def target(seed: int) -> Target:
    """A query whose unsafe formula holds at the best input found, most of them just so."""
    kind = KINDS_OF_QUERY[seed % 6]
    return _target(Random(seed), random_network(seed % 997, depth=2 + seed % 3), kind)


def smooth_target(seed: int) -> Target:
    """The same for a network with smooth functions, squares, products and signs.

    Its values are known only up to 2^-150 or so: the threshold is the lower end, which is reached.
    """
    kind = (*KINDS_OF_QUERY[:-1], "pinned")[seed % 6]
    network = random_network(seed, SMOOTH_KINDS, depth=2 + seed % 3)
    return _target(Random(seed), network, kind)


def _target(random: Random, network: Network, kind: str) -> Target:
    n, last = network.sizes[0], network.offsets[-1] - 1
    if kind == "integer":
        grid = [list(map(fmpq, p)) for p in product((-2, -1, 0, 1, 2), repeat=n)][:125]
    else:
        grid = [list(map(fmpq, p)) for p in product((-1, 0, 1), repeat=n)]
        grid += [[fmpq(random.randrange(-64, 65), 64) for _ in range(n)] for _ in range(8)]
    found = [(evaluate(network, p), p) for p in grid]
    (values, high), point = max(found, key=lambda item: item[0][0][last])
    top, less = values[last], Relation.LESS
    gap = fmpq(1, 2 ** random.choice([10, 30, 60]))
    unsafe: list[Formula] = [atom({last: fmpq(-1)}, top)]
    if kind == "strict":
        unsafe = [atom({last: fmpq(-1)}, top - gap, less)]
    elif kind == "near":
        unsafe = [atom({last: fmpq(-1), 0: fmpq(1)}, top - gap - point[0])]
    elif kind == "or":
        other = atom({last: fmpq(-1)}, top + 10**6)
        near = atom({0: fmpq(1)}, -point[0])
        unsafe = [Or((other, And((unsafe[0], Or((near, other)))))), atom({0: fmpq(-1)}, point[0])]
    elif kind == "equal":
        unsafe = [atom({last: fmpq(1), 0: fmpq(1)}, -top - point[0], Relation.EQUAL)]
    elif kind == "pinned":
        unsafe.append(atom({last: fmpq(1), 0: fmpq(1)}, -high[last] - point[0]))
    side = 2 if kind == "integer" else 1
    integers = frozenset(range(n)) if kind == "integer" else frozenset()
    ends = (fmpq(-side),) * n, (fmpq(side),) * n
    query = Query(network, *ends, unsafe=And(tuple(unsafe)), integers=integers)
    return Target(query, tuple(point), values, kind)


def is_false(claim: Target) -> bool:
    """Whether the counterexample is one, by replay."""
    return replay(claim.query, claim.point).violates is True


def random_block(random: Random, claim: Target, rows: int) -> Block:
    net = claim.query.network
    total = net.offsets[-1]

    def number() -> float:
        return random.choice([random.choice(WILD), random.uniform(-2, 2), random.random()])

    slopes = []
    for i, node in enumerate(net.nodes):
        if isinstance(node, Pwl | Sign | Square | Product | Smooth) and random.random() < 0.5:
            places = 4 if isinstance(node, Product) else 2
            slopes.append(
                (net.offsets[i] + random.randrange(net.sizes[i]), random.randrange(places))
            )
    some = random.sample(range(-rows, rows), min(rows, random.randrange(3)))
    columns = sum(net.sizes[i] for i, n in enumerate(net.nodes) if isinstance(n, Pwl))
    codes = tuple(random.choice([0, 128, 255, random.randrange(256)]) for _ in range(columns))
    return Block(
        rows=((0, 1.0), *((r, abs(number())) for r in some)) if random.random() < 0.9 else (),
        bounds=tuple((random.randrange(total), number()) for _ in range(random.randrange(3))),
        slopes=tuple((*where, number()) for where in slopes),
        codes=codes if random.random() < 0.3 else (),
    )


def random_form(random: Random, total: int) -> int | tuple[tuple[int, float], ...]:
    if random.random() < 0.7:
        return random.randrange(total)
    chosen = random.sample(range(total), min(total, 2))
    return tuple((v, random.choice([1.0, -1.0, 0.5, -2.0])) for v in chosen)


def some_images(random: Random, plan: Plan) -> Plan:
    """The plan, in one of two with some steps plain and some by the image of the sources."""
    if random.random() < 0.5:
        return plan
    kinds = ["node", "plain", "image", "image"]
    return tuple((random.choice(kinds), node, block) for _, node, block in plan)


def random_tree(random: Random, claim: Target, depth: int, rows: int, ors: tuple[Or, ...]) -> Tree:
    """A tree that obeys the form of every rule; cuts go near and through the counterexample."""
    net = claim.query.network
    what = random.random()
    if depth == 0 or what < 0.1:
        return Point() if random.random() < 0.2 else Close(random_block(random, claim, rows))
    if ors and what < 0.5:
        which = random.randrange(len(ors))
        rest = ors[:which] + ors[which + 1 :]
        children = []
        for part in ors[which].parts:
            parts = part.parts if isinstance(part, And) else (part,)
            inner = tuple(p for p in parts if isinstance(p, Or))
            more = rows + len(parts) - len(inner)
            children.append(random_tree(random, claim, depth - 1, more, rest + inner))
        return Choose(which, tuple(children))
    if what < 0.75:
        block = random_block(random, claim, rows) if random.random() < 0.5 else None
        plan = some_images(random, plan_of(net, block))
        if random.random() < 0.4:
            plan = (*plan, ("form", random_form(random, net.offsets[-1]), block))
            rows += 1
        return Derive(plan, random_tree(random, claim, depth - 1, rows, ors))
    form = random_form(random, net.offsets[-1])
    terms = ((form, 1.0),) if isinstance(form, int) else form
    at = sum(float(claim.values[v]) * c for v, c in terms)
    at = random.choice([at, np.nextafter(at, -9e9), np.nextafter(at, 9e9), at + 0.5, at - 0.5, 0.0])
    left, right = (random_tree(random, claim, depth - 1, rows + 1, ors) for _ in "lr")
    return Split(form, float(at), left, right)


def shifted(claim: Target, amount: int) -> Query:
    """The query with its last atom moved away from what is reached, so that it is true."""

    def move(part: Formula) -> Formula:
        if isinstance(part, And | Or):
            return replace(part, parts=tuple(move(p) for p in part.parts))
        return replace(part, constant=part.constant + amount)

    moved = move(claim.query.unsafe)
    if not isinstance(moved, And):
        raise TypeError("the top of a formula is a conjunction")
    return replace(claim.query, unsafe=moved)


def valid_tree(random: Random, claim: Target, ors: tuple[Or, ...], rows: int, depth: int) -> Tree:
    """Splits inputs and neurons, derives, chooses, closes: proves a query that is true by far."""
    net = claim.query.network
    if ors:
        children = []
        for part in ors[0].parts:
            parts = part.parts if isinstance(part, And) else (part,)
            inner = tuple(p for p in parts if isinstance(p, Or))
            more = rows + len(parts) - len(inner)
            children.append(valid_tree(random, claim, ors[1:] + inner, more, depth))
        return Choose(0, tuple(children))
    if depth == 0:
        last = Close(Block(rows=((0, 1.0),)))
        return Derive(some_images(random, plan_of(net)), last) if random.random() < 0.7 else last
    value = random.randrange(net.offsets[-1])
    at = float(claim.values[value]) + random.choice([0.0, 0.25, -0.25])
    left, right = (valid_tree(random, claim, ors, rows + 1, depth - 1) for _ in "lr")
    return Split(value, at, left, right)


def mutated(random: Random, claim: Target, tree: Tree, other: Tree) -> Tree:
    """The tree with one record changed, or a part of another proof in its place."""
    what = random.random()
    if isinstance(tree, Split) and what < 0.8:
        if what < 0.3:
            return replace(tree, left=mutated(random, claim, tree.left, other))
        if what < 0.6:
            return replace(tree, right=mutated(random, claim, tree.right, other))
        if what < 0.7:
            return replace(tree, at=random.choice([*WILD, -tree.at, tree.at / 2]))
        return replace(tree, left=tree.right, right=tree.left)
    if isinstance(tree, Choose) and what < 0.9:
        children = list(tree.children)
        k = random.randrange(len(children))
        children[k] = mutated(random, claim, children[k], other)
        return replace(tree, children=tuple(children))
    if isinstance(tree, Derive) and what < 0.8:
        if what < 0.4:
            return replace(tree, child=mutated(random, claim, tree.child, other))
        block = random_block(random, claim, 1)
        return replace(tree, plan=tuple((k, t, block) for k, t, _ in reversed(tree.plan)))
    if isinstance(tree, Close) and what < 0.7:
        fresh = random_block(random, claim, 2)
        parts = {n: getattr(random.choice([tree.block, fresh]), n) for n in ("rows", "bounds")}
        return Close(replace(fresh, **parts))
    return other


HEAD = 80  # bytes before what is compressed


class Judge:
    """Both arithmetics on one claim; counts what was tried and why it was rejected."""

    def __init__(self, claim: Target, counts: Counter[str]) -> None:
        self.checkers = [Checker(claim.query, exact=exact) for exact in (False, True)]
        self.counts = counts

    def accepts(self, data: bytes) -> bool:
        """Whether either arithmetic accepts; anything but an answer propagates."""
        self.counts["certificates"] += 1
        try:
            proof = decode_certificate(data, *ANY)
        except Rejection as rejection:
            self.counts[rejection.rule] += 1
            return False
        answers = [self._accepted(checker, proof) for checker in self.checkers]
        return any(answers)

    def _accepted(self, checker: Checker, proof) -> bool:  # type: ignore[no-untyped-def]
        try:
            for rejection in (leaf.reason for leaf in checker.open_leaves(proof)):
                raise rejection
        except Rejection as rejection:
            self.counts[rejection.rule] += 1
            return False
        return True

    def best(self, tree: Tree) -> float:
        """The worst bound of a tree's leaves in rounded arithmetic; -inf where there is none."""
        worst = np.inf
        try:
            for rejection in (leaf.reason for leaf in self.checkers[0].open_leaves(written(tree))):
                match = re.search(r"bound is (\S+),", rejection.reason)
                worst = min(worst, float(match[1]) if match else -np.inf)
        except Rejection:
            return -np.inf
        return float(worst)


def encoded(tree: Tree) -> bytes:
    return encode_certificate(written(tree), *ANY)


def attempts(seed: int, count: int, claim: Target, judge: Judge) -> Iterator[tuple[str, bytes]]:
    """About `count` certificates for a false claim, by how they were made."""
    random = Random(seed)
    ors = tuple(p for p in claim.query.unsafe.parts if isinstance(p, Or))
    rows = len(claim.query.unsafe.parts) - len(ors)
    base = [valid_tree(random, claim, ors, rows, depth) for depth in (0, 1, 1, 2)]
    for tree in base:
        yield "moved", encoded(tree)
    each = max(1, (count - len(base)) // 5)
    for _ in range(each):
        yield "random", encoded(random_tree(random, claim, 2, rows, ors))
    for _ in range(2 * each):
        tree = random.choice(base)
        for _ in range(random.randrange(1, 4)):
            tree = mutated(random, claim, tree, random.choice(base))
        yield "mutated", encoded(tree)
    for _ in range(each):
        data = encoded(random.choice(base))
        body = bytearray(zlib.decompress(data[HEAD:]))
        for _ in range(random.randrange(1, 4)):
            body[random.randrange(8 * len(COUNTS), len(body))] = random.randrange(256)
        yield "bytes", data[:HEAD] + zlib.compress(bytes(body))
    yield from climbed(random, claim, judge, base, each)


def climbed(
    random: Random, claim: Target, judge: Judge, base: list[Tree], count: int
) -> Iterator[tuple[str, bytes]]:
    """Hill climbing on the bound of the worst leaf, every step a certificate."""
    tree, best = base[0], judge.best(base[0])
    for _ in range(count):
        step = mutated(random, claim, tree, tree)
        found = judge.best(step)
        yield "climbed", encoded(step)
        if found >= best:
            tree, best = step, found
