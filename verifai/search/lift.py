"""Proofs found on a part of a network, in the names of the whole one.

May import: numpy, bounds, goals, record. Must not know: trees, how anything is refuted.
"""

from __future__ import annotations

import numpy as np

from verifai.bounds.compiled import Compiled
from verifai.bounds.focus import Focus, entries, focused, kept_values
from verifai.bounds.interval import Bounds
from verifai.bounds.kinds.codes import DEFAULT_CODE
from verifai.bounds.maps import Indices
from verifai.proof.record import Block, Close, Derive, Form, Record, Step
from verifai.search.goals import Goals, pwl_nodes

LEAST_WORK = 1e5  # multiplications of a pass, below which a smaller network is no gain
MOST_ENTRIES = 20_000_000  # of the matrices of a part, which convolutions would not write out


class Lift:
    """The names that a smaller network's values and slopes have in the whole one."""

    def __init__(self, whole: Compiled, part: Focus) -> None:
        """Numbers all values.

        Args:
            whole: the network.
            part: what of it has been searched.
        """
        self.part = part
        offsets = whole.network.offsets
        starts = [offsets[i] + (k if len(k) else np.zeros(1, int)) for i, k in enumerate(part.kept)]
        self.values: Indices = np.concatenate(starts)
        first, self.codes = 0, dict[int, Indices]()
        for node in pwl_nodes(whole):
            if node < len(part.kept) and len(part.kept[node]):
                self.codes[node] = first + part.kept[node]
            first += whole.sizes[node]
        self.length = first

    def goals(self, goals: Goals) -> Goals:
        """The goals on what is left of the network."""
        forms = {i: self.part.array(i, a) for i, a in goals.forms.items()}
        for node, a in forms.items():
            if not len(self.part.kept[node]):
                forms[node] = np.zeros_like(a)
        return Goals(forms, goals.constant, goals.margin, goals.names)

    def record(self, record: Record) -> Record:
        """The same record, if it closes a leaf or bounds single values; others as they are."""
        if isinstance(record, Close):
            return Close(self.block(record.block))
        if isinstance(record, Derive):
            return Derive(tuple(self._step(step) for step in record.plan))
        return record

    def _step(self, step: Step) -> Step:
        if not isinstance(step.target, Form):
            return step
        values = tuple(int(self.values[v]) for v in step.target.values)
        block = None if step.block is None else self.block(step.block)
        return Step(Form(values, step.target.factors), block)

    def block(self, block: Block) -> Block:
        """The same multipliers and slopes."""
        ends = tuple((int(self.values[v]), factor) for v, factor in block.ends)
        slopes = tuple((int(self.values[v]), place, slope) for v, place, slope in block.slopes)
        return Block(block.rows, ends, slopes, self._codes(block.codes))

    def _codes(self, codes: bytes) -> bytes:
        if not codes:
            return codes
        given, start = np.frombuffer(codes, dtype=np.uint8), 0
        row = np.full(self.length, DEFAULT_CODE, dtype=np.uint8)
        for places in self.codes.values():
            row[places] = given[start : start + len(places)]
            start += len(places)
        return row.tobytes()


def lift_of(compiled: Compiled, goals: Goals, bounds: Bounds) -> Lift | None:
    """The part that matters to some goals inside one box; None where that is no gain."""
    if sum(compiled.work(i) for i in compiled.linear) < LEAST_WORK:
        return None
    used = {i: np.flatnonzero((a != 0).any(axis=(0, 1))) for i, a in goals.forms.items()}
    kept = kept_values(compiled, bounds, used)
    if entries(compiled, kept) > MOST_ENTRIES:
        return None
    part = focused(compiled, kept)
    smaller = sum(part.compiled.sizes) < sum(compiled.sizes)
    return Lift(compiled, part) if smaller else None
