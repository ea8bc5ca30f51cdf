"""Statements as data: theorems, their claims and controls, and what a check found.

May import: kernel. Must not know: any particular theorem, how a claim is checked, files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Any, Generic, TypeVar

from verifai.kernel.errors import InputError
from verifai.kernel.network import Network
from verifai.kernel.query import Query

P = TypeVar("P")


class Trust(Enum):
    """What one believes in believing a finding."""

    CERTIFIED = "certified"  # the kernel: it accepted a certificate or replayed a counterexample
    EXACT = "exact"  # exact algebra in FLINT or SymPy
    SOLVER = "solver"  # the word of an SMT solver, without evidence
    SAMPLED = "sampled"  # floating point, for drawings and tables: it decides nothing


class Outcome(Enum):
    """What a check found."""

    PROVED = "proved"
    REFUTED = "refuted"
    MEASURED = "measured"  # exact numbers about given networks, without a statement to decide
    OPEN = "open"


class Role(Enum):
    """What a claim is there for."""

    CLAIM = "claim"
    CONTROL = "control"  # a false statement, close to a true one, which must be refuted
    MEASUREMENT = "measurement"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under their headings."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Curve:
    """Points to be drawn, joined by a line or not."""

    label: str
    points: tuple[tuple[float, float], ...]
    is_joined: bool = True


@dataclass(frozen=True, slots=True)
class Plot:
    """What a figure shows; its numbers are rounded for the eye and decide nothing."""

    title: str
    x_label: str
    y_label: str
    curves: tuple[Curve, ...]
    is_log_x: bool = False
    is_log_y: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Finding:
    """What the check of a claim found.

    Attributes:
        outcome: whether the claim is proved or refuted.
        trust: what that rests on.
        detail: what else is worth saying; lines of text.
        counterexample: the exact one, in words; "" if there is none.
        query: what the certificate is about, where there is one.
        certificate: bytes that the kernel accepted.
    """

    outcome: Outcome
    trust: Trust
    detail: str = ""
    counterexample: str = ""
    query: Query | None = field(default=None, repr=False)
    certificate: bytes | None = field(default=None, repr=False)
    table: Table | None = None
    plot: Plot | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Claim:
    """One statement and its check.

    Attributes:
        name: short, different within its theorem, good for file names.
        text: the exact statement.
        check: decides it; what it costs is paid here.
        query: poses the statement as a decision problem, where it is one that needs no training.
        role: claims are to be proved, controls to be refuted.
    """

    name: str
    text: str
    check: Callable[[], Finding]
    query: Callable[[], Query] | None = None
    role: Role = Role.CLAIM


@dataclass(frozen=True, slots=True)
class CoqInstance:
    """A network of the gallery, and the construction in Coq which it must be.

    Attributes:
        construction: a Coq term of type `network Q`.
        network: makes the network that torch exports.
    """

    construction: str
    network: Callable[[], Network]


@dataclass(frozen=True, slots=True)
class CoqProof:
    """What the proof assistant Coq proves of a theorem: trust `proved`.

    Attributes:
        file: of the folder proofs/gallery.
        theorem: its name in that file.
        words: what it says.
        instances: networks that must be those of which it speaks.
    """

    file: str
    theorem: str
    words: str
    instances: tuple[CoqInstance, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Theorem(Generic[P]):
    """A module of the gallery.

    Attributes:
        name: that of its module.
        title: one line.
        statement: the exact statement, with its proof where that is short.
        proposal: what the untrusted side brings.
        source: papers.
        defaults: a frozen dataclass of parameters, made with `parameter`.
        claims: the claims for given parameters, in order; controls behind what they control.
        proved: what Coq proves of it for all sizes, if it does.
        example: one worked by hand, with a picture in characters where one helps.
    """

    name: str
    title: str
    statement: str
    proposal: str
    source: str
    defaults: P
    claims: Callable[[P], Iterator[Claim]]
    proved: CoqProof | None = None
    example: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a parameter is for and which values it takes."""

    words: str
    least: int
    most: int


def parameter(default: int, words: str, least: int = 0, most: int = 1 << 31) -> Any:
    """A field of a dataclass of parameters, with what it is for and its least and greatest value.

    >>> @dataclass(frozen=True)
    ... class Parameters:
    ...     depth: int = parameter(3, "layers", 1, 9)
    >>> Parameters().depth, limits_of(Parameters())["depth"].words
    (3, 'layers')
    """
    return field(default=default, metadata={"limits": Limits(words, least, most)})


def limits_of(parameters: Any) -> dict[str, Limits]:
    """The parameters of a theorem by name, in order."""
    return {each.name: each.metadata["limits"] for each in fields(parameters)}


def require_within(parameters: Any) -> None:
    """Return if every parameter lies within its limits.

    Raises:
        InputError: one does not; it is named.
    """
    for name, limits in limits_of(parameters).items():
        value = getattr(parameters, name)
        if not limits.least <= value <= limits.most:
            reason = f"want {limits.least} to {limits.most}"
            raise InputError(f"parameter {name}: {value} ({reason})")
