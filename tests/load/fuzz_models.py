"""Fuzzed ONNX files, and what reading one must do."""

from __future__ import annotations

import gzip
import random
from functools import cache
from pathlib import Path

import numpy as np

from tests.load import fuzz_onnx
from tests.load.fuzz_bytes import mutate_bytes
from tests.load.fuzz_outcome import BENCHMARKS, DATA, MAX_SEED, Outcome, Stage, said
from tests.load.fuzz_runtime import compared
from tests.load.test_onnx_cases import as_array, baked, cases, variants
from tests.load.test_onnx_operators import CASES
from tests.load.test_onnx_random import STEPS_BY_NAME, draw
from verifai.kernel.errors import InputError
from verifai.load.float32.network import load_float32
from verifai.load.onnx.explain import explain_onnx
from verifai.load.onnx.read import load_onnx


@cache
def models() -> tuple[bytes, ...]:
    """Shipped networks, small benchmarks, single operators, ONNX's own cases, random graphs."""
    found = [path.read_bytes() for path in sorted(DATA.glob("*.onnx"))]
    found += [gzip.decompress(p.read_bytes()) for p in sorted(BENCHMARKS.glob("*/**/*.onnx.gz"))]
    found += [proto.SerializeToString() for proto in CASES]
    for case in cases():
        inputs, _ = case.data_sets[0]
        arrays = [as_array(a) for a in inputs]
        if all(isinstance(array, np.ndarray) for array in arrays):
            free = next(variants(case.model, arrays))
            found.append(baked(case.model, arrays, free).SerializeToString())
    names = list(STEPS_BY_NAME)
    generator = np.random.default_rng(11)
    found += [draw(generator, names)[0].SerializeToString() for _ in range(300)]
    return tuple(data for data in found if len(data) <= MAX_SEED)


def make_onnx(rng: random.Random, folder: Path) -> bytes:
    data = rng.choice(models())
    if rng.random() < 0.25:
        return mutate_bytes(rng, data, rng.choice(models()))
    return fuzz_onnx.mutate(rng, data)


def read_onnx(data: bytes, rng: random.Random, folder: Path, stage: Stage) -> Outcome:
    """Load a model; what loads must be what onnxruntime computes."""
    path = folder / "model.onnx"
    path.write_bytes(data)
    (folder / "weights.bin").write_bytes(b"\0\0\x80\x3f" * 16)
    if rng.random() < 0.1:
        path = folder / "packed.onnx.gz"
        path.write_bytes(mutate_bytes(rng, gzip.compress(data, 1), data))
    if rng.random() < 0.2:
        try:
            explain_onnx(path)
            load_float32(path, rng.choice([None, 4]))
        except InputError:
            pass
    try:
        network = load_onnx(path)
    except InputError as error:
        return Outcome("refused", said(error))
    stage("onnxruntime")
    return compared(network, path, rng)
