"""What a file of evidence holds: network, query, and a certificate or a counterexample.

Reading one compares digests and sizes, and judges nothing: only the kernel does.

May import: kernel, the floor's own writers. Must not know: verdicts, searches.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flint import fmpq

from verifai import __version__
from verifai.kernel.check import MAX_NETWORK
from verifai.kernel.errors import InputError, Rejection
from verifai.kernel.files.certificate import MAX_BYTES
from verifai.kernel.files.container import ContainerError, digest, parse_json
from verifai.kernel.files.query import MAX_QUERY
from verifai.kernel.number import rational, text
from verifai.proof.archive import MAX_ARCHIVE, pack_archive, unpack_archive
from verifai.proof.files import Files

EVIDENCE_FORMAT = "verifai-evidence-1"
HEAD, NETWORK, QUERY = "evidence.json", "network", "query.json"
CERTIFICATE, COUNTEREXAMPLE = "certificate", "counterexample.json"
LIMITS = {
    HEAD: 1 << 16,
    NETWORK: min(MAX_NETWORK, MAX_ARCHIVE),
    QUERY: MAX_QUERY,
    CERTIFICATE: min(MAX_BYTES, MAX_ARCHIVE),
    COUNTEREXAMPLE: MAX_QUERY,
}
KINDS = {"verified": CERTIFICATE, "falsified": COUNTEREXAMPLE}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is claimed of a query, and what is to show it. Nothing here has been judged.

    Attributes:
        files: the canonical files of the network and the query.
        certificate: the bytes of a certificate; None where a counterexample is claimed.
        inputs: of a counterexample, exact; None where a proof is claimed.
        versions: of the programs that wrote it, by name. They say nothing about what holds.
    """

    files: Files
    certificate: bytes | None = None
    inputs: tuple[fmpq, ...] | None = None
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def status(self) -> str:
        """What is claimed: "verified" or "falsified"."""
        return "falsified" if self.certificate is None else "verified"


def write_evidence(evidence: Evidence) -> bytes:
    """The file; equal evidence, written by equal versions, is equal bytes.

    Raises:
        InputError: it does not fit into a file.
    """
    if evidence.certificate is not None:
        data = evidence.certificate
    else:
        inputs = [f'"{text(x)}"' for x in evidence.inputs or ()]
        data = ('{"inputs": [\n' + ",\n".join(inputs) + "\n]}\n").encode()
    shown = {NETWORK: evidence.files.network, QUERY: evidence.files.query}
    shown[KINDS[evidence.status]] = data
    head = {
        "format": EVIDENCE_FORMAT,
        "status": evidence.status,
        "digests": {name: digest(part) for name, part in shown.items()},
        "versions": dict(evidence.versions) or versions(),
    }
    if any(len(part) > LIMITS[name] for name, part in shown.items()):
        raise InputError("a network, query or proof that is too large for a file of evidence")
    return pack_archive({HEAD: (json.dumps(head, indent=1) + "\n").encode(), **shown})


def read_evidence(data: bytes) -> Evidence:
    """What is claimed in a file, whose parts are those that its head names by their digests.

    Args:
        data: untrusted bytes.

    Raises:
        Rejection: the bytes are no file of evidence, or a part is not what the head says.
    """
    parts = unpack_archive(data, LIMITS)
    head = _json(parts.pop(HEAD, b"null"), HEAD)
    if not isinstance(head, dict) or head.get("format") != EVIDENCE_FORMAT:
        raise Rejection("format", f"{HEAD}: a head of format {EVIDENCE_FORMAT} is wanted")
    kind = KINDS.get(_text(head.get("status")))
    if kind is None or set(parts) != {NETWORK, QUERY, kind}:
        raise Rejection("format", f"{HEAD}: the status does not fit the entries {', '.join(parts)}")
    said, written = head.get("digests"), head.get("versions")
    if not isinstance(said, dict) or not isinstance(written, dict):
        raise Rejection("format", f"{HEAD}: digests and versions are wanted")
    for name, part in parts.items():
        if said.get(name) != digest(part):
            raise Rejection("digest", f"the entry {name} is not the one that {HEAD} names")
    by = {_text(name): _text(version) for name, version in written.items()}
    files = Files(parts[NETWORK], parts[QUERY])
    if kind == CERTIFICATE:
        return Evidence(files, parts[kind], versions=by)
    return Evidence(files, inputs=_inputs(parts[kind]), versions=by)


def versions() -> dict[str, str]:
    """Of what computes here, by name."""
    import flint
    import numpy as np

    python = ".".join(map(str, sys.version_info[:3]))
    return {
        "verifai": __version__,
        "python": python,
        "numpy": np.__version__,
        "python-flint": flint.__version__,
    }


def _json(data: bytes, name: str) -> Any:
    try:
        return parse_json(str(data, "utf-8"))
    except (ContainerError, UnicodeDecodeError) as error:
        raise Rejection("format", f"{name}: {error}") from None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Rejection("format", f"{HEAD}: text is wanted, not {type(value).__name__}")
    return value


def _inputs(data: bytes) -> tuple[fmpq, ...]:
    found = _json(data, COUNTEREXAMPLE)
    listed = found.get("inputs") if isinstance(found, dict) and len(found) == 1 else None
    if not isinstance(listed, list):
        raise Rejection("format", f"{COUNTEREXAMPLE}: a list of inputs is wanted")
    try:
        return tuple(rational(_text(each)) for each in listed)
    except InputError as error:
        raise Rejection("format", f"{COUNTEREXAMPLE}: {error}") from None
