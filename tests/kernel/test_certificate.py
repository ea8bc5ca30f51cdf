"""What is no proof at all: every way in which the data themselves can be wrong."""

from dataclasses import fields
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
from verifai.kernel.files.certificate import MAX_DEPTH, Proof, decode_certificate
from verifai.kernel.files.container import unpack
from verifai.kernel.files.packed import unpacked_codes
from verifai.kernel.query import Query
from verifai.proof.certificate import encode_certificate, packed_codes
from verifai.proof.container import pack
from verifai.proof.files import Files

GOOD: dict[str, list[Any]] = {
    "tree": [2, 3],
    "derive_plan": [0],
    "plan_start": [0, 2],
    "step_target": [2, -1],
    "step_block": [-1, -1],
    "form_start": [0, 2],
    "form_value": [0, 1],
    "form_factor": [1.0, 1.0],
    "close_block": [0],
    "block_lambda": [0, 1],
    "lambda_row": [0],
    "lambda_factor": [1.0],
    "block_mu": [0, 1],
    "mu_value": [0],
    "mu_factor": [0.0],
    "block_slope": [0, 1],
    "slope_value": [4],
    "slope_place": [0],
    "slope": [0.5],
    "block_codes": [0],
    "codes": [[255, 255]],
}
BAD: list[tuple[str, dict[str, object]]] = [
    ("tree", {"tree": []}),
    ("range", {"tree": [2, 9]}),
    ("tree", {"tree": [2, 2], "derive_plan": [0, 0], "close_block": [], "step_block": [0, -1]}),
    ("tree", {"tree": [2, 3, 3], "close_block": [0, 0]}),
    ("tree", {"derive_plan": [0, 0]}),
    ("tree", {"close_block": [0, 0]}),
    ("tree", {"split_form": [0], "split_at": [0.0]}),
    ("tree", {"choose_or": [0]}),
    ("table", {"plan_start": [0, 1]}),
    ("table", {"plan_start": [1, 2]}),
    ("table", {"plan_start": [0, 3]}),
    ("table", {"step_block": [-1]}),
    ("table", {"form_start": [0, 2, 1, 2], "step_target": [-2, -3]}),
    ("table", {"lambda_factor": [1.0, 1.0]}),
    ("table", {"block_mu": [0, 1, 1]}),
    ("table", {"block_codes": [0, -1]}),
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
    ("range", {"mu_value": [7]}),
    ("range", {"mu_value": [-1]}),
    ("range", {"slope_value": [7]}),
    ("range", {"slope_value": [-1]}),
    ("range", {"slope_place": [4]}),
    ("range", {"slope_place": [2]}),
    ("range", {"codes": [[255]]}),
    ("used", {"codes": [[255, 255], [0, 0]]}),
    ("used", {"plan_start": [0, 2, 2]}),
    ("used", {"form_start": [0, 2, 3], "form_value": [0, 1, 0], "form_factor": [1.0] * 3}),
    ("used", {"block_lambda": [0, 1, 1], "block_mu": [0, 1, 1], "block_slope": [0, 1, 1],
              "block_codes": [0, -1]}),
    ("form", {"form_value": [1, 1]}),
    ("form", {"form_factor": [1.0, 0.0]}),
    ("form", {"form_start": [0, 0, 2], "step_target": [-1, -2]}),
    ("multiplier", {"lambda_row": [2]}),
    ("multiplier", {"lambda_row": [-3]}),
    ("multiplier", {"lambda_factor": [-1.0]}),
    ("close", {"lambda_factor": [0.0]}),
    ("range", {"tree": [0, 3, 3], "split_form": [7], "split_at": [0.0], "close_block": [0, 0],
               "derive_plan": [], "plan_start": [0], "step_target": [], "step_block": [],
               "form_start": [0], "form_value": [], "form_factor": []}),
    ("range", {"tree": [1, 3], "choose_or": [0], "choose_count": [0], "derive_plan": []}),
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


def changed(metadata: dict[str, str] | None = None, **arrays: np.ndarray) -> bytes:
    good = proof(**GOOD)
    full = {f.name: getattr(good, f.name) for f in fields(Proof)} | arrays
    start = {"format": "verifai-certificate-1", "semantics": "real"}
    start |= dict(zip(("network", "query"), FILES.digests, strict=True))
    return pack(start | (metadata or {}), {k: v for k, v in full.items() if v.size})


def packed(**arrays: np.ndarray) -> bytes:
    """The good proof with packed codes, the second of which is 128; then changed."""
    given = {
        "codes": np.zeros((0, 0), dtype=np.uint8),
        "code_mask": np.array([[0], [0x80]], dtype=np.uint8),
        "code": np.array([128], dtype=np.uint8),
    }
    return changed(**(given | arrays))


BYTES = {
    "table-packed-twice": packed(codes=np.array([[255, 128]], dtype=np.uint8)),
    "table-packed-no-mask": packed(code_mask=np.zeros((0, 0), dtype=np.uint8)),
    "table-packed-wide": packed(code_mask=np.array([[0, 0], [0x80, 0]], dtype=np.uint8)),
    "table-packed-behind": packed(code_mask=np.array([[0], [0xC0]], dtype=np.uint8)),
    "table-packed-few": packed(code=np.zeros(0, dtype=np.uint8)),
    "table-packed-many": packed(code=np.array([128, 0], dtype=np.uint8)),
    "table-packed-default": packed(code=np.array([255], dtype=np.uint8)),
    "table-packed-no-block": packed(block_codes=np.array([-1], dtype=np.int32)),
    "table-packed-far": packed(block_codes=np.array([1 << 30], dtype=np.int32)),
    "used-packed": packed(
        block_codes=np.array([9], dtype=np.int32),
        code_mask=np.array([[0, 0], [0, 0x40]], dtype=np.uint8),
    ),
    "range-packed": packed(code_mask=np.array([[0], [0], [0x80]], dtype=np.uint8)),
    "format-packed-axes": packed(code=np.array([[128]], dtype=np.uint8)),
    "format-packed-type": packed(code=np.array([128], dtype=np.int32)),
    "container-empty": b"",
    "container-short": changed()[:-1],
    "container-long": changed() + b"\0",
    "container-nan": changed().replace(np.array([0.5]).tobytes(), np.array([np.nan]).tobytes()),
    "container-header": (1 << 20).to_bytes(8, "little") + b" " * (1 << 20),
    "container-nested": (8).to_bytes(8, "little") + b"[" * 8,
    "format-name": changed({"format": "verifai-certificate-2"}),
    "format-semantics": changed({"semantics": "float32"}),
    "format-more": changed({"note": "trust me"}),
    "format-array": changed(extra=np.zeros(1)),
    "format-type": changed(tree=np.array([2, 3], dtype=np.int32)),
    "format-axes": changed(slope=np.array([[0.5]])),
    "digest-network": changed({"network": "m"}),
    "digest-query": changed({"query": "p"}),
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
        checked(changed())
    monkeypatch.undo()
    monkeypatch.setattr(certificate, "MAX_NODES", 1)
    with pytest.raises(Rejection, match="tree"):
        checked(changed())


def test_a_path_deeper_than_the_limit_is_rejected() -> None:
    for depth, accepts in ((MAX_DEPTH, True), (MAX_DEPTH + 1, False)):
        arrays = GOOD | {
            "tree": [2] * depth + [3],
            "derive_plan": [0] * depth,
            "plan_start": [0, 0],
            "step_target": [],
            "step_block": [],
            "form_start": [0],
            "form_value": [],
            "form_factor": [],
        }
        arrays["lambda_factor"] = [1.0]
        query = query_of(ABS, at_least(X, fmpq(2)))
        if accepts:
            assert decide(query, proof(**arrays), exact=False).nodes == depth + 1
        else:
            rejected(query, proof(**arrays), "tree", exact=False)


def test_packed_codes_are_the_codes_that_they_stand_for() -> None:
    proofs = [
        decode_certificate(data, *FILES.digests)
        for data in (packed(), changed(codes=np.array([[255, 128]], dtype=np.uint8)))
    ]
    assert proofs[0].codes.tolist() == proofs[1].codes.tolist() == [[255, 128]]
    assert checked(packed()).nodes == 2


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_codes_are_packed_where_that_is_smaller(rows: int, columns: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    share = random.random()
    codes = np.where(random.random((rows, columns)) < share, random.integers(129), 255)
    codes = codes.astype(np.uint8)
    arrays = packed_codes(codes)
    assert (unpacked_codes(arrays, rows) == codes).all()
    assert arrays["code_mask"].size == columns * -(-rows // 8)
    blocks = {"block_codes": list(range(rows)), "close_block": [0], "codes": codes}
    starts = {name: [0] * (rows + 1) for name in ("block_lambda", "block_mu", "block_slope")}
    none: dict[str, list[float]] = {
        name: []
        for name in [
            "lambda_row",
            "lambda_factor",
            "mu_value",
            "mu_factor",
            "slope_value",
            "slope",
            "slope_place",
        ]
    }
    data = encode_certificate(proof(**(GOOD | blocks | starts | none)), "n", "q")
    written_arrays = unpack(data, max_header=1 << 16)[1]
    is_smaller = sum(a.size for a in arrays.values()) < codes.size
    assert ("code_mask" in written_arrays) == is_smaller
    assert ("codes" in written_arrays) == (not is_smaller)


@given(st.integers(0, 10**6), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_certificates_round_trip_byte_for_byte(seed: int, depth: int) -> None:
    network = random_network(seed % 50)
    tree: Tree = Close(Block(rows=((0, seed / 7),), bounds=((0, -0.5),)))
    for level in range(depth):
        form = level % network.sizes[0] if seed >> level & 1 else ((0, 1.5), (1, -2.0))
        tree = Split(form, seed / 3, Derive(plan_of(network), tree), tree)
    data = encode_certificate(written(tree), "n", "q")
    assert encode_certificate(decode_certificate(data, "n", "q"), "n", "q") == data
