"""Runs instances with two checkouts of verifai in turn, and prints their times side by side.

    python benchmarks/versions.py OTHER_CHECKOUT FAMILY/instances.csv ... [--timeout 60]

OTHER_CHECKOUT is a clone of another version, where `make` has made a .venv; the other one is the
checkout that this file lies in. Every instance runs in both, and who was last is first on the next.
Sums over what both solve: wall time with start-up, search, check, size of certificates.
Exits 1 if a verdict differs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from verifai.bench.instances import Instance, read_instances  # noqa: E402
from verifai.bench.run import BenchPlan, Workshop  # noqa: E402

GRACE = 30.0  # seconds beyond the limit until a version is given up
SOLVED = ("verified", "falsified")


@dataclass(frozen=True)
class Run:
    """What one version said of one instance, in seconds and bytes."""

    verdict: str
    wall: float
    search: float
    check: float
    size: int


def run(checkout: Path, files: list[str], timeout: float, certificate: Path) -> Run:
    """One process of one version, timed from outside."""
    command = [str(checkout / ".venv" / "bin" / "verifai"), "verify", *files, "--json"]
    command += ["--no-float32", "--timeout", str(timeout), "--certificate", str(certificate)]
    certificate.unlink(missing_ok=True)
    start = time.perf_counter()
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=checkout, timeout=timeout + GRACE
        )
    except subprocess.TimeoutExpired:
        return Run("late", timeout + GRACE, 0.0, 0.0, 0)
    wall = time.perf_counter() - start
    try:
        said = json.loads(done.stdout)
    except ValueError:
        lines = (done.stderr or done.stdout).strip().splitlines()
        return Run(f"error: {lines[-1] if lines else done.returncode}", wall, 0.0, 0.0, 0)
    size = certificate.stat().st_size if certificate.exists() else 0
    search, check = (float(said.get(f"{name}_seconds", 0.0)) for name in ("search", "check"))
    return Run(str(said.get("verdict", f"error: {said.get('error')}")), wall, search, check, size)


def compare(instances: list[Instance], folder: Path, other: Path, timeout: float) -> int:
    """Prints what differs and the sums; the number of verdicts that differ."""
    pairs: list[tuple[Run, Run]] = []
    differing = 0
    with tempfile.TemporaryDirectory() as temporary:
        workshop = Workshop(folder, Path(temporary), BenchPlan())
        certificate = Path(temporary) / "certificate"
        for number, each in enumerate(instances):
            files = [str(workshop.local(each.onnx)), str(workshop.local(each.vnnlib))]
            versions = [ROOT, other] if number % 2 else [other, ROOT]
            found = {v: run(v, files, timeout, certificate) for v in versions}
            ours, theirs = found[ROOT], found[other]
            if ours.verdict != theirs.verdict:
                differing += 1
                print(f"  {each.name}: {ours.verdict} in {ours.wall:.2f} s, ", end="")
                print(f"{theirs.verdict} in {theirs.wall:.2f} s", flush=True)
            elif ours.verdict in SOLVED:
                pairs.append((ours, theirs))
    print(f"{folder.name}: {len(pairs)} of {len(instances)} solved by both", end="")
    for name in ("wall", "search", "check", "size"):
        here, there = (sum(float(getattr(pair[i], name)) for pair in pairs) for i in (0, 1))
        ratio = f" = {here / there:.2f}" if there else ""
        print(f"; {name} {here:.1f} / {there:.1f}{ratio}", end="")
    print(flush=True)
    return differing


def main() -> int:
    """Reads the arguments; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("other", type=Path, help="a checkout of another version")
    parser.add_argument("instances", type=Path, nargs="+", help="lists of instances")
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds an instance")
    options = parser.parse_args()
    for checkout in (ROOT, options.other):
        if not (checkout / ".venv" / "bin" / "verifai").is_file():
            parser.error(f"{checkout} has no .venv/bin/verifai: run make there")
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        compiling = [
            str(checkout / ".venv" / "bin" / "python"),
            "-m",
            "compileall",
            "-q",
            "verifai",
        ]
        subprocess.run(compiling, cwd=checkout, env=environment, check=True)
    differing = [
        compare(read_instances(path), path.parent, options.other.resolve(), options.timeout)
        for path in options.instances
    ]
    return 1 if any(differing) else 0


if __name__ == "__main__":
    sys.exit(main())
