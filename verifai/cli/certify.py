"""`verifai certify`: certified accuracy of a data set, kept in a folder that can be gone on with.

May import: api, certify, entry, kernel, the cli's own parts. Must not know: how balls are decided.
"""

from __future__ import annotations

import json
import sys
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import numpy as np
from flint import fmpq

from verifai.cli.counts import COUNT, PROCESSES
from verifai.cli.exits import SCHEMA, Exit
from verifai.cli.limit import seconds
from verifai.cli.semantics import semantics
from verifai.entry.numbers import entries, number
from verifai.kernel.errors import InputError

INPUTS, LABELS = ("images", "inputs", "x", "X", "x_test"), ("labels", "y", "Y", "y_test")


def exact(ctx: click.Context, param: click.Parameter, value: str | None) -> Any:
    """Exact numbers, parted by commas."""
    if value is None:
        return None
    try:
        return tuple(number(part.strip()) for part in value.split(","))
    except InputError as error:
        raise click.BadParameter(str(error), ctx, param) from None


@click.command("certify")
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--eps", required=True, callback=exact, help="Radii, such as 1/100,2/100.")
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for answers and evidence; where it has some, they are gone on with.",
)
@click.option("--clip", metavar="LOW,HIGH", callback=exact, help="What an input can be: 0,1.")
@click.option("--scale", default="1", callback=exact, help="Factor of all inputs, such as 1/255.")
@click.option("--inputs", help="Name of the array of inputs (default: images, inputs, x, …).")
@click.option("--labels", help="Name of the array of labels (default: labels, y, …).")
@click.option("--limit", type=COUNT, help="Take only the first N inputs.")
@click.option("--timeout", type=float, callback=seconds, help="Seconds for each search.")
@click.option("--jobs", type=PROCESSES, help="Processes (default: one a processor).")
@click.option("--recheck", is_flag=True, help="Have the kernel judge all evidence once more.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@semantics
def command(
    model: Path,
    data: Path,
    eps: tuple[fmpq, ...],
    out: Path,
    **options: Any,
) -> int:
    """Certify the ONNX network MODEL on the inputs and labels of DATA, a NumPy .npz file.

    OUT gets every certificate and counterexample, answers.csv, table.tex and plot.svg. A call that
    was ended at any moment is gone on with by the same call. Exit codes: 0 all balls decided, 2
    some undecided, 1 with --recheck where evidence did not stand, 4 usage or error.
    """
    from verifai.api import load
    from verifai.certify.run import certify

    clip = options["clip"]
    if clip is not None and len(clip) != 2:
        raise click.UsageError("--clip: two numbers, LOW,HIGH, are wanted")
    meaning = {name: options[name] for name in ("semantics", "assume_ulp")}
    net = load(model, **meaning)
    points, labels = read_data(data, options["inputs"], options["labels"])
    limit = options["limit"]
    (factor,) = options["scale"] if len(options["scale"]) == 1 else (None,)
    if factor is None:
        raise click.UsageError("--scale: one number is wanted")
    scaled = [[factor * number(each) for each in entries(point)] for point in points[:limit]]
    labels = labels[:limit]
    line = _Line(len(scaled))
    try:
        report = certify(
            net,
            scaled,
            labels,
            eps=list(eps),
            clip=clip,
            timeout=options["timeout"],
            jobs=options["jobs"],
            save=out,
            progress=line,
        )
    except KeyboardInterrupt:
        line.clear()
        click.echo(f"{line.done} of {line.total} inputs are done; the same call goes on", err=True)
        raise
    line.clear()
    report.to_csv(out / "answers.csv")
    report.to_latex(out / "table.tex")
    report.plot(out / "plot.svg")
    again = report.recheck(load(model, **meaning)) if options["recheck"] else None
    shares = report.shares()
    if options["as_json"]:
        found = {"schema": SCHEMA, "out": str(out), "shares": [asdict(each) for each in shares]}
        click.echo(json.dumps(found | ({} if again is None else {"recheck": asdict(again)})))
    else:
        click.echo(report.table())
        if again is not None:
            click.echo(f"{again.proofs} proofs and {again.counterexamples} counterexamples stand")
            click.echo("".join(f"NOT: {why}\n" for why in again.failures), nl=False)
    if again is not None and again.failures:
        return Exit.FALSIFIED
    return Exit.UNKNOWN if any(each.undecided for each in shares) else Exit.VERIFIED


def read_data(path: Path, inputs: str | None, labels: str | None) -> tuple[Any, Any]:
    """The arrays of inputs and labels of a .npz file.

    Raises:
        InputError: it is none, or has no such arrays.
    """
    try:
        file = np.load(path, allow_pickle=False)
        if not isinstance(file, np.lib.npyio.NpzFile):
            raise InputError(f"{path}: one array; inputs and labels in a .npz file are wanted")
        with file:
            there = sorted(file.files)
            chosen = [
                _chosen(path, name, known, there)
                for name, known in ((inputs, INPUTS), (labels, LABELS))
            ]
            found = [file[name] for name in chosen]
    except (
        ValueError,
        EOFError,
        zipfile.BadZipFile,
    ):  # numpy advises to unpickle it
        raise InputError(f"{path}: no .npz file of numbers, as numpy.savez writes one") from None
    for each in found:
        if each.ndim == 0:
            raise InputError(f"{path}: an array of one number; a list is wanted")
    return found[0], found[1]


def _chosen(path: Path, name: str | None, known: tuple[str, ...], there: list[str]) -> str:
    """The name of the array that is meant."""
    wanted = known if name is None else (name,)
    found = next((each for each in wanted if each in there), None)
    if found is None:
        raise InputError(f"{path}: no array {wanted[0]} (it has {', '.join(there)})")
    return found


class _Line:
    """A line on a terminal that says how many inputs are done."""

    def __init__(self, total: int) -> None:
        self.done, self.total, self.balls, self.decided = 0, total, 0, 0

    def __call__(self, done: int, total: int, answer: Any) -> None:
        self.done = done
        self.balls += len(answer.balls)
        self.decided += sum(ball.status in ("verified", "falsified") for ball in answer.balls)
        if sys.stderr.isatty():
            said = f"{done} of {total} inputs · {self.decided} of {self.balls} balls decided"
            sys.stderr.write(f"\r{said}\033[K")
            sys.stderr.flush()

    def clear(self) -> None:
        if sys.stderr.isatty():
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()
