"""The choices that lead to the conjunctions of a clause, and a place for the proof of each.

May import: numpy, proof, clauses, judge, forest, budget. Must not know: bounds, how anything is
refuted.
"""

from __future__ import annotations

from verifai.proof.record import Block, Choose, Close, Record
from verifai.search.budget import Stuck
from verifai.search.clauses import Clause, Problem
from verifai.search.judge import Judge, directed
from verifai.search.loop.forest import Forest, preorder

MAX_GOALS = 4096
Skeleton = list[Judge | Choose | Close]


def skeleton_of(
    problem: Problem, clause: Clause, rows: dict[int, int], count: int, caution: float
) -> Skeleton:
    """Choices of all disjunctions in preorder, with a judge for every conjunction left.

    Args:
        problem: whose atoms the clause names.
        clause: what to refute.
        rows: how close records name its atoms that are rows already.
        count: rows on the path so far.
        caution: times the usual margin.

    Raises:
        Stuck: there are too many conjunctions.
    """
    found: Skeleton = []
    todo = [(clause, rows, count)]
    while todo:
        clause, rows, count = todo.pop()
        if len(found) > MAX_GOALS:
            raise Stuck(f"the formula has more than {MAX_GOALS} alternatives")
        if clause.closing is not None:
            found.append(closed_by(clause.closing, rows))
            continue
        if not clause.ors:
            found.append(Judge(clause, directed(problem, clause, caution), rows))
            continue
        found.append(Choose(0, len(clause.ors[0])))
        todo += [
            (
                Clause(clause.atoms + part.atoms, clause.ors[1:] + part.ors, part.closing),
                with_rows(rows, part, count),
                count + len(part.atoms),
            )
            for part in reversed(clause.ors[0])
        ]
    return found


def closed_by(block: Block, names: dict[int, int]) -> Close:
    """The record of a block whose rows are atoms."""
    return Close(block._replace(rows=tuple((names[atom], w) for atom, w in block.rows)))


def with_rows(rows: dict[int, int], part: Clause, count: int) -> dict[int, int]:
    """The names of rows after the atoms of an alternative have joined a path of `count` rows."""
    return rows | {atom: count + i for i, atom in enumerate(part.atoms)}


def filled(skeleton: Skeleton, forests: dict[int, Forest], first: int) -> list[Record]:
    """The skeleton's choices with the tree of every conjunction in its place."""
    records, goal = list[Record](), 0
    for part in skeleton:
        if isinstance(part, Judge):
            records += preorder(forests, 0, first + goal)
            goal += 1
        else:
            records.append(part)
    return records
