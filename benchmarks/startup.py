"""Wall time of `verifai verify` on a tiny network against `python -c "import torch"`, one run.

    python benchmarks/startup.py [MODEL.onnx PROPERTY.vnnlib] [--runs 5]

Without files, a shipped network and a property made on the spot are used. Prints both best times
and their ratio, and fails if the process imported torch or scipy. The package's byte code is made
first, as an installer makes it (and torch's).
"""

import argparse
import compileall
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROPERTY = """(declare-const X_0 Real)
(declare-const Y_0 Real)
(assert (>= X_0 0.25))
(assert (<= X_0 0.75))
(assert (>= Y_0 1.0))
"""


def best(commands: list[list[str]], runs: int) -> list[float]:
    """The least wall time of every command, in seconds; they run in turn."""
    times: list[list[float]] = [[] for _ in commands]
    for _ in range(runs):
        for command, found in zip(commands, times, strict=True):
            start = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            found.append(time.perf_counter() - start)
    return [min(found) for found in times]


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "property.vnnlib"
        made.write_text(PROPERTY)
        shipped = [str(ROOT / "verifai" / "data" / "yarotsky_4.onnx"), str(made)]
        ours = [sys.executable, "-m", "verifai", "verify", *(options.files or shipped)]
        os.chdir(ROOT)
        compileall.compile_dir(ROOT / "verifai", quiet=1)
        trace = [sys.executable, "-X", "importtime", *ours[1:]]
        seen = subprocess.run(trace, check=True, capture_output=True, text=True).stderr
        loaded = [name for name in ("torch", "scipy") if f"| {name}\n" in seen]
        if loaded:
            sys.exit(f"imported {loaded}")
        verify, torch = best([ours, [sys.executable, "-c", "import torch"]], options.runs)
    print(f"verify {verify:.3f} s, import torch {torch:.3f} s, ratio {verify / torch:.3f}")


if __name__ == "__main__":
    main()
