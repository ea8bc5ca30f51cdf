"""What proofs/kernel proves in Coq: from nothing but the real numbers, about our operators."""

from __future__ import annotations

import itertools
import math
import re

import numpy as np

from tests.coq import Built, Sources, bare
from verifai.kernel.arithmetic import Rounded
from verifai.kernel.operator import Conv, Dense, Gather, Operator

PROOFS = Sources("kernel")
SOURCES, README = PROOFS.files, PROOFS.readme
HEAD = "From Coq Require Import ZArith QArith List.\nFrom Kernel Require Import Statement Sanity"


def test_nothing_is_assumed() -> None:
    assert {"Statement.v", "Checker.v", "Main.v"} <= set(SOURCES)
    PROOFS.require_nothing_assumed()
    for name, text in SOURCES.items():
        outside = re.sub(r"^Section (\w+)\..*?^End \1\.", " ", bare(text), flags=re.M | re.S)
        assert not re.search(r"\b(Variables?|Hypothes[ie]s)\b", outside), name


def test_every_file_is_built_and_shown() -> None:
    assert sorted(PROOFS.listed) == sorted(SOURCES)
    assert set(SOURCES) <= set(re.findall(r"`(\w+\.v)`", README))


def test_the_statement_is_short_and_the_readme_shows_theorems_verbatim() -> None:
    assert len(SOURCES["Statement.v"].splitlines()) <= 300
    blocks = re.findall(r"```coq\n(.*?)```", README, re.DOTALL)
    assert blocks
    for block in blocks:
        assert any(block in text for text in SOURCES.values()), block
        (theorem,) = re.findall(r"^Theorem (\w+)", block)
        assert f"Print Assumptions {theorem}." in SOURCES["Assumptions.v"]


def test_it_rests_on_the_real_numbers_alone(built: Built) -> None:
    assert built.require_real_numbers_alone() == {"check_sound", "every_assignment_extends"}


def test_an_example_that_is_wrong_does_not_compile(built: Built) -> None:
    claim = "check_all bits false absolute (at_least (1 # 2) (-1 # 1, 1 # 1)%Q) halved"
    head = HEAD + " Checker Examples.\n"
    done = built.compiled(f"{head}Example e : {claim} = false. vm_compute. reflexivity. Qed.")
    assert done.returncode == 0, done.stderr
    done = built.compiled(f"{head}Example e : {claim} = true. vm_compute. reflexivity. Qed.")
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


def test_operators_are_the_matrices_of_the_kernel(built: Built) -> None:
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
    done = built.compiled("\n".join(lines))
    assert done.returncode == 0, done.stderr
    wrong = lines[0] + lines[1].replace("= (true", "= (false")
    assert built.compiled(wrong).returncode == 1
