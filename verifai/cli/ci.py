"""`verifai ci`: the properties of verifai.toml, re-checked; told to people and to other programs.

May import: ci, files, the cli's own parts. Must not know: how properties are settled.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from verifai.files import require_writable, write_atomically

FORMS = ("json", "junit", "sarif", "markdown")


def _form(name: str, what: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    option: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
        f"--{name}",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help=f"Write {what} here (- is standard output).",
    )
    return option


@click.command("ci")
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("verifai.toml"),
    help="The list of properties (default verifai.toml).",
)
@click.option("--update", is_flag=True, help="Search what is not shown by what is kept; keep it.")
@_form("json", "one JSON object")
@_form("junit", "JUnit XML")
@_form("sarif", "SARIF 2.1.0")
@_form("markdown", "a table")
def command(config: Path, update: bool, **forms: Path | None) -> int:
    """Re-check the kept proofs of all properties that verifai.toml lists.

    Nothing is searched without --update: a property that has changed, or whose network has, is
    stale.

    Exit codes: 0 all are as expected, 1 one is falsified (or verified, where that is not expected)
    or stale, 2 one is undecided, 4 an error.
    """
    from verifai.ci import forms as written
    from verifai.ci.listed import read_listing
    from verifai.ci.settle import PropertyResult, settle_all

    asked = {name: path for name in FORMS if (path := forms[name]) is not None}
    for path in asked.values():
        if str(path) != "-":
            require_writable(path)
    is_quiet = any(str(path) == "-" for path in asked.values())

    def hear(result: PropertyResult) -> None:
        if is_quiet:
            return
        click.echo(written.headline(result))
        if result.message and (not result.is_right or result.is_vacuous):
            click.echo("".join(f"  {line}\n" for line in result.message.splitlines()), nl=False)

    found = settle_all(read_listing(config), update=update, hear=hear)
    makers = {
        "json": written.as_json,
        "junit": written.as_junit,
        "sarif": written.as_sarif,
        "markdown": written.as_markdown,
    }
    for name, path in asked.items():
        text = makers[name](found)
        if str(path) == "-":
            click.echo(text, nl=False)
        else:
            write_atomically(path, text.encode())
    if not is_quiet:
        for what in found.removed:
            click.echo(f"removed: {what}")
        right = sum(each.is_right for each in found.results)
        hint = (
            ""
            if update or found.exit_code != 1
            else "; `verifai ci --update` searches what is stale"
        )
        click.echo(f"{right} of {len(found.results)} properties are as expected{hint}")
    return found.exit_code
