"""One fuzzed file of each kind, and what reading it must do: succeed rightly or say no."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path

from tests.load.fuzz_kernel import (
    CLAIMS,
    checkers,
    make_certificate,
    make_network,
    make_query,
    networks,
    proofs,
    read_certificate,
    read_network,
    read_query,
)
from tests.load.fuzz_models import make_onnx, models, read_onnx
from tests.load.fuzz_outcome import Maker, Outcome, Reader, Stage
from tests.load.fuzz_properties import (
    make_vnnlib,
    make_vnnlib2,
    properties,
    read_vnnlib,
    read_vnnlib2,
)

KINDS: Mapping[str, tuple[Maker, Reader]] = {
    "onnx": (make_onnx, read_onnx),
    "vnnlib": (make_vnnlib, read_vnnlib),
    "vnnlib2": (make_vnnlib2, read_vnnlib2),
    "certificate": (make_certificate, read_certificate),
    "network": (make_network, read_network),
    "query": (make_query, read_query),
}


def prepare(kind: str) -> None:
    """Make all that the files of a kind are made from, once."""
    if kind == "onnx":
        models()
    elif kind == "network":
        networks()
    elif kind == "vnnlib":
        properties()
    elif kind != "vnnlib2":
        for seed in range(CLAIMS):
            proofs(seed), checkers(seed)


def made(kind: str, seed: int, folder: Path) -> tuple[bytes, random.Random]:
    """The fuzzed file of a seed, and the generator for what is done with it."""
    rng = random.Random(f"{kind} {seed}")
    return KINDS[kind][0](rng, folder), rng


def trial(kind: str, seed: int, folder: Path, stage: Stage = lambda what: None) -> Outcome:
    """Make a file from a seed and read it.

    Raises:
        Finding: it was read wrongly; any other exception is a crash of the reader.
    """
    data, rng = made(kind, seed, folder)
    stage("reading")
    return KINDS[kind][1](data, rng, folder, stage)
