"""`verifai demo`: the demonstration, on the terminal.

May import: demo. Must not know: what is demonstrated.
"""

from __future__ import annotations

from pathlib import Path

import click


@click.command("demo")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("results/demo"),
    help="Where certificates are written (default results/demo).",
)
@click.option(
    "--networks", type=click.Path(path_type=Path, file_okay=False), help="Other networks."
)
def command(out: Path, networks: Path | None) -> int:
    """Verify and refute robustness of a small digit classifier, with certificates.

    Exit codes: 0 if every case came out as it must and every certificate was accepted, else 1.
    """
    from verifai.demo import run_demo

    return run_demo(networks, out, click.echo)
