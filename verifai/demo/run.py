"""Decides the demo's cases, has every certificate re-checked by the kernel alone, and shows it all.

May import: files, kernel, load, properties, verify, verdict; rich only on a terminal.
Must not know: the search.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from verifai.api import search as verify
from verifai.demo.cases import DemoCase, cases
from verifai.demo.picture import beside, changes, describe_change, float_text, picture
from verifai.files import write_atomically
from verifai.kernel.number import exact
from verifai.proof.files import Files
from verifai.verdict import Counterexample, Falsified, Unknown, Verdict, Verified

Echo = Callable[[str], None]
TIMEOUT = 60.0  # seconds for one case
HEADINGS = ("case", "property", "verdict", "leaves", "seconds", "checked")


@dataclass(frozen=True, slots=True, eq=False)
class Decided:
    """A case with its verdict.

    Attributes:
        is_accepted: whether the kernel, run alone on the written files, accepted the certificate
            (None: there is none).
        remark: the kernel's last line.
    """

    case: DemoCase
    verdict: Verdict
    is_accepted: bool | None = None
    remark: str = ""

    @property
    def name(self) -> str:
        """The verdict in one word."""
        return type(self.verdict).__name__.lower()

    @property
    def is_expected(self) -> bool:
        """Whether the verdict is the right one and a claimed proof was accepted."""
        if self.case.expected == "decided":
            right = isinstance(self.verdict, Verified | Falsified)
        else:
            right = self.name == self.case.expected
        return right and self.is_accepted is not False


def run_demo(folder: Path | None, out: Path, echo: Echo, *, timeout: float = TIMEOUT) -> int:
    """0 if every expected thing held, else 1: decides all cases and tells the story by echo.

    Args:
        folder: where networks/train_digits.py wrote its files; None: those of the package.
        out: where networks, queries and certificates go, made if need be.
        echo: prints one line.
        timeout: seconds for one case.

    Raises:
        InputError: a network or image file that is unreadable.
    """
    out.mkdir(parents=True, exist_ok=True)
    outcomes = []
    for case in cases(folder):
        outcome = decide(case, out, timeout)
        echo(f"{outcome.name:9} {case.words}")
        outcomes.append(outcome)
    for line in (*_table([_row(outcome) for outcome in outcomes]), *_shown(outcomes)):
        echo(line)
    return _summary(outcomes, out, echo)


def decide(case: DemoCase, out: Path, timeout: float) -> Decided:
    """The case's verdict; a certificate is written to `out` and re-checked in a new process."""
    verdict = verify(case.query, timeout=timeout)
    if not isinstance(verdict, Verified):
        return Decided(case, verdict)
    files = tuple(out / f"{case.name}.{end}" for end in ("network", "query.json", "certificate"))
    written = Files.of(case.query)
    contents = written.network, written.query, verdict.certificate
    for file, content in zip(files, contents, strict=True):
        write_atomically(file, content)
    command = [sys.executable, "-m", "verifai.kernel", *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = (done.stdout + done.stderr).strip().splitlines()
    return Decided(case, verdict, done.returncode == 0, said[-1] if said else "")


def _row(outcome: Decided) -> tuple[str, ...]:
    effort, checked = outcome.verdict.effort, "exact replay"
    if outcome.is_accepted is not None:
        checked = "accepted" if outcome.is_accepted else "REJECTED"
    elif not isinstance(outcome.verdict, Falsified):
        checked = "-"
    leaves = str(effort.leaves) if isinstance(outcome.verdict, Verified) else "-"
    case = outcome.case
    return (case.name, case.words, outcome.name, leaves, f"{effort.seconds:.2f}", checked)


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """The rows under their headings: by rich on a terminal that has it, else plain."""
    if sys.stdout.isatty() and importlib.util.find_spec("rich"):
        from rich.console import Console
        from rich.table import Table

        table, console = Table(*HEADINGS), Console()
        for row in rows:
            table.add_row(*row)
        with console.capture() as captured:
            console.print(table)
        return captured.get().splitlines()
    widths = [max(map(len, column)) for column in zip(HEADINGS, *rows, strict=True)]
    lines = [HEADINGS, tuple("-" * width for width in widths), *rows]
    return [
        "",
        *(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        ),
    ]


def _shown(outcomes: Sequence[Decided]) -> list[str]:
    """The counterexamples: a digit as a picture, anything else as numbers."""
    lines = []
    for outcome in outcomes:
        if isinstance(outcome.verdict, Falsified):
            lines += ["", f"Why “{outcome.case.words}” is false:"]
            lines += _explained(outcome.case, outcome.verdict.counterexample)
    return lines


def _explained(case: DemoCase, found: Counterexample) -> list[str]:
    margin = f"it violates the property by {float_text(found.margin)} (exact arithmetic)"
    if found.is_float32 is not None:
        shows = "shows" if found.is_float32 else "does not show"
        margin += f"; float32 execution {shows} it too"
    if case.digit is None:
        point = ", ".join(f"{float_text(v)} (exactly {v})" for v in found.inputs)
        values = ", ".join(float_text(low) for low, _ in found.outputs)
        return [f"at the input {point} the output is {values};", margin]
    before = [exact(p) for p in case.digit.pixels.tolist()]
    scores = [float_text(low) for low, _ in found.outputs]
    best = max(range(len(scores)), key=lambda i: found.outputs[i][0])
    titles = f"a {case.digit.label}", f"read as {best}", "changes"
    pictures = picture(before), picture(found.inputs), changes(before, found.inputs)
    return [
        *beside(titles, pictures),
        f"{describe_change(before, found.inputs)};",
        f"score of {best}: {scores[best]}, of {case.digit.label}: {scores[case.digit.label]};",
        margin,
    ]


def _summary(outcomes: Sequence[Decided], out: Path, echo: Echo) -> int:
    """Says what is proved and what went wrong; the exit code."""
    proved = sum(outcome.is_accepted is True for outcome in outcomes)
    refuted = sum(isinstance(outcome.verdict, Falsified) for outcome in outcomes)
    echo("")
    echo(f"{proved} proved and re-checked by the kernel alone, {refuted} refuted by exact replay.")
    echo(f"Networks, queries and certificates: {out}")
    wrong = [outcome for outcome in outcomes if not outcome.is_expected]
    for outcome in wrong:
        why = f"{outcome.name}, expected {outcome.case.expected}"
        if outcome.is_accepted is False:
            why = f"the kernel did not accept the certificate ({outcome.remark})"
        elif isinstance(outcome.verdict, Unknown):
            why += f" ({outcome.verdict.reason})"
        echo(f"NOT AS EXPECTED: {outcome.case.name}: {why}")
    return 1 if wrong else 0
