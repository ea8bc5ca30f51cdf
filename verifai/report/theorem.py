"""What a page says about a theorem: its statement and figures, and what its claims rest on.

May import: kernel errors, the floor's own parts. Must not know: any particular theorem, templates.
"""

from __future__ import annotations

import base64
import json
import shlex
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from verifai.kernel.errors import InputError
from verifai.report.proved import Origin
from verifai.report.several import Fact, Heading, Several, TableCell

STATEMENT = "statement.txt"  # in a folder of `theorem run`
MAX_FIGURE, MAX_FIGURES = 1 << 18, 4
GOOD = {("claim", "proved"), ("control", "refuted"), ("measurement", "measured")}
COLUMNS = ("claim", "role", "outcome", "rests on", "seconds", "says")
FIELDS = ("claim", "role", "text", "outcome", "trust", "detail", "counterexample")


@dataclass(frozen=True, slots=True)
class Stated:
    """A section about a theorem: what it says, its figures, how many certificates follow.

    `figures` are addresses that hold images, by their names.
    """

    template: ClassVar[str] = "statement.html"
    origin: Origin
    text: str
    figures: tuple[tuple[str, str], ...]
    proofs: int


def statement_section(folder: Path, proofs: int) -> Stated:
    """The section about the statement in a folder of `theorem run`.

    Args:
        folder: where statement.txt lies.
        proofs: how many sections about certificates follow.

    Raises:
        OSError: it cannot be read.
    """
    text = (folder / STATEMENT).read_text("utf-8", errors="replace")
    head, _, body = text.partition("\n")
    files = [file for file in sorted(folder.glob("*.svg")) if file.stat().st_size <= MAX_FIGURE]
    start = "data:image/svg+xml;base64,"
    figures = tuple(
        (file.stem, start + base64.b64encode(file.read_bytes()).decode())
        for file in files[:MAX_FIGURES]
    )
    return Stated(Origin(head.strip() or folder.name), body.strip(), figures, proofs)


def claims_sections(path: Path) -> list[Several]:
    """The sections about what `theorem run --json` printed: one object a line.

    Raises:
        InputError: it is something else.
        OSError: it cannot be read.
    """
    try:
        found = [json.loads(line) for line in path.read_bytes().splitlines() if line.strip()]
        return [_claims(each) for each in found]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InputError(f"{path}: not what `verifai theorem run --json` prints") from None


def is_about_theorems(path: Path) -> bool:
    """Whether the first object of a file names a theorem."""
    with path.open("rb") as file:
        return b'"theorem":' in file.read(1 << 12)


def _claims(said: dict[str, Any]) -> Several:
    """A table of the claims of one theorem; it says what the file says."""
    results = [({f: str(r[f]) for f in FIELDS}, float(r["seconds"])) for r in said["results"]]
    rows = tuple(_row(each, seconds) for each, seconds in results)
    trust = Counter(each["trust"] for each, _ in results if each["role"] != "measurement")
    holds = "holds" if said["holds"] is True else "FAILS"
    facts = [Fact("the theorem", holds, "; ".join(map(str, said["problems"])))]
    facts += [Fact(name, str(n), "claims and controls rest on it") for name, n in trust.items()]
    facts.append(Fact("seconds", f"{float(said['seconds']):.3g}"))
    words = ["verifai", "theorem", "run", str(said["theorem"])]
    for name, value in dict(said["parameters"]).items():
        words += [f"--{str(name).replace('_', '-')}", str(value)]
    remarks = ["This is what the file says; the command below finds it out anew."]
    if said.get("proved"):
        remarks.append(f"For all sizes: {said['proved']}, in Coq.")
    origin = Origin(str(said["theorem"]), (shlex.join(words),), tuple(remarks))
    headings = tuple(Heading(name, name == "seconds") for name in COLUMNS)
    answers = tuple(sorted({row[2].text for row in rows}))
    return Several(origin, tuple(facts), (), headings, rows, answers)


def _row(said: dict[str, str], seconds: float) -> tuple[TableCell, ...]:
    is_good = (said["role"], said["outcome"]) in GOOD
    texts = [said["text"], said["detail"]]
    if said["counterexample"]:
        texts.append(f"counterexample: {said['counterexample']}")
    full = " — ".join(text for text in texts if text)
    return (
        TableCell(said["claim"], said["claim"]),
        TableCell(said["role"], said["role"]),
        TableCell(said["outcome"], said["outcome"], "verified" if is_good else "falsified"),
        TableCell(said["trust"], said["trust"]),
        TableCell(f"{seconds:.3g}", seconds),
        TableCell(full, full),
    )
