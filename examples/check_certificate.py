"""Check a certificate that somebody else made: trust the statement you load, not the prover."""

from pathlib import Path

import verifai as vf

DATA = Path(vf.__file__).parent / "data"


def statement() -> vf.Query:
    """What is to be proved, from the original file."""
    return vf.in_range(
        vf.load(DATA / "yarotsky_4.onnx"), [("1/4", "3/4")], lower="1/20", upper="3/5"
    )


def somebody_else() -> bytes:
    """Any prover, on any machine: only these bytes leave it."""
    verdict = vf.verify(statement(), timeout=60)
    if not isinstance(verdict, vf.Verified):
        raise SystemExit(f"no certificate: {verdict}")
    return verdict.certificate


certificate = somebody_else()
accepted = vf.check(statement(), certificate)
print(f"accepted: {accepted.nodes} nodes, {accepted.leaves} leaves")

# The same proof does not prove another statement.
other = vf.in_range(vf.load(DATA / "yarotsky_4.onnx"), [("1/4", "3/4")], lower="1/20", upper="1/2")
try:
    vf.check(other, certificate)
except vf.Rejection as rejection:
    print("rejected:", rejection)
