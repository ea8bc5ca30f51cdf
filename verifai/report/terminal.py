"""Verdicts, progress and tables as plain text.

May import: kernel, verdict, verify (types). Must not know: the command line.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from flint import fmpq

from verifai.kernel.number import nearest, text
from verifai.kernel.query import Query
from verifai.report.picture import drawn, images
from verifai.report.positive import in_words
from verifai.verdict import VACUOUS, Counterexample, Falsified, Unknown, Verdict, Verified

if TYPE_CHECKING:
    from verifai.verify import Progress

MAX_SHOWN = 16
MAX_DIGITS = 60


def number(value: fmpq) -> str:
    """The exact value and a decimal; of values too long to read, only the decimal.

    >>> number(fmpq(3)), number(fmpq(1, 3)), number(fmpq(1, 3) ** 199)
    ('= 3', '= 1/3 ≈ 0.333333', '≈ 1.12946e-95')
    """
    exact, decimal = text(value), f"{nearest(value):.6g}"
    if value.q == 1 and len(exact) <= MAX_DIGITS:
        return f"= {exact}"
    return f"= {exact} ≈ {decimal}" if len(exact) <= MAX_DIGITS else f"≈ {decimal}"


def words(
    verdict: Verdict,
    query: Query,
    *,
    seconds: float,
    sides: tuple[int, int] | None = None,
    classes: Sequence[str] | None = None,
) -> str:
    """The verdict in sentences: what was proved, or violated where, or why neither.

    Args:
        verdict: the verdict on the query.
        query: what was asked.
        seconds: how long everything took.
        sides: rows and columns of inputs that are images; None: as the inputs' shapes say.
        classes: the names of the outputs; None: they have none.

    Raises:
        InputError: not as many classes as outputs.
    """
    effort = verdict.effort
    work = f"{seconds:.2f} s, {effort.nodes} nodes, {effort.check_seconds:.2f} s of it the kernel's"
    if isinstance(verdict, Verified):
        lines = [f"verified in {work} check", verdict.statement]
        lines.append(f"in short, {in_words(query, classes)}")
        if verdict.vacuous:
            lines[0] = f"verified VACUOUSLY in {work} check"
            lines.insert(1, f"WARNING: {VACUOUS}")
    elif isinstance(verdict, Falsified):
        lines = [f"falsified in {work} replay", verdict.statement]
        lines.append(f"in short, this is not so: {in_words(query, classes)}")
        lines += _counterexample(verdict.counterexample, query, sides)
    else:
        lines = [f"{'time-out' if verdict.is_timeout else 'unknown'} after {work} check"]
        lines += _unknown(verdict)
    return "\n".join(lines)


def _unknown(verdict: Unknown) -> list[str]:
    lines = [f"reason: {verdict.reason}"]
    if verdict.bound is not None:
        lines.append(f"best proved bound on the distance from violation: {verdict.bound:.6g}")
    return [*lines, f"open: {100 * verdict.open_fraction:.3g} % of the search"]


def _counterexample(
    found: Counterexample, query: Query, sides: tuple[int, int] | None
) -> list[str]:
    network = query.network
    inputs = [network.describe(value) for value in query.input_values]
    outputs = [network.describe(value) for value in network.output_values]
    lines = ["this input of the domain violates the property:"]
    lines += _assigned(inputs, [number(x) for x in found.inputs])
    for image in images(query, sides):
        lines += [f"  {line}".rstrip() for line in drawn(query, found.inputs, image)]
    lines.append("there the outputs are:")
    lines += _assigned(outputs, [_enclosure(*ends) for ends in found.outputs])
    lines.append(f"margin of the violation {number(found.margin)}")
    seen = {True: "shows it too", False: "does not show it", None: "was not tried"}
    return [*lines, f"float32 execution (onnxruntime) {seen[found.is_float32]}"]


def _assigned(names: Sequence[str], values: Sequence[str]) -> list[str]:
    lines = [f"  {name} {value}" for name, value in zip(names, values, strict=True)]
    hidden = len(lines) - MAX_SHOWN
    return lines if hidden <= 0 else [*lines[:MAX_SHOWN], f"  … and {hidden} more (--json has all)"]


def _enclosure(low: fmpq, high: fmpq) -> str:
    return number(low) if low == high else f"≈ {nearest((low + high) / 2):.6g}"


class ProgressLine:
    """A line on a terminal that is rewritten while a search runs, and remembers the last report."""

    def __init__(self, stream: TextIO, *, every: float = 0.2) -> None:
        self.stream = stream
        self.every = every
        self.last: Progress | None = None
        self._is_shown = False
        self._next = time.monotonic() + every

    def __call__(self, progress: Progress) -> None:
        """Take a report; show it if the stream is a terminal and the last one is old enough."""
        self.last = progress
        if self.stream.isatty() and time.monotonic() >= self._next:
            self._next = time.monotonic() + self.every
            import shutil

            width = shutil.get_terminal_size().columns - 1
            self.stream.write("\r" + progress_words(progress)[:width] + "\033[K")
            self.stream.flush()
            self._is_shown = True

    def clear(self) -> None:
        """Remove the line, so that what follows starts in the first column."""
        if self._is_shown:
            self.stream.write("\r\033[K")
            self.stream.flush()
            self._is_shown = False


def progress_words(progress: Progress) -> str:
    """One line: time, nodes done and open, share closed, worst bound, rate."""
    bound = "" if progress.bound is None else f" · bound {progress.bound:.4g}"
    return (
        f"{progress.seconds:.1f} s · {progress.nodes} nodes, {progress.open} open"
        f" · {100 * progress.closed_fraction:.1f} % closed{bound} · {progress.rate:.0f} nodes/s"
    )


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest entry, numbers to the right.

    >>> print(table(["name", "s"], [["a", "1.5"], ["bcdef", "12"]]))
    name     s
    a      1.5
    bcdef   12
    """
    columns = list(zip(header, *rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    right = [bool(rows) and all(map(_is_number, column[1:])) for column in columns]

    def line(cells: Sequence[str]) -> str:
        each = zip(cells, widths, right, strict=True)
        return "  ".join(c.rjust(w) if r else c.ljust(w) for c, w, r in each).rstrip()

    return "\n".join(line(cells) for cells in (header, *rows))


def _is_number(cell: str) -> bool:
    return cell.strip("–+-.%×e ").replace(".", "", 1).isdecimal() or cell in ("", "–")
