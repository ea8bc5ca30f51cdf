"""A property of your own: the output is less than the input on [1/10, 9/10].

A query is a network, a box and what must *not* happen: an and/or tree of atoms
Σ coefficient·value + constant ≤ 0 (or < 0, or = 0), over inputs, hidden values and outputs.
"""

from pathlib import Path

from flint import fmpq

import verifai as vf
from verifai.kernel.query import Query, Relation, atom, conjunction

DATA = Path(vf.__file__).parent / "data"

net = vf.load(DATA / "yarotsky_4.onnx")
x = net.value(net.inputs[0], 0)
y = net.value(net.outputs[0], 0)

# unsafe: y ≥ x, written as x - y ≤ 0
unsafe = conjunction([atom({x: fmpq(1), y: fmpq(-1)}, fmpq(0), Relation.AT_MOST)])
query = Query(net, lower=(fmpq(1, 10),), upper=(fmpq(9, 10),), unsafe=unsafe)

verdict = vf.verify(query, timeout=60)
match verdict:
    case vf.Verified():
        print(verdict.statement)
    case vf.Falsified():
        print("falsified at", verdict.counterexample.inputs)
    case vf.Unknown():
        print("unknown:", verdict.reason)
