"""`verifai claim`: one statement, or a file of them, proved, refuted or left open.

May import: claim, kernel, the cli's own parts. Must not know: how a claim is decided.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from verifai.claim.answer import CERTIFIED, ClaimAnswer
from verifai.claim.decide import TIMEOUT, claim
from verifai.claim.proposals import ERROR, JudgedClaim, ProposedClaim, judged, read_proposals
from verifai.cli.exits import SCHEMA, Exit
from verifai.cli.limit import seconds
from verifai.files import require_writable

_CODES = {"proved": Exit.VERIFIED, "refuted": Exit.FALSIFIED, "unknown": Exit.UNKNOWN}


@click.command("claim")
@click.argument("text", required=False)
@click.option("--file", "path", type=click.Path(path_type=Path), help="Claims, one a line.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a claim.")
@click.option(
    "--timeout",
    type=float,
    default=TIMEOUT,
    show_default=True,
    callback=seconds,
    help="Seconds for a solver or a search on one claim.",
)
@click.option(
    "--certificate",
    type=click.Path(path_type=Path),
    help="Write the certificate of a claim that is certified, with what it is about.",
)
def command(text: str | None, path: Path | None, as_json: bool, **options: Any) -> int:
    """Decide the statement TEXT, such as "for all positive real x: x + 1/x >= 2".

    Every counterexample is evaluated exactly; a proof says what it rests on: certified (the
    kernel), exact (algebra), solver (Z3's word). In a file, `[refuted]` before a claim says what is
    expected of it. See docs/claims.md.

    Exit codes: 0 proved (a file: all as expected), 1 refuted (or not as expected), 2 unknown, 4
    usage or error (a claim that cannot be read).
    """
    if (text is None) == (path is None):
        raise click.UsageError("give either a claim or --file")
    timeout, certificate = options["timeout"], options["certificate"]
    if certificate is not None:
        if path is not None:
            raise click.UsageError("--certificate goes with one claim")
        require_writable(certificate)
    if path is not None:
        return _file(path, as_json, timeout)
    found = claim(text or "", timeout=timeout)
    if as_json:
        _print(_record(found))
    else:
        click.echo(str(found))
    if certificate is not None and found.trust == CERTIFIED:
        _write(certificate, found)
    return _CODES[found.outcome]


def _write(path: Path, found: ClaimAnswer) -> None:
    from verifai.cli.verify import write_certificate

    if found.query is not None and found.certificate is not None:
        write_certificate(path, found.query, found.certificate)


def _file(path: Path, as_json: bool, timeout: float) -> int:
    done = []
    for each in judged(read_proposals(path), timeout=timeout):
        done.append(each)
        if as_json:
            _print(_line(each))
        else:
            click.echo(_told(each))
    if not as_json:
        click.echo(_summary(done))
    return _code(done)


def _print(record: dict[str, Any]) -> None:
    click.echo(json.dumps(record, allow_nan=False, ensure_ascii=False))


def _told(each: JudgedClaim) -> str:
    mark = "  " if each.is_as_expected else "!!"
    said = str(each.answer) if each.answer is not None else f"error: {each.error}"
    wanted = "" if each.is_as_expected else f" (expected: {each.proposal.expected})"
    return f"{mark} line {each.proposal.line}{wanted}: {said}"


def _summary(done: Sequence[JudgedClaim]) -> str:
    counts = Counter(each.verdict for each in done)
    shown = ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))
    wrong = sum(not each.is_as_expected for each in done)
    asked = any(each.proposal.expected for each in done)
    return f"{len(done)} claims: {shown}" + (f"; {wrong} not as expected" if asked else "")


def _code(done: Sequence[JudgedClaim]) -> int:
    """What the shell sees: where something is expected of a claim, that it is so is all."""
    left = [each.verdict for each in done if not each.proposal.expected]
    if any(each.verdict == ERROR for each in done if not each.proposal.expected):
        return Exit.ERROR
    if any(not each.is_as_expected for each in done) or {"refuted", "undefined"} & set(left):
        return Exit.FALSIFIED
    return Exit.UNKNOWN if "unknown" in left else Exit.VERIFIED


def _line(each: JudgedClaim) -> dict[str, Any]:
    proposal: ProposedClaim = each.proposal
    head = {"line": proposal.line, "expected": proposal.expected}
    if each.answer is None:
        return {
            "schema": SCHEMA,
            **head,
            "claim": proposal.text,
            "verdict": ERROR,
            "reason": each.error,
        }
    return {**_record(each.answer), **head}


def _record(found: ClaimAnswer) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "claim": found.text,
        "reading": found.reading,
        "undefined": found.undefined,
        "outcome": found.outcome,
        "verdict": found.verdict,
        "trust": found.trust,
        "reason": found.reason,
        "counterexample": dict(found.counterexample),
        "seconds": round(found.seconds, 6),
    }
