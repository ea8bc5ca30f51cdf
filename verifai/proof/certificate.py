"""The certificate as it is written; docs/certificate-format.md says what stands in it.

May import: numpy, kernel. Must not know: what a proof proves.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import replace
from math import ceil
from typing import Any

import numpy as np

from verifai.kernel.files.certificate import COLUMNS, COUNTS, INFLATED, MAGIC, Kind, Proof
from verifai.kernel.limits import asked
from verifai.kernel.query import Query

LEVEL = 6  # 9 takes ten times as long for a tenth less
UNLIMITED = (1 << 63) - 1


def proof_of(columns: Mapping[str, Any]) -> Proof:
    """The proof of these columns; those that are not there are empty."""
    arrays = {
        name: np.asarray(columns.get(name, ()), dtype=column.dtype)
        for name, column in COLUMNS.items()
    }
    if arrays["codes"].ndim != 2:
        arrays["codes"] = np.zeros((0, 0), dtype=np.uint8)
    return Proof(**arrays, work=(UNLIMITED, UNLIMITED))


def counted(proof: Proof, query: Query) -> Proof:
    """The proof with a statement of the work that it asks for about a query."""
    steps, terms = asked(proof, query.network, query.longest)
    return replace(proof, work=(ceil(steps.followed), ceil(terms.followed)))


def encode_certificate(proof: Proof, network_digest: str, query_digest: str) -> bytes:
    """The certificate's bytes; equal proofs give equal bytes.

    Args:
        proof: of any form; the reader judges it.
        network_digest: of the network's file, hexadecimal.
        query_digest: of the query's file, hexadecimal.
    """
    lengths = {column.owner: len(getattr(proof, name)) for name, column in COLUMNS.items()}
    lengths["points"] = int((proof.tree == Kind.POINT).sum())
    lengths |= {"width": proof.codes.shape[1], "followed": proof.work[0], "summed": proof.work[1]}
    counts = np.array([lengths[name] for name in COUNTS], dtype="<i8")
    columns = (np.asarray(getattr(proof, name), c.dtype) for name, c in COLUMNS.items())
    body = b"".join([counts.tobytes(), *(column.tobytes() for column in columns)])
    digests = bytes.fromhex(network_digest) + bytes.fromhex(query_digest)
    return MAGIC + digests + len(body).to_bytes(8, "little") + _deflated(body)


def _deflated(body: bytes) -> bytes:
    """The body compressed, as far as the reader allows."""
    small = zlib.compress(body, LEVEL)
    free, rate = INFLATED
    if len(body) <= free + rate * len(small):
        return small
    stream = zlib.compressobj(LEVEL, strategy=zlib.Z_HUFFMAN_ONLY)  # at most 8 : 1
    return stream.compress(body) + stream.flush()
