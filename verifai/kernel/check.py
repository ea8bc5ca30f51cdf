"""The door: three files in, what they prove out; everybody who wants an answer asks here.

May import: everything of the kernel but replay. Must not know: who asks, and why.
"""

from __future__ import annotations

from verifai.kernel.arithmetic import Pause, never
from verifai.kernel.binary64 import require_binary64
from verifai.kernel.checker import Accepted, Helper, judge
from verifai.kernel.errors import InputError
from verifai.kernel.files.certificate import decode_certificate
from verifai.kernel.files.container import digest
from verifai.kernel.files.network import decode_network
from verifai.kernel.files.query import decode_query
from verifai.kernel.query import Query

MAX_NETWORK = 1 << 32


def read(network: bytes, query: bytes) -> Query:
    """The query that two canonical files hold.

    Raises:
        InputError: a file is unreadable, or they do not belong together.
        Unable: as `check`.
    """
    require_binary64()
    if len(network) > MAX_NETWORK:
        raise InputError(f"a network file of more than {MAX_NETWORK} bytes")
    return decode_query(query, decode_network(network, beside=len(query)), digest(network))


def check(
    network: bytes,
    query: bytes,
    certificate: bytes,
    *,
    exact: bool = False,
    helper: Helper | None = None,
    pause: Pause = never,
) -> Accepted:
    """Accepts a certificate only if no point of the query's domain violates its property.

    Args:
        network: the canonical file that the caller believes in.
        query: the canonical file of the statement that the caller believes in.
        certificate: untrusted bytes.
        exact: use rational arithmetic instead of rounded float64.
        helper: runs the task that it is given, half of the leaves, in another process, a thread or
            here, and hands back what that returned; it must not make up the word of success.
        pause: called now and then; what it raises ends the check without an answer.

    Returns:
        What was accepted: no point of the domain of the query that was read violates the property.

    Raises:
        InputError: the network or the query is unreadable, or they do not belong together.
        Rejection: the rule that the certificate breaks.
        Unable: this process, or the second one, cannot carry out the check.
    """
    question = read(network, query)
    proof = decode_certificate(certificate, digest(network), digest(query))
    return judge(question, proof, exact=exact, helper=helper, pause=pause)
