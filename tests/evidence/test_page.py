"""The page on kept proofs: its Python, its tests and its commands run and do what it says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import verifai

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "evidence.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    """The blocks of a language; what stands behind it says what a block is for."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the package's data and the commands of this interpreter."""
    (tmp_path / "verifai").mkdir()
    shutil.copytree(Path(verifai.__file__).parent / "data", tmp_path / "verifai" / "data")
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, module in (("verifai", "-m verifai"), ("pytest", "-m pytest"), ("python", "")):
        tool = tools / name
        tool.write_text(f'#!/bin/sh\nPYTHONSAFEPATH=1 exec {sys.executable} {module} "$@"\n')
        tool.chmod(0o755)
    return tmp_path


def done(project: Path, *command: str) -> str:
    path = f"{project / 'bin'}{os.pathsep}{os.environ['PATH']}"
    found = subprocess.run(
        command,
        cwd=project,
        env=dict(os.environ, PATH=path, PYTHONPATH=str(ROOT), PYTEST_DISABLE_PLUGIN_AUTOLOAD="1"),
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout


def test_the_blocks_run(project: Path) -> None:
    done(project, sys.executable, "-c", "\n".join(blocks("python")))
    for block in blocks("sh"):
        assert "accepted" in done(project, "sh", "-ec", block)


def test_the_test_file_is_searched_once_and_then_checked(project: Path) -> None:
    (tests,) = blocks("python test_digits.py")
    (project / "test_digits.py").write_text(tests)
    (project / "pytest.ini").write_text("[pytest]\n")
    (block,) = blocks("sh pytest")
    tool = project / "bin" / "pytest"
    tool.write_text(tool.read_text().replace("pytest ", "pytest -p verifai.pytest_plugin "))
    said = done(project, "sh", "-ec", block)
    assert "5 properties: 5 searched" in said and "5 properties: 5 checked" in said
