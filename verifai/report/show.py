"""Verdicts as pages: written to a file, or opened in the browser.

May import: entry, files, kernel, verdict, the floor's own parts. Must not know: the command line.
"""

from __future__ import annotations

import tempfile
import webbrowser
from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import Any

from verifai.entry.rules import flag, listed, optional, path, text
from verifai.entry.takes import takes
from verifai.files import write_atomically
from verifai.kernel.errors import InputError, Rejection
from verifai.report.page import Section, page
from verifai.report.proved import Origin, proved
from verifai.report.refuted import refuted
from verifai.report.undecided import undecided
from verifai.report.words import many
from verifai.verdict import Answer, Falsified, Unknown, Verdict, Verified

SECOND = "second reader"  # how lines of a statement begin that say what a second look found


def _every(value: Any, what: str) -> list[Any]:
    """One verdict, or several."""
    found = [value] if isinstance(value, Answer) else listed(value, what)
    if not found:
        raise InputError(f"{what}: a list of none")
    return found


@takes(verdicts=_every, to=path, title=optional(text))
def write_report(
    verdicts: Verdict | Iterable[Verdict],
    to: str | PathLike[str],
    *,
    title: str | None = None,
) -> Path:
    """Writes a page about one or several verdicts; where it lies.

    Nothing is believed: the kernel checks every proof and replays every counterexample anew.

    Args:
        verdicts: of `verify` or `load_proof`, which know their queries.
        to: the file; it holds the old content or all of the new one at any moment.
        title: of the page.

    Raises:
        InputError: a verdict does not know its query, something else is no verdict, the kernel
            does not accept a certificate, jinja2 is not installed, or the file cannot be written.
    """
    every: list[Any] = list(verdicts)  # type: ignore[arg-type]  # the rule made a list of it
    try:
        sections = [
            section(each, _origin(each, number if len(every) > 1 else 0))
            for number, each in enumerate(every, 1)
        ]
    except Rejection as rejection:
        raise InputError(f"the kernel rejects this verdict's proof ({rejection})") from None
    made = page(title or (many(len(every), "verdict") if len(every) > 1 else "A verdict"), sections)
    file = Path(to)
    write_atomically(file, made.encode())
    return file


@takes(to=optional(path), browser=flag)
def show(verdict: Verdict, to: str | PathLike[str] | None = None, *, browser: bool = True) -> Path:
    """Writes a page about a verdict and opens it in the browser; where it lies.

    Args:
        verdict: of `verify` or `load_proof`.
        to: the file; None: a new one among the temporary files.
        browser: whether to open it.

    Raises:
        InputError: as `write_report`.
    """
    if to is None:
        with tempfile.NamedTemporaryFile(prefix="verifai-", suffix=".html", delete=False) as file:
            to = file.name
    written: Path = write_report(verdict, to)
    if browser:
        webbrowser.open(written.resolve().as_uri())
    return written


def _origin(verdict: Any, number: int) -> Origin:
    """A verdict's name: its number among several, and its network."""
    about = getattr(getattr(verdict, "query", None), "network", None)
    said = "a verdict" if about is None else repr(about)
    lines = getattr(verdict, "statement", "").splitlines()
    remarks = tuple(line for line in lines if line.startswith(SECOND))
    return Origin(f"{number}: {said}" if number else said, remarks=remarks)


def section(verdict: Verdict, origin: Origin, *, most: int | None = None) -> Section:
    """The section about a verdict.

    Args:
        verdict: it knows its query.
        origin: where it comes from.
        most: how many nodes of a proof's tree are listed; None: as many as are good to read.

    Raises:
        InputError: it does not, or is none.
        Rejection: the kernel does not accept its certificate.
    """
    if not isinstance(verdict, Verified | Falsified | Unknown):
        raise InputError(f"a verdict of verifai is wanted, not {type(verdict).__name__}")
    if verdict.query is None:
        raise InputError("this verdict does not know its query: only `verify` makes such")
    if isinstance(verdict, Verified):
        return proved(verdict.query, verdict.certificate, origin, most=most)
    if isinstance(verdict, Falsified):
        return refuted(verdict.query, verdict.counterexample, origin)
    return undecided(verdict.query, verdict, origin)
