"""Random VNN-LIB 2 documents and what they mean: written from the standard alone."""

from __future__ import annotations

import operator
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper

from tests.load.models import model

Tree = Any  # a token, or a list of trees that begins with an operator
WIDTHS = {"input": 2, "hidden": 3, "output": 2}
COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
    "==": operator.eq,
    "!=": operator.ne,
}


@dataclass
class Drawn:
    """A document, its assertions, and its tensors: (name, kind, shape) by network."""

    text: str
    assertions: list[Tree]
    networks: dict[str, list[tuple[str, str, tuple[int, ...]]]]
    relations: dict[str, tuple[str, str]]

    def entries(self, kind: str = "") -> list[str]:
        """All entries of all tensors (of one kind), as they are written."""
        tensors = [t for each in self.networks.values() for t in each if kind in ("", t[1])]
        return [entry for name, _, shape in tensors for entry in indexed(name, shape)]


def indexed(name: str, shape: tuple[int, ...]) -> list[str]:
    """The entries of a tensor in row-major order."""
    if not shape:
        return [name]
    return [f"{name}[{','.join(map(str, i))}]" for i in product(*map(range, shape))]


def written(tree: Tree, rng: random.Random | None = None) -> str:
    """The tree as text, with odd but legal white space if a generator is given."""
    gap = rng.choice([" ", "  ", "\n", "\t", " ; (why\n"]) if rng else " "
    if isinstance(tree, str):
        if rng and "[" in tree and rng.random() < 0.2:
            return tree.replace("[", " [ ").replace(",", " ,\n").replace("]", " ]")
        return tree
    return "(" + tree[0] + gap + " ".join(written(each, rng) for each in tree[1:]) + ")"


def literal(rng: random.Random) -> str:
    """A decimal as the grammar wants it."""
    return rng.choice(["0.0", "1.0", "-1.0", "0.1", f"{rng.uniform(-2, 2):.17f}", "0.5", "-2.25"])


def term(rng: random.Random, entries: list[str], depth: int) -> Tree:
    """A polynomial term."""
    if depth == 0 or rng.random() < 0.3:
        return rng.choice(entries) if rng.random() < 0.75 else literal(rng)
    sign = rng.choice("+-*")
    count = rng.choice([1, 2, 2, 3]) if sign == "-" else rng.choice([2, 2, 3])
    return [sign, *(term(rng, entries, depth - 1) for _ in range(count))]


def compared(rng: random.Random, entries: list[str], depth: int = 2) -> Tree:
    """A comparison with a variable in it: the standard gives others no type."""
    left = rng.choice([rng.choice(entries), ["+", rng.choice(entries), term(rng, entries, depth)]])
    return [rng.choice(list(COMPARE)), left, term(rng, entries, depth)]


def condition(rng: random.Random, entries: list[str], depth: int) -> Tree:
    """A condition."""
    if depth == 0 or rng.random() < 0.4:
        return compared(rng, entries)
    parts = [condition(rng, entries, depth - 1) for _ in range(rng.randint(2, 3))]
    return [rng.choice(["and", "or"]), *parts]


def document(seed: int) -> Drawn:
    """A document about one to three networks: bounds of all inputs, equalities, conditions."""
    rng = random.Random(seed)
    networks: dict[str, list[tuple[str, str, tuple[int, ...]]]] = {}
    relations: dict[str, tuple[str, str]] = {}
    shapes = {"input": (1, 2), "hidden": (1, 3), "output": rng.choice([(2,), (1, 2), (2, 1)])}
    text = f"; document {seed} (\n(vnnlib-version <2.0>)\n"
    for name in ["f", "g", "h"][: rng.randint(1, 3)]:
        if networks and rng.random() < 0.7:
            relations[name] = (rng.choice(["equal-to", "isomorphic-to"]), "f")
        tensors = [(f"X{name}", "input", shapes["input"])]
        tensors += [(f"H{name}_1", "hidden", shapes["hidden"])] if rng.random() < 0.6 else []
        tensors += [(f"Y{name}", "output", shapes["output"])]
        networks[name] = tensors
        text += f"(declare-network {name}\n"
        if name in relations:
            text += f"  ({' '.join(relations[name])})\n"
        for tensor, kind, shape in tensors:
            label = ' "pre"' if kind == "hidden" else ""
            text += f"  (declare-{kind} {tensor} real [{','.join(map(str, shape))}]{label})\n"
        text += ")\n"
    drawn = Drawn("", [], networks, relations)
    inputs, entries = drawn.entries("input"), drawn.entries()
    for entry in inputs:
        drawn.assertions += [[">=", entry, "-1.0"], ["<=", entry, "1.5"]]
    for entry in inputs[2:]:
        if rng.random() < 0.5:
            other = rng.choice(inputs[:2])
            drawn.assertions.append(["==", *rng.sample([entry, other], 2)])
    drawn.assertions += [condition(rng, entries, 2) for _ in range(rng.randint(1, 3))]
    drawn.text = text + "\n".join(f"(assert {written(each, rng)})" for each in drawn.assertions)
    return drawn


def value(tree: Tree, point: Mapping[str, Fraction]) -> Any:
    """The number or truth value of a tree where the entries have these values."""
    if isinstance(tree, str):
        return point[tree] if tree in point else Fraction(tree)
    sign, *rest = tree
    values = [value(each, point) for each in rest]
    if sign in COMPARE:
        return COMPARE[sign](*values)
    if sign in ("and", "or"):
        return all(values) if sign == "and" else any(values)
    if sign == "-":
        return -values[0] if len(values) == 1 else values[0] - sum(values[1:])
    return sum(values) if sign == "+" else reduce(operator.mul, values)


def relu_model(seed: int, output: tuple[int, ...] = (1, 2), axis: Any = 1) -> onnx.ModelProto:
    """x (1, 2) ↦ pre (1, 3) ↦ relu ↦ y, with small dyadic weights."""
    rng = np.random.default_rng(seed)

    def dyadic(*shape: int) -> np.ndarray[Any, Any]:
        return (rng.integers(-6, 7, shape) / 4).astype(np.float32)

    nodes = [
        helper.make_node("Gemm", ["x", "w", "b"], ["pre"], name="first"),
        helper.make_node("Relu", ["pre"], ["act"]),
        helper.make_node("MatMul", ["act", "v"], ["flat"]),
        helper.make_node("Reshape", ["flat", "shape"], ["y"]),
    ]
    weights = {
        "w": dyadic(2, 3),
        "b": dyadic(3),
        "v": dyadic(3, 2),
        "shape": np.array(output, dtype=np.int64),
    }
    return model(nodes, {"x": [axis, 2]}, weights)


def save(path: Path, proto: onnx.ModelProto) -> Path:
    """Write a model."""
    path.write_bytes(proto.SerializeToString())
    return path
