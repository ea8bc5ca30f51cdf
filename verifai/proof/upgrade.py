"""Certificates of format 1, written anew in format 2; the kernel judges what comes out.

Format 1 had its arrays in a container with names. Its starts of tables are sizes now, the three
tables of a block's entries are one, and codes are packed no more.

May import: numpy, kernel, the floor's own writers. Must not know: what a proof proves.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from verifai.kernel.errors import Rejection
from verifai.kernel.files.certificate import (
    BOUND,
    COLUMNS,
    MAGIC,
    ROW,
    SLOPE,
    check_form,
    decode_certificate,
)
from verifai.kernel.files.container import Array, ContainerError, digest, unpack
from verifai.proof.certificate import encode_certificate, proof_of
from verifai.proof.files import Files
from verifai.proof.query import encode_query

FORMAT_1 = "verifai-certificate-1"
MAX_HEADER = 1 << 16
DIGITS = b"0123456789"
NETWORK, QUERY = b"verifai-network-", b"verifai-query-"
IR_VERSION, MAX_IR_VERSION = b"\x08", 32  # how ONNX files begin: the version of their format
MAX_CODES = 1 << 28
DEFAULT_CODE = 255
KEPT = {
    name: column.dtype
    for name, column in COLUMNS.items()
    if not name.startswith("entry") and not name.endswith("size")
}
OLD = {
    **dict.fromkeys(("plan_start", "form_start", "block_lambda", "block_mu", "block_slope"), "<i4"),
    **dict.fromkeys(("lambda_row", "mu_value", "slope_value"), "<i4"),
    **dict.fromkeys(("lambda_factor", "mu_factor", "slope"), "<f8"),
    **dict.fromkeys(("slope_place", "code_mask", "code"), "u1"),
}
TYPES = {name: np.dtype(dtype) for name, dtype in (KEPT | OLD).items()}


def upgraded(certificate: bytes, files: Files) -> bytes:
    """The certificate in format 2, about these files; one that is not of format 1 as it is.

    What is no certificate of any format is called so.

    Args:
        certificate: untrusted bytes.
        files: of the statement that it is checked against.

    Raises:
        Rejection: no certificate, or one of format 1 that is badly formed, or about other files.
    """
    head = certificate[: 8 + MAX_HEADER]
    if head.startswith(MAGIC.rstrip(DIGITS)):  # of a newer format, too: the kernel says so
        return certificate
    if FORMAT_1.encode() not in head:
        raise Rejection("format", f"this is no certificate{_seen(head)}")
    try:
        metadata, arrays = unpack(certificate, max_header=MAX_HEADER)
    except ContainerError as error:
        raise Rejection("container", str(error)) from None
    for name, known in zip(("network", "query"), _digests(files), strict=True):
        if metadata.pop(name, "") not in known:
            raise Rejection("digest", f"the certificate is about another {name}")
    if metadata != {"format": FORMAT_1, "semantics": "real"}:
        raise Rejection("format", f"not a {FORMAT_1} over the reals")
    for name, array in arrays.items():
        axes = 2 if name in ("codes", "code_mask") else 1
        if TYPES.get(name) != array.dtype or array.ndim != axes or not array.size:
            raise Rejection("format", f"an unknown array, or of another type or shape: {name}")
    draft = encode_certificate(proof_of(_columns(arrays)), *files.digests)
    proof = decode_certificate(draft, *files.digests)  # the reader says what does not fit
    check_form(proof, files.question.network)
    return files.certificate(proof)


def _seen(head: bytes) -> str:
    """What a file that is no certificate seems to be, in brackets; nothing if nobody can tell."""
    if not head:
        return " (there is nothing in it)"
    if head.lstrip()[:1] in (b"(", b";"):
        return " (it looks like a VNN-LIB file)"
    if head[:1] == IR_VERSION and len(head) > 1 and head[1] < MAX_IR_VERSION:
        return " (it looks like an ONNX file)"
    for name, kind in ((NETWORK, "network"), (QUERY, "query")):
        if name in head:
            return f" (it is the file of the {kind}, which lies beside one)"
    return ""


def _digests(files: Files) -> tuple[set[str], set[str]]:
    """What format 1 called the files; its queries did not say what they assume."""
    network, query = files.digests
    silent = replace(files.question, assumptions=())
    return {network}, {query, digest(encode_query(silent, network))}


def _columns(arrays: dict[str, Array]) -> dict[str, Any]:
    """The columns of format 2 that say the same as the arrays."""
    found = {name: np.zeros(0, dtype) for name, dtype in TYPES.items()} | arrays
    return {
        **{name: found[name] for name in KEPT},
        "plan_size": _sizes(arrays, "plan_start", len(found["step_target"])),
        "form_size": _sizes(arrays, "form_start", len(found["form_value"])),
        **_entries(arrays, found),
        "codes": _codes(arrays),
    }


def _sizes(arrays: dict[str, Array], name: str, entries: int) -> Array:
    """The sizes of a table's items from their starts."""
    start = arrays.get(name, np.zeros(1, np.int32)).astype(np.int64)
    sizes = np.diff(start)
    if start[0] != 0 or start[-1] != entries or (sizes < 0).any():
        raise Rejection("table", f"{name} does not tile its {entries} entries")
    return sizes


def _entries(arrays: dict[str, Array], found: dict[str, Array]) -> dict[str, Array]:
    """The three tables of blocks as one: rows, bounds and slopes of each block in that order."""
    blocks, kinds, places, numbers = [], [], [], []
    for start, kind, index, number in (
        ("block_lambda", ROW, "lambda_row", "lambda_factor"),
        ("block_mu", BOUND, "mu_value", "mu_factor"),
        ("block_slope", SLOPE, "slope_value", "slope"),
    ):
        sizes, count = _sizes(arrays, start, len(found[index])), len(found["block_codes"])
        extra = found["slope_place"] if kind == SLOPE else np.zeros(len(found[index]), np.uint8)
        if len(sizes) != count or not len(found[number]) == len(extra) == len(found[index]):
            raise Rejection("table", "tables of blocks, or their entries, differ in length")
        blocks.append(np.repeat(np.arange(count), sizes))
        kinds.append(np.minimum(extra, DEFAULT_CODE - kind) + kind)
        places.append(found[index])
        numbers.append(found[number])
    owner = np.concatenate(blocks)
    order = np.argsort(owner, kind="stable")
    return {
        "block_size": np.bincount(owner, minlength=len(found["block_codes"])),
        "entry_kind": np.concatenate(kinds)[order],
        "entry_index": np.concatenate(places)[order],
        "entry_number": np.concatenate(numbers)[order],
    }


def _codes(arrays: dict[str, Array]) -> Array:
    """The matrix of codes, which may be packed as a bit for each and those that are not default."""
    if not {"code_mask", "code"} & arrays.keys():
        return arrays.get("codes", np.zeros((0, 0), np.uint8))
    mask, code = arrays.get("code_mask"), arrays.get("code", np.zeros(0, np.uint8))
    rows = int(arrays.get("block_codes", np.zeros(0, np.int32)).max(initial=-1)) + 1
    if mask is None or "codes" in arrays:
        raise Rejection("table", "codes both packed and not, or without their mask")
    if mask.shape[1] != (rows + 7) // 8 or len(mask) * rows > MAX_CODES:
        raise Rejection("table", f"a mask of shape {mask.shape} for {rows} rows of codes")
    given = np.unpackbits(mask, axis=1, count=rows).view(bool)
    if int(given.sum()) != len(code) or (np.packbits(given, axis=1) != mask).any():
        raise Rejection("table", f"{len(code)} codes for {int(given.sum())} bits, or more bits")
    codes = np.full((rows, len(mask)), DEFAULT_CODE, dtype=np.uint8)
    codes.T[given] = code
    return codes
