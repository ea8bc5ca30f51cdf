"""`verifai verify`: decide a property, say so in words or JSON, write the certificate.

May import: api, load, verify, report, the cli's own parts. Must not know: how the search works.
"""

from __future__ import annotations

import dataclasses
import json
import re
import sys
import time
from pathlib import Path
from typing import Any

import click

from verifai.cli.counts import COUNT, PROCESSES, SEED
from verifai.cli.exits import OutOfTime
from verifai.cli.limit import seconds, within
from verifai.cli.semantics import semantics
from verifai.cli.solver import network_option
from verifai.files import is_through, require_writable, write_atomically
from verifai.kernel.query import Query
from verifai.verdict import Falsified, Verdict, Verified
from verifai.verify import Options

PROGRAM = ".pt2"  # what torch.export.save writes


def image_sides(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> tuple[int, int] | None:
    """Rows and columns, from a text like 8x8."""
    if value is None:
        return None
    found = re.fullmatch(r"([1-9][0-9]{0,3})[x×]([1-9][0-9]{0,3})", value)
    if found is None:
        raise click.BadParameter(f"{value!r} is not ROWSxCOLUMNS, like 8x8", ctx, param)
    return int(found[1]), int(found[2])


@click.command("verify")
@click.argument("model", type=click.Path(path_type=Path))
@click.argument(
    "property_file", metavar="[PROPERTY]", required=False, type=click.Path(path_type=Path)
)
@network_option
@click.option("--timeout", type=float, callback=seconds, help="Stop after this many seconds.")
@click.option("--nodes", type=COUNT, help="Stop after this many search nodes.")
@click.option(
    "--certificate", type=click.Path(path_type=Path), help="Write the proof here, if verified."
)
@click.option(
    "--evidence",
    type=click.Path(path_type=Path),
    help="Write one file with what shows the answer, for check and report, if there is one.",
)
@click.option("--workers", type=PROCESSES, default=2, help="Processes (default 2).")
@click.option(
    "--device",
    help="Bound on torch's arrays there (cuda, cuda:1, cpu), in one process (default: numpy).",
)
@click.option(
    "--rank",
    metavar="RULE",
    help="What to split: babsr, fsb, gap, smear, widest, or a package's rule (default: what fits).",
)
@click.option("--seed", type=SEED, default=0, help="Seed of the attacks (default 0).")
@click.option(
    "--float32/--no-float32",
    default=True,
    help="Run a counterexample in onnxruntime, too (default yes).",
)
@click.option(
    "--serialise-assignments",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="With --network: write a satisfying assignment as NAME.pb files into this folder.",
)
@click.option(
    "--image",
    "sides",
    metavar="ROWSxCOLUMNS",
    callback=image_sides,
    help="Draw a counterexample as an image (default: inputs of shape 1×1×ROWS×COLUMNS).",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@semantics
def command(
    model: Path,
    property_file: Path | None,
    networks: dict[str, Path],
    certificate: Path | None,
    evidence: Path | None,
    **options: Any,
) -> int:
    """Decide whether the ONNX network MODEL has the VNN-LIB property PROPERTY.

    In the form of the VNN-LIB 2 standard, verify QUERY --network NAME=FILE ..., standard output is
    sat and an assignment, unsat, unknown or timed-out; everything else is on standard error.

    Exit codes: 0 verified, 1 falsified, 2 unknown, 3 time-out, 4 usage or error. With
    --certificate F and verified: F, and beside it F.network and F.query.json, which
    `python -m verifai.kernel` re-checks without the original files.
    """
    start = time.monotonic()
    if certificate is not None:
        for path in reversed(companions(certificate)):
            require_writable(path)
    if evidence is not None:
        require_writable(evidence)
    asked = _Asked(start=start, certificate=certificate, evidence=evidence, **options)
    if networks:
        if property_file is not None:
            raise click.UsageError("with --network the query comes alone: verify QUERY --network …")
        if asked.semantics != "real" or asked.assume_ulp is not None:
            raise click.UsageError("--semantics float32 is for MODEL and a VNN-LIB 1 PROPERTY")
        return _standard(model, networks, asked)
    if property_file is None:
        raise click.MissingParameter(param_hint="'PROPERTY'", param_type="argument")
    if asked.folder is not None:
        raise click.UsageError("--serialise-assignments goes with --network")
    return _plain(model, property_file, asked)


@dataclasses.dataclass(frozen=True, slots=True)
class _Asked:
    """The options of one call.

    `start` is when it began, `folder` where assignments go, `sides` those of an image.
    """

    start: float
    certificate: Path | None
    evidence: Path | None
    folder: Path | None
    float32: bool
    as_json: bool
    timeout: float | None
    nodes: int | None
    workers: int
    device: str | None
    rank: str | None
    seed: int
    semantics: str
    assume_ulp: int | None
    sides: tuple[int, int] | None

    def search(self, query: Query) -> Verdict:
        """The verdict; what shows it is written before anything is said about it."""
        from verifai.report.picture import images

        if self.sides is not None and not images(query, self.sides):
            rows, columns = self.sides
            raise click.UsageError(f"--image: no input of the network has {rows}·{columns} values")
        budget = Options(
            timeout=self.timeout,
            nodes=self.nodes,
            workers=self.workers,
            seed=self.seed,
            device=self.device,
            rank=self.rank,
        )
        verdict = search(query, budget, spent=time.monotonic() - self.start)
        if self.certificate is not None and isinstance(verdict, Verified):
            write_certificate(self.certificate, query, verdict.certificate)
        if self.evidence is not None and isinstance(verdict, Verified | Falsified):
            verdict.save(self.evidence)
        return verdict

    def written(self, verdict: Verdict) -> str | None:
        """Where the certificate lies, if there is one."""
        is_written = self.certificate is not None and isinstance(verdict, Verified)
        return str(self.certificate) if is_written else None


def _plain(model: Path, property_file: Path, asked: _Asked) -> int:
    """verify MODEL PROPERTY: the verdict in sentences or JSON."""
    from verifai.api import query_from
    from verifai.cli.record import exit_code, record
    from verifai.report.terminal import words

    kind, ulp = asked.semantics, asked.assume_ulp
    with within(asked.timeout, asked.start):
        query = query_from(model, property_file, semantics=kind, assume_ulp=ulp)
    verdict = asked.search(query)
    if asked.float32 and isinstance(verdict, Falsified):
        verdict = with_float32(verdict, model, query)
    elapsed, path = time.monotonic() - asked.start, asked.written(verdict)
    if asked.as_json:
        found = record(verdict, query, seconds=elapsed) | {"certificate": path}
        found |= {"model": str(model), "property": str(property_file)}
        found |= {"semantics": kind, "assume_ulp": ulp}
        click.echo(json.dumps(found, allow_nan=False))
    else:
        click.echo(words(verdict, query, seconds=elapsed, sides=asked.sides))
        if path is not None:
            click.echo(f"certificate: {path}")
    return exit_code(verdict)


def _standard(query_file: Path, networks: dict[str, Path], asked: _Asked) -> int:
    """verify QUERY --network NAME=FILE: the standard's answer, or our JSON with it."""
    from verifai.cli.record import exit_code, record
    from verifai.cli.solver import answer, note, serialise
    from verifai.load.vnnlib.version2 import load_vnnlib2
    from verifai.report.terminal import words

    try:
        with within(asked.timeout, asked.start):
            posed = load_vnnlib2(query_file, networks)
    except OutOfTime:
        click.echo("timed-out")
        raise
    except KeyboardInterrupt:
        click.echo("unknown")
        raise
    if said := note(posed):
        click.echo(said, err=True)
    verdict = asked.search(posed.query)
    elapsed, path = time.monotonic() - asked.start, asked.written(verdict)
    if asked.folder is not None and isinstance(verdict, Falsified):
        serialise(asked.folder, verdict, posed)
    shown = answer(verdict, posed)
    if asked.as_json:
        found = record(verdict, posed.query, seconds=elapsed)
        found |= {"certificate": path, "types": posed.types, "answer": shown}
        named = {name: str(file) for name, file in networks.items()}
        found |= {"property": str(query_file), "networks": named}
        click.echo(json.dumps(found, allow_nan=False))
        return exit_code(verdict)
    click.echo(shown.partition("\n")[0] if asked.folder is not None else shown)
    said = words(verdict, posed.query, seconds=elapsed, sides=asked.sides)
    click.echo(said, err=True)
    if path is not None:
        click.echo(f"certificate: {path}", err=True)
    return exit_code(verdict)


def search(query: Query, options: Options, *, spent: float = 0.0) -> Verdict:
    """The verdict within the options' time less what is spent; Ctrl-C gives Unknown.

    A terminal on standard error shows a line of progress.
    """
    from verifai.report.terminal import ProgressLine
    from verifai.verify import interrupted, verify

    if options.timeout is not None:
        options = dataclasses.replace(options, timeout=max(options.timeout - spent, 1e-3))
    line = ProgressLine(sys.stderr)
    start = time.monotonic()
    try:
        return verify(query, options, progress=line)
    except KeyboardInterrupt:
        return interrupted(query, line.last, time.monotonic() - start)
    finally:
        line.clear()


def with_float32(verdict: Falsified, model: Path, query: Query) -> Falsified:
    """The verdict, saying also whether onnxruntime shows the violation."""
    if model.suffix == PROGRAM:
        return verdict  # onnxruntime does not run it; the second reader has
    from verifai.load.onnx.execution import shows_violation

    found = verdict.counterexample
    shown = shows_violation(model, query, found.inputs)
    return dataclasses.replace(verdict, counterexample=dataclasses.replace(found, is_float32=shown))


def companions(certificate: Path) -> tuple[Path, ...]:
    """Where the canonical network, the canonical query and the certificate itself are written.

    Beside a device or a pipe there is nothing: it gets the certificate alone.
    """
    if is_through(certificate):
        return (certificate,)
    name = certificate.name
    network, query = (certificate.with_name(name + end) for end in (".network", ".query.json"))
    return network, query, certificate


def write_certificate(path: Path, query: Query, certificate: bytes) -> None:
    """Write the certificate last, so that it never lies there without what it speaks about.

    Raises:
        OSError: the disk is full, or the folder has gone.
    """
    from verifai.proof.files import Files

    *others, last = companions(path)
    if others:
        files = Files.of(query)
        for target, content in zip(others, (files.network, files.query), strict=True):
            write_atomically(target, content)
    write_atomically(last, certificate)
