"""What a page says about a question that is open: how far it got, where it is hard, what to try.

May import: kernel, the floor's own parts. Must not know: the search, templates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from verifai.kernel.query import Query
from verifai.report.function import WholeFunction, function_of
from verifai.report.open_box import OpenBox, look
from verifai.report.proved import Origin
from verifai.report.reference import reference_of
from verifai.report.said import Said, said_of
from verifai.report.words import Shown, shown
from verifai.verdict import Unknown

NEAR = 0.02  # of the bound's size: so near to violation a sampled point is worth a word
MANY_INPUTS = 50


@dataclass(frozen=True, slots=True, eq=False)
class Undecided:
    """A section about a question that was not decided."""

    template: ClassVar[str] = "undecided.html"
    origin: Origin
    said: Said
    verdict: str
    reason: str
    bound: Shown | None
    closed: float
    nodes: int
    seconds: float
    box: OpenBox | None
    function: WholeFunction | None
    advice: tuple[str, ...]

    @property
    def closed_shown(self) -> str:
        """The closed share, never rounded up to all of it."""
        if 0.999 <= self.closed < 1:
            return "over 99.9 %"
        return f"{100 * self.closed:.3g} %"

    @property
    def decides(self) -> str:
        """Why nothing does."""
        return self.reason


def undecided(query: Query, verdict: Unknown, origin: Origin) -> Undecided:
    """The section about an open question, with a short look of its own for a box that is hard."""
    box = look(query)
    return Undecided(
        origin,
        said_of(query, reference_of(query)),
        verdict.status,
        verdict.reason,
        None if verdict.bound is None else shown(verdict.bound),
        1 - verdict.open_fraction,
        verdict.effort.nodes,
        verdict.effort.seconds,
        box,
        function_of(query),
        tuple(_advice(query, verdict, box)),
    )


def _advice(query: Query, verdict: Unknown, box: OpenBox | None) -> list[str]:
    found = []
    if box is not None and box.closest_margin >= 0:
        found.append(
            "A sampled point violates the property in floating point: run the attack on it "
            "(vf.attack), or look at whether rounding makes it."
        )
    elif box is not None and box.bound < 0 and -box.closest_margin < NEAR * -box.bound:
        found.append("Sampled points come near to violation: a longer attack may find one.")
    if verdict.is_timeout:
        share = 1 - verdict.open_fraction
        if share > 0.5:
            found.append(f"{100 * share:.0f} % is closed: give it more time (--timeout).")
        else:
            found.append("Little is closed: a smaller domain, or a wider margin, says more.")
    if "memory" in verdict.reason:
        found.append("Memory was the limit: fewer workers (--workers 1), or a smaller domain.")
    if len(query.lower) > MANY_INPUTS:
        found.append("With many inputs the choice of neurons decides: try --rank babsr or fsb.")
    else:
        found.append("With few inputs it helps to cut the domain yourself, and ask part by part.")
    found.append("More processes (--workers N), or bounds on a graphics card (--device cuda).")
    found.append("Ask for less: a smaller radius, or a weaker property, and raise it from there.")
    return found
