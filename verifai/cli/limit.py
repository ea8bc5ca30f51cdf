"""`--timeout`: a command ends when its time is over, whatever it is doing, and says so.

May import: click, alarm, exits. Must not know: commands.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import click

from verifai.alarm import alarm
from verifai.cli.exits import OutOfTime

GRACE = 0.25  # seconds after which what looks at no clock is ended
Command = Callable[..., Any]


def seconds(ctx: click.Context, param: click.Parameter, value: float | None) -> float | None:
    """A budget in seconds: positive and finite (click lets NaN through)."""
    if value is not None and not (0 < value < math.inf):
        raise click.BadParameter("must be a positive number of seconds", ctx, param)
    return value


def within(limit: float | None, start: float) -> AbstractContextManager[None]:
    """A block that ends once so many seconds have passed since a reading of `time.monotonic`.

    Raises:
        OutOfTime: then.
    """
    spent = time.monotonic() - start

    def late() -> OutOfTime:
        return OutOfTime(f"the time budget of {limit:g} s is spent")

    return alarm(None if limit is None else max(limit + GRACE - spent, 1e-3), late)


def limited(command: Command) -> Command:
    """The command with --timeout."""

    @functools.wraps(command)
    def timed(*arguments: Any, timeout: float | None, **options: Any) -> Any:
        with within(timeout, time.monotonic()):
            return command(*arguments, **options)

    words = "Stop after this many seconds, with exit code 3."
    return click.option("--timeout", type=float, callback=seconds, help=words)(timed)
