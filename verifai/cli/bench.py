"""`verifai bench`: run a list of instances, show a line for each, a summary, a comparison.

May import: bench, report, the cli's own parts. Must not know: how instances are run.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from verifai.bench.instances import Result, read_instances, read_times, write_results
from verifai.bench.run import BenchPlan, run_all
from verifai.bench.summary import DEFINITE, Times, comparison, exit_code, side_by_side, summary
from verifai.cli.counts import COUNT, PROCESSES
from verifai.cli.limit import seconds
from verifai.files import require_writable, write_atomically
from verifai.kernel.errors import InputError
from verifai.report.cactus import cactus

_FILE = click.Path(path_type=Path)
_KEPT = click.Path(path_type=Path, file_okay=False, resolve_path=True)


@click.command("bench")
@click.argument("instances_csv", type=_FILE)
@click.option("--timeout", type=float, callback=seconds, help="Seconds instead of the file's own.")
@click.option("--check", is_flag=True, help="Re-check every certificate in two other processes.")
@click.option("--out", type=_FILE, help="Write the results as CSV.")
@click.option("--jobs", type=PROCESSES, default=1, help="Instances at once (default 1).")
@click.option("--workers", type=PROCESSES, help="Processes of one search.")
@click.option("--limit", type=COUNT, help="Run only the first N.")
@click.option("--only", help="Run only instances whose line holds this text.")
@click.option("--keep", type=_KEPT, help="Keep certificates in this folder.")
@click.option("--peers", type=_FILE, multiple=True, help="Times of another solver; repeatable.")
@click.option("--plot", type=_FILE, help="Write a cactus plot as SVG.")
def command(
    instances_csv: Path,
    out: Path | None,
    limit: int | None,
    only: str | None,
    peers: tuple[Path, ...],
    plot: Path | None,
    **how: Any,
) -> int:
    """Run INSTANCES_CSV (lines `onnx,vnnlib,seconds`), one process an instance.

    The files lie beside it, gzipped or not; expected.csv beside it says what is right. Exit codes:
    0 all solved and none wrong, 1 a verdict was wrong or a certificate not accepted, else 4 for
    usage and where an instance ended in an error (the others are run), else 2 something unsolved.
    """
    for path in (out, plot):
        if path is not None:
            require_writable(path)
    times: dict[str, Times] = {path.stem: read_times(path) for path in peers}
    chosen = [
        i for i in read_instances(instances_csv) if not only or only in f"{i.onnx},{i.vnnlib}"
    ]
    if not chosen:
        raise InputError(f"{instances_csv}: no instance whose line holds {only!r}")
    chosen = chosen[:limit]
    plan = BenchPlan(**how)

    def done(number: int, result: Result) -> None:
        click.echo(_line(f"[{number + 1:{len(str(len(chosen)))}}/{len(chosen)}]", result))

    click.echo(f"{len(chosen)} instances of {instances_csv}, {os.cpu_count()} processors")
    results = run_all(chosen, instances_csv.parent, plan, done=done)
    click.echo("\n" + summary(results))
    if times:
        click.echo("\n" + side_by_side(results, times) + "\n\n" + comparison(results, times))
    if out is not None:
        write_results(out, results)
    if plot is not None:
        write_atomically(plot, _plot(results, times, instances_csv.parent.name).encode())
    return exit_code(results)


def _line(place: str, result: Result) -> str:
    name = f"{Path(result.onnx).stem} {Path(result.vnnlib).stem}"
    line = f"{place} {result.verdict:7} {result.wall_seconds:8.2f} s  {result.mark:8} {name}"
    if result.vacuous:
        line += "  VACUOUS"
    if result.check:
        state = "REFUSED" if result.is_refuted else "accepted"
        line += f"  certificate {state} in {result.check_seconds:.2f} s"
    if result.verdict == "error" or result.is_refuted:
        line += f"\n      {result.message} {result.check} {result.standalone}".rstrip()
    return line


def _plot(results: list[Result], peers: dict[str, Times], title: str) -> str:
    curves = {"verifai": [r.wall_seconds for r in results if r.is_solved]}
    ran = {(r.onnx, r.vnnlib) for r in results}
    for name, times in peers.items():
        curves[name] = [s for key, (v, s) in times.items() if v in DEFINITE and key in ran]
    return cactus(curves, title=title)
