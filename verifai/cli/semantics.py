"""The options that say what a network file means: a function over the reals, or float32 programs.

May import: click, counts. Must not know: how either is loaded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from verifai.cli.counts import COUNT

Command = Callable[..., Any]


def semantics(command: Command) -> Command:
    """The command with --semantics and --assume-ulp, which `query_from` takes under these names."""
    kinds = click.Choice(["real", "float32"])
    help_ulp = "With --semantics float32: smooth operators are off by at most K ulp (your claim)."
    options = [
        click.option(
            "--semantics",
            type=kinds,
            default="real",
            help="What the network means: real numbers (default), or every float32 program.",
        ),
        click.option("--assume-ulp", type=COUNT, metavar="K", help=help_ulp),
    ]
    for option in options:
        command = option(command)
    return command
