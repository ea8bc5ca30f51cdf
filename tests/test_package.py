"""The wheel and the sdist that are built from a clone hold what they should, and work installed."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import verifai

ROOT = Path(__file__).parents[1]
SQUARE = "(declare-const X_0 Real)(declare-const Y_0 Real)(assert (>= X_0 0))(assert (<= X_0 1))"

pytest.importorskip("hatchling", reason="the package is built with hatchling (see make)")


def ran(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        command,
        cwd=cwd,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def built(source: Path, target: Path, kind: str) -> Path:
    """The wheel or sdist of a source folder."""
    before = set(target.glob("*"))
    program = "import sys, hatchling.build as b; getattr(b, f'build_{sys.argv[1]}')(sys.argv[2])"
    ran(sys.executable, "-c", program, kind, str(target), cwd=source)
    (made,) = set(target.glob("*")) - before
    return made


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(ROOT, tmp_path_factory.mktemp("sdist"), "sdist")


@pytest.fixture(scope="module")
def wheels(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The wheel of the clone, and the wheel of the unpacked sdist."""
    unpacked = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as file:
        file.extractall(unpacked, filter="data")
    (source,) = unpacked.iterdir()
    return [built(each, tmp_path_factory.mktemp("wheel"), "wheel") for each in (ROOT, source)]


def files(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as file:
        return {name: file.read(name) for name in file.namelist()}


def test_the_sdist_makes_the_same_wheel(wheels: list[Path]) -> None:
    clone, sdist = map(files, wheels)
    assert set(clone) == set(sdist)
    assert [name for name in clone if clone[name] != sdist[name]] == []


def test_the_wheel_holds_the_package_and_nothing_else(wheels: list[Path]) -> None:
    names = set(files(wheels[0]))
    package = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "verifai").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {"verifai/py.typed", "verifai/kernel/SPEC.md", "verifai/data/wave.onnx"} <= package
    folder = f"verifai_nn-{verifai.__version__}.dist-info/"
    assert {name for name in names if not name.startswith(folder)} == package
    assert {f"{folder}licenses/LICENSE", f"{folder}licenses/NOTICE"} <= names


def test_the_sdist_holds_what_the_tests_read(sdist: Path) -> None:
    with tarfile.open(sdist) as file:
        inside = {Path(*Path(name).parts[1:]).as_posix() for name in file.getnames()}
    wanted = ["Makefile", "requirements/lock.txt", "CONTRIBUTING.md", "SECURITY.md", "CITATION.cff"]
    wanted += [f"tests/{path.name}" for path in Path(__file__).parent.glob("test_*.py")]
    assert not [name for name in wanted if name not in inside]
    assert not [name for name in inside if "__pycache__" in name or name.startswith("results")]


def test_an_installed_wheel_verifies_and_checks(wheels: list[Path], tmp_path: Path) -> None:
    """In an environment of its own, whose other packages are those of this one: no network."""
    home = tmp_path / "installed"
    ran(sys.executable, "-m", "venv", "--without-pip", home, cwd=tmp_path)
    python = home / "bin" / "python"
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path(ran(python, "-c", code, cwd=tmp_path).strip())
    others = [entry for entry in sys.path if Path(entry).name == "site-packages"]
    (packages / "others.pth").write_text("".join(f"{entry}\n" for entry in others))
    ran(
        *(python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"),
        *("--ignore-installed", "--disable-pip-version-check", wheels[0]),
        cwd=tmp_path,
    )
    inside = ran(python, "-c", "import verifai; print(verifai.__file__)", cwd=tmp_path).strip()
    assert Path(inside).is_relative_to(home)
    tool, model = home / "bin" / "verifai", Path(inside).parent / "data" / "yarotsky_4.onnx"
    assert ran(tool, "--version", cwd=tmp_path) == f"{verifai.__version__}\n"
    (tmp_path / "square.vnnlib").write_text(SQUARE + "(assert (>= Y_0 1.25))")
    ran(tool, "verify", model, "square.vnnlib", "--certificate", "c", cwd=tmp_path)
    ran(tool, "check", model, "square.vnnlib", "c", cwd=tmp_path)
    assert "--proofs-dir" in ran(python, "-m", "pytest", "--help", cwd=tmp_path)
    ran(python, "-m", "verifai.kernel", "c.network", "c.query.json", "c", cwd=tmp_path)
