"""Proofs under construction: records in preorder, and their assembly into a kernel `Proof`.

A subtree is a list of records; a tree is its root's record followed by its children's lists, so
that subtrees found in different processes are simply put one behind the other.

May import: numpy, kernel.files. Must not know: bounds, queries.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np

from verifai.kernel.files.certificate import BOUND, COLUMNS, IMAGE, PLAIN, ROW, SLOPE, Kind, Proof
from verifai.proof.certificate import proof_of


class Block(NamedTuple):
    """Multipliers and slopes of one bound.

    Attributes:
        rows: (row of the path, λ); negative rows count from the path's end.
        ends: (value, μ), positive on the lower end, negative on the upper.
        slopes: (value, place, slope).
        codes: one byte for every piecewise-linear value, or nothing for default slopes.
    """

    rows: tuple[tuple[int, float], ...] = ()
    ends: tuple[tuple[int, float], ...] = ()
    slopes: tuple[tuple[int, int, float], ...] = ()
    codes: bytes = b""


class Form(NamedTuple):
    """A linear form over several values."""

    values: tuple[int, ...]
    factors: tuple[float, ...]


class Step(NamedTuple):
    """One step of a derive plan: all values of a node, or one form; with a block or none.

    An image meets a node's intervals with what follows from those of its sources. Sharp bounds of a
    node are exact where rounding would miss a knot, which costs time.
    """

    target: int | Form
    block: Block | None = None
    is_image: bool = False
    is_sharp: bool = False


class Split(NamedTuple):
    """g ≤ at in the first child, g > at in the second."""

    form: int | Form
    at: float


class Choose(NamedTuple):
    """One child for every alternative of an open disjunction."""

    which: int
    alternatives: int


class Derive(NamedTuple):
    """Bounds for the one child."""

    plan: tuple[Step, ...]


class Close(NamedTuple):
    """A refuted leaf."""

    block: Block


class Point(NamedTuple):
    """A leaf refuted by evaluation."""


Record = Split | Choose | Derive | Close | Point


Item = TypeVar("Item", bound=Hashable)
Data = dict[str, list[Any]]  # the entries of every array of a proof, so far


class _Table(Generic[Item]):
    """Items numbered in the order of their first use."""

    def __init__(self) -> None:
        self.items: dict[Item, int] = {}

    def number(self, item: Item) -> int:
        return self.items.setdefault(item, len(self.items))


def assemble(records: Iterable[Record]) -> Proof:
    """The proof whose tree in preorder is the sequence of records."""
    plans, forms = _Table[tuple[Step, ...]](), _Table[Form]()
    blocks, codes = _Table[Block](), _Table[bytes]()
    data: Data = {name: [] for name in COLUMNS}

    def target(form: int | Form) -> int:
        return form if isinstance(form, int) else -1 - forms.number(form)

    for record in records:
        if isinstance(record, Split):
            data["tree"].append(Kind.SPLIT)
            data["split_form"].append(target(record.form))
            data["split_at"].append(record.at)
        elif isinstance(record, Choose):
            data["tree"].append(Kind.CHOOSE)
            data["choose_or"].append(record.which)
            data["choose_count"].append(record.alternatives)
        elif isinstance(record, Derive):
            data["tree"].append(Kind.DERIVE)
            data["derive_plan"].append(plans.number(record.plan))
        elif isinstance(record, Close):
            data["tree"].append(Kind.CLOSE)
            data["close_block"].append(blocks.number(record.block))
        else:
            data["tree"].append(Kind.POINT)
    _plans(data, plans, target, blocks)
    _forms(data, forms)
    _blocks(data, blocks, codes)
    data["codes"] = [np.frombuffer(code, dtype=np.uint8) for code in codes.items]
    return proof_of(data)


def _plans(
    data: Data,
    plans: _Table[tuple[Step, ...]],
    target: Callable[[int | Form], int],
    blocks: _Table[Block],
) -> None:
    for plan in plans.items:
        for step in plan:
            data["step_target"].append(target(step.target))
            data["step_block"].append(_code(step, blocks))
        data["plan_size"].append(len(plan))


def _code(step: Step, blocks: _Table[Block]) -> int:
    if step.is_image:
        return IMAGE
    if step.block is not None:
        return blocks.number(step.block)
    return -1 if step.is_sharp or isinstance(step.target, Form) else PLAIN


def sharpened(records: Iterable[Record]) -> list[Record]:
    """The records with sharp bounds of nodes in every derive plan."""
    plans: dict[int, Derive] = {}

    def sharp(record: Record) -> Record:
        if not isinstance(record, Derive):
            return record
        if id(record) not in plans:  # one plan serves many records
            plan = tuple(step._replace(is_sharp=not step.is_image) for step in record.plan)
            plans[id(record)] = Derive(plan)
        return plans[id(record)]

    return [sharp(record) for record in records]


def _forms(data: Data, forms: _Table[Form]) -> None:
    for form in forms.items:
        data["form_value"] += form.values
        data["form_factor"] += form.factors
        data["form_size"].append(len(form.values))


def _blocks(data: Data, blocks: _Table[Block], codes: _Table[bytes]) -> None:
    for block in blocks.items:
        entries = [(ROW, row, factor) for row, factor in block.rows]
        entries += [(BOUND, value, factor) for value, factor in block.ends]
        entries += [(SLOPE + place, value, slope) for value, place, slope in block.slopes]
        data["entry_kind"] += [kind for kind, _, _ in entries]
        data["entry_index"] += [index for _, index, _ in entries]
        data["entry_number"] += [number for _, _, number in entries]
        data["block_size"].append(len(entries))
        data["block_codes"].append(codes.number(block.codes) if block.codes else -1)
