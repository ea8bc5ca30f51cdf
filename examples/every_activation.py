"""The same question to five kinds of networks: residual, max pooling, sigmoid, tanh, sign.

Each classifies handwritten digits; the convolutional ones read the same 64 pixels as an image.
"""

from pathlib import Path

import numpy as np

import verifai as vf

DATA = Path(vf.__file__).parent / "data"

with np.load(DATA / "digits_test.npz") as file:
    pixels, label = file["images"][2] / 16, int(file["labels"][2])

for kind in ("residual", "maxpool", "sigmoid", "tanh", "sign"):
    net = vf.load(DATA / f"digits_{kind}.onnx")
    query = vf.robust(net, pixels, eps="1/20", label=label, clip=(0, 1))
    verdict = vf.verify(query, timeout=30)
    print(f"{kind:9}{type(verdict).__name__.lower()}")
