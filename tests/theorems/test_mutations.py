"""The gallery's mutations: enough of them, each still applies, and the runner tells both kinds."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

from verifai.theorems.registry import THEOREMS

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "benchmarks" / "theorem_mutations.py"
CHANGES = tomllib.loads(SCRIPT.with_suffix(".toml").read_text("utf-8"))["change"]


def test_every_theorem_has_at_least_four() -> None:
    counts = Counter(change["module"] for change in CHANGES)
    assert set(counts) == {each.name for each in THEOREMS}
    assert min(counts.values()) >= 4
    assert sum(counts.values()) >= 120


def test_each_text_occurs_once_in_its_module() -> None:
    for change in CHANGES:
        name = change.get("file", change["module"])
        text = (ROOT / "verifai" / "theorems" / f"{name}.py").read_text("utf-8")
        assert text.count(change["old"]) == 1, change
        assert change["old"] != change["new"]


def test_few_may_survive_and_say_why() -> None:
    survivors = [change["why"] for change in CHANGES if "why" in change]
    assert all(survivors) and len(survivors) <= len(CHANGES) // 10


def test_the_runner_tells_what_is_noticed() -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT, "--only", "double_descent"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok" in done.stdout and "noticed: " in done.stdout and "survives (" in done.stdout
    assert "\n0 of 5 changes are not as they should be" in done.stdout
