"""The certificate as data: arrays for a tree in preorder and the tables that its records share.

Nothing here says that a certificate proves anything; it only has the right form.

May import: numpy, container, errors. Must not know: networks, queries, bounds.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

import numpy as np

from verifai.kernel.errors import Rejection
from verifai.kernel.files.container import ContainerError, unpack
from verifai.kernel.files.packed import PACKED, unpacked_codes
from verifai.kernel.operator import Array

FORMAT = "verifai-certificate-1"
MAX_BYTES = 1 << 28
MAX_HEADER = 1 << 16
MAX_DEPTH = 4096
MAX_NODES = 1 << 24
IMAGE = -2  # in the place of a step's block: the image of a node's sources instead of LB
PLAIN = -3  # in the place of a step's block: default slopes, and no exact ends near knots


class Kind(IntEnum):
    """What a tree node does."""

    SPLIT = 0
    CHOOSE = 1
    DERIVE = 2
    CLOSE = 3
    POINT = 4


TYPES = {
    "tree": "u1",
    "split_form": "<i4",
    "split_at": "<f8",
    "choose_or": "<i4",
    "choose_count": "<i4",
    "derive_plan": "<i4",
    "close_block": "<i4",
    "plan_start": "<i4",
    "step_target": "<i4",
    "step_block": "<i4",
    "form_start": "<i4",
    "form_value": "<i4",
    "form_factor": "<f8",
    "block_lambda": "<i4",
    "lambda_row": "<i4",
    "lambda_factor": "<f8",
    "block_mu": "<i4",
    "mu_value": "<i4",
    "mu_factor": "<f8",
    "block_slope": "<i4",
    "slope_value": "<i4",
    "slope_place": "u1",
    "slope": "<f8",
    "block_codes": "<i4",
    "codes": "u1",
}


@dataclass(frozen=True, eq=False)
class Proof:
    """A tree in preorder and its tables; SPEC.md ("Certificate") says what every array means.

    `tree` holds kinds; the records of one kind stand in their own arrays, in the tree's order.
    Tables in compressed rows: item i of a table owns entries start[i] … start[i+1] - 1.
    """

    tree: Array  # (T,) Kind
    split_form: Array  # (splits,): value v ≥ 0, or form -1-v of the table of forms
    split_at: Array  # (splits,)
    choose_or: Array  # (chooses,): which of the disjunctions that are open on the path
    choose_count: Array  # (chooses,): its number of alternatives
    derive_plan: Array  # (derives,)
    close_block: Array  # (closes,)
    plan_start: Array  # (plans+1,) into steps
    step_target: Array  # (steps,): node k ≥ 0 (all its values), or form -1-k
    step_block: Array  # (steps,): a block, -1 for default slopes, IMAGE or PLAIN
    form_start: Array  # (forms+1,)
    form_value: Array
    form_factor: Array
    block_lambda: Array  # (blocks+1,) into lambda_row, lambda_factor
    lambda_row: Array  # row of the path; negative counts from the path's end
    lambda_factor: Array
    block_mu: Array  # (blocks+1,) into mu_value, mu_factor
    mu_value: Array
    mu_factor: Array  # positive: times (lower - value); negative: its size times (value - upper)
    block_slope: Array  # (blocks+1,) into slope_value, slope_place, slope
    slope_value: Array
    slope_place: Array  # 0 lower, 1 upper; of a product 0, 1 lower and 2, 3 upper on left, right
    slope: Array
    block_codes: Array  # (blocks,): a row of codes, or -1
    codes: Array  # (rows, values of all piecewise-linear nodes)

    @cached_property
    def arity(self) -> Array:
        """The number of children of every tree node."""
        count = np.array([2, 0, 1, 0, 0])[self.tree]
        count[self.tree == Kind.CHOOSE] = self.choose_count
        return count

    @cached_property
    def ordinal(self) -> Array:
        """For every tree node, its place among those of its kind."""
        result = np.zeros(len(self.tree), dtype=np.int64)
        for kind in Kind:
            here = self.tree == kind
            result[here] = np.arange(here.sum())
        return result

    @cached_property
    def ends(self) -> Array:
        """For every tree node, where its subtree ends; its next sibling starts there."""
        result = [0] * len(self.tree)
        pending: list[int] = []
        for position in range(len(self.tree) - 1, -1, -1):
            end = position + 1
            for _ in range(int(self.arity[position])):
                if not pending:
                    raise Rejection("tree", f"node {position} lacks a child")
                end = pending.pop()
            result[position] = end
            pending.append(end)
        return np.array(result)

    def children(self, position: int) -> list[int]:
        """Where the children of a tree node stand."""
        places, place = [], position + 1
        for _ in range(int(self.arity[position])):
            places.append(place)
            place = int(self.ends[place])
        return places


def _check_table(name: str, start: Array, entries: tuple[Array, ...]) -> None:
    size = len(entries[0])
    if any(len(e) != size for e in entries):
        raise Rejection("table", f"the entries of {name} differ in length")
    steps = np.diff(start.astype(np.int64))
    if not (len(start) >= 1 and start[0] == 0 and start[-1] == size and (steps >= 0).all()):
        raise Rejection("table", f"{name} does not tile its {size} entries")


def _check_range(name: str, array: Array, low: int, high: int) -> None:
    if not ((array >= low) & (array < high)).all():
        raise Rejection("range", f"{name} has an entry outside {low} … {high - 1}")


def _check_used(name: str, count: int, *uses: Array) -> None:
    seen = np.zeros(count, dtype=bool)
    for use in uses:
        seen[use[use >= 0]] = True
    if not seen.all():
        raise Rejection("used", f"{count - seen.sum()} of {count} {name} are never used")


def check_form(proof: Proof) -> None:
    """Rejection unless every index points at something and everything is pointed at."""
    tree = proof.tree
    if not 0 < len(tree) <= MAX_NODES:
        raise Rejection("tree", f"a tree of {len(tree)} nodes (1 … {MAX_NODES} are read)")
    _check_range("tree", tree, 0, len(Kind))
    for kind, arrays in (
        (Kind.SPLIT, (proof.split_form, proof.split_at)),
        (Kind.CHOOSE, (proof.choose_or, proof.choose_count)),
        (Kind.DERIVE, (proof.derive_plan,)),
        (Kind.CLOSE, (proof.close_block,)),
    ):
        if any(len(a) != (tree == kind).sum() for a in arrays):
            raise Rejection("tree", f"{kind.name.lower()} records and tree nodes differ in number")
    _check_table("plans", proof.plan_start, (proof.step_target, proof.step_block))
    _check_table("forms", proof.form_start, (proof.form_value, proof.form_factor))
    _check_table("block_lambda", proof.block_lambda, (proof.lambda_row, proof.lambda_factor))
    _check_table("block_mu", proof.block_mu, (proof.mu_value, proof.mu_factor))
    _check_table(
        "block_slope", proof.block_slope, (proof.slope_value, proof.slope_place, proof.slope)
    )
    plans, forms, blocks = (
        len(a) - 1 for a in (proof.plan_start, proof.form_start, proof.block_lambda)
    )
    if (
        any(len(a) != blocks + 1 for a in (proof.block_mu, proof.block_slope))
        or len(proof.block_codes) != blocks
    ):
        raise Rejection("table", "the tables of blocks differ in length")
    if proof.codes.ndim != 2:
        raise Rejection("table", "codes is not a matrix")
    _check_range("choose_count", proof.choose_count, 1, len(tree))
    _check_range("derive_plan", proof.derive_plan, 0, plans)
    _check_range("close_block", proof.close_block, 0, blocks)
    _check_range("step_block", proof.step_block, PLAIN, blocks)
    if ((proof.step_block <= IMAGE) & (proof.step_target < 0)).any():
        raise Rejection("range", "the image, or plain bounds, of a form")
    _check_range("block_codes", proof.block_codes, -1, len(proof.codes))
    _check_range("split_form", proof.split_form, -forms, 1 << 31)
    _check_range("step_target", proof.step_target, -forms, 1 << 31)
    _check_range("slope_place", proof.slope_place, 0, 4)
    _check_used("plans", plans, proof.derive_plan)
    _check_used("forms", forms, -1 - proof.split_form, -1 - proof.step_target)
    _check_used("blocks", blocks, proof.close_block, proof.step_block)
    _check_used("codes", len(proof.codes), proof.block_codes)


def rows_named(arrays: dict[str, Array]) -> int:
    """How many rows of codes the blocks name, if they leave out none."""
    return int(arrays["block_codes"].max(initial=-1)) + 1


def decode_certificate(data: bytes, network_digest: str, query_digest: str) -> Proof:
    """The proof in a certificate that claims to be about this network and query.

    Raises:
        Rejection: not a certificate, of another format, network or query, or badly formed.
    """
    if len(data) > MAX_BYTES:
        raise Rejection("container", f"{len(data)} bytes (at most {MAX_BYTES} are read)")
    try:
        metadata, arrays = unpack(data, max_header=MAX_HEADER)
    except ContainerError as error:
        raise Rejection("container", str(error)) from None
    if metadata.get("format") != FORMAT or metadata.get("semantics") != "real":
        raise Rejection("format", f"not a {FORMAT} over the reals")
    if metadata.get("network") != network_digest:
        raise Rejection("digest", "the certificate is about another network")
    if metadata.get("query") != query_digest:
        raise Rejection("digest", "the certificate is about another query")
    if len(metadata) != 4:
        raise Rejection("format", "unknown metadata")
    for name, array in arrays.items():
        if array.dtype != np.dtype((TYPES | PACKED).get(name, object)):
            raise Rejection("format", f"an unknown array or type: {name} of {array.dtype}")
        if array.ndim != (2 if name in ("codes", "code_mask") else 1) or not array.size:
            raise Rejection("format", f"array {name} of shape {array.shape}")
    full = {name: arrays[name] if name in arrays else _empty(name) for name in TYPES}
    if PACKED.keys() & arrays.keys():
        full["codes"] = unpacked_codes(arrays, rows_named(full))
    proof = Proof(**full)
    check_form(proof)
    return proof


def _empty(name: str) -> Array:
    """What an absent array stands for: no entries, a table of no items, a matrix of no rows."""
    starts = ("plan_start", "form_start", "block_lambda", "block_mu", "block_slope")
    shape: tuple[int, ...] = (0, 0) if name == "codes" else (1,) if name in starts else (0,)
    return np.zeros(shape, dtype=TYPES[name])
