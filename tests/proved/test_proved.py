"""What proofs/kernel proves in Coq: from nothing but the real numbers, about our operators."""

from __future__ import annotations

import itertools
import math
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from verifai.kernel.arithmetic import Rounded
from verifai.kernel.operator import Conv, Dense, Gather, Operator

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "proofs" / "kernel"
SOURCES = {path.name: path.read_text("utf-8") for path in sorted(FOLDER.glob("*.v"))}
README = (FOLDER / "README.md").read_text("utf-8")
ALLOWED = {  # the standard library's real numbers
    "ClassicalDedekindReals.sig_forall_dec",
    "ClassicalDedekindReals.sig_not_dec",
    "FunctionalExtensionality.functional_extensionality_dep",
    "Classical_Prop.classic",
}
UNPROVED = re.compile(
    r"\b(Admitted|admit|give_up|Axioms?|Parameters?|Conjecture|Context|bypass_check|Unset"
    r"|Declare|type_in_type|native_compute)\b"
)
HEAD = "From Coq Require Import ZArith QArith List.\nFrom Kernel Require Import Statement Sanity"


def bare(text: str) -> str:
    """The text without comments and strings."""
    return re.sub(r'\(\*.*?\*\)|"[^"]*"', " ", text, flags=re.DOTALL)


def test_nothing_is_assumed() -> None:
    assert {"Statement.v", "Checker.v", "Main.v"} <= set(SOURCES)
    for name, text in SOURCES.items():
        assert "(*" not in bare(text), f"{name}: a comment in a comment"
        assert not UNPROVED.search(bare(text)), name
        outside = re.sub(r"^Section (\w+)\..*?^End \1\.", " ", bare(text), flags=re.M | re.S)
        assert not re.search(r"\b(Variables?|Hypothes[ie]s)\b", outside), name


def test_every_file_is_built_and_shown() -> None:
    project = (FOLDER / "_CoqProject").read_text("utf-8").split()
    assert sorted(word for word in project if word.endswith(".v")) == sorted(SOURCES)
    assert set(SOURCES) <= set(re.findall(r"`(\w+\.v)`", README))


def test_the_statement_is_short_and_the_readme_shows_theorems_verbatim() -> None:
    assert len(SOURCES["Statement.v"].splitlines()) <= 300
    blocks = re.findall(r"```coq\n(.*?)```", README, re.DOTALL)
    assert blocks
    for block in blocks:
        assert any(block in text for text in SOURCES.values()), block
        (theorem,) = re.findall(r"^Theorem (\w+)", block)
        assert f"Print Assumptions {theorem}." in SOURCES["Assumptions.v"]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of compiled proofs, and what the build said."""
    if shutil.which("coqc") is None:
        pytest.skip("coqc is not installed (Debian: coq libcoq-flocq libcoq-coquelicot)")
    library = subprocess.run(["coqc", "-where"], capture_output=True, text=True, check=True)
    for name in ("Flocq", "Coquelicot"):
        if not (Path(library.stdout.strip()) / "user-contrib" / name).is_dir():
            pytest.skip(f"Coq's library {name} is not installed (Debian: libcoq-{name.lower()})")
    folder = tmp_path_factory.mktemp("kernel")
    words = [FOLDER / "build", folder]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


def test_it_rests_on_the_real_numbers_alone(built: tuple[Path, str]) -> None:
    said = built[1].partition("== Assumptions.v\n")[2]
    sections = re.split(r"^== (\w+)\n", said, flags=re.MULTILINE)
    found = dict(zip(sections[1::2], sections[2::2], strict=True))
    assert set(found) == {"check_sound", "every_assignment_extends"}
    for name, text in found.items():
        first, *rest = text.splitlines()
        assert first == "Axioms:", name
        assert {line.split()[0] for line in rest if line[:1].strip()} <= ALLOWED, name


def compiled(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    (folder / "More.v").write_text(text, "utf-8")
    words = ["coqc", "-q", "-Q", ".", "Kernel", "More.v"]
    return subprocess.run(
        words, capture_output=True, text=True, check=False, timeout=600, cwd=folder
    )


def test_an_example_that_is_wrong_does_not_compile(built: tuple[Path, str]) -> None:
    claim = "check_all bits absolute (at_least (1 # 2) (-1 # 1, 1 # 1)%Q) halved"
    head = HEAD + " Checker Examples.\n"
    done = compiled(built[0], f"{head}Example e : {claim} = false. vm_compute. reflexivity. Qed.")
    assert done.returncode == 0, done.stderr
    done = compiled(built[0], f"{head}Example e : {claim} = true. vm_compute. reflexivity. Qed.")
    assert done.returncode == 1
    assert "Unable to unify" in done.stderr


def numbers(values: np.ndarray) -> str:
    return f"(map int [{'; '.join(str(int(v)) for v in values.ravel())}]%Z)"


def lengths(values: tuple[int, ...]) -> str:
    return f"[{'; '.join(map(str, values))}]%nat"


def written(op: Operator) -> str:
    """The operator as Statement.v has it."""
    if isinstance(op, Dense):
        m, k = op.weight.shape
        return f"Dense {m} {k} {numbers(op.weight)}"
    if isinstance(op, Gather):
        index = "; ".join("None" if i < 0 else f"Some {i}%nat" for i in op.index)
        return f"Gather [{index}] {numbers(op.scale)}"
    shapes = [
        (op.channels, *op.spatial),
        (op.weight.shape[0], *op.output),
        op.weight.shape[2:],
    ]
    steps = [op.before, op.stride, op.dilation]
    first, rest = " ".join(map(lengths, shapes)), " ".join(map(lengths, steps))
    return f"Conv (Convolution {first} {op.groups} {rest} {numbers(op.weight)})"


def operators() -> list[tuple[int, Operator]]:
    """Small operators of every kind, each with its number of inputs."""
    rng = np.random.default_rng(5)

    def draw(*shape: int) -> np.ndarray:
        return rng.integers(1, 9, shape) * rng.choice([-1, 1], shape)

    found: list[tuple[int, Operator]] = [
        (6, Dense.of(draw(2, 3))),
        (4, Dense.of(draw(3, 4))),
        (3, Gather.of(3, [2, -1, 0, 2], draw(4))),
    ]
    for groups, stride, dilation, pads in itertools.product(
        (1, 2), (1, 2), (1, 2), (((0, 0), (0, 0)), ((1, 0), (0, 2)))
    ):
        conv = Conv.of(
            draw(2, 2 // groups, 2, 1),
            (4, 3),
            stride=(stride, 1),
            padding=pads,
            dilation=(dilation, 1),
            groups=groups,
        )
        found.append((24, conv))
    found.append((10, Conv.of(draw(4, 1, 3), (5,), stride=(2,), padding=((1,), (1,)), groups=2)))
    return found


def test_operators_are_the_matrices_of_the_kernel(built: tuple[Path, str]) -> None:
    lines = [HEAD + ".\nImport ListNotations."]
    for number, (inputs, op) in enumerate(operators()):
        matrix = op.push(Rounded(), np.eye(inputs)).T
        outputs = op.size(inputs)
        assert matrix.shape == (outputs, inputs)
        assert math.prod(matrix.shape) > np.count_nonzero(matrix) > 0 or number == 1
        rows = "; ".join(f"[{'; '.join(str(int(v)) for v in row)}]" for row in matrix)
        lines.append(f"""
Example entries_{number} : let op := {written(op)} in
  (operator_fits op {inputs} {outputs},
   map (fun i => map (entry op i) (seq 0 {inputs})) (seq 0 {outputs}))
  = (true, map (map int) [{rows}]%Z).
Proof. vm_compute. reflexivity. Qed.""")
    done = compiled(built[0], "\n".join(lines))
    assert done.returncode == 0, done.stderr
    wrong = lines[0] + lines[1].replace("= (true", "= (false")
    assert compiled(built[0], wrong).returncode == 1
