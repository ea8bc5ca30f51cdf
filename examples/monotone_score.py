"""More income must not lower a credit score: one network obeys by construction, one does not."""

from pathlib import Path

import verifai as vf

DATA = Path(vf.__file__).parent / "data"
BOX = [(0, 1), (0, 1), (0, 1)]  # income, debt, age

for kind in ("monotone", "free"):
    net = vf.load(DATA / f"credit_{kind}.onnx")
    verdict = vf.verify(vf.monotone(net, BOX, input=0), timeout=60)
    print(f"{kind}: {type(verdict).__name__.lower()}")
    if isinstance(verdict, vf.Falsified):
        inputs = [float(x.p) / float(x.q) for x in verdict.counterexample.inputs]
        income, debt, age, step = inputs[:4]
        print(f"income {income:.3f} -> {income + step:.3f} at debt {debt:.3f} and age {age:.3f}")
