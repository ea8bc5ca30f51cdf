"""The certificate as data: columns for a tree in preorder and the tables of its records.

Nothing here says that a certificate proves anything; it only has the right form.

May import: numpy, network, operator, errors. Must not know: queries, bounds.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Annotated, NamedTuple, get_type_hints

import numpy as np

from verifai.kernel.errors import Rejection
from verifai.kernel.network import Input, Network, Pwl
from verifai.kernel.operator import Array

MAGIC = b"verifai2"
FORMAT_1, MAX_HEADER = b'"verifai-certificate-1"', 1 << 16  # what an old one says, and where
DIGEST = 32  # bytes of a SHA-256
MAX_BYTES = 1 << 28
INFLATED = 1 << 20, 1 << 8  # bytes of what any file holds, and so many more for a byte of it
MAX_DEPTH = 4096
MAX_NODES = 1 << 24
IMAGE = -2  # in the place of a step's block: the image of a node's sources instead of LB
PLAIN = -3  # in the place of a step's block: default slopes, and no exact ends near knots
ROW, BOUND, SLOPE = 0, 1, 2  # kinds of entries; SLOPE + place for slopes


class Kind(IntEnum):
    """What a tree node does."""

    SPLIT = 0
    CHOOSE = 1
    DERIVE = 2
    CLOSE = 3
    POINT = 4


class Column(NamedTuple):
    """What stands in one array of a certificate.

    Attributes:
        dtype: of its numbers.
        owner: what has one of them each.
        low: the least that is allowed (None: any number); with `below`, minus that count more.
        high: the count that all are less than ("": none).
    """

    dtype: str
    owner: str
    low: int | None = None
    high: str = ""
    below: str = ""


@dataclass(frozen=True, eq=False)
class Proof:
    """A tree in preorder and its tables; docs/certificate-format.md says what every column means.

    The columns stand here as they do in the file. Records of one kind stand in their own columns,
    in the tree's order; item i of a table owns the next size[i] of what it has.
    """

    split_at: Annotated[Array, Column("<f8", "splits")]
    form_factor: Annotated[Array, Column("<f8", "terms")]
    entry_number: Annotated[Array, Column("<f8", "entries")]
    split_form: Annotated[Array, Column("<i4", "splits", 0, "values", "forms")]  # or -1 - form
    choose_or: Annotated[Array, Column("<i4", "chooses")]  # of those open
    choose_count: Annotated[Array, Column("<i4", "chooses", 1, "nodes")]  # its alternatives
    derive_plan: Annotated[Array, Column("<i4", "derives", 0, "plans")]
    close_block: Annotated[Array, Column("<i4", "closes", 0, "blocks")]
    plan_size: Annotated[Array, Column("<i4", "plans", 0)]  # in steps
    step_target: Annotated[Array, Column("<i4", "steps", 0, "layers", "forms")]  # or -1 - form
    step_block: Annotated[Array, Column("<i4", "steps", PLAIN, "blocks")]  # or -1: default slopes
    form_size: Annotated[Array, Column("<i4", "forms", 0)]  # in terms
    form_value: Annotated[Array, Column("<i4", "terms", 0, "values")]
    block_size: Annotated[Array, Column("<i4", "blocks", 0)]  # in entries, slopes being last
    block_codes: Annotated[Array, Column("<i4", "blocks", -1, "codes")]
    entry_index: Annotated[Array, Column("<i4", "entries")]  # row of the path, or value
    tree: Annotated[Array, Column("u1", "nodes", 0, "kinds")]
    entry_kind: Annotated[Array, Column("u1", "entries", 0, "entry_kinds")]
    codes: Annotated[Array, Column("u1", "codes")]  # (codes, values of all piecewise-linear nodes)
    work: tuple[int, int]  # steps and terms that are followed at most

    @cached_property
    def plan_start(self) -> Array:
        """Where every plan's steps start, and where the last one's end."""
        return starts(self.plan_size)

    @cached_property
    def form_start(self) -> Array:
        """Where every form's terms start, and where the last one's end."""
        return starts(self.form_size)

    @cached_property
    def block_start(self) -> Array:
        """Where every block's entries start, and where the last one's end."""
        return starts(self.block_size)

    @cached_property
    def sloped(self) -> Array:
        """Which blocks have slopes."""
        return sums(self.block_start, self.entry_kind >= SLOPE) > 0

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


def starts(sizes: Array) -> Array:
    """Where items of these sizes start that stand one behind the other, and where the last ends."""
    return np.append(0, np.cumsum(sizes, dtype=np.int64))


def sums(start: Array, items: Array) -> Array:
    """The sum of every table item's entries."""
    total = np.append(0.0, np.cumsum(items))
    return np.asarray(total[start[1:]] - total[start[:-1]])


COLUMNS: dict[str, Column] = {
    name: hint.__metadata__[0]
    for name, hint in get_type_hints(Proof, include_extras=True).items()
    if name != "work"
}
COUNTS = (
    *("splits", "chooses", "derives", "closes", "points", "plans", "steps", "forms", "terms"),
    *("blocks", "entries", "codes", "width", "followed", "summed"),
)  # the numbers before the columns


def decode_certificate(data: bytes, network_digest: str, query_digest: str) -> Proof:
    """The proof in a certificate that claims to be about this network and query.

    Raises:
        Rejection: not a certificate, of another format, network or query, or not of its size.
    """
    if len(data) > MAX_BYTES:
        raise Rejection("container", f"{len(data)} bytes (at most {MAX_BYTES} are read)")
    head = len(MAGIC)
    if data[:head] != MAGIC:
        is_old = FORMAT_1 in data[:MAX_HEADER]
        hint = "; python -m verifai.proof NETWORK QUERY CERTIFICATE OUT upgrades it" * is_old
        raise Rejection("format", f"this is no certificate of format 2{hint}")
    for name, expected in (("network", network_digest), ("query", query_digest)):
        if data[head : head + DIGEST].hex() != expected:
            raise Rejection("digest", f"the certificate is about another {name}")
        head += DIGEST
    body = _inflated(data, head)
    size = 8 * len(COUNTS)
    if len(body) < size:
        raise Rejection("container", f"{len(body)} bytes are less than its counts")
    counts = dict(zip(COUNTS, np.frombuffer(body, "<i8", len(COUNTS)).tolist(), strict=True))
    if min(counts.values()) < 0 or (counts["codes"] > 0) != (counts["width"] > 0):
        raise Rejection("container", "counts that are none")
    kinds = [counts[name] for name in COUNTS[: len(Kind)]]
    lengths = counts | {"nodes": sum(kinds), "codes": counts["codes"] * counts["width"]}
    arrays: dict[str, Array] = {}
    for name, column in COLUMNS.items():
        count, start = lengths[column.owner], size
        size += count * np.dtype(column.dtype).itemsize
        if size > len(body):
            raise Rejection("container", f"the file ends before {name} does")
        arrays[name] = np.frombuffer(body, column.dtype, count, start)
    if size != len(body):
        raise Rejection("container", f"{len(body) - size} bytes behind the last column")
    if lengths["nodes"] > MAX_NODES:
        raise Rejection("tree", f"{lengths['nodes']} nodes (at most {MAX_NODES} are read)")
    if np.bincount(arrays["tree"], minlength=len(Kind)).tolist() != kinds:
        raise Rejection("tree", "records and tree nodes differ in number")
    arrays["codes"] = arrays["codes"].reshape(counts["codes"], counts["width"])
    return Proof(**arrays, work=(counts["followed"], counts["summed"]))


def _inflated(data: bytes, head: int) -> bytes:
    """What is compressed behind the head, of the size that the 8 bytes there say."""
    free, rate = INFLATED
    size = int.from_bytes(data[head : head + 8], "little")
    if size > min(MAX_BYTES, free + rate * len(data)):
        raise Rejection("container", f"{size} bytes in a file of {len(data)} are too many")
    stream = zlib.decompressobj()
    try:
        body = stream.decompress(data[head + 8 :], size + 1)
    except zlib.error as error:
        raise Rejection("container", f"not compressed as it should be: {error}") from None
    if len(body) != size or not stream.eof or stream.unused_data:
        raise Rejection("container", f"what is compressed are not {size} bytes, or more follows")
    return body


def check_form(proof: Proof, network: Network) -> None:
    """Rejection unless every index points at something and everything is pointed at."""
    of_kinds = zip(network.nodes, network.sizes, strict=True)
    width = sum(size for node, size in of_kinds if isinstance(node, Pwl)) if len(proof.codes) else 0
    counts = {column.owner: len(getattr(proof, name)) for name, column in COLUMNS.items()}
    counts |= {"kinds": len(Kind), "entry_kinds": SLOPE + 4}
    counts |= {"values": network.offsets[-1], "layers": len(network.nodes)}
    for name, column in COLUMNS.items():
        array = getattr(proof, name)
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise Rejection("range", f"{name} holds NaN or infinity")
        low = None if column.low is None else column.low - counts.get(column.below, 0)
        if low is not None and (array < low).any():
            raise Rejection("range", f"{name} has an entry below {low}")
        if column.high and (array >= counts[column.high]).any():
            raise Rejection("range", f"{name} has an entry above {counts[column.high] - 1}")
    if not counts["nodes"]:
        raise Rejection("tree", "a tree of no nodes")
    for name, start, total in (
        ("plans", proof.plan_start, counts["steps"]),
        ("forms", proof.form_start, counts["terms"]),
        ("blocks", proof.block_start, counts["entries"]),
    ):
        if start[-1] != total:
            raise Rejection("table", f"the {name} do not own all that they could, or more")
    if proof.codes.shape[1] != width:
        raise Rejection("range", f"codes of {proof.codes.shape[1]} values, not {width}")
    slopes, values = proof.entry_kind >= SLOPE, proof.entry_index[proof.entry_kind != ROW]
    if ((values < 0) | (values >= counts["values"])).any():
        raise Rejection("range", "an entry on a value that the network does not have")
    if not np.isin(np.flatnonzero(slopes[:-1] & ~slopes[1:]) + 1, proof.block_start).all():
        raise Rejection("table", "a multiplier behind slopes of its block")
    if (proof.step_target[proof.step_block <= IMAGE] < 0).any():
        raise Rejection("range", "the image, or plain bounds, of a form")
    images = proof.step_target[proof.step_block == IMAGE].tolist()
    if any(isinstance(network.nodes[node], Input) for node in images):
        raise Rejection("range", "the image of an input")
    for name, uses in (
        ("plans", (proof.derive_plan,)),
        ("forms", (-1 - proof.split_form, -1 - proof.step_target)),
        ("blocks", (proof.close_block, proof.step_block)),
        ("codes", (proof.block_codes,)),
    ):
        used = np.zeros(counts[name], dtype=bool)
        for use in uses:
            used[use[use >= 0]] = True
        if not used.all():
            raise Rejection("used", f"{(~used).sum()} of {len(used)} {name} are never used")
