"""Files of evidence: what they claim, judged by the kernel before anybody hears of it.

May import: api, entry, kernel, proof, verify. Must not know: the command line, stores.
"""

from __future__ import annotations

from dataclasses import replace
from os import PathLike
from pathlib import Path

from verifai.entry.rules import evidence_file, flag, network, optional
from verifai.entry.takes import takes
from verifai.kernel.errors import InputError, Rejection
from verifai.kernel.files.container import digest
from verifai.kernel.network import Network
from verifai.original.look import Misread
from verifai.proof.archive import MAX_ARCHIVE
from verifai.proof.evidence import Evidence, read_evidence
from verifai.proof.files import Files
from verifai.proof.network import encode_network
from verifai.query import Query
from verifai.verdict import Falsified, Verified
from verifai.verify import accept, confirm


@takes(path=evidence_file, net=optional(network), exact=flag)
def load_proof(
    path: str | PathLike[str], *, net: Network | None = None, exact: bool = False
) -> Verified | Falsified:
    """The verdict that a file of `verdict.save` claims, as the kernel finds it to be true now.

    What was proved, or violated, is what the verdict's `statement` says: compare it with what you
    want to know, or give the network that it should be about.

    Args:
        path: the file; nothing in it is believed.
        net: the network that the query must be about; None: the one in the file.
        exact: whether to use exact rational arithmetic throughout (slower).

    Raises:
        Rejection: the file is none of evidence, its certificate or counterexample does not stand,
            or it is about another network; the rule is named.
        InputError: there is no such file, or the kernel cannot read its network or query.
        Misread: the model that `net` was read from gives something else at a point.
    """
    return judged(read_evidence(read_file(Path(path))), net, exact=exact)


def read_file(file: Path) -> bytes:
    """The bytes of a file that is no longer than evidence can be.

    Raises:
        InputError: it is longer.
        OSError: it cannot be read.
    """
    if file.stat().st_size > MAX_ARCHIVE:
        raise InputError(f"{file}: more than {MAX_ARCHIVE} bytes: this is no file of evidence")
    return file.read_bytes()


def judged(
    evidence: Evidence, net: Network | None = None, *, exact: bool = False
) -> Verified | Falsified:
    """The verdict that evidence claims, once the kernel has accepted or replayed it.

    Args:
        evidence: what a file holds.
        net: as for `load_proof`.
        exact: as for `load_proof`.

    Raises:
        Rejection: as `load_proof`.
        InputError: as `load_proof`.
    """
    query = Query.of(evidence.files.question)
    if net is not None:
        query = replace(query, network=matched(evidence, net))
    return stands(query, evidence, exact=exact, files=evidence.files)


def matched(evidence: Evidence, net: Network) -> Network:
    """The network, if it is the one that the evidence is about.

    Raises:
        Rejection: it is another one.
    """
    if digest(encode_network(net)) != evidence.files.digests[0]:
        about = evidence.files.question.network
        raise Rejection("digest", f"the proof is about another network: {about!r}, not {net!r}")
    return net


def stands(
    query: Query, evidence: Evidence, *, exact: bool = False, files: Files | None = None
) -> Verified | Falsified:
    """The verdict on a query of the caller's own, as far as evidence shows it.

    Of the evidence nothing but the certificate or the counterexample is looked at.

    Args:
        query: what is asked, as it is decided.
        evidence: what is claimed.
        exact: use rational arithmetic throughout (slower).
        files: the query's canonical files, if they are there already.

    Raises:
        Rejection: the kernel does not accept the certificate, or the input is no counterexample.
        Misread: as `load_proof`.
    """
    if evidence.certificate is not None:
        return accept(query, evidence.certificate, exact=exact, files=files)
    inputs = evidence.inputs or ()
    if len(inputs) != len(query.lower):
        raise Rejection("counterexample", f"{len(inputs)} numbers for {len(query.lower)} inputs")
    try:
        found = confirm(query, inputs)
    except Misread:
        raise
    except InputError as error:  # where a function is undefined
        raise Rejection("counterexample", str(error)) from None
    if found is None:
        raise Rejection("counterexample", "at this input the property is not violated")
    return found
