"""Applies small changes to a copy of the kernel, one at a time, and prints those no test notices.

    python benchmarks/kernel_mutations.py [--first 0] [--last 40] [--only FILE] [--quick]

A change that is listed with a reason alters no answer (or only what a second check beside it
catches) and must survive; every other one must be killed by the default tests in tests/kernel.
Exits 1 if one survives, or if its text no longer occurs in the kernel exactly once.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
STAGES = (
    ("false_claims", "checker", "conditions"),
    ("certificate", "lines", "smooth", "forward", "bound", "rules", "assistant", "regressions"),
    ("network_file", "query_file", "container", "operator", "elementary"),
)


class Change(NamedTuple):
    """One mutation of the kernel's source.

    Attributes:
        why: the reason for which it may survive; empty: a test must fail.
    """

    file: str
    old: str
    new: str
    why: str = ""


CHANGES = [
    Change(**entry)
    for entry in tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))["change"]
]


def main() -> int:
    """Runs the changes asked for; 1 if one survives that should not, or dies that should not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--last", type=int, default=len(CHANGES))
    parser.add_argument("--only", default="", help="a file of the kernel")
    parser.add_argument("--quick", action="store_true", help="run only the quickest tests")
    parser.add_argument("--unexplained", action="store_true", help="skip those with a reason")
    options = parser.parse_args()
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for part in ("verifai", "tests"):
            shutil.copytree(ROOT / part, copy / part)
        shutil.copy(ROOT / "pyproject.toml", copy)
        for number in range(options.first, min(options.last, len(CHANGES))):
            change = CHANGES[number]
            skipped = options.unexplained and change.why
            if change.file.startswith(options.only) and not skipped:
                wrong += judged(copy, number, change, quick=options.quick)
    print(f"{wrong} of {options.first} … {options.last} are not as they should be")
    return int(wrong > 0)


def judged(copy: Path, number: int, change: Change, *, quick: bool) -> bool:
    """Whether what the tests say about a change is not what they should."""
    target = copy / "verifai" / "kernel" / change.file
    original = target.read_text("utf-8")
    where = f"{number:3d} {change.file}: {change.old.strip()!r} -> {change.new.strip()!r}"
    if original.count(change.old) != 1:
        print(f"{where}: occurs {original.count(change.old)} times")
        return True
    target.write_text(original.replace(change.old, change.new), "utf-8")
    start = time.perf_counter()
    failed = first_failure(copy, quick=quick)
    target.write_text(original, "utf-8")
    seconds = time.perf_counter() - start
    is_wrong = bool(failed) == bool(change.why)
    verdict = f"killed by {failed}" if failed else f"SURVIVES ({change.why or 'no reason known'})"
    print(f"{'!' if is_wrong else ' '} {where}: {verdict}, {seconds:.1f} s", flush=True)
    return is_wrong


def first_failure(copy: Path, *, quick: bool) -> str:
    """The first test in tests/kernel that fails in the copy, quick ones first; empty if none."""
    tests = copy / "tests" / "kernel"
    stages = [[f"tests/kernel/test_{name}.py" for name in stage] for stage in STAGES]
    every = sorted(p.relative_to(copy).as_posix() for p in tests.glob("test_*.py"))
    stages.append([name for name in every if not any(name in stage for stage in stages)])
    for stage in stages[:-1] if quick else stages:
        failed = first_in(stage, copy)
        if failed:
            return failed
    return ""


def first_in(files: list[str], copy: Path) -> str:
    """The first test of these files that fails in the copy; empty if none."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *files],
        cwd=copy,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return ""
    lines = done.stdout.splitlines()
    named = [line.split()[1] for line in lines if line.startswith(("FAILED", "ERROR"))]
    return named[0].rpartition("/")[2] if named else f"exit code {done.returncode}"


if __name__ == "__main__":
    sys.exit(main())
