"""Several ways to refute one thing, in turns that grow: no choice between them is for good.

Whoever would have come to an end alone does so after a few times that work.

May import: budget, record. Must not know: what a way does.
"""

from __future__ import annotations

import math
from typing import Protocol

from verifai.proof.record import Record
from verifai.search.budget import Meter, Stuck

GROWTH = 2.0  # of a turn, from one round to the next


class Way(Protocol):
    """A search that can rest and go on."""

    @property
    def held(self) -> int:
        """Bytes that it holds while it rests."""
        ...

    def go_on(self, work: float) -> list[Record] | None:
        """Goes on for about so many multiplications; the proof, once there is one.

        Raises:
            Stuck: this way leads nowhere.
        """
        ...


def in_turns(ways: list[Way], work: float, meter: Meter) -> list[Record]:
    """The proof of the first way that finds one.

    Args:
        ways: in the order of their turns.
        work: multiplications of every way's first turn.
        meter: is told what the ways that rest hold.

    Raises:
        Stuck: no way leads anywhere.
        Found, Stopped: as the ways raise.
    """
    ways, before = list(ways), meter.aside
    try:
        while True:
            for way in tuple(ways):
                others = [other for other in ways if other is not way]
                meter.aside = before + sum(other.held for other in others)
                try:
                    records = way.go_on(work if others else math.inf)
                except Stuck:
                    if not others:
                        raise
                    ways = others
                    continue
                if records is not None:
                    return records
            work *= GROWTH
    finally:
        meter.aside = before
