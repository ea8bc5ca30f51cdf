"""What a query's property says, positively: in words, and in mathematics (MathML).

May import: kernel, mathematics, positive, reference, words; markupsafe. Must not know: verdicts.
"""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from verifai.kernel.query import Query
from verifai.kernel.statement import statement
from verifai.report.mathematics import letters, mathematics
from verifai.report.positive import MAX_LINES, Line, positive_lines
from verifai.report.reference import Reference
from verifai.report.words import Shown, atom_words, many, shown

MAX_INPUTS = 12


@dataclass(frozen=True, slots=True)
class Ends:
    """One input's interval."""

    name: str
    lower: Shown
    upper: Shown
    is_integer: bool


@dataclass(frozen=True, slots=True)
class Said:
    """A property in words and mathematics.

    Attributes:
        network: size, in words.
        domain: in words.
        ends: the intervals of the inputs, the first ones where they are many.
        hidden: how many more there are.
        rows: further conditions of the domain.
        holds: what holds at every input of the domain, if the property does.
        decided: the same about the values that it was decided on, where these are others.
        mathematics: all of it as MathML, line by line.
        legend: what its letters stand for.
        kernel: the statement in the kernel's own words.
    """

    network: str
    domain: str
    ends: tuple[Ends, ...]
    hidden: int
    rows: tuple[str, ...]
    holds: tuple[Line, ...]
    decided: tuple[Line, ...]
    mathematics: tuple[Markup, ...]
    legend: str
    kernel: str


def said_of(query: Query, reference: Reference, *, verified: bool = True) -> Said:
    """The property that a query asks about.

    Args:
        query: the decision problem.
        reference: what its domain stands around.
        verified: whether the property holds, or else is violated somewhere.
    """
    net, box = query.network, list(zip(query.input_values, query.lower, query.upper, strict=True))
    ends = tuple(
        Ends(net.describe(v), shown(l), shown(u), v in query.integers)
        for v, l, u in box[:MAX_INPUTS]
    )
    kinds = [type(n).__name__ for n in net.nodes]
    functions = len(net.nodes) - kinds.count("Affine") - kinds.count("Input")
    size = (
        f"{many(len(net.input_values), 'input')}, {many(len(net.output_values), 'output')}, "
        f"{kinds.count('Affine')} affine and {functions} nonlinear nodes, "
        f"{many(net.offsets[-1], 'value')}"
    )
    stated = query.unsafe if query.stated is None else query.stated
    named = {n: letter for n, letter in letters(net).items() if net.nodes[n].name != letter}
    return Said(
        size,
        _domain_words(query, reference),
        ends,
        len(box) - len(ends),
        tuple(atom_words(net, atom) for atom in query.domain[:MAX_LINES]),
        positive_lines(net, stated),
        () if query.stated is None else positive_lines(net, query.unsafe),
        mathematics(query, stated, reference),
        "; ".join(f"{letter}: {net.nodes[node].name}" for node, letter in named.items()),
        statement(query, verified=verified),
    )


def _domain_words(query: Query, reference: Reference) -> str:
    count = len(query.lower)
    fixed = sum(l == u for l, u in zip(query.lower, query.upper, strict=True))
    if reference.radius is not None:
        words = (
            f"every input that differs from the reference by at most {shown(reference.radius)} "
            f"in each of {count - fixed} of {count} values"
        )
        if reference.clip is not None:
            low, high = reference.clip
            words += f", within [{shown(low)}, {shown(high)}]"
    else:
        words = f"every input of a box of {many(count, 'interval')}"
        words += f", {fixed} of them single points" if fixed else ""
        widest = max((u - l for l, u in zip(query.lower, query.upper, strict=True)), default=None)
        if count > MAX_INPUTS and widest is not None and widest > 0:
            words += f", none wider than {shown(widest)}"
    if query.integers:
        words += f"; integers: {many(len(query.integers), 'input')}"
    if query.domain:
        words += f"; with {many(len(query.domain), 'further linear condition')}"
    return words
