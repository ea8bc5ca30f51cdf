"""Do rounded weights change what a network says? On the whole input box, and by how much?"""

from pathlib import Path

import verifai as vf

DATA = Path(vf.__file__).parent / "data"

PAIRS = [
    ("wave", 4, 2, "1/1000"),  # name, bits, inputs, tolerance
    ("wave", 4, 2, "1/5"),
    ("digits_small", 16, 64, "1/1000"),
]

for name, bits, inputs, tolerance in PAIRS:
    plain = vf.load(DATA / f"{name}.onnx")
    rounded = vf.load(DATA / f"{name}_{bits}bit.onnx")
    query = vf.equivalent(plain, rounded, [(0, 1)] * inputs, tolerance=tolerance)
    verdict = vf.verify(query, timeout=60)
    print(f"{name}, {bits} bits, within {tolerance}: {type(verdict).__name__.lower()}")
