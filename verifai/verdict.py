"""The three answers, and what comes with each.

May import: kernel, counterexample, files, proof; for pages the public interface.
Must not know: how an answer was found.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from os import PathLike
from pathlib import Path
from typing import Any, Literal, NoReturn

from flint import fmpq

from verifai.counterexample import Counterexample
from verifai.kernel.errors import InputError
from verifai.kernel.query import Query

__all__ = [
    "VACUOUS",
    "Answer",
    "Counterexample",
    "Effort",
    "Falsified",
    "Status",
    "Unknown",
    "Verdict",
    "Verified",
]
Status = Literal["verified", "falsified", "unknown", "timeout"]
VACUOUS = "VACUOUS: the domain is empty, so that ANY property holds on it"
MAX_SHOWN = 16  # numbers of a counterexample in its words


@dataclass(frozen=True, slots=True)
class Effort:
    """What the search did; zeros where it did nothing. Times in seconds."""

    seconds: float = 0.0
    check_seconds: float = 0.0
    nodes: int = 0
    leaves: int = 0


class Answer:
    """What the three verdicts share: there are four answers, so none of them is true or false.

    Two verdicts are equal if they say the same, whatever finding them has cost.
    """

    __slots__ = ()

    def __bool__(self) -> NoReturn:
        """Never a truth value.

        Raises:
            InputError: always; it says what to ask.
        """
        raise InputError(
            'a verdict is neither true nor false: ask verdict.status == "verified" '
            "or isinstance(verdict, verifai.Verified)"
        )

    def __eq__(self, other: object) -> bool:
        """Whether the other verdict says the same.

        Raises:
            InputError: the other is text, a truth value or a class: no verdict equals one.
        """
        if isinstance(other, str | bool | type):
            shown = other.__name__ if isinstance(other, type) else repr(other)
            raise InputError(
                f"a verdict is never equal to {shown}: compare verdict.status, or use isinstance"
            )
        if type(other) is not type(self):
            return NotImplemented
        return self._content() == other._content()

    def __hash__(self) -> int:
        return hash((type(self), self._content()))

    def _content(self) -> tuple[Any, ...]:
        each: Any = self
        beside = ("effort", "query")
        return tuple(getattr(self, f.name) for f in fields(each) if f.name not in beside)

    def save(self, path: str | PathLike[str]) -> None:
        """Writes one file with the query, its network and the certificate or counterexample.

        `load_proof` and `verifai check` read it, and have the kernel judge it anew.

        Args:
            path: the file; it holds the old content or all of the new one at any moment.

        Raises:
            InputError: there is nothing to keep (an unknown verdict, or one whose query is not
                known), or the file cannot be written.
        """
        from verifai.entry.sentences import unreadable
        from verifai.files import write_atomically
        from verifai.proof.evidence import write_evidence

        try:
            write_atomically(Path(path), write_evidence(self._evidence()))
        except OSError as error:
            raise InputError(unreadable(error)) from None

    def report(self, path: str | PathLike[str]) -> None:
        """Writes a page about the verdict, one HTML file that loads nothing; see `write_report`.

        Args:
            path: the file.

        Raises:
            InputError: its query is not known, the kernel, which judges it anew, does not accept
                its certificate, jinja2 is not installed, or the file cannot be written.
        """
        import verifai

        each: Any = self
        verifai.write_report(each, path)

    def _evidence(self) -> Any:
        """What of the verdict is kept."""
        from verifai.proof.evidence import Evidence
        from verifai.proof.files import Files

        each: Any = self
        if isinstance(each, Unknown):
            raise InputError(f"nothing was established that could be kept ({each.reason})")
        if each.query is None:
            raise InputError("this verdict does not know its query: only `verify` makes such")
        files = Files.of(each.query)
        if isinstance(each, Verified):
            return Evidence(files, each.certificate)
        return Evidence(files, inputs=each.counterexample.inputs)

    def _repr_html_(self) -> str:
        """For notebooks: the verdict in words, and the image of a counterexample."""
        from html import escape

        each: Any = self
        said, _, more = str(each).partition(": ")
        picture = _drawing(each.counterexample) if isinstance(each, Falsified) else ""
        return f"<div><strong>{escape(said)}</strong><pre>{escape(more)}</pre>{picture}</div>"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Verified(Answer):
    """The property holds on the whole domain; the kernel accepted the certificate.

    Attributes:
        certificate: the bytes that were re-read and accepted.
        statement: what was proved, in words.
        vacuous: whether the domain is empty, so that anything would hold.
        query: what was asked, as it was decided.
    """

    certificate: bytes
    statement: str
    vacuous: bool = False
    effort: Effort = Effort()
    query: Query | None = None

    @property
    def status(self) -> Status:
        """In one word; a vacuous proof is "verified" too, see `vacuous`."""
        return "verified"

    def __repr__(self) -> str:
        said = f"{VACUOUS!r}, " if self.vacuous else ""
        about = "" if self.query is None else f"{self.query.network!r}; "
        return f"Verified({said}{about}certificate of {len(self.certificate)} bytes)"

    def __str__(self) -> str:
        said = f"VACUOUSLY ({VACUOUS.partition(': ')[2]})" if self.vacuous else ""
        return f"verified{' ' + said if said else ''}: {self.statement}"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Falsified(Answer):
    """The property is violated at an exact input, which the kernel replayed.

    Attributes:
        counterexample: the input, and what the network does there.
        statement: what is violated, in words.
        query: what was asked, as it was decided.
    """

    counterexample: Counterexample
    statement: str
    effort: Effort = Effort()
    query: Query | None = None

    @property
    def status(self) -> Status:
        """In one word."""
        return "falsified"

    def __repr__(self) -> str:
        about = "" if self.query is None else f"{self.query.network!r}; "
        return f"Falsified({about}{self.counterexample!r})"

    def __str__(self) -> str:
        """The statement and the violation, its numbers rounded for reading where they are long."""
        from verifai.kernel.statement import readable

        found = self.counterexample
        inputs = [readable(x) for x in found.inputs]
        outputs = [readable(l) if l == u else _middle(l, u) for l, u in found.outputs]
        lines = [
            f"falsified: {self.statement}",
            f"at the inputs {_shown(inputs)}",
            f"where the outputs are {_shown(outputs)}",
        ]
        if any(number.startswith("≈") for number in inputs + outputs):
            lines.append("(≈ is rounded for reading; .counterexample has the exact inputs)")
        return "\n".join(lines)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Unknown(Answer):
    """Neither was established.

    Attributes:
        reason: why the search stopped, in words.
        is_timeout: whether the time budget ended it.
        bound: the best proved lower bound on the distance from violation, if one is known.
        open_fraction: the share of the domain's volume (or of the search tree) not closed, 0 to 1.
        query: what was asked, as it was searched.
    """

    reason: str
    is_timeout: bool = False
    bound: float | None = None
    open_fraction: float = 1.0
    effort: Effort = Effort()
    query: Query | None = None

    @property
    def status(self) -> Status:
        """In one word: whether the time budget ended the search, or something else."""
        return "timeout" if self.is_timeout else "unknown"

    def __repr__(self) -> str:
        bound = "" if self.bound is None else f", bound {self.bound:.6g}"
        return f"Unknown({self.reason!r}{bound}, open {100 * self.open_fraction:.3g} %)"

    def __str__(self) -> str:
        return f"{'time-out' if self.is_timeout else 'unknown'}: {self.reason}"


Verdict = Verified | Falsified | Unknown


def _drawing(found: Counterexample) -> str:
    """The counterexample as SVG, if it is an image."""
    try:
        return found.image()._repr_svg_()
    except InputError:
        return ""


def _middle(low: fmpq, high: fmpq) -> str:
    """The middle of an enclosure, marked as rounded."""
    from verifai.kernel.statement import readable

    return "≈" + readable((low + high) / 2).removeprefix("≈")


def _shown(numbers: list[str]) -> str:
    """The first numbers, and how many more there are."""
    hidden = len(numbers) - MAX_SHOWN
    return ", ".join(numbers[:MAX_SHOWN]) + (f", … and {hidden} more" if hidden > 0 else "")
