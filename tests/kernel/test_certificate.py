"""What is no proof at all: every way in which the data themselves can be wrong."""

import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flint import fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernel.distance import ABS, BOTH, X, at_least, far, query_of, rejected
from tests.kernel.proofs import (
    Block,
    Close,
    Derive,
    Split,
    Tree,
    decide,
    plan_of,
    proof,
    random_network,
    written,
)
from verifai.kernel.check import check
from verifai.kernel.checker import Accepted
from verifai.kernel.errors import Rejection
from verifai.kernel.files.certificate import COUNTS, MAGIC, MAX_DEPTH, decode_certificate
from verifai.kernel.query import Query
from verifai.proof.certificate import encode_certificate, proof_of
from verifai.proof.files import Files

HERE = Path(__file__).parent
HEAD = 80  # bytes before what is compressed
GOOD: dict[str, list[Any]] = {
    "tree": [2, 3],
    "derive_plan": [0],
    "plan_size": [2],
    "step_target": [2, -1],
    "step_block": [-1, -1],
    "form_size": [2],
    "form_value": [0, 1],
    "form_factor": [1.0, 1.0],
    "close_block": [0],
    "block_size": [3],
    "block_codes": [0],
    "entry_kind": [0, 1, 2],
    "entry_index": [0, 0, 4],
    "entry_number": [1.0, 0.0, 0.5],
    "codes": [[255, 255]],
}
BAD: list[tuple[str, dict[str, object]]] = [
    ("tree", {"tree": [], "derive_plan": [], "close_block": []}),
    ("tree", {"tree": [2, 9]}),
    ("tree", {"tree": [2, 2], "derive_plan": [0, 0], "close_block": [], "step_block": [0, -1]}),
    ("tree", {"tree": [2, 3, 3], "close_block": [0, 0]}),
    ("tree", {"derive_plan": [0, 0], "close_block": []}),
    ("tree", {"close_block": [0, 0], "derive_plan": []}),
    ("tree", {"close_block": [], "split_form": [0], "split_at": [0.0]}),
    ("tree", {"tree": [3, 2]}),
    ("container", {"choose_or": [0]}),
    ("container", {"step_block": [-1]}),
    ("container", {"entry_number": [1.0, 0.0]}),
    ("container", {"block_codes": [0, -1]}),
    ("table", {"plan_size": [1]}),
    ("table", {"plan_size": [3]}),
    ("table", {"form_size": [1]}),
    ("table", {"block_size": [2]}),
    ("table", {"block_size": [4]}),
    ("table", {"entry_kind": [0, 2, 1], "entry_index": [0, 4, 0]}),
    ("table", {"entry_kind": [2, 0, 1], "entry_index": [4, 0, 0]}),
    ("range", {"plan_size": [-1, 3], "tree": [2, 2, 3], "derive_plan": [0, 1]}),
    ("range", {"form_size": [3, -1], "step_target": [-1, -2]}),
    ("range", {"block_size": [4, -1], "block_codes": [0, -1], "step_block": [-1, 1]}),
    ("range", {"derive_plan": [1]}),
    ("range", {"derive_plan": [-1]}),
    ("range", {"close_block": [1]}),
    ("range", {"close_block": [-1]}),
    ("range", {"step_block": [-4, -1]}),
    ("range", {"step_block": [1, -1]}),
    ("range", {"block_codes": [1]}),
    ("range", {"block_codes": [-2]}),
    ("range", {"step_target": [2, -2]}),
    ("range", {"step_target": [4, -1]}),
    ("range", {"form_value": [0, 7]}),
    ("range", {"form_value": [-1, 1]}),
    ("range", {"entry_index": [0, 7, 4]}),
    ("range", {"entry_index": [0, -1, 4]}),
    ("range", {"entry_index": [0, 0, 7]}),
    ("range", {"entry_index": [0, 0, -1]}),
    ("range", {"entry_kind": [0, 1, 6]}),
    ("range", {"entry_kind": [0, 1, 4]}),
    ("range", {"entry_number": [1.0, 0.0, np.nan]}),
    ("range", {"entry_number": [np.inf, 0.0, 0.5]}),
    ("range", {"form_factor": [1.0, -np.inf]}),
    ("range", {"codes": [[255]]}),
    ("range", {"codes": [[255, 255, 255]]}),
    ("used", {"codes": [[255, 255], [0, 0]]}),
    ("used", {"plan_size": [2, 0]}),
    ("used", {"form_size": [2, 1], "form_value": [0, 1, 0], "form_factor": [1.0] * 3}),
    ("used", {"block_size": [3, 0], "block_codes": [0, -1]}),
    ("form", {"form_value": [1, 1]}),
    ("form", {"form_factor": [1.0, 0.0]}),
    ("form", {"form_size": [0, 2], "step_target": [-1, -2]}),
    ("multiplier", {"entry_index": [2, 0, 4]}),
    ("multiplier", {"entry_index": [-3, 0, 4]}),
    ("multiplier", {"entry_number": [-1.0, 0.0, 0.5]}),
    ("close", {"entry_number": [0.0, 0.0, 0.5]}),
    ("range", {"tree": [0, 3, 3], "split_form": [7], "split_at": [0.0], "close_block": [0, 0],
               "derive_plan": [], "plan_size": [], "step_target": [], "step_block": [],
               "form_size": [], "form_value": [], "form_factor": []}),
    ("range", {"tree": [0, 3, 3], "split_form": [1], "split_at": [np.nan], "close_block": [0, 0],
               "derive_plan": [], "plan_size": [], "step_target": [], "step_block": [],
               "form_size": [], "form_value": [], "form_factor": []}),
    ("range", {"tree": [1, 3], "choose_or": [0], "choose_count": [0], "derive_plan": [],
               "plan_size": [], "step_target": [], "step_block": [],
               "form_size": [], "form_value": [], "form_factor": []}),
    ("range", {"step_block": [-1, -2]}),
    ("range", {"step_block": [-2, -1], "step_target": [0, -1]}),
    ("range", {"step_block": [-1, -3]}),
]  # fmt: skip


def good_query() -> Query:
    return query_of(ABS, far(5))


@BOTH
def test_the_good_proof_is_good(exact: bool) -> None:
    assert decide(good_query(), proof(**GOOD), exact=exact).nodes == 2


@BOTH
@pytest.mark.parametrize(("rule", "change"), BAD, ids=[f"{r}-{i}" for i, (r, _) in enumerate(BAD)])
def test_bad_data_is_rejected_by_name(rule: str, change: dict[str, object], exact: bool) -> None:
    rejected(good_query(), proof(**(GOOD | change)), rule, exact=exact)


FILES = Files.of(good_query())


def checked(data: bytes) -> Accepted:
    return check(FILES.network, FILES.query, data)


def good() -> bytes:
    return FILES.certificate(proof(**GOOD))


def rebuilt(body: bytes, **other: Any) -> bytes:
    """A certificate with this body; what its head says may be other than what is true."""
    digests = b"".join(map(bytes.fromhex, other.get("digests", FILES.digests)))
    size = other.get("size", len(body)).to_bytes(8, "little")
    return other.get("magic", MAGIC) + digests + size + zlib.compress(body) + other.get("more", b"")


def body_of(data: bytes) -> bytes:
    return zlib.decompress(data[HEAD:])


def counting(body: bytes, **counts: int) -> bytes:
    """A certificate of this body with other counts before its columns."""
    numbers = np.frombuffer(body, "<i8", len(COUNTS)).copy()
    for name, count in counts.items():
        numbers[COUNTS.index(name)] = count
    return rebuilt(numbers.tobytes() + body[8 * len(COUNTS) :])


BODY = body_of(good())
PLAIN = body_of(FILES.certificate(proof(**(GOOD | {"codes": [], "block_codes": [-1]}))))
OTHER = "0" * 64
BYTES = {
    "format-empty": b"",
    "format-short": good()[:7],
    "format-magic": rebuilt(BODY, magic=b"verifai3"),
    "format-one": (HERE.parent / "proof" / "format_1" / "smooth.certificate").read_bytes(),
    "digest-network": rebuilt(BODY, digests=(OTHER, FILES.digests[1])),
    "digest-query": rebuilt(BODY, digests=(FILES.digests[0], OTHER)),
    "digest-absent": good()[:40],
    "container-head": good()[: HEAD - 1],
    "container-nothing": good()[:HEAD],
    "container-cut": good()[:-1],
    "container-more": rebuilt(BODY, more=b"\0"),
    "container-second": rebuilt(BODY, more=zlib.compress(b"")),
    "container-plain": good()[:HEAD] + BODY,
    "container-checksum": good()[:-4] + bytes(4),
    "container-larger": rebuilt(BODY, size=len(BODY) + 1),
    "container-smaller": rebuilt(BODY, size=len(BODY) - 1),
    "container-none": rebuilt(BODY, size=0),
    "container-huge": rebuilt(BODY, size=1 << 63),
    "container-bomb": rebuilt(bytes(1 << 23)),
    "container-hidden-bomb": rebuilt(bytes(1 << 23), size=2000),
    "container-counts": rebuilt(BODY[: 8 * len(COUNTS) - 1]),
    "container-behind": rebuilt(BODY + b"\0"),
    "container-before": rebuilt(BODY[:-1]),
    "container-negative": counting(BODY, steps=-1),
    "container-many": counting(BODY, steps=1 << 62),
    "container-wide": counting(BODY, width=1 << 62),
    "container-wide-of-none": counting(PLAIN, width=1 << 62),
    "container-wide-of-none-1": counting(PLAIN, width=1),
    "container-rows-of-none": counting(PLAIN, codes=1 << 40),
    "container-no-width": counting(BODY, width=0),
    "container-no-codes": counting(BODY, codes=0),
    "tree-counts": counting(BODY, derives=0, closes=2),
    "work-steps": counting(BODY, followed=1),
    "work-none": counting(BODY, followed=0, summed=0),
    "work-terms": counting(BODY, summed=1),
}


@pytest.mark.parametrize("name", BYTES)
def test_bad_bytes_are_rejected_by_name(name: str) -> None:
    with pytest.raises(Rejection) as found:
        checked(BYTES[name])
    assert found.value.rule == name.split("-")[0]


def test_too_many_bytes_and_nodes_are_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    from verifai.kernel.files import certificate

    monkeypatch.setattr(certificate, "MAX_BYTES", 100)
    with pytest.raises(Rejection, match="container"):
        checked(good())
    monkeypatch.undo()
    monkeypatch.setattr(certificate, "MAX_NODES", 1)
    with pytest.raises(Rejection, match="tree"):
        checked(good())


def test_a_path_deeper_than_the_limit_is_rejected() -> None:
    for depth, accepts in ((MAX_DEPTH, True), (MAX_DEPTH + 1, False)):
        arrays = GOOD | {
            "tree": [2] * depth + [3],
            "derive_plan": [0] * depth,
            "plan_size": [0],
            "step_target": [],
            "step_block": [],
            "form_size": [],
            "form_value": [],
            "form_factor": [],
        }
        query = query_of(ABS, at_least(X, fmpq(2)))
        if accepts:
            assert decide(query, proof(**arrays), exact=False).nodes == depth + 1
        else:
            rejected(query, proof(**arrays), "tree", exact=False)


def test_a_bomb_takes_no_memory() -> None:
    for data in (BYTES["container-bomb"], BYTES["container-hidden-bomb"]):
        tracemalloc.start()
        with pytest.raises(Rejection, match="container"):
            decode_certificate(data, *FILES.digests)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert most < 1 << 18


def test_what_shrinks_too_much_is_written_so_that_it_reads() -> None:
    rows = 1 << 11
    codes = np.full((rows, 1 << 12), 255, dtype=np.uint8)
    many = proof_of({"codes": codes, "block_codes": range(rows), "block_size": [0] * rows})
    data = encode_certificate(many, *FILES.digests)
    assert len(data) < codes.size / 7
    assert (decode_certificate(data, *FILES.digests).codes == codes).all()


def test_the_work_that_a_certificate_states_is_what_it_asks_for() -> None:
    read = decode_certificate(good(), *FILES.digests)
    steps, terms = read.work
    assert steps == 2
    node, form, leaf = 2 * ABS.sizes[2], 2, 1 + 2 * 2  # a row and a bound, of two terms at most
    assert terms == node + form + leaf
    assert checked(counting(BODY, followed=steps, summed=terms)).nodes == 2
    for counts in ({"followed": steps - 1}, {"summed": terms - 1}):
        with pytest.raises(Rejection, match="work"):
            checked(counting(BODY, **counts))


def test_format_1_is_refused_with_what_to_do() -> None:
    with pytest.raises(Rejection, match=r"python -m verifai\.proof"):
        checked(BYTES["format-one"])


@pytest.mark.parametrize("data", [b"", b"(declare-const X_0 Real)", b"\x08\x07\x12"])
def test_what_is_no_certificate_is_told_nothing_of_formats_that_it_is_not_of(data: bytes) -> None:
    with pytest.raises(Rejection, match=r"^format: this is no certificate of format 2$"):
        checked(data)


@given(st.integers(0, 10**6), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_certificates_round_trip_byte_for_byte(seed: int, depth: int) -> None:
    network = random_network(seed % 50)
    tree: Tree = Close(Block(rows=((0, seed / 7),), bounds=((0, -0.5),)))
    for level in range(depth):
        form = level % network.sizes[0] if seed >> level & 1 else ((0, 1.5), (1, -2.0))
        tree = Split(form, seed / 3, Derive(plan_of(network), tree), tree)
    data = encode_certificate(written(tree), *FILES.digests)
    again = encode_certificate(decode_certificate(data, *FILES.digests), *FILES.digests)
    assert again == data
