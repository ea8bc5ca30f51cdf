"""Writes the kept corpus: python -m tests.kernel.corpus (only when a case is added).

accept/NAME.certificate and reject/RULE.NAME.certificate are about corpus/network and corpus/query,
corpus/smooth.certificate is about corpus/smooth.network and corpus/smooth.query and is accepted.
"""

from pathlib import Path

from flint import fmpq

from tests.kernel.distance import SIDE
from tests.kernel.proofs import Block, Close, Derive, Split, below_query, plan_of, proof, written
from tests.kernel.test_certificate import BAD, BYTES, GOOD, good_query
from verifai.graph.nodes import affine
from verifai.kernel.network import FUNCTIONS, Input, Network, Node, Smooth
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
    for name, data in BYTES.items():
        rule, _, rest = name.partition("-")
        write("reject", f"{rule}.{rest}", data)
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


if __name__ == "__main__":
    main()
