"""Files of claims, one a line, with or without what is expected of each.

May import: kernel errors, answer, decide. Must not know: the command line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from verifai.claim.answer import ClaimAnswer
from verifai.claim.decide import TIMEOUT, claim
from verifai.kernel.errors import InputError

MOST_BYTES = 1 << 20
MOST_CLAIMS = 5000
ERROR = "error"
VERDICTS = ("proved", "refuted", "undefined", "unknown", ERROR)
_EXPECTED = re.compile(r"\[([a-z]+)\]\s*(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ProposedClaim:
    """A line of a file: a claim, and the verdict that is expected of it ("": none)."""

    line: int
    text: str
    expected: str = ""


@dataclass(frozen=True, slots=True)
class JudgedClaim:
    """A proposal with its answer, or why it cannot be read."""

    proposal: ProposedClaim
    answer: ClaimAnswer | None
    error: str = ""

    @property
    def verdict(self) -> str:
        """proved, refuted, undefined, unknown or error."""
        return self.answer.verdict if self.answer is not None else ERROR

    @property
    def is_as_expected(self) -> bool:
        """Whether nothing else was expected."""
        return self.proposal.expected in ("", self.verdict)


def read_proposals(path: Path) -> list[ProposedClaim]:
    """The claims of a file: one a line, `#` starts a comment, `[proved]` before it is expected.

    Raises:
        InputError: the file is too large, or an expectation that is none.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise InputError(f"{path}: more than {MOST_BYTES} bytes")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 at byte {error.start}") from None
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        kept = line.partition("#")[0].strip()
        if kept:
            found.append(_proposal(path, number, kept))
    if len(found) > MOST_CLAIMS:
        raise InputError(f"{path}: {len(found)} claims (at most {MOST_CLAIMS})")
    return found


def _proposal(path: Path, number: int, line: str) -> ProposedClaim:
    match = _EXPECTED.fullmatch(line)
    if match is None:
        return ProposedClaim(number, line)
    if match[1] not in VERDICTS:
        known = ", ".join(VERDICTS)
        raise InputError(f"{path}, line {number}: expects {match[1]!r} (want one of {known})")
    return ProposedClaim(number, match[2], match[1])


def judged(proposals: list[ProposedClaim], *, timeout: float = TIMEOUT) -> Iterator[JudgedClaim]:
    """Every proposal with its answer, as they come; one that cannot be read stops no other."""
    for proposal in proposals:
        try:
            yield JudgedClaim(proposal, claim(proposal.text, timeout=timeout))
        except InputError as error:
            yield JudgedClaim(proposal, None, str(error))
