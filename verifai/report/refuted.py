"""What a page says about a counterexample: where it differs, what it does, how it comes about.

May import: numpy, kernel, proof, verify, original, the floor's own parts.
Must not know: the search, templates.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from flint import fmpq
from markupsafe import Markup

from verifai.kernel.query import Query
from verifai.original.points import doubles
from verifai.report.compare import (
    Change,
    Layer,
    ShownCondition,
    changes,
    conditions,
    input_changes,
    phases_changed,
    summary,
    values_at,
)
from verifai.report.drawings import in_script
from verifai.report.evaluator import Evaluator
from verifai.report.float32 import executed, shows_violation
from verifai.report.function import WholeFunction, function_of
from verifai.report.plane import Slice, plane
from verifai.report.proved import Kept, Origin, kept_files
from verifai.report.reference import Reference, reference_of
from verifai.report.said import Said, said_of
from verifai.report.views import View, layouts, view
from verifai.report.way import WayThere, way
from verifai.report.words import Shown, shown
from verifai.verdict import Counterexample, Falsified
from verifai.verify import confirm

MAX_INPUTS, MAX_OUTPUTS, MAX_ATOMS, MAX_PHASES = 400, 64, 80, 40
FEW_INPUTS = 12
MAX_EXACT = 20_000  # values of a network, up to which both inputs are evaluated exactly
ZERO = fmpq(0)


@dataclass(frozen=True, slots=True, eq=False)
class Refuted:
    """A section about a counterexample that the kernel replayed while the page was made."""

    template: ClassVar[str] = "refuted.html"
    verdict: ClassVar[str] = "falsified"
    origin: Origin
    said: Said
    semantics: str
    assumptions: tuple[str, ...]
    reference: Reference
    margin: Shown
    float32: str
    summary: str
    views: tuple[View, ...]
    inputs: tuple[Change, ...]
    hidden_inputs: int
    outputs: tuple[Change, ...]
    hidden_outputs: int
    conditions: tuple[ShownCondition, ...]
    layers: tuple[Layer, ...]
    phases: tuple[Change, ...]
    is_exact: bool
    way: WayThere
    script: Markup
    plane: Slice | None
    function: WholeFunction | None
    files: tuple[Kept, ...]

    @property
    def decides(self) -> str:
        """What the verdict rests on, in a few words."""
        return f"violated by {self.margin}"


def refuted(
    query: Query,
    found: Counterexample,
    origin: Origin,
    *,
    sides: tuple[int, ...] | None = None,
) -> Refuted:
    """The section about a counterexample, which the kernel replays now.

    Args:
        query: what it violates.
        found: the input; what else it says is computed anew, but for `is_float32`.
        origin: where it comes from.
        sides: of images among the inputs; None: as shapes say.

    Raises:
        InputError: the input does not violate the property.
    """
    verdict = confirmed(query, found.inputs)
    reference = reference_of(query)
    inputs = verdict.counterexample.inputs
    before, after = doubles(reference.inputs), doubles(inputs)
    evaluator = Evaluator(query)
    is_exact = query.network.offsets[-1] <= MAX_EXACT
    values = [values_at(evaluator, x, is_exact=is_exact) for x in (reference.inputs, inputs)]
    placed = layouts(query, sides)
    views = [v for each in placed if (v := view(each, before, after)) is not None]
    images = [each for each in placed if each.kind == "image"]
    moved = input_changes(query, reference.inputs, inputs)
    ran = executed(query, inputs)
    shows = shows_violation(query, ran)
    outputs = changes(query, query.network.output_values, values, ran)
    layers, neurons = phases_changed(query, values)
    along = way(evaluator, before, after, images[0] if images else None)
    return Refuted(
        origin=origin,
        said=said_of(query, reference, verified=False),
        semantics=query.semantics,
        assumptions=query.assumptions,
        reference=reference,
        margin=shown(verdict.counterexample.margin),
        float32=_float32(found.is_float32 if shows is None else shows),
        summary=summary(reference.inputs, inputs),
        views=tuple(views),
        inputs=tuple(moved[:MAX_INPUTS]),
        hidden_inputs=max(0, len(moved) - MAX_INPUTS),
        outputs=tuple(outputs[:MAX_OUTPUTS]),
        hidden_outputs=max(0, len(outputs) - MAX_OUTPUTS),
        conditions=tuple(conditions(query, values)),
        layers=tuple(layers),
        phases=tuple(neurons[:MAX_PHASES]),
        is_exact=is_exact,
        way=along,
        script=in_script(along.data),
        plane=plane(evaluator, before, after),
        function=function_of(query, inputs),
        files=_files(query, verdict),
    )


def confirmed(query: Query, inputs: Sequence[fmpq]) -> Falsified:
    """The verdict that the kernel's replay gives now.

    Raises:
        InputError: the input does not violate the property.
    """
    from verifai.kernel.errors import InputError

    verdict = confirm(query, inputs)
    if verdict is None:
        raise InputError("the kernel's exact replay shows no violation at this input")
    return verdict


def _float32(shows: bool | None) -> str:
    if shows is None:
        return "not tried"
    return "shows the violation too" if shows else "does not show the violation"


def _files(query: Query, verdict: Falsified) -> tuple[Kept, ...]:
    from verifai.proof.files import Files

    files = Files.of(query)
    inputs = [str(x) for x in verdict.counterexample.inputs]
    found = json.dumps({"inputs": inputs, "margin": str(verdict.counterexample.margin)}, indent=1)
    named = {"network": files.network, "query.json": files.query}
    return kept_files(named | {"counterexample.json": found.encode()})
