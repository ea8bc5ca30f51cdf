"""`verifai solve`: asks SMT solvers; their models are replayed, their "unsat" stays a claim.

May import: api, exact, report, the cli's own parts. Must not know: solvers.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import click

from verifai.cli.limit import seconds, within


@click.command("solve")
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("property_file", metavar="PROPERTY", type=click.Path(path_type=Path))
@click.option(
    "--solver",
    type=click.Choice(["z3", "cvc5", "both"]),
    default="both",
    help="Whom to ask (default both, side by side).",
)
@click.option("--timeout", type=float, callback=seconds, help="Stop after this many seconds.")
@click.option(
    "--certify", is_flag=True, help="After a claim of unsat, search for a certificate of it."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    model: Path,
    property_file: Path,
    solver: str,
    timeout: float | None,
    certify: bool,
    as_json: bool,
) -> int:
    """Ask Z3 and cvc5 whether the ONNX network MODEL violates the VNN-LIB property PROPERTY.

    Exit codes: 0 verified (with --certify only), 1 falsified, 2 unknown, which a claim of unsat
    is without a certificate, 3 time-out, 4 usage or error.
    """
    from verifai.api import ask, query_from
    from verifai.cli.record import exit_code, record
    from verifai.report.terminal import words

    start = time.monotonic()
    with within(timeout, start):
        query = query_from(model, property_file)
    left = None if timeout is None else max(timeout - (time.monotonic() - start), 1e-3)
    verdict = ask(query, solver, timeout=left, certify=certify)
    elapsed = time.monotonic() - start
    if as_json:
        click.echo(json.dumps(record(verdict, query, seconds=elapsed), allow_nan=False))
    else:
        click.echo(words(verdict, query, seconds=elapsed))
    return exit_code(verdict)
