"""One theorem run: told line by line or as one JSON object, its files written.

May import: theorems, kernel, the cli's own parts. Must not know: any particular theorem, options.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import json
from pathlib import Path
from typing import Any

import click

from verifai.cli.exits import SCHEMA
from verifai.files import write_atomically
from verifai.theorems.claim import CoqProof, Role, Table, Theorem
from verifai.theorems.run import Checked, Report, run


def run_and_tell(theorem: Theorem[Any], parameters: Any, out: Path, as_json: bool) -> Report:
    """The report, after everything was said and written.

    Raises:
        OSError: the folder cannot be made, or the disk is full.
    """
    chosen = dataclasses.asdict(parameters)
    if not as_json:
        said = ", ".join(f"{name} = {value}" for name, value in chosen.items())
        click.echo(f"{theorem.name}: {theorem.title}\n  parameters: {said}")
    report = run(theorem, parameters, told=None if as_json else _tell)
    written = write(report, out / theorem.name)
    if as_json:
        click.echo(json.dumps(_record(report, written), allow_nan=False))
        return report
    if theorem.proved:
        click.echo(f"  for all sizes: proved in Coq, not repeated here; {place_of(theorem.proved)}")
    trust = ", ".join(f"{count} {kind.value}" for kind, count in report.trust.items())
    verdict = "HOLDS" if report.holds else "FAILS: " + "; ".join(report.problems)
    click.echo(f"  {verdict} ({trust}; {report.seconds:.1f} s; {out / theorem.name})\n")
    return report


def place_of(proof: CoqProof) -> str:
    """Theorem and file, in words."""
    return f"theorem {proof.theorem} of proofs/gallery/{proof.file}"


def _tell(result: Checked) -> None:
    found, claim = result.finding, result.claim
    mark = "!!" if result.problem else "ok"
    role = "control: " if claim.role is Role.CONTROL else ""
    head = f"  {mark} {found.outcome.value:8} {found.trust.value:9} {result.seconds:6.2f} s"
    click.echo(f"{head}  {claim.name}: {role}{claim.text}")
    for text in (found.detail, found.counterexample and f"counterexample: {found.counterexample}"):
        for line in text.splitlines():
            click.echo(f"       {line}")
    if found.table is not None:
        for line in lines_of(found.table):
            click.echo(f"       {line}")


def lines_of(table: Table) -> list[str]:
    """The table as text, its columns one below the other."""
    rows = (table.headings, *table.rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def write(report: Report, folder: Path) -> list[str]:
    """Writes statement, certificates and figures of a report; the names of the files.

    For a claim NAME: NAME.cert, and beside it NAME.cert.network and NAME.cert.query.json, which
    `python -m verifai.kernel` re-checks.

    Raises:
        OSError: the folder cannot be made, or the disk is full.
    """
    from verifai.cli.verify import companions, write_certificate

    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / "statement.txt", statement_text(report.theorem).encode())
    written = ["statement.txt"]
    for result in report.results:
        name, found = result.claim.name, result.finding
        if found.certificate is not None and found.query is not None:
            path = folder / f"{name}.cert"
            write_certificate(path, found.query, found.certificate)
            written += [each.name for each in companions(path)]
        if found.plot is not None and importlib.util.find_spec("matplotlib"):
            from verifai.theorems.figure import drawn

            write_atomically(folder / f"{name}.svg", drawn(found.plot))
            written.append(f"{name}.svg")
    return written


def statement_text(theorem: Theorem[Any]) -> str:
    """What statement.txt holds."""
    return f"{theorem.name}: {theorem.title}\n\n{theorem.statement}\nSource: {theorem.source}.\n"


def _record(report: Report, written: list[str]) -> dict[str, Any]:
    results = [
        {
            "claim": r.claim.name,
            "role": r.claim.role.value,
            "text": r.claim.text,
            "outcome": r.finding.outcome.value,
            "trust": r.finding.trust.value,
            "seconds": round(r.seconds, 6),
            "detail": r.finding.detail,
            "counterexample": r.finding.counterexample,
        }
        for r in report.results
    ]
    return {
        "schema": SCHEMA,
        "theorem": report.theorem.name,
        "proved": place_of(report.theorem.proved) if report.theorem.proved else "",
        "parameters": dataclasses.asdict(report.parameters),
        "holds": report.holds,
        "problems": list(report.problems),
        "seconds": round(report.seconds, 6),
        "results": results,
        "files": written,
    }
