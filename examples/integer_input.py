"""A property of whole numbers that real numbers violate.

The network says 1 for odd inputs and 0 for even ones. Its answer is clear, below 1/10 or above
9/10, at every integer from 0 to 15, but not at every real number between.
"""

from pathlib import Path

from flint import fmpq

import verifai as vf
from verifai.kernel.query import Query, atom, conjunction

DATA = Path(vf.__file__).parent / "data"

net = vf.load(DATA / "odd_16.onnx")
y = net.value(net.outputs[0], 0)

# unsafe: 1/10 ≤ y ≤ 9/10, written as 1/10 - y ≤ 0 and y - 9/10 ≤ 0
unclear = conjunction([atom({y: fmpq(-1)}, fmpq(1, 10)), atom({y: fmpq(1)}, fmpq(-9, 10))])

for what, integers in (("integers", frozenset({0})), ("real numbers", frozenset[int]())):
    query = Query(net, (fmpq(0),), (fmpq(15),), unclear, integers=integers)
    verdict = vf.verify(query, timeout=60)
    print(f"on the {what}: {type(verdict).__name__.lower()}", end="")
    if isinstance(verdict, vf.Falsified):
        print(f" at x = {verdict.counterexample.inputs[0]}", end="")
    print()
