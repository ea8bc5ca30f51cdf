"""Heat traces of graphs: a bound on their difference, and which graphs they tell apart.

May import: the gallery's parts. Must not know: files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import combinations, permutations

from flint import arb, arb_mat, fmpz_mat

from verifai.theorems import evidence
from verifai.theorems.claim import Claim, Finding, Outcome, Role, Table, Theorem, Trust, parameter

Graph = tuple[tuple[int, int], ...]  # edges
TIMES = ("1/10", "1/2", "1", "2", "5")
STATEMENT = """\
Let L be the Laplacian of a graph of n points, k(t) = e^{-tL} its heat kernel and Tr k(t) its heat
trace.
1. For two graphs of n points, every permutation π and every t > 0, with c(t) = e^{-(t + 1/t)},
    c²(t) |Tr k_G(t) - Tr k_H(t)| ≤ c²(t)·max_ij n |k_G(i, j) - k_H(π i, π j)|;
   so the suprema over t, of which the right one is a distance of Gromov and Hausdorff's kind, are
   in this order too.
2. The heat trace, for all t, is the characteristic polynomial of L. Up to five points it
   determines the graph; of six points there are exactly two pairs of graphs with equal heat traces.

Proof of 1. The trace is a sum of n diagonal entries, each at most the maximum; π does not change
it. With the quadratic mean over i, j in place of the maximum it is false.
"""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Sizes."""

    points: int = parameter(4, "points of the graphs whose traces are compared", 2, 5)
    determined: int = parameter(5, "greatest n for which the trace determines the graph", 2, 5)
    bits: int = parameter(128, "of ball arithmetic", 64, 1024)


def laplacian(n: int, graph: Graph) -> list[list[int]]:
    """Degrees minus adjacency."""
    found = [[0] * n for _ in range(n)]
    for i, j in graph:
        found[i][j] = found[j][i] = -1
        found[i][i] += 1
        found[j][j] += 1
    return found


@cache
def graphs(n: int) -> tuple[Graph, ...]:
    """One graph of every kind, up to the order of the points."""
    pairs = list(combinations(range(n), 2))
    number = {pair: k for k, pair in enumerate(pairs)}
    moves = [
        [number[min(p[i], p[j]), max(p[i], p[j])] for i, j in pairs] for p in permutations(range(n))
    ]
    seen = bytearray(1 << len(pairs))
    found = []
    for mask in range(1 << len(pairs)):
        if seen[mask]:
            continue
        bits = [k for k in range(len(pairs)) if mask >> k & 1]
        found.append(tuple(pairs[k] for k in bits))
        for move in moves:
            seen[sum(1 << move[k] for k in bits)] = 1
    return tuple(found)


def spectrum(n: int, graph: Graph) -> tuple[int, ...]:
    """The characteristic polynomial of the Laplacian."""
    return tuple(int(c) for c in fmpz_mat(laplacian(n, graph)).charpoly().coeffs())


def kernel(n: int, graph: Graph, t: arb) -> arb_mat:
    """e^{-tL} in balls."""
    return arb_mat([[-t * entry for entry in row] for row in laplacian(n, graph)]).exp()


def claims(sizes: Parameters) -> Iterator[Claim]:
    """The claims, in order."""
    yield Claim(
        "bound",
        f"All pairs of graphs of {sizes.points} points, t = {', '.join(TIMES)}, all permutations: "
        "|Δ trace| ≤ max_ij n |k_G - k_H∘π| + 2^-100, in balls.",
        partial(bounded, sizes),
    )
    yield Claim(
        "mean",
        "The same with the quadratic mean over i, j in place of the maximum.",
        triangle,
        role=Role.CONTROL,
    )
    yield Claim(
        "determined",
        f"Graphs of up to {sizes.determined} points are determined by their heat trace.",
        partial(determined, sizes.determined),
    )
    yield Claim(
        "six",
        "Of six points exactly two pairs of graphs have equal heat traces.",
        partial(pairs, 6, 2),
    )
    yield Claim(
        "determined-six",
        "Graphs of six points are determined by their heat trace.",
        partial(determined, 6),
        role=Role.CONTROL,
    )


def bounded(sizes: Parameters) -> Finding:
    """In balls: the left one must lie below the right one; where both are equal, they touch."""
    from flint import ctx

    n, count = sizes.points, 0
    every = graphs(n)
    with ctx.workprec(sizes.bits):
        for text in TIMES:
            top, _, low = text.partition("/")
            t = arb(int(top)) / int(low or 1)
            kernels = [kernel(n, graph, t) for graph in every]
            for a, b in combinations(range(len(every)), 2):
                for p in permutations(range(n)):
                    gap, most = _compared(kernels[a], kernels[b], p)
                    count += 1
                    if not gap <= most + arb(2) ** -100:
                        said = f"{every[a]}, {every[b]}, t = {text}, π = {p}: {gap} > {most}"
                        return evidence.exact(False, counterexample=said)
    return evidence.exact(True, f"{len(every)} graphs, {count} comparisons in balls")


def _compared(one: arb_mat, two: arb_mat, p: Sequence[int]) -> tuple[arb, arb]:
    """|Δ trace|, and a lower bound of n times the greatest difference of the entries."""
    n = one.nrows()
    gap = abs(sum((one[i, i] - two[i, i] for i in range(n)), arb(0)))
    every = [n * abs(one[i, j] - two[p[i], p[j]]) for i in range(n) for j in range(n)]
    return gap, _greatest(every)


def _greatest(values: Sequence[arb]) -> arb:
    """A lower bound of the greatest: the greatest lower end."""
    return max((value.lower() for value in values), key=float)


def triangle() -> Finding:
    """The triangle against three points without edges, t = 1."""
    one, two = kernel(3, ((0, 1), (0, 2), (1, 2)), arb(1)), kernel(3, (), arb(1))
    gap = abs(sum((one[i, i] - two[i, i] for i in range(3)), arb(0)))
    squares = sum(((one[i, j] - two[i, j]) ** 2 for i in range(3) for j in range(3)), arb(0))
    mean = 3 * (squares / 9).sqrt()
    said = f"triangle and no edges, t = 1: |Δ trace| = {gap.str(6)}, 3·mean = {mean.str(6)}"
    return evidence.exact(not gap > mean, counterexample=said)


def _alike(n: int) -> list[list[Graph]]:
    """Graphs with one characteristic polynomial, where there are several."""
    found: dict[tuple[int, ...], list[Graph]] = {}
    for graph in graphs(n):
        found.setdefault(spectrum(n, graph), []).append(graph)
    return [group for group in found.values() if len(group) > 1]


def determined(most: int) -> Finding:
    """All graphs, one of each kind."""
    rows = []
    for n in range(2, most + 1):
        alike = _alike(n)
        if alike:
            said = f"n = {n}: {alike[0][0]} and {alike[0][1]}"
            return evidence.exact(False, counterexample=said)
        rows.append((str(n), str(len(graphs(n)))))
    table = Table(("points", "graphs, all with different heat traces"), tuple(rows))
    return Finding(Outcome.PROVED, Trust.EXACT, "", table=table)


def pairs(n: int, wanted: int) -> Finding:
    """Groups of two with equal characteristic polynomials."""
    found = _alike(n)
    said = "; ".join(" and ".join(map(str, group)) for group in found)
    holds = len(found) == wanted and all(len(group) == 2 for group in found)
    return evidence.exact(holds, f"of {len(graphs(n))} graphs: {said}", counterexample=said)


THEOREM = Theorem(
    name="heat_trace",
    title="heat traces: bounded by the kernels' distance; they determine graphs of five points",
    statement=STATEMENT,
    proposal="all graphs of few points; heat kernels in ball arithmetic",
    source="Mémoli, A spectral notion of Gromov-Wasserstein distance (2011); Haemers, Spence, "
    "Enumeration of cospectral graphs (2004)",
    defaults=Parameters(),
    claims=claims,
    example="""\
The triangle has Laplacian eigenvalues 0, 3, 3, three points without edges 0, 0, 0. At t = 1 the
traces are 1 + 2/e³ = 1.0996 and 3: they differ by 1.900. n·max |k_G - k_H| = 3·0.6335 = 1.900 as
well: the bound is met. The quadratic mean of the nine differences gives 1.344, which is too
little.""",
)
