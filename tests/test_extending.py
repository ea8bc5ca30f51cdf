"""The walk of docs/extending.md that is a program runs, and its control is refuted."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "extending.md").read_text("utf-8")


def section(title: str) -> str:
    (found,) = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert isinstance(found, str)
    return found


def test_a_property_needs_no_file_of_ours(tmp_path: Path) -> None:
    (program,) = re.findall(
        r"^```python\n(.*?)^```", section("A property"), re.DOTALL | re.MULTILINE
    )
    assert not re.search(r"verifai\.(?!data)\w", program), "public names only"
    assert "broken.status" in program
    (tmp_path / "own.py").write_text(program)
    done = subprocess.run(
        [sys.executable, tmp_path / "own.py"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_page_lists_its_sections() -> None:
    listed = re.findall(r"^- \[(.*?)\]\(#", PAGE, re.MULTILINE)
    assert listed == re.findall(r"^## (.*)$", PAGE, re.MULTILINE)


def test_what_the_page_names_is_there() -> None:
    """Names in code, each on its own or called, stand somewhere in the package or its tests."""
    texts = [
        path.read_text("utf-8")
        for room in ("verifai", "tests")
        for path in (ROOT / room).rglob("*.py")
    ]
    known = {word for text in texts for word in re.findall(r"\w+", text)}
    named = set(re.findall(r"`([A-Za-z_]\w+)(?:\([^`]*\))?`", PAGE))
    assert len(named) > 50
    assert named - known - {"tent", "balanced", "NAME"} == set()


def test_a_ranking_rule_needs_no_file_of_ours(tmp_path: Path) -> None:
    programs = [
        re.findall(r"^```python\n(.*?)^```", section(title), re.DOTALL | re.MULTILINE)
        for title in ("A property", "A ranking rule")
    ]
    assert [len(found) for found in programs] == [1, 1]
    (tmp_path / "rule.py").write_text("\n".join(found[0] for found in programs))
    done = subprocess.run(
        [sys.executable, tmp_path / "rule.py"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_contributing_leads_to_each_walk_in_order() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    links = re.findall(r"\(docs/extending\.md#([\w-]+)\)", text)
    titles = re.findall(r"^## (.*)$", PAGE, re.MULTILINE)
    assert links == [title.lower().replace(" ", "-") for title in titles]
