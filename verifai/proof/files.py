"""The files of one statement: what a certificate is about and what the kernel reads.

May import: kernel, the floor's own writers. Must not know: what a proof proves.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Self

from verifai.kernel.arithmetic import Pause, never
from verifai.kernel.check import read
from verifai.kernel.checker import Accepted
from verifai.kernel.files.certificate import Proof
from verifai.kernel.files.container import digest
from verifai.kernel.query import Query
from verifai.proof.certificate import counted, encode_certificate
from verifai.proof.network import encode_network
from verifai.proof.query import encode_query


class Files:
    """The canonical files of a network and a query.

    Attributes:
        network, query: their bytes.
    """

    def __init__(self, network: bytes, query: bytes, question: Query | None = None) -> None:
        """Files that are there already; `question` is what they hold, if that is known."""
        self.network, self.query, self._question = network, query, question

    @cached_property
    def question(self) -> Query:
        """The query that they hold.

        Raises:
            InputError: the kernel would not read it.
        """
        return self._question or read(self.network, self.query)

    @classmethod
    def of(cls, query: Query, pause: Pause = never) -> Self:
        """The files of a query, as they are written; `pause` is called now and then.

        Raises:
            InputError: a number or a name that the kernel would not read.
        """
        network = encode_network(query.network, pause)
        return cls(network, encode_query(query, digest(network), pause), query)

    @cached_property
    def digests(self) -> tuple[str, str]:
        """Those of the network's and of the query's file."""
        return digest(self.network), digest(self.query)

    def judged(self, accepted: Accepted) -> Query:
        """The query that the kernel read and judged, with the words that it was posed in."""
        return replace(accepted.query, stated=self.question.stated)

    def certificate(self, proof: Proof) -> bytes:
        """The certificate that claims that a proof is about these files."""
        return encode_certificate(counted(proof, self.question), *self.digests)
