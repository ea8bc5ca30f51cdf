"""How much work a file may ask for, counted before any is done.

A network's values, numbers and products are limited in proportion to its file; what a certificate
derives, in proportion to its tree nodes and to what it says itself. The figures stand in SPEC.md,
"Limits".

May import: numpy, operator, network, certificate, errors. Must not know: bounds, the checker.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from verifai.kernel.errors import InputError, Rejection
from verifai.kernel.files.certificate import SLOPE, Proof, sums
from verifai.kernel.network import Network
from verifai.kernel.operator import Conv, Dense, Operator

VALUES = 1 << 18, 1 << 4  # those of any network, and so many more for every byte of its files
NUMBERS = 1 << 22, 1 << 6
PRODUCTS = 1 << 28, 1 << 13
STEPS = 1 << 14, 1 << 3  # those of any certificate, and so many more for a tree node and node
TERMS = 1 << 20, 1 << 6  # the same, for a tree node and value
STORED = 4  # times that every step, leaf and split of a certificate may be followed besides


class Asked(NamedTuple):
    """How much of one kind of work a tree asks for.

    Attributes:
        followed: over all tree nodes.
        stored: as it stands in the file.
    """

    followed: float
    stored: float


class Allowance:
    """What the files of a network and its query may still ask for."""

    def __init__(self, size: int) -> None:
        """Of files of `size` bytes."""
        self.size = size
        kinds = {"values": VALUES, "numbers": NUMBERS, "products": PRODUCTS}
        self.left = {name: base + rate * size for name, (base, rate) in kinds.items()}

    def values(self, count: int) -> None:
        """Takes the values of one node; InputError if there are more than are left."""
        self._take("values", count)

    def operator(self, operator: Operator, inputs: int) -> None:
        """Takes what an operator on so many inputs holds and does; InputError if it is too much."""
        self._take("numbers", _numbers(operator, inputs))
        self._take("products", _products(operator, inputs))

    def pieces(self, count: int, values: int) -> None:
        """Takes what a function of so many pieces does on values; InputError if it is too much."""
        self._take("products", count * values)

    def _take(self, name: str, amount: int) -> None:
        self.left[name] -= amount
        if self.left[name] < 0:
            raise InputError(f"more {name} in all than files of {self.size} bytes may ask for")


def _numbers(operator: Operator, inputs: int) -> int:
    """How many numbers an operator holds, or makes on the way."""
    if isinstance(operator, Conv):
        return int(operator.weight.size) + operator.channels * math.prod(operator.padded)
    if isinstance(operator, Dense):
        return int(operator.weight.size) + inputs
    return inputs + 3 * int(operator.index.size)


def _products(operator: Operator, inputs: int) -> int:
    """How many products an operator adds in one evaluation."""
    if isinstance(operator, Conv):
        return int(operator.weight.size) * math.prod(operator.output)
    if isinstance(operator, Dense):
        return inputs // int(operator.weight.shape[1]) * int(operator.weight.size)
    return int(operator.index.size)


def asked(proof: Proof, network: Network, longest: int) -> tuple[Asked, Asked]:
    """What a tree asks for in steps, and in terms in them.

    Args:
        proof: of checked form.
        network: whose values it names.
        longest: the number of terms of the query's longest row.
    """
    forms = np.append(proof.form_size, 1)  # the last: a single value
    row = max(1, longest, int(forms.max()))
    multipliers = sums(proof.block_start, proof.entry_kind < SLOPE)
    entries = np.append(multipliers * float(row) + 1, 1.0)  # the last: steps without a block
    is_node, of_block = proof.step_target >= 0, np.maximum(proof.step_block, -1)
    sizes = np.array(network.sizes)[np.where(is_node, proof.step_target, 0)]
    bounds = np.where(is_node, 2.0 * sizes, forms[np.where(is_node, -1, -1 - proof.step_target)])
    stored = bounds * entries[of_block]
    plans = [sums(proof.plan_start, each) for each in (np.ones(len(stored)), stored)]
    steps, terms = (float(plan[proof.derive_plan].sum()) for plan in plans)
    leaves = entries[proof.close_block].sum()
    splits = forms[np.where(proof.split_form < 0, -1 - proof.split_form, -1)].sum()
    kept = stored.sum() + entries.sum() + forms.sum()
    return Asked(steps, len(stored)), Asked(terms + float(leaves + splits), float(kept))


def check_work(proof: Proof, network: Network, longest: int) -> None:
    """Rejection "work" if the tree asks for more steps, or terms in them, than it says or may.

    Args:
        proof: as for `asked`.
        network: as for `asked`.
        longest: as for `asked`.
    """
    for what, found, stated, (base, rate), each in zip(
        ("steps", "terms"),
        asked(proof, network, longest),
        proof.work,
        (STEPS, TERMS),
        (len(network.nodes), network.offsets[-1]),
        strict=True,
    ):
        allowed = min(stated, base + rate * len(proof.tree) * each + STORED * found.stored)
        if not found.followed <= allowed:
            raise Rejection("work", f"{found.followed:.3g} {what}, and {allowed:.3g} are allowed")
