"""Whole numbers on the command line, within ends.

May import: click. Must not know: commands.
"""

from __future__ import annotations

import click

MOST = (1 << 63) - 1
MAX_PROCESSES = 1024


class Whole(click.IntRange):
    """An integer between two ends; what is refused is called an integer."""

    name = "integer"


COUNT = Whole(1, MOST)
PROCESSES = Whole(1, MAX_PROCESSES)
SEED = Whole(0, MOST)
