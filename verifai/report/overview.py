"""The table that leads a page about several questions.

May import: the floor's own parts. Must not know: files, templates.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Protocol

from verifai.report.proved import Origin
from verifai.report.several import NAMES, Fact, Heading, Several, TableCell
from verifai.report.words import many


class Judged(Protocol):
    """A section about one question."""

    @property
    def origin(self) -> Origin:
        """Where it comes from."""

    @property
    def verdict(self) -> str:
        """In one word."""

    @property
    def decides(self) -> str:
        """What the verdict rests on, in a few words."""


def overview(sections: Mapping[int, Judged]) -> Several:
    """The section that leads to others: a row for each, by its number in the page."""
    rows = []
    for number, section in sections.items():
        name, verdict = section.origin.name, section.verdict
        answer = NAMES.get(verdict, verdict)
        row = TableCell(name, name, link=f"s{number}"), TableCell(answer, answer, verdict)
        rows.append((*row, TableCell(section.decides, section.decides)))
    names = tuple(Heading(name) for name in ("result", "verdict", "what decides"))
    counts = Counter(row[1].text for row in rows)
    facts = tuple(Fact(name, many(count, "result")) for name, count in counts.items())
    return Several(Origin("Overview"), facts, (), names, tuple(rows), tuple(sorted(counts)))
