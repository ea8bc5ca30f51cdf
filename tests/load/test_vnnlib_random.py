"""Random VNN-LIB 1.0 files mean what an evaluator says that shares nothing with the reader."""

from __future__ import annotations

import random
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flint import fmpq

from tests.load.vnnlib1_meaning import Meaning, meaning
from verifai.graph.nodes import affine
from verifai.kernel.network import Input, Network
from verifai.kernel.operator import Dense
from verifai.kernel.query import And, Atom, Formula, Or, Query, Relation
from verifai.load.errors import LoadError
from verifai.load.vnnlib.version1 import load_vnnlib

SEED, POINTS = 5, 12
READ = {"and", "or", "not", "<", "<=", ">", ">=", "=", "+", "-", "*", "/"}


class Author:
    """Writes one file; what it says is for the evaluator to find out."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.inputs = [f"X_{i}" for i in range(rng.randint(1, 3))]
        self.outputs = [f"Y_{i}" for i in range(rng.randint(1, 3))]
        self.used: list[Fraction] = []  # numbers in the text: points are drawn at and beside them

    def number(self) -> str:
        rng = self.rng
        units = Fraction(rng.randint(-8, 8), rng.choice([1, 2, 4, 5]))
        self.used.append(units)
        text = format(float(units), "g")
        forms = [text, text, f"{text}e0", f"{format(float(units * 10), 'g')}E-1"]
        chosen = rng.choice(forms)
        if chosen[0] == "-" and rng.random() < 0.3:
            return f"(- {chosen[1:]})"
        return chosen + (".0" if chosen.lstrip("-").isdigit() and rng.random() < 0.3 else "")

    def term(self, depth: int = 0) -> str:
        rng = self.rng
        if depth > 2 or rng.random() < 0.5:
            return rng.choice([rng.choice(self.inputs + self.outputs), self.number()])
        kind = rng.choice(["+", "-", "neg", "*", "/"])
        if kind == "neg":
            return f"(- {self.term(depth + 1)})"
        if kind == "*":
            factors = [self.number(), self.term(depth + 1)]
            return f"(* {' '.join(rng.sample(factors, 2))})"
        if kind == "/":
            return f"(/ {self.term(depth + 1)} {rng.choice(['2', '4.0', '-5', '0.5'])})"
        return f"({kind} {' '.join(self.term(depth + 1) for _ in range(rng.randint(1, 3)))})"

    def condition(self, depth: int = 0) -> str:
        rng = self.rng
        if rng.random() < 0.02:
            return rng.choice(["true", "false"])
        if rng.random() < 0.015:
            return self.foreign(depth)
        if depth > 3 or rng.random() < 0.5:
            count = 3 if rng.random() < 0.15 else 2
            terms = " ".join(self.term() for _ in range(count))
            return f"({rng.choice(['<=', '>=', '<', '>', '='])} {terms})"
        if rng.random() < 0.2:
            return f"(not {self.condition(depth + 1)})"
        parts = [self.condition(depth + 1) for _ in range(rng.randint(1, 3))]
        return f"({rng.choice(['and', 'or'])} {' '.join(parts)})"

    def foreign(self, depth: int) -> str:
        """What SMT-LIB has and VNN-LIB has not."""
        one, two = self.condition(depth + 2), self.condition(depth + 2)
        return self.rng.choice(
            [f"(=> {one} {two})", f"(xor {one} {two})", f"(distinct {self.term()} {self.term()})"]
        )

    def bounds(self, name: str) -> list[str]:
        low, high = sorted(self.rng.sample(range(-8, 9), 2))
        self.used += [Fraction(low), Fraction(high)]
        kind = self.rng.randrange(5)
        if kind == 0:
            return [f"(<= {low} {name} {high})"]
        if kind == 1:
            return [f"(and (>= {name} {low}) (<= {name} {high}))"]
        if kind == 2:
            return [f"(not (or (< {name} {low}) (> {name} {high})))"]
        if kind == 3:
            mid = Fraction(low + high, 2)
            cut = format(float(mid), "g")
            return [f"(or (<= {low} {name} {cut}) (and (<= {cut} {name}) (< {name} {high})))"]
        return [f"(>= {name} {low})", f"(<= (* 2 {name}) {2 * high})"]

    def text(self) -> str:
        rng = self.rng
        declared = [self.declaration(name) for name in self.inputs + self.outputs]
        bounds = [each for name in self.inputs for each in self.bounds(name)]
        asserted = bounds + [self.condition() for _ in range(rng.randint(0, 3))]
        rng.shuffle(asserted)
        made = [*rng.sample(["(set-logic QF_LRA)"], rng.randint(0, 1)), *declared]
        made += [f"(assert {each})" for each in asserted]
        if rng.random() < 0.4:
            made += rng.choice([["(check-sat)"], ["(exit)"], ["(check-sat)", "(exit)"]])
            if rng.random() < 0.5:
                late = f"(assert {self.condition()})"
                made += rng.sample([late, "(check-sat)", "(exit)", late], rng.randint(1, 2))
        return self.spread(made)

    def declaration(self, name: str) -> str:
        return self.rng.choice([f"(declare-const {name} Real)", f"(declare-fun {name} () Real)"])

    def spread(self, made: list[str]) -> str:
        """The commands with white space, comments and line breaks between their tokens."""
        rng, text = self.rng, ""
        for command in made:
            for part in command.replace("(", " ( ").replace(")", " ) ").split(" "):
                text += part
                text += rng.choice([" "] * 12 + ["\n", "\t", "  ", " ; or (not) X_0 )\n", ";\n"])
        return text

    def point(self, names: list[str]) -> dict[str, Fraction]:
        near = [Fraction(0), Fraction(1, 100), Fraction(-1, 100), Fraction(1)]
        return {
            n: self.rng.choice([*self.used, Fraction(0)]) + self.rng.choice(near) for n in names
        }


def network(inputs: int, outputs: int) -> Network:
    weight = np.ones((outputs, inputs))
    return Network((Input("x", (inputs,)), affine("y", (outputs,), ((0, Dense.of(weight)),))), (1,))


def holds(part: Formula, values: dict[int, fmpq]) -> bool:
    if isinstance(part, And):
        return all(holds(child, values) for child in part.parts)
    if isinstance(part, Or):
        return any(holds(child, values) for child in part.parts)
    total = sum((c * values[v] for v, c in part.terms), part.constant)
    if part.relation is Relation.EQUAL:
        return bool(total == 0)
    return bool(total < 0) if part.relation is Relation.LESS else bool(total <= 0)


def is_unsafe(query: Query, values: dict[int, fmpq]) -> bool:
    """Whether a point (with whatever outputs) is in the domain and violates the property."""
    ends = zip(query.input_values, query.lower, query.upper, strict=True)
    rows: list[Atom] = list(query.domain)
    return (
        all(low <= values[v] <= high for v, low, high in ends)
        and all(holds(row, values) for row in rows)
        and holds(query.unsafe, values)
    )


def refusal(said: Meaning, text: str, path: Path, net: Network) -> str | Query:
    """The query, or why there is none: only what the language lacks may be refused."""
    path.write_text(text)
    try:
        query = load_vnnlib(path, net)
    except LoadError as error:
        reason = str(error)
    else:
        assert not said.late_line, text
        return query
    is_foreign = bool(said.operators - READ)
    if said.late_line:
        assert f"line {said.late_line}:" in reason or is_foreign, (reason, text)
        return "after the end"
    assert is_foreign, (reason, text)
    return "operators"


@pytest.mark.parametrize("files", [300, pytest.param(3000, marks=pytest.mark.slow)])
def test_random_files_mean_what_they_say(
    files: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: Counter[Any] = Counter()
    for number in range(files):
        author = Author(random.Random(1000 * SEED + number))
        text = author.text()
        said = meaning(text)
        names = author.inputs + author.outputs
        assert said.declared == names
        net = network(len(author.inputs), len(author.outputs))
        query = refusal(said, text, tmp_path / "random.vnnlib", net)
        if isinstance(query, str):
            seen[query] += 1
            continue
        seen["read"] += 1
        for _ in range(POINTS):
            point = author.point(names)
            values = {i: fmpq(q.numerator, q.denominator) for i, q in enumerate(point.values())}
            expected = said.holds(point)
            seen[expected] += 1
            assert is_unsafe(query, values) == expected, (number, text, point)
    with capsys.disabled():
        print(
            f"\nrandom VNN-LIB files: {seen['read']} of {files} read, {seen['after the end']} with "
            f"commands after the end; {seen[True]} of {seen[True] + seen[False]} points unsafe"
        )
    assert seen["read"] >= 0.6 * files
    assert seen["after the end"] >= 0.08 * files
    assert seen[True] >= files / 3
