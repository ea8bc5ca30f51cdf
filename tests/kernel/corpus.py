"""Writes the kept corpus: python -m tests.kernel.corpus (only when a case is added).

accept/NAME.certificate and reject/RULE.NAME.certificate are about corpus/network and corpus/query,
corpus/smooth.certificate is about corpus/smooth.network and corpus/smooth.query and is accepted.
"""

from pathlib import Path

from flint import fmpq

from tests.kernel.distance import SIDE
from tests.kernel.proofs import Block, Close, Derive, Split, below_query, plan_of, proof, written
from tests.kernel.test_certificate import BAD, GOOD, good_query
from verifai.kernel.network import FUNCTIONS, Input, Network, Node, Smooth, affine
from verifai.kernel.operator import Dense
from verifai.proof.certificate import encode_certificate
from verifai.proof.files import Files

HERE = Path(__file__).parent
D = 2


def main() -> None:
    for folder in ("corpus", "accept", "reject"):
        (HERE / folder).mkdir(exist_ok=True)
    query = good_query()
    files = Files.of(query)
    (HERE / "corpus" / "network").write_bytes(files.network)
    (HERE / "corpus" / "query").write_bytes(files.query)
    digests = files.digests

    def write(folder: str, name: str, data: bytes) -> None:
        (HERE / folder / f"{name}.certificate").write_bytes(data)

    good = encode_certificate(proof(**GOOD), *digests)
    write("accept", "derive-close", good)
    close = Close(Block(rows=((0, 1.0),)))
    write("accept", "close", encode_certificate(written(close), *digests))
    write("accept", "split", encode_certificate(written(Split(D, 0.0, SIDE, close)), *digests))
    for i, (rule, change) in enumerate(BAD):
        write("reject", f"{rule}.{i:02}", encode_certificate(proof(**(GOOD | change)), *digests))
    write("reject", "close.empty-multipliers", encode_certificate(written(Close()), *digests))
    write("reject", "digest.network", encode_certificate(proof(**GOOD), "0" * 64, digests[1]))
    write("reject", "digest.query", encode_certificate(proof(**GOOD), digests[0], "0" * 64))
    write("reject", "container.empty", b"")
    write("reject", "container.truncated", good[: len(good) // 2])
    write("reject", "container.trailing", good + b"\0")
    write("reject", "container.nested", _headed(b"[" * 60_000))
    write("reject", "container.huge-header", (1 << 60).to_bytes(8, "little") + good[8:])
    write("reject", "container.duplicate", good.replace(b'"tree"', b'"slope"'))
    write("reject", "container.nan", good.replace(b"\0\0\0\0\0\0\xe0\x3f", b"\0\0\0\0\0\0\xf8\x7f"))
    write("reject", "format.version", good.replace(b"certificate-1", b"certificate-2"))
    write("reject", "format.semantics", good.replace(b'"real"', b'"fast"'))
    write("reject", "format.array", good.replace(b'"mu_value"', b'"mu_valve"'))
    smooth()


def smooth_network() -> Network:
    """Every smooth function once, of x1 - x2 or of 2 + (x1 + x2)/2, and their alternating sum."""
    nodes: list[Node] = [
        Input("x", (2,)),
        affine("difference", (1,), ((0, Dense.of([[1.0, -1.0]])),)),
        affine("positive", (1,), ((0, Dense.of([[0.5, 0.5]])),), bias=2.0),
    ]
    for function in FUNCTIONS:
        source = 2 if function in ("log", "sqrt", "reciprocal") else 1
        nodes.append(Smooth(function, (1,), source, function))
    terms = tuple((3 + i, Dense.of([[(-1.0) ** i]])) for i in range(len(FUNCTIONS)))
    nodes.append(affine("sum", (1,), terms, bias=0.25))
    return Network(tuple(nodes), (len(nodes) - 1,))


def smooth() -> None:
    """A certificate with a split, derived bounds and slopes for a network of smooth functions."""
    network = smooth_network()
    query = below_query(network, fmpq(23, 2))
    slopes = tuple((network.offsets[3 + i], 1 - i % 2, 0.25) for i in range(len(FUNCTIONS)))
    left = Derive(plan_of(network), Close(Block(rows=((0, 1.0),))))
    right = Close(Block(rows=((0, 1.0),), slopes=slopes))
    folder = HERE / "corpus"
    files = Files.of(query)
    certificate = files.certificate(written(Split(0, 0.0, left, right)))
    for name, data in (
        ("network", files.network),
        ("query", files.query),
        ("certificate", certificate),
    ):
        (folder / f"smooth.{name}").write_bytes(data)


def _headed(header: bytes) -> bytes:
    return len(header).to_bytes(8, "little") + header


if __name__ == "__main__":
    main()
