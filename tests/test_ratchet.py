"""Figures of the code that may only go down: `tests/ratchet.toml` holds the most of each.

`python -m tests.test_ratchet` writes down the figures that fell.
"""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.test_house import KERNEL, MODULES, ROOT, code_lines, name_of

FILE = Path(__file__).with_name("ratchet.toml")
SETTINGS = tomllib.loads(FILE.read_text("utf-8"))
LONG_FILE, MANY_PARAMETERS, MOST_PARAMETERS, LONG_TUPLE = 200, 4, 6, 3
ROOM = 0.05  # of a figure, 1 at least if it is not 0: for changes made at the same time
SLACK, STALE = 0.08, 0.3  # of a figure: by which beating it is worth a word, or too much


@cache
def lines_of(path: Path) -> int:
    return len(code_lines(path.read_text("utf-8")))


@cache
def functions(path: Path) -> tuple[ast.FunctionDef, ...]:
    found = ast.walk(ast.parse(path.read_text("utf-8")))
    return tuple(node for node in found if isinstance(node, ast.FunctionDef))


def parameters(function: ast.FunctionDef) -> list[ast.arg]:
    every = function.args
    named = [*every.posonlyargs, *every.args, *every.kwonlyargs]
    return [each for each in named if each.arg not in ("self", "cls")]


def needed(function: ast.FunctionDef) -> list[ast.arg]:
    """The parameters that every call gives: those without a default.

    >>> [a.arg for a in needed(ast.parse("def f(a, b=1, *, c, d=2): ...").body[0])]
    ['a', 'c']
    """
    every = function.args
    placed = [*every.posonlyargs, *every.args]
    optional = placed[len(placed) - len(every.defaults) :]
    named = zip(every.kwonlyargs, every.kw_defaults, strict=True)
    optional += [each for each, default in named if default is not None]
    return [each for each in parameters(function) if each not in optional]


def signatures_above(most: int, count: Callable[[ast.FunctionDef], list[ast.arg]]) -> list[str]:
    """Functions with more parameters, each with its place."""
    return [
        f"{name_of(path)}:{function.lineno} {function.name}"
        for path in MODULES
        for function in functions(path)
        if len(count(function)) > most
    ]


def tuples(annotation: ast.expr | None, least: int) -> bool:
    """Whether a tuple of at least so many unnamed parts occurs in an annotation.

    >>> tuples(ast.parse("list[tuple[int, str]]").body[0].value, 2)
    True
    >>> tuples(ast.parse("tuple[int, ...]").body[0].value, 2)
    False
    """
    for node in ast.walk(annotation) if annotation else ():
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "tuple":
            parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            is_open = any(isinstance(p, ast.Constant) and p.value is Ellipsis for p in parts)
            if not is_open and len(parts) >= least:
                return True
    return False


def annotations(path: Path) -> Iterator[tuple[str, ast.expr | None]]:
    for function in functions(path):
        for each in parameters(function):
            yield f"{name_of(path)}:{function.lineno} {each.arg}", each.annotation
        yield f"{name_of(path)}:{function.lineno} {function.name}", function.returns


def tuple_parameters() -> list[str]:
    return [
        f"{name_of(path)}:{function.lineno} {each.arg}"
        for path in MODULES
        for function in functions(path)
        for each in parameters(function)
        if tuples(each.annotation, 2)
    ]


def long_tuples() -> list[str]:
    places = (place for path in MODULES for place in annotations(path))
    return [where for where, annotation in places if tuples(annotation, LONG_TUPLE + 1)]


def long_files() -> list[str]:
    return [name_of(path) for path in MODULES if lines_of(path) > LONG_FILE]


def lines(paths: list[Path]) -> list[str]:
    """One entry a code line, so that every figure is a length."""
    return [name_of(path) for path in paths for _ in range(lines_of(path))]


def share(found: list[str], of: int) -> list[str]:
    """As many entries as there are in a thousand: what a package that grows may have more of."""
    wanted = round(1000 * len(found) / of)
    return (found * (wanted // max(1, len(found)) + 1))[:wanted]


def signatures() -> int:
    return sum(len(functions(path)) for path in MODULES)


FIGURES: dict[str, Callable[[], list[str]]] = {
    "kernel_lines": lambda: lines(KERNEL),
    "files_over_200_lines_in_1000": lambda: share(long_files(), len(MODULES)),
    "signatures_that_need_more_than_4_in_1000": lambda: share(
        signatures_above(MANY_PARAMETERS, needed), signatures()
    ),
    "signatures_of_more_than_6_parameters": lambda: signatures_above(MOST_PARAMETERS, parameters),
    "parameters_that_are_tuples_in_1000_signatures": lambda: share(
        tuple_parameters(), signatures()
    ),
    "signatures_with_tuples_of_more_than_3": long_tuples,
}


def test_every_figure_is_written_down() -> None:
    assert set(SETTINGS["figures"]) == set(FIGURES)


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_only_goes_down(name: str) -> None:
    most, found = SETTINGS["figures"][name], FIGURES[name]()
    shown = "; ".join(found[-3:]) if len(found) < 200 else ""
    room = max(ROOM * most, 1 if most else 0)
    assert len(found) <= most + room, f"{name}: {len(found)}, not {most}: {shown}"
    beaten = most - len(found)
    said = f"{name} fell from {most} to {len(found)}: run `python -m tests.test_ratchet`"
    assert beaten <= max(STALE * most, 5), said
    if beaten > max(SLACK * most, 2):
        warnings.warn(said, stacklevel=1)


@pytest.mark.parametrize("page", ["README.md", "docs/trust.md"])
def test_pages_say_how_long_the_kernel_is(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    (said,) = re.findall(r"`verifai/kernel`\D*about ([\d,]+) lines", text)
    found = len(FIGURES["kernel_lines"]())
    assert abs(int(said.replace(",", "")) - found) <= 0.15 * found, f"{page}: it has {found}"


def history() -> list[str]:
    """The subjects of the commits after the base; a skip where there is no history."""
    base = SETTINGS["commits"]["after"]
    try:
        known = git("merge-base", "--is-ancestor", base, "HEAD")
    except FileNotFoundError:
        pytest.skip("git is not installed: no commit subjects to read")
    if known.returncode != 0:
        pytest.skip("no git history here that reaches the base: no commit subjects to read")
    return git("log", "--no-merges", "--format=%s", f"{base}..HEAD").stdout.splitlines()


def git(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)


def test_commit_subjects_fit() -> None:
    most = SETTINGS["commits"]["longest_subject"]
    assert [subject for subject in history() if len(subject) > most] == []


def lowered() -> str:
    """The file with every figure that fell."""
    text = FILE.read_text("utf-8")
    for name, most in SETTINGS["figures"].items():
        least = min(most, len(FIGURES[name]()))
        text = re.sub(rf"^{name} = \d+$", f"{name} = {least}", text, flags=re.MULTILINE)
    return text


def test_writing_the_figures_down_raises_none() -> None:
    after = tomllib.loads(lowered())["figures"]
    assert all(after[name] <= most for name, most in SETTINGS["figures"].items())


if __name__ == "__main__":
    FILE.write_text(lowered(), "utf-8")
