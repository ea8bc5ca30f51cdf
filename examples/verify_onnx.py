"""Verify an ONNX file: where the input is 1/4 to 3/4, the output is 1/20 to 3/5."""

from pathlib import Path

import verifai as vf

DATA = Path(vf.__file__).parent / "data"

net = vf.load(DATA / "yarotsky_4.onnx")  # a ReLU network that approximates x²
query = vf.in_range(net, [("1/4", "3/4")], lower="1/20", upper="3/5")

verdict = vf.verify(query, timeout=60)
match verdict:
    case vf.Verified():
        print("verified:", verdict.statement)
        print(f"{verdict.effort.leaves} leaves, {len(verdict.certificate)} bytes of certificate")
    case vf.Falsified():
        print("falsified at", verdict.counterexample.inputs)
    case vf.Unknown():
        print("unknown:", verdict.reason)
