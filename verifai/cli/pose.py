"""Commands that pose a property by options: what they share, and how their answer is said.

May import: api, load, verify, report, the cli's own parts. Must not know: any particular property.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from verifai.cli.counts import COUNT, PROCESSES, SEED
from verifai.cli.limit import seconds, within
from verifai.cli.verify import companions, search, with_float32, write_certificate
from verifai.files import require_writable
from verifai.kernel.errors import InputError
from verifai.kernel.network import Network
from verifai.kernel.query import Query
from verifai.verdict import Falsified, Verified
from verifai.verify import Options

Command = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class PoseOptions:
    """The options that all such commands take; `start` is when the command began."""

    start: float
    certificate: Path | None
    as_json: bool
    timeout: float | None
    nodes: int | None
    workers: int
    seed: int
    classes: list[str] | None = None


def posing(command: Command) -> Command:
    """The command with the options of `PoseOptions`, which it is given in one."""

    def posed(classes: str | None = None, **given: Any) -> Any:
        names = ("certificate", "as_json", "timeout", "nodes", "workers", "seed")
        own = {name: given.pop(name) for name in names}
        named = None if classes is None else [name.strip() for name in classes.split(",")]
        options = PoseOptions(start=time.monotonic(), classes=named, **own)
        if options.certificate is not None:
            for path in reversed(companions(options.certificate)):
                require_writable(path)
        return command(options=options, **given)

    posed.__doc__ = command.__doc__
    posed.__dict__["__click_params__"] = [*command.__dict__.get("__click_params__", [])]
    file = click.Path(path_type=Path)
    every = [
        click.option("--timeout", type=float, callback=seconds, help="Stop after so many seconds."),
        click.option("--nodes", type=COUNT, help="Stop after this many search nodes."),
        click.option("--certificate", type=file, help="Write the proof here, if verified."),
        click.option("--workers", type=PROCESSES, default=2, help="Processes (default 2)."),
        click.option("--seed", type=SEED, default=0, help="Seed of the attacks (default 0)."),
        click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),
    ]
    for option in reversed(every):
        posed = option(posed)
    return posed


def box_option(command: Command) -> Command:
    """The command with --box, which `box_of_options` reads."""
    words = "An input's interval, once for each input in order, or once for all of them; or a FILE"
    words += ".npy of one row (lower, upper) for each."
    return click.option("--box", multiple=True, required=True, metavar="LOWER,UPPER", help=words)(
        command
    )


def box_of_options(net: Network, box: tuple[str, ...]) -> Any:
    """One pair (lower, upper) for each input.

    Raises:
        InputError: as many intervals as neither one nor inputs, or one that is no pair.
    """
    if len(box) == 1 and box[0].endswith(".npy"):
        return array(Path(box[0]), "--box")
    pairs = [pair_of(text, "--box") for text in box]
    count = len(net.input_values)
    if len(pairs) not in (1, count):
        raise InputError(f"--box: {len(pairs)} intervals for a network of {count} inputs")
    return pairs * count if len(pairs) == 1 else pairs


def pair_of(text: str, what: str) -> tuple[str, str]:
    """Two numbers in one text, such as 0,1.

    Raises:
        InputError: not two.
    """
    low, comma, high = text.partition(",")
    if not comma or "," in high:
        raise InputError(f"{what}: two numbers are wanted, such as 0,1, not {text[:60]!r}")
    return low.strip(), high.strip()


def array(path: Path, what: str) -> Any:
    """The array of a .npy file.

    Raises:
        InputError: it is none.
    """
    try:
        with path.open("rb") as file:
            return np.lib.format.read_array(file, allow_pickle=False)
    except ValueError as error:
        raise InputError(f"{what}: {path}: no array of numpy (.npy): {error}") from None


def decide(pose: Callable[[], Query], options: PoseOptions, about: dict[str, str]) -> int:
    """Says the verdict as `verifai verify` does, and writes the certificate.

    Args:
        pose: makes the query, within the time.
        options: those of the command.
        about: the models, and what was asked, for the JSON object; a violation at one `model` is
            run in its runtime, too.
    """
    from verifai.cli.record import exit_code, record
    from verifai.report.positive import in_words
    from verifai.report.terminal import words

    with within(options.timeout, options.start):
        query = pose()
    in_words(query, options.classes)  # refuses wrong classes before any search
    budget = Options(
        timeout=options.timeout, nodes=options.nodes, workers=options.workers, seed=options.seed
    )
    verdict = search(query, budget, spent=time.monotonic() - options.start)
    path = None
    if options.certificate is not None and isinstance(verdict, Verified):
        write_certificate(options.certificate, query, verdict.certificate)
        path = str(options.certificate)
    if "model" in about and isinstance(verdict, Falsified) and about["command"] != "monotone":
        verdict = with_float32(verdict, Path(about["model"]), query)
    elapsed = time.monotonic() - options.start
    if options.as_json:
        found = record(verdict, query, seconds=elapsed) | {"certificate": path} | about
        found["summary"] = in_words(query, options.classes)
        click.echo(json.dumps(found, allow_nan=False))
    else:
        click.echo(words(verdict, query, seconds=elapsed, classes=options.classes))
        if path is not None:
            click.echo(f"certificate: {path}")
    return exit_code(verdict)


def network(model: Path) -> Network:
    """The network of an ONNX file or a saved torch program, over the reals.

    Raises:
        InputError: it cannot be read.
    """
    from verifai.api import load

    return load(model, shrink=True)
