"""A violated property for people: the classes, what changed in the input, the image.

May import: kernel, report, verdict. Must not know: test runners, terminals.
"""

from __future__ import annotations

from collections.abc import Sequence

from flint import fmpq

from verifai.kernel.errors import InputError
from verifai.kernel.query import Query
from verifai.kernel.replay import evaluate
from verifai.kernel.statement import readable
from verifai.report.picture import drawn, images
from verifai.report.reference import reference_of
from verifai.verdict import Falsified

MOST_CHANGES = 8


def violation(verdict: Falsified) -> list[str]:
    """What a counterexample does, beside the input that the domain stands around.

    Args:
        verdict: one that knows its query.

    Raises:
        InputError: it does not know it.
    """
    query, found = verdict.query, verdict.counterexample
    if query is None:
        raise InputError("this verdict does not know its query")
    reference = reference_of(query)
    lines = _classes(query, reference.inputs, found.label)
    changed = [
        (abs(after - before), i)
        for i, (before, after) in enumerate(zip(reference.inputs, found.inputs, strict=True))
        if before != after
    ]
    count = len(found.inputs)
    lines.append(f"{len(changed)} of {count} inputs differ from {reference.words}:")
    for _, i in sorted(changed, key=lambda each: (-each[0], each[1]))[:MOST_CHANGES]:
        name = query.network.describe(query.input_values[i])
        ends = readable(reference.inputs[i]), readable(found.inputs[i])
        lines.append(f"  {name}: {ends[0]} → {ends[1]}")
    if len(changed) > MOST_CHANGES:
        lines.append(f"  … and {len(changed) - MOST_CHANGES} by no more")
    for image in _images(query):
        lines += [f"  {line}".rstrip() for line in drawn(query, found.inputs, image)]
    return [*lines, f"margin of the violation: {readable(found.margin)}"]


def _classes(query: Query, inputs: Sequence[fmpq], after: int | None) -> list[str]:
    """The class at the reference and at the counterexample, of a network that has some."""
    values = query.network.output_values
    if len(values) < 2:
        return []
    try:
        low, high = evaluate(query.network, inputs)
    except InputError:  # undefined there
        return []
    best = max(values, key=lambda v: low[v])
    is_sure = all(high[v] < low[best] for v in values if v != best)
    before = str(values.index(best)) if is_sure else "none for sure"
    return [f"class {before} → {'none for sure' if after is None else after}"]


def _images(query: Query) -> list[tuple[int, int, int]]:
    """Inputs that are drawn: images, and vectors of a square number of values."""
    from verifai.image import sides_of

    found = images(query, None)
    if not found and len(query.network.inputs) == 1:
        (node,) = query.network.inputs
        sides = sides_of(query.network.nodes[node].shape)
        found = [] if sides is None else images(query, sides)
    return found
