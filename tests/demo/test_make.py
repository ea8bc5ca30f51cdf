"""`make demo` trains and writes in a folder of its own: the checkout stays as it was."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def status() -> str:
    command = ["git", "status", "--porcelain"]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="needs a checkout")
@pytest.mark.skipif(not (shutil.which("make") and shutil.which("git")), reason="needs make and git")
def test_the_demo_leaves_the_checkout_clean(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    ready, demo, before = tmp_path / "ready", tmp_path / "demo", status()
    ready.touch()
    command = ["make", "demo", f"READY={ready}", f"BIN={Path(sys.executable).parent}"]
    command += [f"DEMO={demo}", "TRAINING=--device cpu --epochs 8"]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (demo / "networks" / "digits_mlp.onnx").is_file()
    assert list(demo.glob("*.certificate"))
    assert status() == before
