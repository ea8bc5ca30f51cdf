"""Every example runs and says what it should."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import verifai as vf

ROOT = Path(__file__).parents[1]

SAYS = {
    "verify_onnx.py": r"verified: .*\n\d+ leaves, \d+ bytes",
    "robust_digit.py": r"no change .* 1/32 makes this 2.*change of \d+ pixels by up to 1/10",
    "check_certificate.py": r"accepted: \d+ nodes, \d+ leaves.*rejected: ",
    "every_activation.py": r"residual +verified\nmaxpool +verified\nsigmoid +verified\n"
    r"tanh +verified\nsign +verified",
    "attention.py": r"0.05 .*: verified\n.*0.5 .*: falsified\n.*between.*in \[6.5, 8.4\]: verified",
    "integer_input.py": r"integers: verified\non the real numbers: falsified at x = \d+/\d+",
    "monotone_score.py": r"monotone: verified\nfree: falsified\nincome .* -> ",
    "rounded_weights.py": r"within 1/1000: falsified\nwave.* 1/5: verified\n.*16 bits.*: verified",
    "train_square.py": r"round 1: .* [1-8] falsified.*"
    r"every query is verified after \d+ rounds.*misses",
    "train_robust_digits.py": r"round 1: .* [1-9] falsified.*"
    r"every query is verified after \d+ rounds.*10 certificates checked again",
    "ranking_rule.py": r"default +verified after \d+ .*babsr +verified after .*"
    r"balanced +verified after .*careless +verified after \d+ subproblems",
    "certified_accuracy.py": r"certified %.*1/50 +100.0 +100.0.*by radius 1/10.*"
    r"\d+ proofs and [1-9]\d* counterexamples stand.*radius between 0.0.*\(converged\)",
    "own_property.py": r"No input in this domain makes\n.*x.*hidden: verified",
}


def test_every_example_is_tested() -> None:
    assert {file.name for file in (ROOT / "examples").glob("*.py")} == set(SAYS)


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.py")), ids=lambda p: p.name)
def test_examples_use_public_names_only(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    modules = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert not [module for module in modules if module.startswith("verifai")]
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "vf"
    }
    assert used - {"__file__"} <= set(vf.__all__)


@pytest.mark.parametrize(("name", "says"), SAYS.items())
def test_example(name: str, says: str) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / name],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(says, done.stdout, re.DOTALL), done.stdout
