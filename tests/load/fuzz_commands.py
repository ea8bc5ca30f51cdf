"""Fuzzed files through the command line: exit codes, one sentence, and nothing half written."""

from __future__ import annotations

import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import verifai
from tests.load import fuzz_onnx
from tests.load.fuzz_bytes import mutate_bytes, mutate_certificate, mutate_text
from tests.load.fuzz_models import make_onnx

MODEL = Path(verifai.__file__).parent / "data" / "yarotsky_4.onnx"  # about x² on [0, 1]
PROPERTY = (
    b"(declare-const X_0 Real)\n(declare-const Y_0 Real)\n"
    b"(assert (>= X_0 0))\n(assert (<= X_0 1))\n(assert (>= Y_0 1.25))\n"
)
ENDS = ("", ".network", ".query.json")


def command(seed: int, folder: Path) -> tuple[str, int]:
    """Run one command on fuzzed files: what was run and its exit code.

    Raises:
        AssertionError: a crash, no sentence, or files that should not be there or should.
    """
    rng = random.Random(f"command {seed}")
    model, prop, proof = (folder / name for name in ("net.onnx", "prop.vnnlib", "proof"))
    for path in (proof.with_name(proof.name + end) for end in ENDS):
        path.unlink(missing_ok=True)
    model.write_bytes(MODEL.read_bytes())
    prop.write_bytes(PROPERTY)
    limits = ["--timeout", "120", "--nodes", "40", "--workers", "1"]
    writes = ["verify", str(model), str(prop), *limits, "--certificate", str(proof)]
    what = ("inspect", "verify model", "verify property", "check", "export")[seed % 5]
    if what == "inspect":
        model.write_bytes(make_onnx(rng, folder))
        words = ["inspect", str(model)]
    elif what == "verify model":
        model.write_bytes(fuzz_onnx.mutate(rng, MODEL.read_bytes()))
        words = writes
    elif what == "verify property":
        prop.write_bytes(mutate_text(rng, PROPERTY))
        words = writes
    elif what == "check":
        _run(writes)
        data = proof.read_bytes()
        is_raw = rng.random() < 0.5
        proof.write_bytes(
            mutate_bytes(rng, data, data) if is_raw else mutate_certificate(rng, data)
        )
        words = ["check", str(model), str(prop), str(proof)]
    else:
        prop.write_bytes(mutate_text(rng, PROPERTY))
        words = ["export", str(model), str(prop), "-o", str(folder / "out.smt2")]
    done = _run(words)
    said = f"seed {seed}: {' '.join(words)}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr + done.stdout, said
    assert done.returncode in ((0, 1, 4) if what == "check" else (0, 1, 2, 3, 4)), said
    if done.returncode == 4 and "cannot be verified yet" not in done.stdout:  # inspect's answer
        lines = done.stderr.strip().splitlines()
        assert len(lines) == 1 and lines[0].startswith("error: "), said
        assert not done.stdout, said
    if what.startswith("verify"):
        there = {proof.with_name(proof.name + end).exists() for end in ENDS}
        assert there == {done.returncode == 0}, said
        assert {path.name for path in folder.iterdir()} <= {
            *("net.onnx", "prop.vnnlib", "proof", "proof.network", "proof.query.json", "out.smt2")
        }, said
    return what, done.returncode


def _run(words: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "verifai", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


def commands(seeds: range, folder: Path) -> Counter[tuple[str, int]]:
    """How many commands of each kind ended with which code."""
    return Counter(command(seed, folder) for seed in seeds)
