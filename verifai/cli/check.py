"""`verifai check`: the original files and a certificate, and nothing else that the search said.

Or one file that holds all of it: see `check_proof`.

May import: api, report, the cli's own parts. Must not know: verify, search.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import click

from verifai.cli.exits import SCHEMA
from verifai.cli.limit import limited
from verifai.cli.semantics import semantics
from verifai.cli.solver import network_option
from verifai.kernel.errors import InputError, Rejection
from verifai.verdict import VACUOUS


@click.command("check")
@click.argument("model", type=click.Path(path_type=Path))
@click.argument(
    "property_file", metavar="[PROPERTY]", required=False, type=click.Path(path_type=Path)
)
@click.argument(
    "certificate", metavar="[CERTIFICATE]", required=False, type=click.Path(path_type=Path)
)
@network_option
@click.option(
    "--model",
    "about",
    type=click.Path(path_type=Path),
    help="With one file of evidence: the ONNX file that it must be about.",
)
@click.option("--exact", is_flag=True, help="Re-check in exact rational arithmetic (slower).")
@click.option(
    "--proved",
    is_flag=True,
    help="The checker that is proved in Coq must accept, too (make proved).",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@semantics
@limited
def command(
    model: Path,
    property_file: Path | None,
    certificate: Path | None,
    networks: dict[str, Path],
    about: Path | None,
    **options: Any,
) -> int:
    """Check that CERTIFICATE proves PROPERTY of MODEL.

    Of a VNN-LIB 2 query: check QUERY CERTIFICATE --network NAME=FILE ...  Of one file of evidence,
    as verdict.save writes it: check FILE.proof [--model MODEL].

    Exit codes: 0 accepted, 1 rejected (the rule is named), or the file of evidence shows that the
    property is violated, 3 time-out, 4 a file cannot be read, or the check broke off.
    """
    if property_file is not None:
        if about is not None:
            raise click.UsageError("--model goes with one file of evidence")
        options["networks"] = networks
        return _check(model, property_file, certificate, **options)
    if networks:
        raise click.MissingParameter(param_hint="'CERTIFICATE'", param_type="argument")
    from verifai.cli.check_proof import check_proof

    return check_proof(model, about, options)


def _check(
    model: Path,
    property_file: Path,
    certificate: Path | None,
    **options: Any,
) -> int:
    """What the kernel says about a certificate, printed; the exit code."""
    from verifai.api import check_twice, query_from
    from verifai.kernel.statement import statement

    networks, exact, as_json = (options[name] for name in ("networks", "exact", "as_json"))
    meaning = {name: options[name] for name in ("semantics", "assume_ulp")}
    start = time.monotonic()
    if networks:
        if certificate is not None:
            raise click.UsageError("with --network: check QUERY CERTIFICATE --network …")
        data, query = property_file.read_bytes(), query_from(networks, model, **meaning)
    elif certificate is None:
        raise click.MissingParameter(param_hint="'CERTIFICATE'", param_type="argument")
    else:
        data, query = certificate.read_bytes(), query_from(model, property_file, **meaning)
    loaded = time.monotonic()
    arithmetic = "exact" if exact else "rounded"
    try:
        accepted, agreement = check_twice(query, data, exact=exact, proved=options["proved"])
    except KeyboardInterrupt:
        raise click.ClickException("interrupted; nothing is judged") from None
    except Rejection as rejection:
        found: dict[str, Any] = {
            "accepted": False,
            "rule": rejection.rule,
            "reason": rejection.reason,
        }
        lines = [f"rejected: rule {rejection.rule}: {rejection.reason}"]
        if rejection.rule == "digest" and not networks and certificate is not None:
            hint = _hint(model, property_file, data, meaning)
            lines += [f"hint: {hint}"] if hint else []
            found |= {"hint": hint} if hint else {}
    else:
        said = statement(accepted.query, vacuous=accepted.vacuous)
        taken = list(accepted.query.assumptions)
        found = {"accepted": True, "nodes": accepted.nodes, "leaves": accepted.leaves}
        found |= {"vacuous": accepted.vacuous, "statement": said, "assumptions": taken}
        found |= {"second_reader": list(agreement)}
        found |= {"checkers": ["kernel", "proved"] if options["proved"] else ["kernel"]}
        work = f"{accepted.nodes} nodes, {accepted.leaves} leaves, {arithmetic} arithmetic"
        work += "; by the kernel and by the proved checker" if options["proved"] else ""
        lines = [f"accepted: {work}, {time.monotonic() - loaded:.2f} s", said, *agreement]
        if accepted.vacuous:
            found |= {"warning": VACUOUS}
            lines.insert(1, f"WARNING: {VACUOUS}")
    now = time.monotonic()
    times = {"check_seconds": round(now - loaded, 6), "seconds": round(now - start, 6)}
    if as_json:
        click.echo(json.dumps({"schema": SCHEMA, "arithmetic": arithmetic} | found | times))
    else:
        click.echo("\n".join(lines))
    return 0 if found["accepted"] else 1


def _hint(model: Path, property_file: Path, data: bytes, meaning: dict[str, Any]) -> str:
    """What to call `check` with instead, if the certificate is about the files read otherwise."""
    from verifai.api import query_from
    from verifai.kernel.files.certificate import decode_certificate
    from verifai.proof.files import Files
    from verifai.proof.upgrade import upgraded

    real = meaning["semantics"] == "real"
    other = "float32" if real else "real"
    unsure = "if it was made under --semantics float32 --assume-ulp K, check with the same K"
    try:
        query = query_from(model, property_file, semantics=other)
    except InputError as error:
        return unsure if "--assume-ulp" in str(error) else ""
    files = Files.of(query)
    try:
        decode_certificate(upgraded(data, files), *files.digests)
    except Rejection:
        return "" if meaning["assume_ulp"] is None else unsure
    return f"it was made under --semantics {other}: check with the same"
