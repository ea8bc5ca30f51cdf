"""Properties of your own: the output stays below the input, and one of two hidden neurons is off.

A query says what must *never* happen: a formula over inputs, hidden values and outputs.
"""

from pathlib import Path

import verifai as vf

DATA = Path(vf.__file__).parent / "data"

net = vf.load(DATA / "yarotsky_4.onnx")
(x,) = vf.layer(net, "x")
(y,) = vf.layer(net, "y")

between = [("1/10", "9/10")]
verdict = vf.verify(vf.never(net, between, vf.atom({y: 1, x: -1}, ">=", 0)), timeout=60)
match verdict:
    case vf.Verified():
        print(verdict.statement)
    case vf.Falsified():
        print("falsified at", verdict.counterexample.inputs)
    case vf.Unknown():
        print("unknown:", verdict.reason)

# Hidden values have names, too: the second neuron of the first layer is not above the first.
first, second, *_ = vf.layer(net, "relu1")
rises = vf.conjunction([vf.atom({second: 1, first: -1}, ">", 0), vf.atom({first: 1}, ">", 0)])
never_both = vf.disjunction([rises, vf.atom({first: 1}, "<", 0)])
print("hidden:", vf.verify(vf.never(net, [(0, 1)], never_both), timeout=60).status)
