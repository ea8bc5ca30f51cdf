"""What a public project has: a workflow of the two commands, a citation, pages whose links lead."""

import inspect
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.specifiers import SpecifierSet

import verifai
from tests.plain_yaml import read

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
WORKFLOW = ROOT / ".github" / "workflows" / "ci.yml"
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text("utf-8")
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
KERNEL = sorted((ROOT / "verifai" / "kernel").glob("*.md"))
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]


@pytest.fixture(scope="module")
def workflow() -> dict[str, Any]:
    found = read(WORKFLOW.read_text("utf-8"))
    assert isinstance(found, dict)
    return found


def commands(job: dict[str, Any]) -> list[str]:
    return [step["run"] for step in job["steps"] if "run" in step]


def test_the_workflow_runs_the_two_commands(workflow: dict[str, Any]) -> None:
    assert commands(workflow["jobs"]["clone"]) == [
        "make demo PYTHON=python",
        "make test PYTHON=python",
    ]


def test_the_workflow_asks_make_for_what_it_has(workflow: dict[str, Any]) -> None:
    targets = set(re.findall(r"^([\w-]+):", MAKEFILE, re.MULTILINE))
    variables = set(re.findall(r"^(\w+) \?=", MAKEFILE, re.MULTILINE))
    for job in workflow["jobs"].values():
        for command in commands(job):
            program, target, *settings = command.split()
            assert program == "make"
            assert target in targets, command
            assert {each.partition("=")[0] for each in settings} <= variables, command


def test_the_workflow_runs_linux_and_macos_on_every_python(workflow: dict[str, Any]) -> None:
    job = workflow["jobs"]["clone"]
    matrix = job["strategy"]["matrix"]
    assert {name.partition("-")[0] for name in matrix["os"]} == {"ubuntu", "macos"}
    supported = SpecifierSet(PROJECT["requires-python"])
    wanted = [f"3.{minor}" for minor in range(8, 15) if supported.contains(f"3.{minor}")]
    assert matrix["python"] == wanted == ["3.11", "3.12", "3.13", "3.14"]
    assert job["runs-on"] == "${{ matrix.os }}"
    (setup,) = (step for step in job["steps"] if "setup-python" in step.get("uses", ""))
    assert setup["with"] == {"python-version": "${{ matrix.python }}"}


def test_the_workflow_has_no_secrets_and_names_actions_by_commit(workflow: dict[str, Any]) -> None:
    assert workflow["permissions"] == {"contents": "read"}
    assert "secrets" not in WORKFLOW.read_text("utf-8")
    for job in workflow["jobs"].values():
        used = [step for step in job["steps"] if "uses" in step]
        assert [re.sub("@[0-9a-f]{40}$", "", step["uses"]) for step in used] == [
            "actions/checkout",
            "actions/setup-python",
        ]
        assert used[0]["with"]["persist-credentials"] == "false"
        assert int(job["timeout-minutes"]) <= 120


def test_the_lock_tells_pythons_apart_and_excludes_none() -> None:
    """The lock is universal: no package is pinned for the oldest Python alone."""
    text = (ROOT / "requirements" / "lock.txt").read_text("utf-8")
    pinned = re.findall(r"^([\w-]+)==[^ ]+(?: ; (.*?))? \\$", text, re.MULTILINE)
    by_name: dict[str, list[str]] = {}
    for name, marker in pinned:
        by_name.setdefault(name, []).append(marker)
    assert len(by_name) > 20
    for name, markers in by_name.items():
        if any("python_full_version <" in marker for marker in markers):
            assert any("python_full_version >=" in marker for marker in markers), name


def test_the_citation_is_of_this_version_and_names_nobody() -> None:
    citation = read((ROOT / "CITATION.cff").read_text("utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(citation)  # what the format asks
    assert citation["cff-version"] == "1.2.0"
    assert citation["version"] == verifai.__version__
    assert citation["license"] == PROJECT["license"]
    assert citation["authors"] == [{"name": "verifai contributors"}]


@pytest.mark.parametrize(
    "text", ["a: 1\na: 2\n", "a:\n   b: 1\n", "a: [1]\n", "a: b: c\n", "a: x # y\n", "- a\nb: c\n"]
)
def test_what_is_no_plain_yaml_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"line \d"):
        read(text)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as code-hosting sites name them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings}


@pytest.mark.parametrize("page", [*PAGES, *KERNEL], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        path = (page.parent / file).resolve() if file else page
        assert path.exists(), target
        if anchor:
            assert anchor in anchors(path), target


def test_the_readme_leads_to_every_page() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert [p.name for p in PAGES if p.name != "README.md" and f"{p.name})" not in text] == []


def test_files_that_are_named_in_contributing_exist() -> None:
    for page in (ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", ROOT / "docs" / "extending.md"):
        named = re.findall(r"`((?:verifai|tests|docs|examples)/[\w./-]+)`", page.read_text("utf-8"))
        assert named
        missing = [n for n in named if "NAME" not in n and not (ROOT / n).exists()]
        assert not missing, page.name


def test_the_glossary_has_every_word_once_and_in_order() -> None:
    """Terms of a row that share it are sorted by the first."""
    rows = re.findall(r"^\| (.*?) \| (.*) \|$", GLOSSARY, re.MULTILINE)[2:]
    terms = [re.sub(r" \(ours\)$", "", term) for term, _ in rows]
    latin = [term.lower() for term in terms if term.isascii()]
    assert latin == sorted(latin)
    every = [word for term in terms for word in term.split(", ")]
    assert len(every) == len(set(every)) > 60
    assert all(meaning for _, meaning in rows)


def test_every_public_class_stands_in_the_glossary() -> None:
    """As a word, or in code where its idea is."""
    rows = re.findall(r"^\| (.*?) \| (.*) \|$", GLOSSARY, re.MULTILINE)[2:]
    words = {word for term, _ in rows for word in re.sub(r" \(ours\)$", "", term).split(", ")}
    named = {name for _, meaning in rows for name in re.findall(r"`(\w+)`", meaning)}
    public = [name for name in verifai.__all__ if inspect.isclass(getattr(verifai, name))]
    assert len(public) > 15
    assert [name for name in public if name.lower() not in words and name not in named] == []
