"""The lists of what is installed belong to the ranges of pyproject.toml, and name no place."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[1]
LOCK, OLDEST, TORCH = (ROOT / "requirements" / f"{n}.txt" for n in ("lock", "oldest", "torch"))


def wanted() -> dict[str, Requirement]:
    """What pyproject.toml asks for, with all extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    each = [Requirement(text) for texts in lists for text in texts]
    return {r.name: r for r in each if r.name != project["name"]}


def pinned(path: Path) -> dict[str, list[Requirement]]:
    """What a list pins, by name: a release for each version of Python where they differ."""
    found: dict[str, list[Requirement]] = {}
    for line in path.read_text("utf-8").splitlines():
        if re.match(r"[a-z]", line):
            requirement = Requirement(line.removesuffix("\\").strip())
            found.setdefault(requirement.name, []).append(requirement)
    return found


def version(requirement: Requirement) -> Version:
    (only,) = requirement.specifier
    assert only.operator == "=="
    return Version(only.version)


@pytest.mark.parametrize("path", [LOCK, OLDEST], ids=lambda path: path.stem)
def test_pins_lie_in_the_ranges(path: Path) -> None:
    pins = pinned(path) | pinned(TORCH)
    for name, requirement in wanted().items():
        assert name in pins, f"{name}: run `make lock`"
        for pin in pins[name]:
            assert requirement.specifier.contains(version(pin)), f"{pin}: run `make lock`"


def test_the_oldest_are_the_lower_bounds() -> None:
    pins = pinned(OLDEST) | pinned(TORCH)
    for name, requirement in wanted().items():
        least = [Version(s.version) for s in requirement.specifier if s.operator == ">="]
        assert least, f"{name} has no lower bound"
        assert [version(pin).release[:2] for pin in pins[name]] == [least[0].release[:2]]


def test_every_range_ends() -> None:
    open_ended = [r for r in wanted().values() if not any(s.operator == "<" for s in r.specifier)]
    assert not open_ended


@pytest.mark.parametrize("path", [LOCK, OLDEST], ids=lambda path: path.stem)
def test_pins_have_hashes_and_bring_no_torch(path: Path) -> None:
    text = path.read_text("utf-8")
    entries = [e for e in re.split(r"\n(?=[a-z])", text) if re.match(r"[a-z]", e)]
    assert entries and all("--hash=sha256:" in entry for entry in entries)
    assert not {"torch", "triton"} & set(pinned(path))
    assert not [name for name in pinned(path) if name.startswith(("nvidia", "cuda"))]


def test_lists_name_no_place() -> None:
    for path in (ROOT / "requirements").iterdir():
        assert "://" not in path.read_text("utf-8"), path
