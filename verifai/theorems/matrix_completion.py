"""A matrix of low rank is the only completion of least nuclear norm: exact dual certificates.

May import: the gallery's parts. Must not know: files.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from flint import fmpq

from verifai.theorems import evidence
from verifai.theorems.claim import Claim, Finding, Outcome, Role, Table, Theorem, Trust, parameter
from verifai.theorems.exact_linear import matrix, rows_of
from verifai.theorems.semidefinite import decide_semidefinite

SIZE = 16  # of the Hadamard matrix, whose columns over 4 are orthonormal
Mask = frozenset[tuple[int, int]]
STATEMENT = """\
Let M = Σ_{i ≤ r} u_i v_iᵀ with orthonormal u_i and v_i, of which the entries in Ω are seen. Let T
be the space of all Σ u_i a_iᵀ + b_i v_iᵀ. If there is a matrix Y that vanishes outside of Ω with
    P_T Y = Σ u_i v_iᵀ  and  I - RᵀR positive definite for the rest R = Y - P_T Y,
and no matrix of T but 0 vanishes on Ω, then M is the only matrix of least nuclear norm that agrees
with M on Ω (Candès, Recht 2009).

Proof. For another completion M + H, H vanishes on Ω, so ⟨Y, H⟩ = 0. A subgradient of the nuclear
norm at M is Σ u_i v_iᵀ + Z with Z beyond T of norm 1 and ⟨Z, H⟩ = ‖H - P_T H‖_*. Hence
‖M + H‖_* - ‖M‖_* ≥ ⟨Σ u_i v_iᵀ + Z - Y, H⟩ ≥ (1 - ‖R‖) ‖H - P_T H‖_*, which is positive: if it
were 0, H would be in T and vanish on Ω.

Checked: u_i and v_i are columns of a Hadamard matrix over 4, as spread out as can be; Y is the
least square solution, exactly; for a mask without an entry in some row there is another completion.
"""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Sizes."""

    rank: int = parameter(1, "r", 1, 4)
    masks: int = parameter(20, "drawn masks", 1, 200)
    seen: int = parameter(120, "entries that a mask shows, of 256", 32, 256)
    least: int = parameter(19, "masks that must be certified", 0, 200)
    seed: int = parameter(0, "of the masks")


def hadamard() -> list[list[int]]:
    """Sylvester's matrix: entry (i, j) is minus one to the number of bits that i and j share."""
    return [[1 - 2 * ((i & j).bit_count() % 2) for j in range(SIZE)] for i in range(SIZE)]


def drawn_mask(sizes: Parameters, number: int) -> Mask:
    """A mask of exactly the number of entries."""
    every = [(a, b) for a in range(SIZE) for b in range(SIZE)]
    return frozenset(random.Random(f"{sizes.seed} {number}").sample(every, sizes.seen))


def tangent(rank: int) -> list[tuple[int, int]]:
    """The products u_i v_jᵀ that span T: i or j is among the first."""
    return [(i, j) for i in range(SIZE) for j in range(SIZE) if i < rank or j < rank]


def certificate(rank: int, mask: Mask) -> tuple[list[list[fmpq]] | None, str]:
    """The rest R of the least-squares Y, or None and why there is no Y."""
    h, basis = hadamard(), tangent(rank)
    values = [[h[a][i] * h[b][j] for a, b in mask] for i, j in basis]  # 16 times u_i v_jᵀ on Ω
    gram = matrix([[sum(map(int.__mul__, x, y)) for y in values] for x in values])
    wanted = matrix([[int(i == j)] for i, j in basis])
    if gram.det() == 0:
        return None, "a matrix of T other than 0 vanishes on Ω"
    found = gram.solve(wanted)
    y = [[fmpq(0)] * SIZE for _ in range(SIZE)]
    for place, (a, b) in enumerate(mask):
        y[a][b] = 16 * sum((found[k, 0] * row[place] for k, row in enumerate(values)), fmpq(0))
    return _beyond(y, rank), ""


def _beyond(y: list[list[fmpq]], rank: int) -> list[list[fmpq]]:
    """Y without its part in T, after a check that this part is Σ u_i v_iᵀ.

    Raises:
        ValueError: it is not.
    """
    h = matrix(hadamard())
    parts = rows_of(h.transpose() * matrix(y) * h)  # 16 times the coefficients of u_i v_jᵀ
    for i, j in tangent(rank):
        if parts[i][j] != 16 * int(i == j):
            raise ValueError(f"the coefficient of u_{i} v_{j}ᵀ is {parts[i][j] / 16}")
        parts[i][j] = fmpq(0)
    return [[each / 16 for each in row] for row in parts]


def is_certified(rank: int, mask: Mask) -> tuple[bool, str]:
    """Whether the certificate proves that M is the only solution; else why not."""
    rest, why = certificate(rank, mask)
    if rest is None:
        return False, why
    r = matrix(rest)
    gap = rows_of(
        matrix([[int(i == j) for j in range(SIZE)] for i in range(SIZE)]) - r.transpose() * r
    )
    found = decide_semidefinite(gap)
    is_definite = found.witness is None and all(pivot > 0 for pivot in found.pivots)
    return is_definite, "" if is_definite else "I - RᵀR is not positive definite"


def claims(sizes: Parameters) -> Iterator[Claim]:
    """The claims, in order."""
    yield Claim(
        "recovered",
        f"{sizes.masks} drawn masks of {sizes.seen} entries, r = {sizes.rank}: at least "
        f"{min(sizes.least, sizes.masks)} are certified, the others are listed.",
        partial(recovered, sizes),
    )
    yield Claim(
        "unseen-row",
        "A mask that shows all entries but those of one row determines M as well.",
        partial(unseen_row, sizes),
        role=Role.CONTROL,
    )
    yield Claim(
        "few",
        f"Every mask of {SIZE} entries on the diagonal determines M.",
        partial(diagonal, sizes),
        role=Role.CONTROL,
    )


def recovered(sizes: Parameters) -> Finding:
    """Counts the masks whose certificate is right."""
    failing, rows = [], []
    for number in range(sizes.masks):
        good, why = is_certified(sizes.rank, drawn_mask(sizes, number))
        if not good:
            failing.append(number)
        rows.append((str(number), "the only one" if good else why))
    said = f"{sizes.masks - len(failing)} of {sizes.masks}"
    if sizes.masks - len(failing) < min(sizes.least, sizes.masks):
        return evidence.exact(False, counterexample=f"{said}; not masks {failing}")
    table = Table(("mask", "M is"), tuple(rows))
    return Finding(Outcome.PROVED, Trust.EXACT, said, table=table)


def _squared_length(rank: int, kept: Sequence[int]) -> fmpq:
    """‖u_1 restricted to these rows‖²; the nuclear norm of the restricted M is at most r."""
    return fmpq(sum(hadamard()[a][0] ** 2 for a in kept), SIZE)


def unseen_row(sizes: Parameters) -> Finding:
    """M with zeros in that row agrees with M on Ω, and dropping a row makes no norm larger."""
    mask = frozenset((a, b) for a in range(1, SIZE) for b in range(SIZE))
    good, why = is_certified(sizes.rank, mask)
    length = _squared_length(sizes.rank, range(1, SIZE))
    said = (
        f"{why}; M with row 0 set to 0 is another completion, of no larger nuclear norm: each term "
        f"u_i v_iᵀ then has the squared norm {length}"
    )
    return evidence.exact(good, counterexample=said)


def diagonal(sizes: Parameters) -> Finding:
    """For r = 1 the diagonal matrix of M's diagonal has the nuclear norm Σ |u_a v_a| = 1, as M."""
    mask = frozenset((a, a) for a in range(SIZE))
    good, why = is_certified(sizes.rank, mask)
    h = hadamard()
    norm = fmpq(sum(abs(sum(h[a][i] ** 2 for i in range(sizes.rank))) for a in range(SIZE)), SIZE)
    said = f"{why}; the diagonal matrix with M's diagonal has the nuclear norm {norm}, as M has"
    return evidence.exact(good, counterexample=said)


THEOREM = Theorem(
    name="matrix_completion",
    title="a low-rank matrix is the only completion of least norm: exact dual certificates",
    statement=STATEMENT,
    proposal="drawn masks; the least-squares dual certificate",
    source="Candès, Recht, Exact matrix completion via convex optimization (2009)",
    defaults=Parameters(),
    claims=claims,
    example="""\
    1  1      1  1      M has rank 1; with one entry hidden the second row must be the first, for
    1  1      1  ?      rank 1 asks ? = 1. With a whole row hidden, (? ?) may be anything: (0 0) is
    M         seen      a completion of smaller norm.""",
)
