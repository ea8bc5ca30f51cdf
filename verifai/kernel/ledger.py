"""The rows of a proof's paths, and what its multipliers make of them.

May import: numpy, python-flint, bound, context, certificate. Must not know: the tree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from flint import fmpq

from verifai.kernel.arithmetic import Pause, never
from verifai.kernel.bound import Root
from verifai.kernel.context import Contexts, FormBuilder, Row, multiplied
from verifai.kernel.errors import Rejection
from verifai.kernel.files.certificate import BOUND, SLOPE, Proof
from verifai.kernel.number import above, below, exact
from verifai.kernel.operator import Array


@dataclass(slots=True)
class Ledger:
    """All rows that occur on any path of one proof.

    Attributes:
        root: the query in the arithmetic that decides.
        rounded: the query in rounded arithmetic.
        integer: which values are integers.
        table: the rows; a path is a tuple of places in it.
        exact_root: the query in exact arithmetic.
        pause: called now and then.
    """

    root: Root
    rounded: Root
    integer: Array
    proof: Proof
    table: list[Row]
    exact_root: Callable[[], Root]
    pause: Pause = never

    def cuts(self, row: Row) -> list[tuple[int, float, float]]:
        """What a row on a single value says about its interval."""
        if len(row.values) != 1:
            return []
        value, factor = row.values[0], row.factors[0]
        bound = -row.constant / factor
        down = up = bound
        if self.integer[value]:
            down, up = fmpq(bound.floor()), fmpq(bound.ceil())
        low = below(up) if factor < 0 or row.free else -np.inf
        high = above(down) if factor > 0 or row.free else np.inf
        return [(value, low, high)]

    def form(self, index: int) -> Row:
        """A split's or step's form: a single value, or an item of the table of forms."""
        if index >= 0:
            return Row([index], [fmpq(1)], fmpq(0))
        start = self.proof.form_start
        part = slice(start[-1 - index], start[-index])
        values = self.proof.form_value[part].tolist()
        if len(set(values)) != len(values) or not values:
            raise Rejection("form", "a form that names no value, or one twice")
        factors = [exact(x) for x in self.proof.form_factor[part].tolist()]
        if not all(factors):
            raise Rejection("form", "a form with a factor zero")
        return Row(values, factors, fmpq(0))

    def new_row(self, row: Row) -> int:
        """Adds a row; its place in the table."""
        self.table.append(row)
        return len(self.table) - 1

    def multiply(
        self, builder: FormBuilder, form: int, scene: Contexts, index: int, rows: tuple[int, ...]
    ) -> bool:
        """Adds a block's Σ λ·row + Σ μ·bound to a form; whether a strict row has weight."""
        proof, block, strict = self.proof, int(scene.blocks[index]), False
        if block < 0:
            return False
        for entry in range(proof.block_start[block], proof.block_start[block + 1]):
            kind, number = proof.entry_kind[entry], int(proof.entry_index[entry])
            if kind >= SLOPE:
                break  # a block's multipliers stand before its slopes
            factor = float(proof.entry_number[entry])
            if kind == BOUND:
                weight = exact(factor)
                builder.term(form, number, -weight)
                builder.plus(form, weight * self._end(scene, index, number, factor > 0))
                continue
            if not -len(rows) <= number < len(rows):
                raise Rejection("multiplier", f"the path has no row {number}")
            row = self.table[rows[number]]
            builder.row(form, multiplied(factor, row), row)
            strict |= row.strict and factor > 0
        return strict

    def _end(self, scene: Contexts, index: int, value: int, is_lower: bool) -> fmpq:
        """An end of a value's interval; in exact arithmetic the sharp one."""
        floats, root = (scene.low if is_lower else scene.high)[index, value], scene.root
        if root.sharp is not None and floats == (root.low if is_lower else root.high)[value]:
            sharp: fmpq = root.sharp[0 if is_lower else 1][value]
            return sharp
        return exact(float(floats))
