"""Certified accuracy of a digit classifier, and how far one digit reaches.

Answers and evidence lie in a folder; what is there already is checked by the kernel, not searched.
"""

import tempfile
from pathlib import Path

import numpy as np

import verifai as vf

DATA = Path(vf.__file__).parent / "data"

net = vf.load(DATA / "digits_mlp.onnx")
with np.load(DATA / "digits_test.npz") as file:
    images, labels = file["images"][:8] / 16, file["labels"][:8].tolist()

with tempfile.TemporaryDirectory() as folder:
    report = vf.certify(
        net, images, labels, eps=["1/50", "1/10"], clip=(0, 1), timeout=60, save=folder
    )
    print(report.table())
    for each in report.inputs:
        for ball in each.balls:
            if ball.by != ball.eps:
                print(f"the {each.label} is {ball.status} at {ball.eps} by radius {ball.by}")
    again = report.recheck()
    print(again.proofs, "proofs and", again.counterexamples, "counterexamples stand")

reach = vf.radius(net, images[0], labels[0], clip=(0, 1), tolerance="1/100", timeout=60)
print(f"the first {labels[0]}: {reach}")
