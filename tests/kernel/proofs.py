"""Proofs written as nested records, random networks and queries, and exact sampling."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
from flint import fmpq

from verifai.graph.formulas import atom
from verifai.graph.nodes import affine, pwl, relu
from verifai.kernel.check import check
from verifai.kernel.checker import Accepted
from verifai.kernel.files.certificate import BOUND, COLUMNS, IMAGE, PLAIN, ROW, SLOPE, Kind, Proof
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
from verifai.kernel.operator import Array, Conv, Dense, Gather
from verifai.kernel.query import And, Formula, Query, Relation
from verifai.kernel.replay import evaluate
from verifai.proof.certificate import encode_certificate, proof_of
from verifai.proof.files import Files

ANY = "0" * 64, "1" * 64  # digests where nobody compares them
Form = int | tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Block:
    rows: tuple[tuple[int, float], ...] = ()
    bounds: tuple[tuple[int, float], ...] = ()
    slopes: tuple[tuple[int, int, float], ...] = ()
    codes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Split:
    form: Form
    at: float
    left: Tree
    right: Tree


@dataclass(frozen=True)
class Choose:
    which: int
    children: tuple[Tree, ...]


@dataclass(frozen=True)
class Derive:
    plan: tuple[tuple[str, Any, Block | None], ...]  # "node", "plain", "image" or "form"; …
    child: Tree


@dataclass(frozen=True)
class Close:
    block: Block = Block()


@dataclass(frozen=True)
class Point:
    pass


Tree = Split | Choose | Derive | Close | Point


def proof(**columns: Any) -> Proof:
    """A proof of these columns; absent ones are empty."""
    return proof_of(columns)


class _Writer:
    def __init__(self) -> None:
        self.data: dict[str, list[Any]] = {name: [] for name in COLUMNS}
        self.seen: dict[str, dict[Any, int]] = {k: {} for k in ("plan", "form", "block", "codes")}

    def form(self, form: Form) -> int:
        if isinstance(form, int):
            return form
        known = self.seen["form"]
        if form not in known:
            known[form] = len(known)
            self.data["form_value"] += [v for v, _ in form]
            self.data["form_factor"] += [c for _, c in form]
            self.data["form_size"].append(len(form))
        return -1 - known[form]

    def block(self, block: Block | None) -> int:
        known, data = self.seen["block"], self.data
        if block is None:
            return -1
        if block not in known:
            known[block] = len(known)
            entries = [(ROW, *entry) for entry in block.rows]
            entries += [(BOUND, *entry) for entry in block.bounds]
            entries += [(SLOPE + place, value, slope) for value, place, slope in block.slopes]
            for entry in entries:
                for name, item in zip(("kind", "index", "number"), entry, strict=True):
                    data[f"entry_{name}"].append(item)
            data["block_size"].append(len(entries))
            codes = self.seen["codes"]
            data["block_codes"].append(
                codes.setdefault(block.codes, len(codes)) if block.codes else -1
            )
        return known[block]

    def tree(self, root: Tree) -> None:
        data, todo = self.data, [root]
        while todo:
            node = todo.pop()
            if isinstance(node, Split):
                data["tree"].append(Kind.SPLIT)
                data["split_form"].append(self.form(node.form))
                data["split_at"].append(node.at)
                todo += [node.right, node.left]
            elif isinstance(node, Choose):
                data["tree"].append(Kind.CHOOSE)
                data["choose_or"].append(node.which)
                data["choose_count"].append(len(node.children))
                todo += reversed(node.children)
            elif isinstance(node, Derive):
                data["tree"].append(Kind.DERIVE)
                data["derive_plan"].append(self.plan(node.plan))
                todo.append(node.child)
            elif isinstance(node, Close):
                data["tree"].append(Kind.CLOSE)
                data["close_block"].append(self.block(node.block))
            else:
                data["tree"].append(Kind.POINT)

    def plan(self, plan: tuple[tuple[str, Any, Block | None], ...]) -> int:
        known = self.seen["plan"]
        if plan not in known:
            known[plan] = len(known)
            for kind, target, block in plan:
                number = target
                if kind == "form":
                    number = self.form(((target, 1.0),) if isinstance(target, int) else target)
                self.data["step_target"].append(number)
                code = {"image": IMAGE, "plain": PLAIN}.get(kind)
                self.data["step_block"].append(self.block(block) if code is None else code)
            self.data["plan_size"].append(len(plan))
        return known[plan]


def written(tree: Tree) -> Proof:
    """The proof with this tree."""
    writer = _Writer()
    writer.tree(tree)
    rows = list(writer.seen["codes"])
    return proof(**{k: v for k, v in writer.data.items() if k != "codes"}, codes=rows)


def decide(query: Query, tree: Tree | Proof, *, exact: bool) -> Accepted:
    """The checker's answer to a proof that went through its bytes."""
    arrays = tree if isinstance(tree, Proof) else written(tree)
    files = Files.of(query)
    data = encode_certificate(arrays, *files.digests)
    return check(files.network, files.query, data, exact=exact)


def plan_of(
    network: Network, block: Block | None = None
) -> tuple[tuple[str, int, Block | None], ...]:
    """Derives all values of every node but inputs."""
    return tuple(
        ("node", i, block) for i, node in enumerate(network.nodes) if not isinstance(node, Input)
    )


def dyadic(random: Random, bits: int = 6, size: int = 1) -> float:
    """A short dyadic number, so that exact arithmetic stays fast."""
    return random.randrange(-size << bits, (size << bits) + 1) / 2**bits


def matrix(random: Random, rows: int, columns: int, bits: int = 6, size: int = 1) -> Array:
    return np.array([[dyadic(random, bits, size) for _ in range(columns)] for _ in range(rows)])


KINDS = ("dense", "relu", "pwl", "sign", "square", "product", "gather", "conv", "residual")
SMOOTH_KINDS = ("smooth", "smooth", "smooth", "dense", "square", "product", "sign", "residual")


def smooth_of(random: Random, name: str, n: int, last: int) -> list[Node]:
    """A smooth function of the values of a node, made positive or small where it needs that."""
    function = random.choice(FUNCTIONS)
    if function in ("log", "sqrt", "reciprocal"):
        sign = random.choice([1.0, -1.0]) if function == "reciprocal" else 1.0
        same = Gather.of(n, list(range(n)), [sign] * n)
        square = Square(f"{name}s", (n,), last)
        inside = affine(f"{name}a", (n,), ((last + 1, same),), bias=sign * 0.25)
        return [square, inside, Smooth(name, (n,), last + 2, function)]
    if function == "exp":
        small = Gather.of(n, list(range(n)), [0.25] * n)
        return [
            affine(f"{name}a", (n,), ((last, small),)),
            Smooth(name, (n,), last + 1, function),
        ]
    return [Smooth(name, (n,), last, function)]


def random_network(seed: int, kinds: tuple[str, ...] = KINDS, depth: int = 5) -> Network:
    """A small network with random nodes of these kinds; its output is one dense value."""
    random = Random(seed)
    nodes: list[Node] = [Input("x", (random.randrange(1, 4),))]
    sizes = [int(np.prod(nodes[0].shape))]

    def add(node: Node) -> None:
        nodes.append(node)
        sizes.append(int(np.prod(node.shape)))

    def dense(width: int, *sources: int) -> None:
        terms = tuple((s, Dense.of(matrix(random, width, sizes[s]))) for s in sources)
        bias = [dyadic(random) for _ in range(width)]
        divisor = random.choice([None, 3.0])
        radius = 2.0**-8 if "radius" in kinds else None
        name = f"n{len(nodes)}"
        add(affine(name, (width,), terms, bias=bias, divisor=divisor, radius=radius))

    dense(random.randrange(2, 5), 0)
    for _ in range(depth):
        kind, last, name = random.choice(kinds), len(nodes) - 1, f"n{len(nodes)}"
        n = sizes[last]
        if kind == "relu":
            add(relu(name, (n,), last))
        elif kind == "pwl":
            knots = sorted({dyadic(random) for _ in range(random.randrange(1, 4))})
            slopes = [dyadic(random) for _ in range(len(knots) + 1)]
            add(pwl(name, (n,), last, knots, slopes, dyadic(random)))
        elif kind == "sign":
            add(Sign(name, (n,), last))
        elif kind == "smooth":
            for node in smooth_of(random, name, n, last):
                add(node)
        elif kind == "square":
            add(Square(name, (n,), last))
        elif kind == "product":
            alike = [i for i, size in enumerate(sizes) if size == n]
            add(Product(name, (n,), random.choice(alike), last))
        elif kind == "gather":
            order = [random.randrange(-1, n) for _ in range(random.randrange(1, 5))]
            scale = [dyadic(random) for _ in order]
            gather = Gather.of(n, order, scale)
            add(affine(name, (len(order),), ((last, gather),), bias=dyadic(random)))
        elif kind == "conv":
            taps = random.randrange(1, min(3, n) + 1)
            weight = matrix(random, 2, taps).reshape(2, 1, taps)
            conv = Conv.of(weight, (n,), stride=(random.randrange(1, 3),), padding=((1,), (0,)))
            add(affine(name, (conv.size(n),), ((last, conv),), bias=dyadic(random)))
        elif kind == "residual":
            dense(random.randrange(1, 4), last, random.randrange(len(nodes)))
        else:
            dense(random.randrange(1, 4), last)
    dense(1, len(nodes) - 1)
    return Network(tuple(nodes), (len(nodes) - 1,))


def below_query(
    network: Network, threshold: fmpq, *, strict: bool = False, **changes: Any
) -> Query:
    """Unsafe where the last value is at least (above) the threshold, on the box [-1, 1]."""
    last = network.offsets[-1] - 1
    relation = Relation.LESS if strict else Relation.AT_MOST
    unsafe: Formula = atom({last: fmpq(-1)}, threshold, relation)
    size = len(network.input_values)
    box = {"lower": (fmpq(-1),) * size, "upper": (fmpq(1),) * size} | changes
    return Query(network, unsafe=And((unsafe,)), **box)


def sample(query: Query, random: Random, count: int) -> list[tuple[list[fmpq], Array, Array]]:
    """Exact inputs of the box (corners among them) with enclosures of all values."""
    found = []
    for i in range(count):
        steps = random.choice([1, 8, 1024])
        point = []
        for position, (low, high) in enumerate(zip(query.lower, query.upper, strict=True)):
            x = low + (high - low) * fmpq(random.randrange(steps + 1), steps)
            if query.input_values[position] in query.integers:
                x = fmpq(x.floor()) if fmpq(x.floor()) >= low else fmpq(x.ceil())
            point.append(x)
        if i == 0:
            point = list(query.lower) if not query.integers else point
        found.append((point, *evaluate(query.network, point)))
    return found


def is_pwl(node: Node) -> bool:
    return isinstance(node, Pwl)
