"""What a box search did: a binary tree for every box that it was given, and its records.

Searches of several processes hand boxes to each other; a box given away points to its new place.

May import: record. Must not know: bounds, queries.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from verifai.proof.record import Record, Split


@dataclass(frozen=True, slots=True)
class Away:
    """The box is node `node` of the forest of process `owner`."""

    owner: int
    node: int


@dataclass(slots=True)
class Forest:
    """Per box: its leaf records, or its split (the children are child and child + 1), or Away.

    Records that do not end in a split may have one child, which goes on where they end.
    """

    outcome: list[tuple[Record, ...] | Away | None] = field(default_factory=list)
    child: list[int] = field(default_factory=list)

    def grow(self, count: int) -> int:
        """Adds open boxes; the number of the first."""
        first = len(self.outcome)
        self.outcome += [None] * count
        self.child += [-1] * count
        return first

    def split(self, node: int, before: tuple[Record, ...], at: Split, child: int) -> None:
        """Notes that a box was split into child and child + 1, after these records."""
        self.outcome[node] = (*before, at)
        self.child[node] = child

    def lengthen(self, node: int, records: tuple[Record, ...], child: int) -> None:
        """Notes that a box goes on as another after these records."""
        self.outcome[node] = records
        self.child[node] = child


def preorder(forests: dict[int, Forest], owner: int, root: int) -> list[Record]:
    """The records of a box's tree in preorder.

    Raises:
        ValueError: a box is still open.
    """
    found: list[Record] = []
    todo = [(owner, root)]
    while todo:
        owner, node = todo.pop()
        outcome, child = forests[owner].outcome[node], forests[owner].child[node]
        if outcome is None:
            raise ValueError("a box that is still open")
        if isinstance(outcome, Away):
            todo.append((outcome.owner, outcome.node))
            continue
        found += outcome
        if child >= 0:
            pair = bool(outcome) and isinstance(outcome[-1], Split)
            todo += [(owner, child + 1), (owner, child)] if pair else [(owner, child)]
    return found
