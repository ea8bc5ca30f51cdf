"""Fuzzed VNN-LIB files of both versions, and what reading one must do."""

from __future__ import annotations

import gzip
import random
from fractions import Fraction
from functools import cache
from pathlib import Path

from tests.load.fuzz_bytes import mutate_bytes, mutate_text
from tests.load.fuzz_outcome import BENCHMARKS, Finding, Outcome, Stage, said
from tests.load.test_vnnlib import BOX, SAMPLE, agree, asserted, declarations
from tests.load.test_vnnlib import network as linear_network
from tests.load.vnnlib2_documents import document, relu_model
from verifai.kernel.errors import InputError
from verifai.load.vnnlib.version1 import load_vnnlib
from verifai.load.vnnlib.version2 import load_vnnlib2
from verifai.proof.query import encode_query


@cache
def properties() -> tuple[bytes, ...]:
    """Properties of two inputs and two outputs, and the small ones of the benchmarks."""
    texts = [
        SAMPLE,
        declarations() + BOX + "(assert (or (and (<= X_0 0.5) (>= Y_0 2)) (and (>= Y_1 Y_0))))",
        declarations() + BOX + "(assert (<= (+ (* 2.0 Y_0) (- Y_1) 1e-3) (* (/ 1 3) X_0)))",
        declarations() + "(assert (or (and (<= X_0 1) (>= X_0 0) (= X_1 2)) (and (= X_0 3)"
        " (<= 0 X_1 1) (not (< Y_0 Y_1)))))",
    ]
    found = [text.encode() for text in texts]
    for path in sorted(BENCHMARKS.glob("**/*.vnnlib.gz"))[::4]:
        data = gzip.decompress(path.read_bytes())
        found += [data] if len(data) <= 3000 else []
    return tuple(found)


def make_vnnlib(rng: random.Random, folder: Path) -> bytes:
    data = rng.choice(properties())
    if rng.random() < 0.25:
        return mutate_bytes(rng, data, rng.choice(properties()))
    return mutate_text(rng, data)


def read_vnnlib(data: bytes, rng: random.Random, folder: Path, stage: Stage) -> Outcome:
    """Load a property; what loads must hold where the file says so."""
    inputs, outputs = ((data.count(b"declare-const " + letter) or 2) for letter in (b"X", b"Y"))
    network = linear_network(min(inputs, 20), min(outputs, 20))
    path = folder / "property.vnnlib"
    path.write_bytes(data)
    try:
        query = load_vnnlib(path, network)
    except InputError as error:
        return Outcome("refused", said(error))
    stage("the independent reading")
    text = data.decode("utf-8-sig")
    if "|" in text or '"' in text or text.count("(") > 400 or "1e" in text.replace("1e-5", ""):
        return Outcome("loaded: not comparable")
    conditions = asserted(text)
    found = 0
    for _ in range(6):
        point = {}
        for i, (low, high) in enumerate(zip(query.lower, query.upper, strict=True)):
            end = rng.choice([low, high, (low + high) / 2, low - 1])
            point[f"X_{i}"] = Fraction(int(end.p), int(end.q))
        for j in range(network.sizes[network.outputs[0]]):
            point[f"Y_{j}"] = Fraction(rng.randint(-12, 12), 4)
        try:
            found += agree(query, "fuzzed", point, conditions)
        except AssertionError:
            raise Finding(f"the query and the file differ at {point}") from None
    return Outcome("loaded: agrees")


def make_vnnlib2(rng: random.Random, folder: Path) -> bytes:
    seed = rng.randrange(200)
    text = document(seed).text.encode()
    if rng.random() < 0.25:
        changed = mutate_bytes(rng, text, document(rng.randrange(200)).text.encode())
    else:
        changed = mutate_text(rng, text)
    return bytes([seed]) + changed


def read_vnnlib2(data: bytes, rng: random.Random, folder: Path, stage: Stage) -> Outcome:
    """Load a document; the first byte says with which networks."""
    path = folder / "query.vnnlib"
    path.write_bytes(data[1:])
    files: dict[str, Path] = {}
    drawn = document(data[0])
    for name, tensors in drawn.networks.items():
        if name in drawn.relations and drawn.relations[name][0] == "equal-to":
            continue
        files[name] = folder / f"{name}.onnx"
        files[name].write_bytes(relu_model(ord(name), tensors[-1][2]).SerializeToString())
    try:
        posed = load_vnnlib2(path, files)
        encode_query(posed.query)
    except InputError as error:
        return Outcome("refused", said(error))
    return Outcome("loaded")
