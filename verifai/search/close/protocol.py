"""What a closer is given, and what it gives.

May import: numpy, bounds, proof. Must not know: trees, processes, how anything is closed.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from verifai.bounds.dual import Rows
from verifai.bounds.interval import Bounds
from verifai.bounds.maps import Array
from verifai.proof.record import Block


class LeafAnswer(NamedTuple):
    """What a closer says of a subproblem.

    Attributes:
        block: multipliers that refute it, rows by their number among those given; None: unknown.
        point: an input worth trying, as it comes near to what is unsafe; None: none was found.
    """

    block: Block | None
    point: Array | None


class Closer(Protocol):
    """Decides a subproblem in which nothing is left to split: one that bounds do not refute.

    It proposes: the kernel checks the block, and replays the point.
    """

    def __call__(self, bounds: Bounds, rows: Rows, /) -> LeafAnswer:
        """The answer for one subproblem, with intervals of all values and K rows, each ≤ 0."""
        ...
