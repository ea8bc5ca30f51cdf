"""The names of rules in the code are those that SPEC.md lists, and each has a rejected example."""

import ast
from pathlib import Path

import verifai.kernel

KERNEL = Path(verifai.kernel.__file__).parent


def named_in_code() -> set[str]:
    names = set()
    for path in KERNEL.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Rejection":
                first = node.args[0]
                if isinstance(first, ast.Constant):
                    names.add(str(first.value))
                else:
                    given = ast.unparse(first).endswith("reason.rule")
                    assert given, f"{path.name}: {ast.unparse(node)}"
    return names


def listed_in_specification() -> list[str]:
    text = (KERNEL / "SPEC.md").read_text().split("## 11. Rejections")[1]
    rows = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("|")]
    return [row.strip("`") for row in rows[2:]]


def test_specification_lists_the_rules_of_the_code() -> None:
    listed = listed_in_specification()
    assert sorted(listed) == sorted(named_in_code())
    assert len(set(listed)) == len(listed) > 10


def test_every_rejection_is_raised_or_yielded() -> None:
    """One that is built and forgotten would accept; `_open` only makes the leaf that is yielded."""
    total = 0
    for path in KERNEL.rglob("*.py"):
        tree = ast.parse(path.read_text())
        built = sum(is_call(n, "Rejection") for n in ast.walk(tree))
        sent = 0
        for node in ast.walk(tree):
            if isinstance(node, ast.Raise):
                sent += is_call(node.exc, "Rejection")
            elif isinstance(node, ast.Yield) and is_call(node.value, "_open"):
                sent += is_call(node.value.args[1], "Rejection")
        assert built == sent, path.name
        total += built
        if path.name == "checker.py":
            assert ast.unparse(function(tree, "_open").body[-1]).startswith(
                "return OpenLeaf(context, reason, "
            )
            raised = [n for n in ast.walk(function(tree, "refuse")) if isinstance(n, ast.Raise)]
            assert len(raised) == 1
            walks = [n for n in ast.walk(tree) if is_call(n, "walk")]
            refused = [n for n in ast.walk(tree) if is_call(n, "refuse")]
            assert len(refused) == 4
            assert len(walks) == 5  # the fifth hands the leaves out
    assert total > 20


def is_call(node: ast.AST | None, name: str) -> bool:
    if not isinstance(node, ast.Call):
        return False
    return name in (getattr(node.func, "id", ""), getattr(node.func, "attr", ""))


def function(tree: ast.Module, name: str) -> ast.FunctionDef:
    found = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == name]
    assert len(found) == 1, name
    return found[0]


def test_kernel_has_no_assert_no_broad_except_no_clock_and_no_randomness() -> None:
    for path in KERNEL.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            assert not isinstance(node, ast.Assert), path.name
            if isinstance(node, ast.ExceptHandler):
                assert node.type is not None, path.name
                assert "Exception" not in ast.unparse(node.type).split(), path.name
            if isinstance(node, ast.Import):
                names = {alias.name.split(".")[0] for alias in node.names}
                allowed = {"os"} if path.name == "__main__.py" else set()
                banned = {"time", "random", "os", "subprocess"} - allowed
                assert not names & banned, path.name


def test_kernel_imports_only_itself_numpy_flint_and_the_standard_library() -> None:
    import sys

    allowed = set(sys.stdlib_module_names) | {"numpy", "flint"}
    for path in KERNEL.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                ours = name.startswith("verifai.kernel")
                assert ours or name.split(".")[0] in allowed, f"{path.name} imports {name}"
