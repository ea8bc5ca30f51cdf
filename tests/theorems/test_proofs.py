"""Every certificate in proofs/, in format 2, is accepted by the kernel alone; what it is about."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from verifai.cli.theorem_run import statement_text
from verifai.proof.files import Files
from verifai.proof.network import encode_network
from verifai.proof.query import encode_query
from verifai.proof.upgrade import upgraded
from verifai.theorems.claim import Theorem
from verifai.theorems.registry import THEOREMS

ROOT = Path(__file__).parents[2]
PROOFS = ROOT / "proofs"
CERTIFICATES = sorted(PROOFS.glob("*/*.cert"))
CHECK = """
import contextlib, io, json, sys
from verifai.kernel.__main__ import main

for path, certificate in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = main([f"{path}.network", f"{path}.query.json", certificate])
    print(json.dumps([code, said.getvalue()]))
ours = {name for name in sys.modules if name.startswith("verifai.")}
print(json.dumps(sorted(name for name in ours if not name.startswith("verifai.kernel"))))
"""

Answers = dict[Path, tuple[int, str]]


def in_format_2(path: Path, folder: Path) -> Path:
    """The stored certificate, upgraded where it is of format 1."""
    files = Files(Path(f"{path}.network").read_bytes(), Path(f"{path}.query.json").read_bytes())
    written = folder / f"{path.parent.name}-{path.name}"
    written.write_bytes(upgraded(path.read_bytes(), files))
    return written


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    """What the kernel says of each certificate, in one process that loads nothing else of ours."""
    folder = tmp_path_factory.mktemp("format-2")
    pairs = [(path, in_format_2(path, folder)) for path in CERTIFICATES]
    done = subprocess.run(
        [sys.executable, "-c", CHECK, *(path for pair in pairs for path in pair)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    *found, others = map(json.loads, done.stdout.splitlines())
    assert others == []
    return {path: (code, said) for path, (code, said) in zip(CERTIFICATES, found, strict=True)}


def test_there_are_proofs() -> None:
    assert CERTIFICATES


@pytest.mark.parametrize("path", CERTIFICATES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_the_kernel_alone_accepts_it(path: Path, answers: Answers) -> None:
    code, said = answers[path]
    assert code == 0, said
    assert "No input in this domain makes" in said
    assert "accepted: " in said


@pytest.mark.parametrize("each", THEOREMS, ids=lambda each: each.name)
def test_what_is_stored_is_what_the_theorem_says(each: Theorem[Any]) -> None:
    """Same statement; and every stored query is one that the theorem poses with its defaults."""
    folder = PROOFS / each.name
    assert (folder / "statement.txt").read_text("utf-8") == statement_text(each)
    names = {path.stem for path in folder.glob("*.cert")}
    posed = {c.name: c.query for c in each.claims(each.defaults) if c.name in names}
    assert set(posed) == names
    for name, pose in posed.items():
        assert pose is not None, f"{name}: a stored proof of what is found by training"
        query, path = pose(), folder / f"{name}.cert"
        assert Path(f"{path}.network").read_bytes() == encode_network(query.network)
        assert Path(f"{path}.query.json").read_bytes() == encode_query(query)


def test_nothing_else_lies_there() -> None:
    """But for what is proved in Coq, of which test_coq.py and test_proved.py speak."""
    others = {"build", "gallery", "kernel"}
    assert {path.name for path in PROOFS.iterdir()} == {each.name for each in THEOREMS} | others
