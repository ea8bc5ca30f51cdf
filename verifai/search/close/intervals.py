"""Queries that the root's intervals refute, up to rounding: exact arithmetic decides at once.

Where a form's least value is 0 (a network that is monotone by the signs of its weights), rounded
bounds miss it by the last bit, however small the boxes of a search become.

May import: numpy, kernel, clauses, rows, record. Must not know: branching, relaxations.
"""

from __future__ import annotations

from flint import fmpq

from verifai.kernel.arithmetic import Exact
from verifai.kernel.bound import Root
from verifai.kernel.checker import NEAR
from verifai.kernel.context import Row
from verifai.kernel.number import exact, nearest
from verifai.proof.record import Block, Close, Record
from verifai.search.clauses import Array, Problem
from verifai.search.close.rows import contradiction

MAX_VALUES = 50_000  # of a network that is evaluated by exact intervals


def at_once(root: Root, problem: Problem) -> list[Record] | None:
    """The records of a proof that needs no search.

    The domain is empty, intervals suffice, or rows that hold together contradict each other.
    """
    if root.is_empty:
        return [Close(Block())]
    pause, ends = root.machine.ar.pause, (root.low, root.high)
    numbered = list(enumerate(problem.rows[atom] for atom in problem.top.atoms))
    block = contradiction(numbered[: len(root.query.domain)], *ends, pause)  # is it empty?
    block = block or interval_refutation(root, problem) or contradiction(numbered, *ends, pause)
    return None if block is None else [Close(block)]


def interval_refutation(root: Root, problem: Problem) -> Block | None:
    """The block of a leaf at the root, if exact intervals of all values refute an atom there.

    Args:
        root: the query in rounded arithmetic.
        problem: its formula; the atoms of the top clause are the first rows.
    """
    near = [
        number
        for number, atom in enumerate(problem.top.atoms)
        if _least(problem.rows[atom], root.low, root.high) > -exact(NEAR)
    ]
    if not near or len(root.low) > MAX_VALUES:
        return None
    sharp = Root(root.query, Exact(root.machine.ar.pause), root).sharp
    if sharp is None:
        raise TypeError("an exact root without exact intervals")
    for number in near:
        row = problem.rows[problem.top.atoms[number]]
        least = _least(row, *sharp)
        if least > 0 or (least == 0 and row.strict):
            factors = [nearest(factor) for factor in row.factors]
            ends = tuple(zip(row.values, factors, strict=True))
            return Block(((number, 1.0),), ends)
    return None


def _least(row: Row, low: Array, high: Array) -> fmpq:
    """The least value that the row's form takes on the intervals."""
    total: fmpq = row.constant
    for value, factor in zip(row.values, row.factors, strict=True):
        end = (low if factor > 0 else high)[value]
        total = total + factor * (end if isinstance(end, fmpq) else exact(float(end)))
    return total
