"""A verdict as one JSON object: exact rationals as text, the nearest doubles beside them.

May import: kernel, verdict, report, exits. Must not know: how a verdict was found.
"""

from __future__ import annotations

import math
from typing import Any

from flint import fmpq

from verifai.cli.exits import SCHEMA, Exit
from verifai.kernel.number import nearest, text
from verifai.kernel.query import Query
from verifai.report.positive import in_words
from verifai.verdict import VACUOUS, Counterexample, Falsified, Verdict, Verified


def exit_code(verdict: Verdict) -> Exit:
    """The exit code that stands for this verdict."""
    return Exit[verdict.status.upper()]


def record(verdict: Verdict, query: Query, *, seconds: float) -> dict[str, Any]:
    """The object that `verify --json` prints; `seconds` spans loading, search and acceptance."""
    effort = verdict.effort
    common = {
        "schema": SCHEMA,
        "verdict": verdict.status,
        "summary": in_words(query),
        "seconds": round(seconds, 6),
        "search_seconds": round(effort.seconds, 6),
        "check_seconds": round(effort.check_seconds, 6),
        "nodes": effort.nodes,
        "leaves": effort.leaves,
    }
    if isinstance(verdict, Verified):
        size = len(verdict.certificate)
        more: dict[str, Any] = {"vacuous": verdict.vacuous, "certificate_bytes": size}
        if verdict.vacuous:
            more["warning"] = VACUOUS
        return common | {"statement": verdict.statement} | more
    if isinstance(verdict, Falsified):
        shown = _counterexample(verdict.counterexample, query)
        return common | {"statement": verdict.statement, "counterexample": shown}
    bound = verdict.bound if verdict.bound is None or math.isfinite(verdict.bound) else None
    open_part = {"bound": bound, "open_fraction": verdict.open_fraction}
    return common | {"reason": verdict.reason} | open_part


def _counterexample(found: Counterexample, query: Query) -> dict[str, Any]:
    names = [query.network.describe(value) for value in query.input_values]
    return {
        "names": names,
        "inputs": [text(x) for x in found.inputs],
        "inputs_decimal": [_double(x) for x in found.inputs],
        "outputs": [[text(low), text(high)] for low, high in found.outputs],
        "outputs_decimal": [_double((low + high) / 2) for low, high in found.outputs],
        "margin": text(found.margin),
        "margin_decimal": _double(found.margin),
        "float32": found.is_float32,
    }


def _double(value: fmpq) -> float | None:
    """The nearest double, or None where it overflows: JSON has no infinity."""
    near = nearest(value)
    return near if math.isfinite(near) else None
