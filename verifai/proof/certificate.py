"""The certificate as it is written; docs/certificate-format.md says what stands in it.

May import: numpy, kernel.files, proof.container. Must not know: what a proof proves.
"""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from verifai.kernel.files.certificate import FORMAT, TYPES, Proof, rows_named
from verifai.kernel.files.packed import DEFAULT_CODE
from verifai.kernel.operator import Array
from verifai.proof.container import pack


def encode_certificate(proof: Proof, network_digest: str, query_digest: str) -> bytes:
    """The certificate's bytes; equal proofs give equal bytes."""
    metadata = {
        "format": FORMAT,
        "network": network_digest,
        "query": query_digest,
        "semantics": "real",
    }
    arrays = {
        f.name: np.asarray(getattr(proof, f.name), dtype=TYPES[f.name]) for f in fields(Proof)
    }
    smaller = packed_codes(proof.codes)
    gain = proof.codes.size - sum(a.size for a in smaller.values())
    if gain > 0 and rows_named(arrays) == len(proof.codes):
        del arrays["codes"]
        arrays |= smaller
    return pack(metadata, {name: array for name, array in arrays.items() if array.size})


def packed_codes(codes: Array) -> dict[str, Array]:
    """A matrix of codes (rows, columns) as a bit for each, column by column, and those not default.

    `code_mask` is (columns, ⌈rows/8⌉), the first row in the highest bit; `code` goes by columns.
    """
    given = codes.T != DEFAULT_CODE
    return {"code_mask": np.packbits(given, axis=1), "code": codes.T[given]}
