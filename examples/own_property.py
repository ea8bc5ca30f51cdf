"""A property of your own: f(x) never exceeds x by more than 1/1000 on [0, 1].

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

# unsafe: y > x + 1/1000, written as x - y + 1/1000 < 0
unsafe = conjunction([atom({x: fmpq(1), y: fmpq(-1)}, fmpq(1, 1000), Relation.LESS)])
query = Query(net, lower=(fmpq(0),), upper=(fmpq(1),), unsafe=unsafe)

verdict = vf.verify(query, timeout=60)
match verdict:
    case vf.Verified():
        print(verdict.statement)
    case vf.Falsified():
        print("falsified at", verdict.counterexample.inputs)
    case vf.Unknown():
        print("unknown:", verdict.reason)
