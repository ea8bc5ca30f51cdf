"""`verifai verify`: decide a property, say so in words or JSON, write the certificate.

May import: api, verify, report, the cli's own parts. Must not know: how the search works.
"""

from __future__ import annotations

import dataclasses
import json
import math
import sys
import time
from pathlib import Path

import click

from verifai.cli.files import require_writable, write_atomically
from verifai.kernel.query import Query
from verifai.verdict import Effort, Falsified, Unknown, Verdict, Verified
from verifai.verify import Options


def seconds(ctx: click.Context, param: click.Parameter, value: float | None) -> float | None:
    """A budget in seconds: positive and finite (click lets NaN through)."""
    if value is not None and not (0 < value < math.inf):
        raise click.BadParameter("must be a positive number of seconds", ctx, param)
    return value


@click.command("verify")
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("property_file", metavar="PROPERTY", type=click.Path(path_type=Path))
@click.option("--timeout", type=float, callback=seconds, help="Stop after this many seconds.")
@click.option("--nodes", type=click.IntRange(1), help="Stop after this many search nodes.")
@click.option("--certificate", type=click.Path(path_type=Path), help="Write the proof here.")
@click.option("--workers", type=click.IntRange(1), default=2, help="Processes (default 2).")
@click.option("--seed", type=int, default=0, help="Seed of the attacks (default 0).")
@click.option("--float32/--no-float32", default=True, help="Also run a counterexample as float32.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    model: Path,
    property_file: Path,
    certificate: Path | None,
    float32: bool,
    as_json: bool,
    **budget: float | None,
) -> int:
    """Decide whether the ONNX network MODEL has the VNN-LIB property PROPERTY.

    Exit codes: 0 verified, 1 falsified, 2 unknown, 3 time-out, 4 usage or error. With
    --certificate F and verified: F, and beside it F.network and F.query.json, which
    `python -m verifai.kernel` re-checks without the original files.
    """
    from verifai.api import query_from
    from verifai.cli.record import exit_code, record
    from verifai.report.terminal import words

    start = time.monotonic()
    if certificate is not None:
        for path in reversed(companions(certificate)):
            require_writable(path)
    query = query_from(model, property_file)
    options = Options(**budget)  # type: ignore[arg-type]
    verdict = search(query, options, spent=time.monotonic() - start)
    if float32 and isinstance(verdict, Falsified):
        verdict = with_float32(verdict, model, query)
    is_written = certificate is not None and isinstance(verdict, Verified)
    if certificate is not None and isinstance(verdict, Verified):
        write_certificate(certificate, query, verdict.certificate)
    elapsed = time.monotonic() - start
    if as_json:
        paths = {"certificate": str(certificate) if is_written else None}
        click.echo(json.dumps(record(verdict, query, seconds=elapsed) | paths, allow_nan=False))
    else:
        click.echo(words(verdict, query, seconds=elapsed))
        if is_written:
            click.echo(f"certificate: {certificate}")
    return exit_code(verdict)


def search(query: Query, options: Options, *, spent: float = 0.0) -> Verdict:
    """The verdict within the options' time less what is spent; Ctrl-C gives Unknown.

    A terminal on standard error shows a line of progress.
    """
    from verifai.report.terminal import ProgressLine
    from verifai.verify import verify

    if options.timeout is not None:
        options = dataclasses.replace(options, timeout=max(options.timeout - spent, 1e-3))
    line = ProgressLine(sys.stderr)
    start = time.monotonic()
    try:
        return verify(query, options, progress=line)
    except KeyboardInterrupt:
        effort = Effort(time.monotonic() - start)
        if line.last is None:
            return Unknown("interrupted", effort=effort)
        effort = dataclasses.replace(effort, nodes=line.last.nodes)
        share = 1 - line.last.closed_fraction
        return Unknown("interrupted", bound=line.last.bound, open_fraction=share, effort=effort)
    finally:
        line.clear()


def with_float32(verdict: Falsified, model: Path, query: Query) -> Falsified:
    """The verdict, saying also whether onnxruntime shows the violation."""
    from verifai.load.execution import shows_violation

    found = verdict.counterexample
    shown = shows_violation(model, query, found.inputs)
    return dataclasses.replace(verdict, counterexample=dataclasses.replace(found, is_float32=shown))


def companions(certificate: Path) -> tuple[Path, Path, Path]:
    """Where the canonical network, the canonical query and the certificate itself are written."""
    name = certificate.name
    network, query = (certificate.with_name(name + end) for end in (".network", ".query.json"))
    return network, query, certificate


def write_certificate(path: Path, query: Query, certificate: bytes) -> None:
    """Write the certificate last, so that it never lies there without what it speaks about.

    Raises:
        OSError: the disk is full, or the folder has gone.
    """
    from verifai.kernel.codec import encode_network, encode_query

    data = (encode_network(query.network), encode_query(query), certificate)
    for target, content in zip(companions(path), data, strict=True):
        write_atomically(target, content)
