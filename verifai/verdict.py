"""The three answers, and what comes with each.

May import: kernel. Must not know: how an answer was found.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal, NoReturn

from flint import fmpq

from verifai.kernel.errors import InputError

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


@dataclass(frozen=True, slots=True)
class Counterexample:
    """An exact input in the domain that violates the property, as the kernel replayed it.

    Attributes:
        inputs: exact, one for each input value in the order of values.
        outputs: enclosures (lower, upper) of the network's outputs, exact where they coincide.
        margin: how far the unsafe formula holds at least, in output units (0 where it is tight).
        is_float32: whether float32 execution shows the violation too (None: not tried).
    """

    inputs: tuple[fmpq, ...]
    outputs: tuple[tuple[fmpq, fmpq], ...]
    margin: fmpq
    is_float32: bool | None = None


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
        return tuple(getattr(self, f.name) for f in fields(each) if f.name != "effort")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Verified(Answer):
    """The property holds on the whole domain; the kernel accepted the certificate.

    Attributes:
        certificate: the bytes that were re-read and accepted.
        statement: what was proved, in words.
        vacuous: whether the domain is empty, so that anything would hold.
    """

    certificate: bytes
    statement: str
    vacuous: bool = False
    effort: Effort = Effort()

    @property
    def status(self) -> Status:
        """In one word; a vacuous proof is "verified" too, see `vacuous`."""
        return "verified"

    def __repr__(self) -> str:
        said = f"{VACUOUS!r}, " if self.vacuous else ""
        size = f"certificate of {len(self.certificate)} bytes"
        return f"Verified({said}statement={self.statement!r}, vacuous={self.vacuous}, {size})"

    def __str__(self) -> str:
        said = f"VACUOUSLY ({VACUOUS.partition(': ')[2]})" if self.vacuous else ""
        return f"verified{' ' + said if said else ''}: {self.statement}"


@dataclass(frozen=True, slots=True, eq=False)
class Falsified(Answer):
    """The property is violated at an exact input, which the kernel replayed."""

    counterexample: Counterexample
    statement: str
    effort: Effort = Effort()

    @property
    def status(self) -> Status:
        """In one word."""
        return "falsified"

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


@dataclass(frozen=True, slots=True, eq=False)
class Unknown(Answer):
    """Neither was established.

    Attributes:
        reason: why the search stopped, in words.
        is_timeout: whether the time budget ended it.
        bound: the best proved lower bound on the distance from violation, if one is known.
        open_fraction: the share of the domain's volume (or of the search tree) not closed, 0 to 1.
    """

    reason: str
    is_timeout: bool = False
    bound: float | None = None
    open_fraction: float = 1.0
    effort: Effort = Effort()

    @property
    def status(self) -> Status:
        """In one word: whether the time budget ended the search, or something else."""
        return "timeout" if self.is_timeout else "unknown"

    def __str__(self) -> str:
        return f"{'time-out' if self.is_timeout else 'unknown'}: {self.reason}"


Verdict = Verified | Falsified | Unknown


def _middle(low: fmpq, high: fmpq) -> str:
    """The middle of an enclosure, marked as rounded."""
    from verifai.kernel.statement import readable

    return "≈" + readable((low + high) / 2).removeprefix("≈")


def _shown(numbers: list[str]) -> str:
    """The first numbers, and how many more there are."""
    hidden = len(numbers) - MAX_SHOWN
    return ", ".join(numbers[:MAX_SHOWN]) + (f", … and {hidden} more" if hidden > 0 else "")
