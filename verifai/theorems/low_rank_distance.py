"""The distance to a matrix on those of rank r: its critical points, in rational numbers.

May import: the gallery's parts. Must not know: networks, files.
"""

from __future__ import annotations

from itertools import combinations
from math import comb

from flint import fmpq, fmpq_mat

from verifai.theorems import evidence
from verifai.theorems.claim import Finding
from verifai.theorems.exact_linear import matrix, rows_of, squared_norm


def critical(target: fmpq_mat) -> Finding:
    """The hypothesis by its characteristic polynomial, and the points with their equations."""
    n = target.ncols()
    poly = (target.transpose() * target).charpoly()
    if target.det() == 0 or poly.gcd(poly.derivative()).degree() > 0:
        return evidence.exact(False, counterexample=f"singular values not distinct: {poly}")
    said = []
    for r in range(1, n):
        found = partial_sums(target, r)
        different = {str(rows_of(w)) for w in found if is_critical(target, w) and w.rank() == r}
        if len(different) != comb(n, r):
            return evidence.exact(False, counterexample=f"r = {r}: {len(different)} points")
        said.append(f"{comb(n, r)} of rank {r}")
    return evidence.exact(True, ", ".join(said))


def partial_sums(target: fmpq_mat, r: int) -> list[fmpq_mat]:
    """The critical points of rank r of a square U whose UᵀU has rational eigenvectors: U P."""
    n = target.ncols()
    square = target.transpose() * target
    directions = _eigenvectors(square)
    found = []
    for chosen in combinations(directions, r):
        whole = matrix([[0] * n] * n)
        for v in chosen:
            whole = whole + v * v.transpose() * (1 / squared_norm(v))
        found.append(target * whole)
    return found


def _eigenvectors(square: fmpq_mat) -> list[fmpq_mat]:
    """One for each rational eigenvalue."""
    n = square.nrows()
    found = []
    for factor, _ in square.charpoly().factor()[1]:
        if factor.degree() == 1:
            value = -factor[0] / factor[1]
            shift = square - matrix([[value * int(i == j) for j in range(n)] for i in range(n)])
            echelon, count = shift.rref()
            free = next(j for j in range(n) if j >= count or echelon[j, j] == 0)
            entries = [-echelon[i, free] for i in range(count)]
            vector = [*entries[:free], fmpq(1), *[fmpq(0)] * (n - free - 1)]
            found.append(matrix([[entry] for entry in vector]))
    return found


def is_critical(target: fmpq_mat, point: fmpq_mat) -> bool:
    """Whether the gradient of the distance is orthogonal to the tangent space."""
    rest, turned = target - point, point.transpose()
    return not any(
        e for whole in (turned * rest, rest * turned) for row in rows_of(whole) for e in row
    )


def infinitely_many() -> Finding:
    """u uᵀ is critical for every unit vector u: three with rational entries."""
    one = matrix([[1, 0], [0, 1]])
    vectors = [(fmpq(1), fmpq(0)), (fmpq(0), fmpq(1)), (fmpq(3, 5), fmpq(4, 5))]
    points = [matrix([[a * a, a * b], [a * b, b * b]]) for a, b in vectors]
    found = [w for w in points if is_critical(one, w) and w.rank() == 1]
    return evidence.exact(len(found) <= 2, counterexample=f"u uᵀ for u in {vectors}")
