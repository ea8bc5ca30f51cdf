"""Verify an ONNX file: on every input of [0, 1], the output lies in [0, 1]."""

from pathlib import Path

import verifai as vf

DATA = Path(vf.__file__).parent / "data"

net = vf.load(DATA / "yarotsky_4.onnx")  # a ReLU network that approximates x²
query = vf.in_range(net, [(0, 1)], lower=0, upper=1)

verdict = vf.verify(query, timeout=60)
match verdict:
    case vf.Verified():
        print("verified:", verdict.statement)
        print(f"{verdict.effort.leaves} leaves, {len(verdict.certificate)} bytes of certificate")
    case vf.Falsified():
        print("falsified at", verdict.counterexample.inputs)
    case vf.Unknown():
        print("unknown:", verdict.reason)
