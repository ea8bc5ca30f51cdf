"""Values to try: small ones first, then drawn ones, always the same.

May import: python-flint, term, evaluate. Must not know: how claims are proved.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import product

from flint import fmpq

from verifai.claim.evaluate import Point
from verifai.claim.term import Named, Sort

MOST_GRID = 400
DRAWN = 300
MOST_WHOLE = 20_000  # values of a claim that are all tried
WHOLE = (0, 1, -1, 2, -2, 3, -3, 4, 5, 6, 7, -5, 10, -10, 41, 100)
REAL = (0, 1, -1, 2, -2, fmpq(1, 2), fmpq(-1, 2), 3, -3, fmpq(1, 3), 10, fmpq(3, 2), -10, 100)
FAR = (fmpq(1, 100), fmpq(-1, 100), 1000, -1000, fmpq(7, 5), fmpq(-5, 3), fmpq(9, 10), 5, -7)


def pool(variable: Named) -> list[fmpq | bool]:
    """Values of a variable, the simplest first."""
    if variable.sort is Sort.BOOLEAN:
        return [False, True]
    values = WHOLE if variable.sort is Sort.INTEGER else REAL
    return [fmpq(value) for value in values]


def points(variables: Sequence[Named]) -> Iterator[Point]:
    """A grid of simple values, as fine as its size allows, and drawn ones."""
    pools = [pool(each) for each in variables]
    fine = max((n for n in range(1, 17) if _size(pools, n) <= MOST_GRID), default=1)
    for values in product(*(each[:fine] for each in pools)):
        yield dict(zip(variables, values, strict=True))
    draw = random.Random(0)
    for _ in range(DRAWN if variables else 0):
        yield {each: draw.choice(_wide(each)) for each in variables}


def _size(pools: list[list[fmpq | bool]], fine: int) -> int:
    total = 1
    for each in pools:
        total *= len(each[:fine])
    return total


def _wide(variable: Named) -> list[fmpq | bool]:
    return pool(variable) + [fmpq(x) for x in FAR if variable.sort is Sort.REAL]
