"""`verifai theorem`: the gallery's statements listed, shown and checked.

May import: theorems, kernel, the cli's own parts. Must not know: any particular theorem.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from verifai.cli.counts import Whole
from verifai.cli.exits import near
from verifai.cli.limit import seconds, within
from verifai.cli.theorem_run import place_of, run_and_tell
from verifai.theorems.claim import Role, Theorem, Trust, limits_of
from verifai.theorems.registry import THEOREMS

OUT = Path("results/theorems")
TRUST = {
    Trust.CERTIFIED: "the kernel accepted a certificate, or replayed a counterexample",
    Trust.EXACT: "exact algebra, without rounding",
    Trust.SOLVER: "an SMT solver's word, without evidence",
    Trust.SAMPLED: "floating point, for drawings only: it decides nothing",
}
_SHARED = (
    click.Option(
        ["--out"],
        type=click.Path(path_type=Path, file_okay=False),
        default=OUT,
        help=f"Where statements, certificates and figures are written (default {OUT}).",
    ),
    click.Option(["--json", "as_json"], is_flag=True, help="Print one JSON object a theorem."),
    click.Option(
        ["--timeout"],
        type=float,
        callback=seconds,
        help="Stop after this many seconds, with exit code 3.",
    ),
)


@click.group("theorem")
def command() -> None:
    """Check statements about the mathematics of deep learning; see docs/theorems.md."""


@command.command("list")
def list_command() -> int:
    """Name every theorem, with what it says in one line; `proved`: by Coq, for all sizes."""
    width = max(len(theorem.name) for theorem in THEOREMS)
    for theorem in THEOREMS:
        trust = "proved" if theorem.proved else ""
        click.echo(f"{theorem.name:{width}}  {trust:6}  {theorem.title}")
    return 0


class _Names(click.Group):
    """A group with one command for every theorem, which `made` makes when it is called."""

    def __init__(self, *, made: Callable[[Theorem[Any]], click.Command], **options: Any) -> None:
        super().__init__(**options)
        self.made = made

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [theorem.name for theorem in THEOREMS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for theorem in THEOREMS:
            if theorem.name == cmd_name:
                return self.made(theorem)
        closest = near(cmd_name, self.list_commands(ctx))
        raise click.UsageError(f"no theorem {cmd_name!r}{closest}", ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Theorems"):
            formatter.write_dl([(theorem.name, theorem.title) for theorem in THEOREMS])


def _options(theorem: Theorem[Any]) -> list[click.Parameter]:
    """One option for every parameter of a theorem."""
    return [
        click.Option(
            [f"--{name.replace('_', '-')}", name],
            type=Whole(limits.least, limits.most),
            default=getattr(theorem.defaults, name),
            show_default=True,
            help=limits.words,
        )
        for name, limits in limits_of(theorem.defaults).items()
    ]


def _shows(theorem: Theorem[Any]) -> click.Command:
    """`show NAME`."""

    def show(**chosen: int) -> int:
        _show(theorem, dataclasses.replace(theorem.defaults, **chosen))
        return 0

    words = f"Show what {theorem.name} says: {theorem.title}."
    return click.Command(theorem.name, params=_options(theorem), callback=show, help=words)


def _runs(theorem: Theorem[Any]) -> click.Command:
    """`run NAME`."""

    def check(out: Path, as_json: bool, timeout: float | None, **chosen: int) -> int:
        parameters = dataclasses.replace(theorem.defaults, **chosen)
        with within(timeout, time.monotonic()):
            return 0 if run_and_tell(theorem, parameters, out, as_json).holds else 1

    params = [*_options(theorem), *_SHARED]
    return click.Command(theorem.name, params=params, callback=check, help=theorem.title)


@command.group("show", cls=_Names, made=_shows)
def show_command() -> None:
    """Show a theorem's statement, claims and controls; check nothing."""


@command.group("run", cls=_Names, made=_runs, invoke_without_command=True, params=[*_SHARED])
@click.option("--all", "every", is_flag=True, help="Run every theorem with its defaults.")
@click.pass_context
def run_command(
    ctx: click.Context, out: Path, as_json: bool, every: bool, timeout: float | None
) -> int | None:
    """Check a theorem: every claim must be proved, every control refuted.

    Exit codes: 0 if that is so, 1 if not, 3 time-out, 4 usage or error.
    """
    if ctx.invoked_subcommand is not None:
        if every:
            raise click.UsageError("either --all or a theorem's name")
        return None
    if not every:
        raise click.UsageError("name a theorem, or give --all")
    with within(timeout, time.monotonic()):
        reports = [run_and_tell(theorem, theorem.defaults, out, as_json) for theorem in THEOREMS]
    failed = [report.theorem.name for report in reports if not report.holds]
    if not as_json:
        spent = sum(report.seconds for report in reports)
        click.echo(f"{len(reports) - len(failed)} of {len(reports)} theorems hold, {spent:.1f} s")
    return 1 if failed else 0


def _show(theorem: Theorem[Any], parameters: Any) -> None:
    from verifai.kernel.statement import statement

    click.echo(f"{theorem.name}: {theorem.title}\n")
    click.echo(f"An example by hand\n\n{theorem.example}\n")
    click.echo(f"The statement\n\n{theorem.statement}")
    if theorem.proved:
        click.echo(f"Trust proved (Coq; {place_of(theorem.proved)}): {theorem.proved.words}.")
    click.echo(f"Proposal: {theorem.proposal}.\nSource: {theorem.source}.\n")
    click.echo("What decides is named in each line of a run:")
    for trust, words in TRUST.items():
        click.echo(f"    {trust.value:9}  {words}")
    click.echo(f"Check it: verifai theorem run {theorem.name}\n")
    for claim in theorem.claims(parameters):
        click.echo(f"{claim.role.value} {claim.name}: {claim.text}")
        if claim.query is not None:
            said = statement(claim.query(), verified=claim.role is not Role.CONTROL)
            click.echo("\n".join(f"    {line}" for line in said.splitlines()))
