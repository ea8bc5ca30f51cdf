"""The house rules that a machine can see: arrows, sizes, docstrings, documented commands."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import textwrap
import tokenize
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from verifai.cli import group

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "verifai"
MODULES = sorted(PACKAGE.rglob("*.py"))
KERNEL = sorted((PACKAGE / "kernel").rglob("*.py"))

VERDICT = {"verdict", "counterexample"}
BELOW_SEARCH = VERDICT | {"kernel", "proof", "entry", "bounds", "solvers"}
BELOW_VERIFY = BELOW_SEARCH | {"search", "alarm", "original"}
FRONT = BELOW_VERIFY | {
    "memory",
    "graph",
    "query",
    "load",
    "symbolic",
    "properties",
    "verify",
    "optimum",
    "api",
}
ARROWS = {
    "kernel": set[str](),
    "proof": {"kernel"},
    "entry": {"kernel"},
    "image": {"kernel"},
    "bracket": {"kernel"},
    "counterexample": {"kernel", "entry", "image"},
    "verdict": {"kernel", "entry", "files", "proof", "counterexample"},
    "query": {"kernel", "entry", "graph", "proof", "files"},
    "alarm": set[str](),
    "files": {"kernel"},
    "streams": set[str](),
    "original": {"kernel", "graph"},
    "memory": {"kernel"},
    "graph": {"kernel", "memory"},
    "load": {"alarm", "kernel", "proof", "entry", "original", "memory", "graph", "query"},
    "bounds": {"kernel"},
    "solvers": VERDICT | {"alarm", "kernel", "entry", "streams"},
    "symbolic": {"kernel", "entry", "graph", "bounds", "solvers"},
    "properties": {"kernel", "entry", "graph", "load", "bounds", "symbolic", "query"},
    "optimum": BELOW_VERIFY | {"bracket", "graph", "properties", "symbolic", "verify"},
    "search": BELOW_SEARCH,
    "verify": BELOW_VERIFY,
    "api": FRONT - {"api"},
    "report": FRONT | {"files"},
    "evidence": FRONT | {"files", "report", "image"},
    "ci": FRONT | {"evidence"},
    "pytest_plugin": FRONT | {"evidence"},
    "certify": FRONT | {"bracket", "files", "report"},
    "claim": FRONT - {"api", "load", "optimum", "memory"},
    "train": FRONT,
    "theorems": FRONT | {"claim"},
    "bench": {"kernel", "report", "files"},
    "demo": FRONT | {"report", "files"},
    "cli": FRONT
    | {"evidence", "report", "certify", "claim", "train", "theorems", "bench", "demo"}
    | {"ci", "files", "streams"},
    "start": {"cli"},
}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def component(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    """The dotted names of our modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names if each.name.startswith("verifai"))
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}: a relative import"
            module = node.module or ""
            if module == "verifai":
                yield from (f"verifai.{each.name}" for each in node.names)
            elif module.startswith("verifai."):
                yield module


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_one_way(path: Path) -> None:
    own = component(path)
    if own in ("__init__", "__main__"):
        return
    assert own in ARROWS, f"{own}: say in ARROWS what it may import"
    for module in imports(path):
        other = [*module.split("."), ""][1]
        if other in ("", "__version__"):
            assert own != "kernel", f"{name_of(path)} imports the package itself"
            continue
        assert other == own or other in ARROWS[own], f"{own} must not import {module}"


def test_arrows_name_only_rooms_that_exist() -> None:
    rooms = {component(path) for path in MODULES}
    assert set(ARROWS) <= rooms
    assert {other for others in ARROWS.values() for other in others} <= rooms


def test_kernel_imports_nothing_but_numpy_and_flint() -> None:
    modules = [
        "verifai." + ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        for path in KERNEL
        if path.stem not in ("__init__", "__main__")
    ]
    program = f"""
    import importlib, sys
    allowed = {{*sys.stdlib_module_names, "numpy", "flint", "verifai"}}

    class Wall:
        def find_spec(self, name, path=None, target=None):
            top = name.partition(".")[0]
            ours = name.startswith("verifai.") and not name.startswith("verifai.kernel")
            if top not in allowed or ours:
                raise ImportError(f"blocked: {{name}}")

    sys.meta_path.insert(0, Wall())
    for module in {modules!r}:
        importlib.import_module(module)
    try:
        import onnx
    except ImportError:
        print("walled")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "walled"


@pytest.mark.parametrize("path", KERNEL, ids=name_of)
def test_kernel_has_no_assert_and_no_broad_except(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        assert not isinstance(node, ast.Assert), f"line {node.lineno}: assert vanishes under -O"
        if isinstance(node, ast.ExceptHandler):
            caught = (
                {n.id for n in ast.walk(node.type) if isinstance(n, ast.Name)}
                if node.type
                else {""}
            )
            assert not caught & {"", "Exception", "BaseException"}, (
                f"line {node.lineno}: broad except"
            )


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_public_names_are_documented(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    header = ast.get_docstring(tree)
    assert header, "no module docstring"
    if path.name != "__init__.py":
        assert "May import:" in header, "the header does not say what it may import"
    missing = [name for name, node in public(tree) if not ast.get_docstring(node)]
    assert not missing, f"without docstring: {missing}"


def test_no_two_public_classes_have_one_name() -> None:
    """But `Parameters`, of which every theorem has its own, and `Query`, which people hold."""
    places: dict[str, list[Path]] = {}
    for path in MODULES:
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(path)
    assert all(component(path) == "theorems" for path in places.pop("Parameters"))
    assert [name_of(p) for p in places.pop("Query")] == [
        "verifai/kernel/query.py",
        "verifai/query.py",
    ]
    twice = {name: [name_of(p) for p in paths] for name, paths in places.items() if paths[1:]}
    assert not twice


TESTS = sorted([*(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")])


@pytest.mark.parametrize("path", TESTS, ids=name_of)
def test_test_modules_say_what_they_test(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text("utf-8"))), "no module docstring"


Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def public(tree: ast.Module | ast.ClassDef) -> Iterator[tuple[str, Definition]]:
    """Public classes, functions and methods, outside of private classes."""
    for node in tree.body:
        if isinstance(node, Definition) and not node.name.startswith("_"):
            yield node.name, node
            if isinstance(node, ast.ClassDef):
                yield from ((f"{node.name}.{name}", part) for name, part in public(node))


def code_lines(text: str) -> set[int]:
    """The numbers of the lines that hold code: no docstrings, comments, blanks."""
    found: set[int] = set()
    skipped = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in (*skipped, tokenize.ENDMARKER):
            found.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            found.difference_update(range(node.lineno, (node.end_lineno or 0) + 1))
    return found


def test_code_lines_leave_out_what_is_no_code() -> None:
    assert code_lines('"""Text.\n\nMore."""\n\n# why\nx = (\n    1\n)\n') == {6, 7, 8}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_sizes(path: Path) -> None:
    text = path.read_text("utf-8")
    lines = code_lines(text)
    most = 250 if path in KERNEL else 400
    assert len(lines) <= most, f"{len(lines)} code lines, at most {most}"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            own = lines & set(range(node.lineno, (node.end_lineno or 0) + 1))
            assert len(own) <= 60, f"{node.name}: {len(own)} code lines, at most 60"


CORE = (
    "check",
    "checker",
    "derive",
    "ledger",
    "context",
    "eliminate",
    "bound",
    "forward",
    "lines",
    "smooth",
    "functions",
    "formula",
    "integers",
    "replay",
)


def test_the_core_of_the_kernel_is_short() -> None:
    """Rules, bounds, context, replay: the files that kernel/README.md calls the core."""
    texts = [(PACKAGE / "kernel" / f"{name}.py").read_text("utf-8") for name in CORE]
    assert sum(len(code_lines(text)) for text in texts) <= 1500


def test_the_kernels_page_names_every_file() -> None:
    page = (PACKAGE / "kernel" / "README.md").read_text("utf-8")
    named = {*re.findall(r"`(\w+)(?:\.py)?`", page)}
    assert {p.stem for p in (PACKAGE / "kernel").glob("[a-z]*.py")} <= named


def test_no_rooms_without_a_purpose() -> None:
    named = {path.name for path in ROOT.rglob("*.py") if not is_installed(path)}
    assert not named & {"utils.py", "common.py", "helpers.py", "base.py"}


def is_installed(path: Path) -> bool:
    """Whether a file lies in a virtual environment: `make` has one for each set of dependencies."""
    return path.relative_to(ROOT).parts[0].startswith(".venv")


def project_texts() -> list[Path]:
    kinds = {".py", ".md", ".toml", ".yml", ".yaml", ".json", ".cfg", ".txt", ".sh", ".html"}
    skipped = {".git", "build", "dist", "results", "__pycache__"}
    found = [
        path
        for path in ROOT.rglob("*")
        if not is_installed(path)
        and not skipped & set(path.relative_to(ROOT).parts)
        and (path.suffix in kinds or path.name in ("Makefile", "run", "NOTICE"))
        and path.is_file()
        and not any(part.startswith(".") and part != ".ci" for part in path.relative_to(ROOT).parts)
    ]
    assert len(found) > 20
    return found


def test_no_paths_of_one_machine() -> None:
    pattern = re.compile(r"(?<![\w.])/(work|farm|root|home|Users)" + "/")
    at = [name_of(p) for p in project_texts() if pattern.search(p.read_text("utf-8"))]
    assert not at


DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]


def shell_lines(path: Path) -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```", path.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    joined = "".join(blocks).replace("\\\n", " ")
    return [line.split("  #")[0].strip() for line in joined.splitlines() if line.strip()]


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_documented_commands_exist(path: Path) -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for line in shell_lines(path):
        program, *words = line.split()
        if program == "make":
            assert words[0] in targets, line
        elif program == "verifai" and words[0] not in ("--version", "--help", "-h"):
            command: click.Command | None = group
            with click.Context(group) as context:
                while isinstance(command, click.Group) and words and words[0][0] != "-":
                    command = command.get_command(context, words.pop(0))
            assert command is not None, line
            known = {option for each in command.params for option in each.opts}
            used = {word.partition("=")[0] for word in words if word.startswith("--")}
            assert used <= known | {"--help"}, f"{line}: {used - known}"


def test_readme_shows_commands() -> None:
    lines = shell_lines(ROOT / "README.md")
    assert "make demo" in lines
    assert "make test" in lines
    assert any(line.startswith("verifai verify") for line in lines)
