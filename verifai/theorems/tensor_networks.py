"""Multiplicative networks are tensor decompositions; what depth buys, in ranks.

May import: the gallery's parts. Must not know: files.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product

from verifai.theorems import evidence
from verifai.theorems.claim import Claim, Finding, Outcome, Role, Table, Theorem, Trust, parameter
from verifai.theorems.exact_linear import rank

Vector = list[int]
Core = list[list[list[int]]]  # (n, r, r): one matrix for each value of the index
SIZES = ((4, 2, 2), (4, 3, 2), (4, 2, 3), (4, 3, 3), (6, 2, 2), (6, 2, 3))  # (d, n, r)
STATEMENT = """\
Let x_1, ..., x_d be vectors of length n.
1. The multiplicative recurrence h_k = Σ_i (x_k)_i G_k[i] h_{k-1}, with matrices G_k[i] of size r,
   computes the multilinear form whose tensor is in tensor-train format: A[i_1, ..., i_d] =
   a·G_d[i_d] ... G_1[i_1] b.
2. The circuit that multiplies linear maps of neighbours, pair by pair and level by level, computes
   the form whose tensor is in hierarchical Tucker format.
3. The tensors of part 1 have rank at most r as matrices of the first against the second half of the
   indices. As matrices of odd against even indices they reach rank min(n, r)^(d/2): so a shallow
   sum of products needs exponentially many terms for what a recurrence of width r computes.
"""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Sizes."""

    seed: int = parameter(0, "of the integer weights")


def cores(d: int, n: int, r: int, source: random.Random) -> list[Core]:
    """Drawn integer matrices, one for each place and value."""
    return [
        [[[source.randint(-3, 3) for _ in range(r)] for _ in range(r)] for _ in range(n)]
        for _ in range(d)
    ]


def _times(whole: Sequence[Sequence[int]], vector: Vector) -> Vector:
    return [sum(a * b for a, b in zip(row, vector, strict=True)) for row in whole]


def train_entry(made: list[Core], index: Sequence[int]) -> int:
    """The tensor's entry: a product of matrices between the vector of ones and the first unit."""
    r = len(made[0][0])
    vector = [1] + [0] * (r - 1)
    for core, i in zip(made, index, strict=True):
        vector = _times(core[i], vector)
    return sum(vector)


def recurrence(made: list[Core], inputs: Sequence[Vector]) -> int:
    """The network: its state is mixed by the matrix that the input chooses, linearly."""
    r = len(made[0][0])
    state = [1] + [0] * (r - 1)
    for core, x in zip(made, inputs, strict=True):
        mixed = [
            [sum(w * m[a][b] for w, m in zip(x, core, strict=True)) for b in range(r)]
            for a in range(r)
        ]
        state = _times(mixed, state)
    return sum(state)


Tree = tuple[list[list[list[int]]], ...]  # for every level one matrix (r, before) a node


def circuit(tree: Tree, inputs: Sequence[Vector]) -> int:
    """The network: linear maps of all nodes of a level, then products of neighbours."""
    values = [list(x) for x in inputs]
    for level in tree:
        mixed = [_times(whole, value) for whole, value in zip(level, values, strict=True)]
        values = [
            [a * b for a, b in zip(mixed[i], mixed[i + 1], strict=True)]
            for i in range(0, len(mixed), 2)
        ]
    return sum(values[0])


def tucker_entry(tree: Tree, index: Sequence[int]) -> int:
    """The entry of the hierarchical Tucker tensor: factors at the leaves, diagonal transfers."""
    levels = len(tree)

    def part(level: int, node: int) -> Vector:
        if level == 0:
            return [row[index[node]] for row in tree[0][node]]
        left, right = part(level - 1, 2 * node), part(level - 1, 2 * node + 1)
        joined = [a * b for a, b in zip(left, right, strict=True)]
        return joined if level == levels else _times(tree[level][node], joined)

    return sum(part(levels, 0))


def claims(sizes: Parameters) -> Iterator[Claim]:
    """The claims, in order."""
    yield Claim(
        "recurrence",
        "The recurrence is multilinear in symbolic inputs, with the tensor train's entries as "
        "coefficients: d = 3, n = 2, r = 2.",
        partial(is_train, sizes, 0),
    )
    yield Claim(
        "circuit",
        "So is the circuit, with the hierarchical Tucker tensor's entries: d = 4, n = 2, r = 2.",
        partial(is_tucker, sizes),
    )
    yield Claim(
        "odd-even",
        f"Odd against even, (d, n, r) = {', '.join(map(str, SIZES))}: rank ≥ min(n, r)^(d/2).",
        partial(ranks, sizes, True),
    )
    yield Claim(
        "halves-at-most",
        "First against second half: rank at most r.",
        partial(halves, sizes),
    )
    yield Claim(
        "halves",
        "First against second half: rank at least min(n, r)^(d/2).",
        partial(ranks, sizes, False),
        role=Role.CONTROL,
    )
    yield Claim(
        "shifted",
        "The recurrence that reads its inputs backwards has the same coefficients.",
        partial(is_train, sizes, 1),
        role=Role.CONTROL,
    )


def is_train(sizes: Parameters, backwards: int) -> Finding:
    """Coefficients of the polynomial in symbolic inputs against the entries."""
    import sympy

    d, n = 3, 2
    made = cores(d, n, 2, random.Random(sizes.seed))
    symbols = [sympy.symbols(f"x{k}_:{n}") for k in range(d)]
    inputs = symbols[::-1] if backwards else symbols
    form = sympy.expand(recurrence(made, inputs))
    for index in product(range(n), repeat=d):
        monomial = sympy.prod([inputs[k][i] for k, i in enumerate(index)])
        original = sympy.prod([symbols[k][i] for k, i in enumerate(index)])
        found, wanted = form.coeff(original), train_entry(made, index)
        if found != wanted:
            said = f"the coefficient of {original} is {found}, the entry {wanted}"
            return evidence.exact(False, counterexample=said)
        form -= found * monomial
    return evidence.exact(sympy.expand(form) == 0, f"{n**d} coefficients")


def is_tucker(sizes: Parameters) -> Finding:
    """The same for the circuit."""
    import sympy

    source, n, r = random.Random(sizes.seed), 2, 2

    def drawn(count: int, columns: int) -> list[list[list[int]]]:
        return [
            [[source.randint(-3, 3) for _ in range(columns)] for _ in range(r)]
            for _ in range(count)
        ]

    tree = drawn(4, n), drawn(2, r)
    symbols = [sympy.symbols(f"x{k}_:{n}") for k in range(4)]
    form = sympy.expand(circuit(tree, symbols))
    for index in product(range(n), repeat=4):
        monomial = sympy.prod([symbols[k][i] for k, i in enumerate(index)])
        form -= tucker_entry(tree, index) * monomial
    left = sympy.expand(form)
    return evidence.exact(left == 0, f"{n**4} coefficients", counterexample=f"left over: {left}")


def matricised(made: list[Core], n: int, first: Sequence[int]) -> int:
    """The rank of the tensor as a matrix of these indices against the others."""
    d = len(made)
    second = [k for k in range(d) if k not in first]
    rows = []
    for left in product(range(n), repeat=len(first)):
        row = []
        for right in product(range(n), repeat=len(second)):
            index = [0] * d
            for places, values in ((first, left), (second, right)):
                for place, value in zip(places, values, strict=True):
                    index[place] = value
            row.append(train_entry(made, index))
        rows.append(row)
    return rank(rows)


def ranks(sizes: Parameters, is_odd_even: bool) -> Finding:
    """Ranks of drawn tensor trains, a lower bound of what the format reaches."""
    rows = []
    for d, n, r in SIZES:
        made = cores(d, n, r, random.Random(f"{sizes.seed} {d} {n} {r}"))
        first = list(range(0, d, 2)) if is_odd_even else list(range(d // 2))
        found, wanted = matricised(made, n, first), min(n, r) ** (d // 2)
        if found < wanted:
            said = f"(d, n, r) = ({d}, {n}, {r}): rank {found} < {wanted}"
            return evidence.exact(False, counterexample=said)
        rows.append(tuple(map(str, (d, n, r, found, wanted))))
    table = Table(("d", "n", "r", "rank", "min(n, r)^(d/2)"), tuple(rows))
    return Finding(Outcome.PROVED, Trust.EXACT, f"{len(rows)} tensors", table=table)


def halves(sizes: Parameters) -> Finding:
    """First half against second half."""
    for d, n, r in SIZES:
        made = cores(d, n, r, random.Random(f"{sizes.seed} {d} {n} {r}"))
        found = matricised(made, n, range(d // 2))
        if found > r:
            return evidence.exact(False, counterexample=f"({d}, {n}, {r}): rank {found}")
    return evidence.exact(True, f"{len(SIZES)} tensors")


THEOREM = Theorem(
    name="tensor_networks",
    title="recurrences are tensor trains; odd against even they reach rank min(n, r)^(d/2)",
    statement=STATEMENT,
    proposal="integer weights, drawn",
    source="Cohen, Sharir, Shashua, On the expressive power of deep learning: a tensor analysis "
    "(2016); Khrulkov, Novikov, Oseledets, Expressive power of recurrent neural networks (2018)",
    defaults=Parameters(),
    claims=claims,
    example="""\
r = n = 2, d = 4. Between the two halves  x1 x2 | x3 x4  the state carries two numbers: rank 2. Odd
against even,  x1 x3 | x2 x4,  every step is cut: rank 2·2 = 4, all that 4 x 4 matrices have.""",
)
