"""A kept certificate of a network with every smooth function stays readable and accepted."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.kernel.corpus import smooth_network
from verifai.kernel.check import check
from verifai.kernel.checker import Accepted
from verifai.kernel.errors import Rejection
from verifai.kernel.files.certificate import decode_certificate
from verifai.kernel.files.network import decode_network
from verifai.kernel.network import FUNCTIONS, Smooth
from verifai.proof.files import Files
from verifai.proof.network import encode_network

CORPUS = Path(__file__).parent / "corpus"
NETWORK = (CORPUS / "smooth.network").read_bytes()
QUERY = (CORPUS / "smooth.query").read_bytes()
CERTIFICATE = (CORPUS / "smooth.certificate").read_bytes()


def decided(certificate: bytes, *, exact: bool) -> Accepted:
    return check(NETWORK, QUERY, certificate, exact=exact)


def test_the_kept_network_has_every_function_and_is_written_as_before() -> None:
    nodes = decode_network(NETWORK).nodes
    assert {node.function for node in nodes if isinstance(node, Smooth)} == set(FUNCTIONS)
    assert encode_network(smooth_network()) == NETWORK


@pytest.mark.parametrize("exact", [False, True], ids=["rounded", "exact"])
def test_the_kept_certificate_is_accepted(exact: bool) -> None:
    found = decided(CERTIFICATE, exact=exact)
    assert (found.nodes, found.leaves, found.vacuous) == (4, 2, False)


@pytest.mark.parametrize("exact", [False, True], ids=["rounded", "exact"])
def test_with_other_slopes_it_is_rejected(exact: bool) -> None:
    """Every slope of 1/4 becomes -4: still sound, no longer enough."""
    files = Files(NETWORK, QUERY)
    proof = decode_certificate(CERTIFICATE, *files.digests)
    is_slope = proof.entry_number == 0.25
    assert is_slope.sum() == len(FUNCTIONS)
    other = replace(proof, entry_number=np.where(is_slope, -4.0, proof.entry_number))
    with pytest.raises(Rejection, match="close"):
        decided(files.certificate(other), exact=exact)
