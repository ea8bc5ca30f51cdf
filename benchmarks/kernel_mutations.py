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
import sys
import tempfile
import time
import tomllib
from pathlib import Path
from typing import NamedTuple

import flint  # noqa: F401
import hypothesis
import numpy  # noqa: F401
import pytest

ROOT = Path(__file__).resolve().parents[1]
NEAREST = {
    "__main__.py": ("exit_codes", "alone", "statement"),
    "arithmetic.py": ("terms", "false_claims", "error_terms"),
    "binary64.py": ("binary64",),
    "bound.py": ("false_claims", "conditions", "bound"),
    "check.py": ("door", "certificate"),
    "checker.py": ("walk", "false_claims", "conditions"),
    "context.py": ("slopes", "together", "false_claims", "conditions"),
    "derive.py": ("together", "false_claims", "conditions"),
    "eliminate.py": ("together", "false_claims", "conditions"),
    "files/container.py": ("container",),
    "files/fields.py": ("query_file", "network_file"),
    "files/network.py": ("network_file",),
    "files/query.py": ("query_file",),
    "formula.py": ("formula",),
    "forward.py": ("terms", "false_claims", "forward"),
    "functions.py": ("smooth", "smooth_terms", "smooth_regressions"),
    "integers.py": ("integers",),
    "ledger.py": ("ledger", "false_claims", "conditions"),
    "limits.py": ("counting",),
    "lines.py": ("false_claims", "lines", "smooth"),
    "network.py": ("network", "network_file"),
    "number.py": ("numbers",),
    "operator.py": ("operator", "terms"),
    "query.py": ("query", "query_file"),
    "replay.py": ("ledger", "network", "conditions"),
    "smooth.py": ("smooth", "smooth_terms", "smooth_regressions"),
    "statement.py": ("statement",),
}  # the tests that are run first for a change of a file
STAGES = (
    ("false_claims", "conditions"),
    ("checker", "walk", "ledger"),
    ("certificate", "lines", "smooth", "forward", "bound", "rules", "alone"),
    ("network_file", "query_file", "container", "operator", "elementary", "regressions"),
    ("exact_alone", "limits", "binary64", "network", "hints", "error_terms"),
)

hypothesis.settings.register_profile(
    "as found", phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate)
)  # a failure is not made smaller


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
    write(target, original.replace(change.old, change.new))
    start = time.perf_counter()
    failed = first_failure(copy, change.file, quick=quick)
    write(target, original)
    seconds = time.perf_counter() - start
    is_wrong = bool(failed) == bool(change.why)
    verdict = f"killed by {failed}" if failed else f"SURVIVES ({change.why or 'no reason known'})"
    print(f"{'!' if is_wrong else ' '} {where}: {verdict}, {seconds:.1f} s", flush=True)
    return is_wrong


def write(path: Path, text: str) -> None:
    """Writes with a time of its own, so that no byte code of another text is taken for it."""
    before = path.stat().st_mtime
    path.write_text(text, "utf-8")
    os.utime(path, (before + 2, before + 2))


def first_failure(copy: Path, file: str, *, quick: bool) -> str:
    """The first test in tests/kernel that fails in the copy; empty if none.

    Args:
        copy: with the change.
        file: that is changed, whose tests come first; then quick ones, then all others.
        quick: leave out all others.
    """
    rest = sorted(p.stem.removeprefix("test_") for p in (copy / "tests/kernel").glob("test_*.py"))
    stages = []
    for stage in (NEAREST.get(file, ()), *STAGES, *(() if quick else (tuple(rest),))):
        stages.append([name for name in stage if name in rest])
        rest = [name for name in rest if name not in stage]
    for stage in filter(None, stages):
        failed = first_in([f"tests/kernel/test_{name}.py" for name in stage], copy)
        if failed:
            return failed
    return ""


def first_in(files: list[str], copy: Path) -> str:
    """The first test of these files that fails in the copy; empty if none.

    A forked process runs them, so that pytest and the packages are loaded once.
    """
    said = copy / "said"
    child = os.fork()
    if child == 0:
        code = 4
        try:
            hypothesis.settings.load_profile("as found")
            os.chdir(copy)
            sys.path.insert(0, str(copy))
            out = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(out, 1)
            os.dup2(out, 2)
            code = int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *files]))
            sys.stdout.flush()
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if status == 0:
        return ""
    lines = said.read_text("utf-8").splitlines()
    named = [line.split()[1] for line in lines if line.startswith(("FAILED", "ERROR"))]
    return named[0].rpartition("/")[2] if named else f"status {status}"


if __name__ == "__main__":
    sys.exit(main())
