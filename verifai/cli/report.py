"""`verifai report`: results as one HTML page that opens without a network.

May import: report, files, the cli's own parts. Must not know: how results are found.
"""

from __future__ import annotations

from pathlib import Path

import click

from verifai.files import require_writable, write_atomically


@click.command("report")
@click.argument(
    "results", metavar="RESULT...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("report.html"),
    help="The page to write (default report.html).",
)
@click.option("--title", help="Title of the page (default: the name of the result).")
def command(results: tuple[Path, ...], output: Path, title: str | None) -> int:
    """Write a page about each RESULT: what was proved or refuted, and why.

    A RESULT is a certificate (with its .network and .query.json beside it), or a folder of them.
    Nothing is believed: proofs are checked anew, counterexamples replayed. Exit codes: 0 written,
    4 usage or error.
    """
    from verifai.report.page import page
    from verifai.report.read import sections_of
    from verifai.report.words import many

    require_writable(output)
    is_alone = len(results) == 1
    sections = [s for path in results for s in sections_of(path, is_alone=is_alone)]
    text = page(title or (results[0].name if is_alone else f"{len(results)} results"), sections)
    write_atomically(output, text.encode())
    click.echo(f"{output}: {many(len(sections), 'result')}, {len(text.encode()):,} bytes")
    return 0
