"""`verifai report`: results as one HTML page that opens without a network.

May import: report, files, the cli's own parts. Must not know: how results are found.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from verifai.cli.verify import image_sides
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
@click.option("--model", type=click.Path(path_type=Path), help="The network of an answer.")
@click.option(
    "--property",
    "property_file",
    type=click.Path(path_type=Path),
    help="The property of an answer.",
)
@click.option(
    "--image",
    "sides",
    metavar="ROWSxCOLUMNS",
    callback=image_sides,
    help="Draw inputs as images of this size (default: as their shapes say).",
)
@click.option("--title", help="Title of the page (default: the name of the result).")
def command(results: tuple[Path, ...], output: Path, title: str | None, **known: Any) -> int:
    """Write a page about each RESULT: what was proved or refuted, and why.

    A RESULT is a file of verdict.save (NAME.proof), a certificate (with its .network and
    .query.json beside it), a folder of them (of a theorem), what verify --json or theorem run
    --json printed (NAME.json), a table of bench --out (NAME.csv), or the folder of certify. Proofs
    are checked anew and counterexamples replayed; of tables the page says what they say.

    Exit codes: 0 written, 4 usage or error.
    """
    from verifai.report.page import page
    from verifai.report.read import Wanted, sections_of
    from verifai.report.words import many

    require_writable(output)
    is_alone = len(results) == 1
    peers = tuple(path for path in results if path.suffix == ".csv")
    asked = Wanted(**known, is_alone=is_alone, peers=peers)
    sections = [section for path in results for section in sections_of(path, asked)]
    text = page(title or (results[0].name if is_alone else f"{len(results)} results"), sections)
    write_atomically(output, text.encode())
    click.echo(f"{output}: {many(len(sections), 'result')}, {len(text.encode()):,} bytes")
    return 0
