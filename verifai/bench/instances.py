"""What is run and what came out: instances.csv, expected.csv, tables of results.

May import: the standard library, files, kernel errors. Must not know: how instances are run.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from verifai.files import write_atomically
from verifai.kernel.errors import InputError


@dataclass(frozen=True, slots=True)
class Instance:
    """A line of instances.csv, and the agreed verdict where there is one."""

    onnx: str
    vnnlib: str
    timeout: float
    expected: str = ""

    @property
    def name(self) -> str:
        """The two files' names, short enough for a table."""
        return f"{Path(self.onnx).stem} {Path(self.vnnlib).stem}"


@dataclass(frozen=True, slots=True)
class Result:
    """A line of the results: times in seconds, memory of the largest process."""

    onnx: str
    vnnlib: str
    verdict: str
    expected: str = ""
    wall_seconds: float = 0.0
    search_seconds: float = 0.0
    kernel_seconds: float = 0.0
    certificate_bytes: int = 0
    peak_mib: float = 0.0
    check: str = ""
    check_seconds: float = 0.0
    standalone: str = ""
    standalone_wall_seconds: float = 0.0
    message: str = ""
    vacuous: bool = False  # unsat only because the domain is empty

    @property
    def is_solved(self) -> bool:
        """Whether the verdict is definite."""
        return self.verdict in ("sat", "unsat")

    @property
    def mark(self) -> str:
        """right, wrong, solved (nobody says what is right) or unsolved."""
        if not self.is_solved:
            return "unsolved"
        return {"": "solved", self.verdict: "right"}.get(self.expected, "wrong")

    @property
    def is_refuted(self) -> bool:
        """Whether a re-check refused the certificate."""
        return any(found not in ("", "accepted") for found in (self.check, self.standalone))


def read_instances(path: Path) -> list[Instance]:
    """The instances of a CSV file, with the verdicts of expected.csv beside it.

    Raises:
        InputError: the file is missing or a line is not `onnx,vnnlib,seconds`.
    """
    beside = path.with_name("expected.csv")
    known = {(r[0], r[1]): r[2] for r in _rows(beside, 3, must_be=False)}
    for verdict in known.values():
        if verdict not in ("sat", "unsat", "unknown", ""):
            raise InputError(f"{beside}: {verdict!r} is none of sat, unsat, unknown")
    known = {name: verdict for name, verdict in known.items() if verdict != "unknown"}
    found = []
    for onnx, vnnlib, seconds in _rows(path, 3):
        try:
            limit = float(seconds)
        except ValueError:
            limit = math.nan
        if not 0 < limit < math.inf:
            raise InputError(f"{path}: not a positive number of seconds: {seconds!r}")
        found.append(Instance(onnx, vnnlib, limit, known.get((onnx, vnnlib), "")))
    if not found:
        raise InputError(f"{path}: no instances")
    return found


def _lines(path: Path) -> list[str]:
    """The lines of a text file.

    Raises:
        InputError: it is no text.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            lines = file.readlines()
    except UnicodeDecodeError:
        raise InputError(f"{path}: no text: is this the table?") from None
    if any("\0" in line for line in lines):
        raise InputError(f"{path}: no text: is this the table?")
    return lines


def _rows(path: Path, columns: int, *, must_be: bool = True) -> list[list[str]]:
    if not path.is_file():
        if must_be:
            raise InputError(f"{path}: no such file")
        return []
    rows = [[cell.strip() for cell in row] for row in csv.reader(_lines(path)) if row]
    for number, row in enumerate(rows, 1):
        if len(row) < columns:
            raise InputError(
                f"{path}: row {number} has {len(row)} columns, not {columns}: is this the table?"
            )
    return [row[:columns] for row in rows]


def write_results(path: Path, results: Iterable[Result]) -> None:
    """Write the results as CSV with a header.

    Raises:
        OSError: the file cannot be written.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, [f.name for f in fields(Result)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(result) for result in results)
    write_atomically(path, text.getvalue().encode())


def read_times(path: Path) -> dict[tuple[str, str], tuple[str, float]]:
    """Verdict and wall seconds of every instance in a CSV with a header, ours or another's.

    Raises:
        InputError: the file is missing, or lacks one of the columns onnx, vnnlib, verdict,
            wall_seconds.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    table = csv.DictReader(_lines(path))
    rows = list(table)
    try:
        if not {"onnx", "vnnlib", "verdict", "wall_seconds"} <= set(table.fieldnames or ()):
            raise KeyError("a column")
        return {(r["onnx"], r["vnnlib"]): (r["verdict"], float(r["wall_seconds"])) for r in rows}
    except (KeyError, TypeError, ValueError):
        raise InputError(f"{path}: not a table of onnx, vnnlib, verdict, wall_seconds") from None
