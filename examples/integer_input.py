"""A property of whole numbers that real numbers violate.

The network says 1 for odd inputs and 0 for even ones. Its answer is clear, below 1/10 or above
9/10, at every integer from 0 to 15, but not at every real number between.
"""

from pathlib import Path

import verifai as vf

DATA = Path(vf.__file__).parent / "data"

net = vf.load(DATA / "odd_16.onnx")
(y,) = net.output_values

unclear = vf.conjunction([vf.atom({y: 1}, ">=", "1/10"), vf.atom({y: 1}, "<=", "9/10")])

for what, integers in (("integers", [0]), ("real numbers", [])):
    query = vf.never(net, vf.domain(net, [(0, 15)], integers=integers), unclear)
    verdict = vf.verify(query, timeout=60)
    print(f"on the {what}: {type(verdict).__name__.lower()}", end="")
    if isinstance(verdict, vf.Falsified):
        print(f" at x = {verdict.counterexample.inputs[0]}", end="")
    print()
