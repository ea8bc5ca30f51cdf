"""The guide's commands and its Python run, in the order of the page, and do what it says."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import verifai

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs" / "guide.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    (tmp_path / "verifai").mkdir()
    shutil.copytree(Path(verifai.__file__).parent / "data", tmp_path / "verifai" / "data")
    return tmp_path


def test_the_shell_commands_run(clone: Path) -> None:
    tools = clone / "bin"
    tools.mkdir()
    for name, module in (("verifai", "-m verifai"), ("python", "")):
        tool = tools / name
        tool.write_text(f'#!/bin/sh\nPYTHONSAFEPATH=1 exec {sys.executable} {module} "$@"\n')
        tool.chmod(0o755)
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    environment = dict(os.environ, PATH=path, PYTHONPATH=str(ROOT))
    assert len(blocks("sh")) >= 6
    for block in blocks("sh"):
        done = subprocess.run(
            ["sh", "-ec", block],
            cwd=clone,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode == 0, block + done.stdout + done.stderr
    assert (clone / "square.cert.query.json").is_file()
    assert (clone / "result.txt").read_text() == "unsat\n"
    assert "accepted" in (clone / "results.csv").read_text()


def test_the_python_runs(clone: Path) -> None:
    program = "\n".join(blocks("python"))
    environment = dict(os.environ, PYTHONPATH=str(ROOT))
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=clone,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("verified: ")


def test_every_public_name_is_in_the_guide() -> None:
    (listed,) = re.findall(r"## All public names\n(.*?)\n## ", GUIDE, re.DOTALL)
    assert {name for name in verifai.__all__ if f"`{name}`" not in listed} == set()


def test_links_lead_to_headings_of_the_page() -> None:
    headings = re.findall(r"^## (.*)$", GUIDE, re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", h.lower()).replace(" ", "-") for h in headings}
    links = re.findall(r"\]\(#([^)]*)\)", GUIDE)
    assert links
    assert set(links) <= anchors
