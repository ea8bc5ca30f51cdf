"""What a page says about many results at once: a table to sort and filter, and curves.

May import: kernel, markupsafe, the floor's own parts. Must not know: files, templates.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import ClassVar

from markupsafe import Markup

from verifai.kernel.errors import InputError
from verifai.kernel.number import nearest, rational
from verifai.report.chart import Area, Chart, ChartAxes, DrawnCurve
from verifai.report.proved import Origin
from verifai.report.words import shown

SOLVED = ("unsat", "sat")
DECIDED = ("verified", "falsified")
NAMES = {
    "unsat": "verified",
    "sat": "falsified",
    "timeout": "time-out",
    "misclassified": "misclassified",
}
COLOURS = {
    "unsat": "verified",
    "verified": "verified",
    "sat": "falsified",
    "falsified": "falsified",
}
WORTH_A_COLUMN = {
    "onnx": "network",
    "vnnlib": "property",
    "verdict": "verdict",
    "expected": "expected",
    "wall_seconds": "seconds",
    "kernel_seconds": "kernel s",
    "certificate_bytes": "bytes",
    "peak_mib": "MiB",
    "check": "re-check",
    "message": "message",
    "input": "input",
    "label": "label",
    "answer": "answer",
    "eps": "radius",
    "status": "verdict",
    "by": "by radius",
    "seconds": "seconds",
    "reason": "reason",
}
Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TableCell:
    """A cell of a table.

    Attributes:
        text: what is read.
        key: what rows are sorted by.
        verdict: the colour of an answer; empty of other cells.
        link: the place in the page that it leads to; empty: nowhere.
    """

    text: str
    key: float | str
    verdict: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Heading:
    """A column: its name, and whether it holds numbers."""

    name: str
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Fact:
    """A figure about all rows."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Several:
    """A section about many results."""

    template: ClassVar[str] = "several.html"
    origin: Origin
    facts: tuple[Fact, ...]
    charts: tuple[Markup, ...]
    headings: tuple[Heading, ...]
    rows: tuple[tuple[TableCell, ...], ...]
    answers: tuple[str, ...]
    note: str = ""


def benchmark(origin: Origin, rows: Sequence[Row], peers: Mapping[str, Sequence[Row]]) -> Several:
    """The section about results of `verifai bench`.

    Args:
        origin: where they come from.
        rows: a mapping for each line, with onnx, vnnlib, verdict and wall_seconds.
        peers: those of others on the same instances, for the plot.

    Raises:
        InputError: a line lacks one of them, or its time is no number.
    """
    counts = Counter(r["verdict"] for r in rows)
    solved = [_seconds(r) for r in rows if r["verdict"] in SOLVED]
    wrong = [
        r
        for r in rows
        if r["verdict"] in SOLVED and r.get("expected") not in (None, "", r["verdict"])
    ]
    rest = ", ".join(f"{n} {NAMES.get(v, v)}" for v, n in counts.items() if v not in SOLVED)
    facts = [
        Fact("solved", f"{len(solved)} of {len(rows)}", rest),
        Fact("verified", str(counts["unsat"])),
        Fact("falsified", str(counts["sat"])),
        Fact("wrong", str(len(wrong)), "against the expected verdicts"),
    ]
    if solved:
        facts.append(Fact("median", f"{median(solved):.3g} s", f"{sum(solved):.4g} s in all"))
    ran = {(r["onnx"], r["vnnlib"]) for r in rows}
    curves = {origin.name.removesuffix(".csv"): solved}
    for name, others in peers.items():
        there = [r for r in others if (r["onnx"], r["vnnlib"]) in ran and r["verdict"] in SOLVED]
        curves[name] = [_seconds(r) for r in there]
    charts = (_cactus(curves),) if any(curves.values()) else ()
    return _table(origin, tuple(facts), charts, rows)


def _cactus(curves: Mapping[str, Sequence[float]]) -> Markup:
    """How many instances are solved within a time each."""
    drawn = [
        DrawnCurve(
            name,
            tuple((float(k), max(t, 1e-3)) for k, t in enumerate(sorted(times), 1)),
            "step",
            f"({len(times)})",
        )
        for name, times in curves.items()
        if times
    ]
    most = max(len(times) for times in curves.values())
    axes = ChartAxes("instances solved", "seconds each", is_log_y=True, x_ends=(0.0, float(most)))
    return Chart(
        "Cactus plot: how many instances are solved within a time each", axes, drawn
    ).draw()


def certification(origin: Origin, rows: Sequence[Row]) -> Several:
    """The section about answers of `verifai certify`.

    Args:
        origin: where they come from.
        rows: a mapping for each line, with input, label, answer, eps and status.

    Raises:
        InputError: a line lacks one of them, or its radius is no number.
    """
    radii = sorted({r["eps"] for r in rows}, key=rational)
    total = len({r["input"] for r in rows})
    wrong = {r["input"] for r in rows if r["status"] == "misclassified"}
    clean = total - len(wrong)
    shares = {eps: Counter(r["status"] for r in rows if r["eps"] == eps) for eps in radii}
    facts = [
        Fact("inputs", str(total)),
        Fact("clean", _percent(clean, total), "classified rightly"),
    ]
    for eps in radii[:4]:
        count = shares[eps]
        left = clean - count["verified"] - count["falsified"]
        note = f"attacked {_percent(count['falsified'], total)}, undecided {_percent(left, total)}"
        certified = _percent(count["verified"], total)
        facts.append(Fact(f"certified at {shown(rational(eps))}", certified, note))
    charts = (_radius_curve(radii, shares, (clean, total)),) if total else ()
    return _table(origin, tuple(facts), charts, rows)


def _radius_curve(
    radii: Sequence[str], shares: Mapping[str, Counter[str]], of: tuple[int, ...]
) -> Markup:
    """Certified and not attacked shares over the radius, the undecided between."""
    clean, total = of
    start = (0.0, 100 * clean / total)
    places = [nearest(rational(eps)) for eps in radii]
    certified = [start] + [
        (x, 100 * shares[eps]["verified"] / total) for x, eps in zip(places, radii, strict=True)
    ]
    possible = [start] + [
        (x, 100 * (clean - shares[eps]["falsified"]) / total)
        for x, eps in zip(places, radii, strict=True)
    ]
    curves = [
        DrawnCurve("certified", tuple(certified), "marked"),
        DrawnCurve("not attacked", tuple(possible), "marked"),
        DrawnCurve("clean", (start, (places[-1], start[1]))),
    ]
    axes = ChartAxes("radius of the ball", "percent of the inputs", y_ends=(0.0, 100.0))
    between = Area("undecided", tuple(certified), tuple(possible))
    label = "Radius curve: certified and not attacked shares, the undecided between them"
    return Chart(label, axes, curves, between).draw()


def _percent(count: int, total: int) -> str:
    return f"{100 * count / total:.1f} %" if total else "–"


def _table(
    origin: Origin, facts: tuple[Fact, ...], charts: tuple[Markup, ...], rows: Sequence[Row]
) -> Several:
    """Columns that hold something, in their order."""
    names = [
        n for n in WORTH_A_COLUMN if any(r.get(n) not in (None, "", "0", "False") for r in rows)
    ]
    cells = tuple(tuple(_cell(name, row.get(name) or "") for name in names) for row in rows)
    numbers = [all(isinstance(row[k].key, float) for row in cells) for k in range(len(names))]
    headings = tuple(
        Heading(WORTH_A_COLUMN[n], is_number) for n, is_number in zip(names, numbers, strict=True)
    )
    answers = {c.text for row in cells for c in row if c.verdict}
    return Several(origin, facts, charts, headings, cells, tuple(sorted(answers)))


def _cell(name: str, text: str) -> TableCell:
    if name in ("verdict", "status"):
        said = NAMES.get(text, text)
        return TableCell(said, said, COLOURS.get(text, "unknown"))
    if name in ("onnx", "vnnlib"):
        short = text.rsplit("/", 1)[-1].removesuffix(".onnx").removesuffix(".vnnlib")
        return TableCell(short, short)
    try:
        value = nearest(rational(text))
    except InputError:
        return TableCell(text, text) if text else TableCell("", -math.inf)
    return TableCell(text.replace("-", "−") if value < 0 else text, value)


def _seconds(row: Row) -> float:
    try:
        return float(row["wall_seconds"])
    except ValueError:
        raise InputError(f"a time that is no number: {row['wall_seconds']!r}") from None
